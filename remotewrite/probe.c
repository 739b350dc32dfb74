/* One request sent and judged as the agent would, without a log: for the doctor. */
#include "answer.h"
#include "encode_v2.h"
#include "sender.h"
#include "symbols.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/compress.h>
#include <stdlib.h>

enum { PROBE_BYTES = 4 * 1024 * 1024 };

static const struct sv canary_name = SV("ampagent_doctor_canary");

struct remotewrite_probe {
	struct loop *loop;
	struct sender *sender;
	struct send_seam seam;
	void *flight;
	enum remotewrite_protocol protocol;
	bool canary, clock_corrected, refreshed, fell_back;
	unsigned attempt;
	int64_t canary_ms;
	struct buf body;
	char hash[HASH_HEX];
	struct err refused; /* what the answer before was */
	void (*done)(void *cls, const struct remotewrite_probe_result *r);
	void *cls;
};

static void probe_free(struct remotewrite_probe *p)
{
	if (p->flight)
		p->seam.cancel(p->seam.cls, p->flight);
	if (p->sender)
		sender_unref(p->sender);
	buf_deinit(&p->body);
	free(p);
}
DEFINE_CLEANUP_PTR(struct remotewrite_probe, probe_free)

/* ---- what is sent ---- */

static struct image *canary_image(struct remotewrite_probe *p, struct image_scratch *scratch)
{
	_cleanup_(image_freep) struct image *im = image_new(1);
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct label_builder b;
	struct labels own;
	struct image_rules rules = {p->sender->external, p->sender->opt.write_relabel};
	arena_init(&arena, KiB(16));
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("__name__"), canary_name);
	if (!im || label_builder_finish(&b, &arena, &own) || image_add_begin(im, scratch))
		return NULL;
	int r = image_add(im, scratch, &rules, own);
	image_add_end(im);
	return r == 0 ? take_ptr(im) : NULL;
}

static int put_canary(struct remotewrite_probe *p, struct symbols *symbols, struct buf *raw,
		      struct err *err)
{
	_cleanup_(image_scratch_deinit) struct image_scratch scratch;
	image_scratch_init(&scratch);
	_cleanup_(image_freep) struct image *im = canary_image(p, &scratch);
	if (!im)
		return err_set(err, ERR_NOMEM, "out of memory");
	union {
		double d;
		uint64_t bits;
	} one = {1};
	struct batch_row row = {.frame = 1, .t_ms = p->canary_ms, .bits = one.bits};
	struct extras none = {.n_exemplars = 0};
	struct encode_as as = {.protocol = p->protocol, .symbols = symbols};
	struct encode_job job = {.out = raw,
				 .im = im,
				 .s = &scratch,
				 .as = &as,
				 .extras = &none,
				 .oldest_ms = INT64_MIN,
				 .slice = {0, 1, PROBE_BYTES}};
	struct encode_result res;
	int r = symbols ? encode_v2_rows(&job, &row, 1, &res)
			: encode_rows(raw, im, &scratch, &row, 1, INT64_MIN, &job.slice, &res);
	if (r != 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (res.samples == 0)
		return err_set(err, 1, "write_relabel_configs drop the canary, %.*s",
			       SV_ARG(canary_name));
	return 0;
}

static int make_body(struct remotewrite_probe *p, struct err *err)
{
	_cleanup_(buf_deinit) struct buf raw = BUF_NULL;
	struct symbols *symbols = p->protocol == REMOTEWRITE_V2 ? symbols_new() : NULL;
	buf_init(&raw, PROBE_BYTES);
	int r = 0;
	if (p->protocol == REMOTEWRITE_V2 && !symbols)
		return err_set(err, ERR_NOMEM, "out of memory");
	uint32_t empty;
	/* The first string of every table. */
	if (symbols && symbols_ref(symbols, SV(""), &empty))
		r = err_set(err, ERR_NOMEM, "out of memory");
	if (r == 0 && p->canary)
		r = put_canary(p, symbols, &raw, err);
	if (r == 0 && symbols && encode_v2_finish(&raw, symbols))
		r = err_set(err, ERR_NOMEM, "out of memory");
	symbols_free(symbols);
	buf_reset(&p->body);
	p->hash[0] = 0;
	if (r == 0 && snappy_block_compress(&p->body, buf_view(&raw)))
		r = err_set(err, ERR_NOMEM, "out of memory");
	return r;
}

/* ---- sending and judging ---- */

static void on_answer(void *cls, const struct http_answer *a, struct sv body);

static int send(struct remotewrite_probe *p, struct err *err)
{
	struct send_request req = {
		.protocol = p->protocol,
		.body = buf_view(&p->body),
		.hash = p->hash,
		.attempt = p->attempt,
		.wall_ms = loop_wall_ms(p->loop),
		.timeout_ms = p->sender->opt.timeout_ms,
	};
	int r = p->seam.start(p->seam.cls, &req, on_answer, p, &p->flight, err);
	if (r != 0)
		p->flight = NULL;
	return r;
}

/* Whether the agent would send it again at once. */
static bool repaired(struct remotewrite_probe *p, const struct answer *a)
{
	if (a->action == ANSWER_CLOCK) {
		p->clock_corrected = true;
		return true;
	}
	if (a->action == ANSWER_REFRESH && !p->refreshed) {
		p->refreshed = p->seam.refresh(p->seam.cls);
		return p->refreshed;
	}
	return false;
}

static bool again(struct remotewrite_probe *p, const struct answer *a, struct err *err)
{
	bool fall_back = a->action == ANSWER_FALL_BACK && !p->fell_back;
	if (fall_back) {
		p->fell_back = true;
		p->protocol = REMOTEWRITE_V1;
		if (make_body(p, err))
			return false;
	} else if (!repaired(p, a)) {
		return false;
	}
	p->attempt++;
	return send(p, err) == 0;
}

static void finish(struct remotewrite_probe *probe, const struct http_answer *a,
		   const struct answer *judged, struct sv body, const struct err *why)
{
	_cleanup_(probe_freep) struct remotewrite_probe *p = probe;
	struct remotewrite_probe_result r = {
		.started = a->result != HTTP_LOCAL || p->attempt > 0,
		.accepted = a->status >= 200 && a->status < 300,
		.status = a->status,
		.cause = judged->cause == CAUSE_NONE ? "" : cause_name(judged->cause),
		.clock_corrected = p->clock_corrected,
		.refreshed = p->refreshed,
		.http_result = a->result,
		.phase = a->phase,
		.peer = a->peer,
		.error_type = a->status > 0 ? a->error_type : SV_NULL,
		.location = a->status > 0 ? a->location : SV_NULL,
		.body = body,
		.request_id = a->request_id,
		.why = *why,
	};
	signing_status(&p->sender->signing, loop_now_ms(p->loop), loop_wall_ms(p->loop),
		       &r.signing);
	p->done(p->cls, &r);
}

static void on_answer(void *cls, const struct http_answer *a, struct sv body)
{
	struct remotewrite_probe *p = cls;
	struct err why = ERR_NULL;
	p->flight = NULL;
	struct answer_asked asked = {
		.now_wall_ms = loop_wall_ms(p->loop),
		.signed_ahead_ms = p->seam.signed_ahead_ms(p->seam.cls),
		.v2 = p->protocol == REMOTEWRITE_V2,
		.clock_corrected = p->clock_corrected,
	};
	struct answer_written written = answer_written(a);
	struct answer judged = answer_judge(a, body, &asked, &written);
	char text[ERR_MSG_MAX];
	answer_text(text, sizeof text, a, body);
	if (again(p, &judged, &why)) {
		err_set(&p->refused, 1, "%s", text);
		return;
	}
	if (why.msg[0] == 0 && judged.action != ANSWER_DONE)
		err_set(&why, 1, "%s", text);
	/* It was refused, and for the repair it lacks what to sign with. */
	if (a->result == HTTP_LOCAL && p->refused.msg[0])
		err_prefix(&why, "%s; then", p->refused.msg);
	finish(p, a, &judged, body, &why);
}

int remotewrite_probe_start(struct aws_session *s, struct http_pool *pool,
			    const struct remotewrite_options *opt, struct labels external_labels,
			    bool canary,
			    void (*done)(void *cls, const struct remotewrite_probe_result *r),
			    void *cls, struct remotewrite_probe **out, struct err *err)
{
	_cleanup_(probe_freep) struct remotewrite_probe *p = calloc(1, sizeof *p);
	if (!p)
		return err_set(err, 1, "out of memory");
	*p = (struct remotewrite_probe){.loop = aws_session_loop(s),
					.protocol = opt->protocol,
					.canary = canary,
					.done = done,
					.cls = cls};
	buf_init(&p->body, PROBE_BYTES);
	p->canary_ms = loop_wall_ms(p->loop);
	int r = sender_new(pool, s, opt, external_labels, aws_session_user_agent(s), &p->sender,
			   err);
	if (r == 0) {
		p->sender->want_peer = true;
		p->seam = sender_seam(p->sender);
		r = make_body(p, err);
	}
	if (r == 0)
		r = send(p, err);
	if (r != 0)
		return 1;
	*out = take_ptr(p);
	return 0;
}

void remotewrite_probe_cancel(struct remotewrite_probe *p)
{
	if (p)
		probe_free(p);
}
