/* One target's scrapes: timer, request, page, batch. */
#include "pool.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/compress.h>
#include <ampagent/base/log.h>
#include <ampagent/base/number.h>

/* A timer that fires this little late still gets the grid's time, so that samples are evenly spaced
 * and compress well (Prometheus's scrape.timestamp-tolerance). */
enum { GRID_TOLERANCE_MS = 2 };

static void scrape_due(void *cls);

static void arm(struct target *t)
{
	struct scrape *s = t->pool->scrape;
	int64_t wait = target_offset_ms(t, s->offset_seed, loop_wall_ms(s->env.loop));
	t->timer.fire = scrape_due;
	t->timer.cls = t;
	loop_timer_in(s->env.loop, &t->timer, wait);
}

void scraper_start(struct target *t)
{
	arm(t);
}

static void end_transfer(struct target *t)
{
	struct scrape *s = t->pool->scrape;
	if (t->body)
		scrape_return_buf(s, t->body);
	t->body = NULL;
	t->transfer = NULL;
	s->in_flight--;
}

void scraper_stop(struct target *t)
{
	loop_timer_cancel(&t->timer);
	if (t->transfer) {
		http_cancel(t->transfer);
		end_transfer(t);
	}
}

static struct page_env env_of(struct target *t)
{
	struct scrape *s = t->pool->scrape;
	return (struct page_env){
		.opt = t->pool->opt,
		.target_labels = t->labels,
		.scratch = &s->scratch,
		.next_frame = &s->next_frame,
		.retire = s->env.frame_retire,
		.retire_cls = s->env.frame_retire_cls,
	};
}

static void count_page(const struct target *t, const struct page_result *r)
{
	metric_add(M_SCRAPE_LINES_MATCHED, r->matched);
	metric_add(M_SCRAPE_LINES_PARSED, r->parsed);
	metric_add(M_TARGET_SCRAPES_DUPLICATE_TIMESTAMP, r->duplicates);
	metric_add(M_TARGET_SCRAPES_OUT_OF_ORDER, r->out_of_order);
	metric_add(M_AGENT_OUT_OF_ORDER_SAMPLES, r->out_of_order);
	metric_add(M_TARGET_SCRAPES_OUT_OF_BOUNDS, r->out_of_bounds);
	if (r->sample_limit)
		metric_add(M_TARGET_SCRAPES_EXCEEDED_SAMPLE_LIMIT, 1);
	if (r->label_limit)
		metric_add(M_TARGET_SCRAPE_POOL_EXCEEDED_LABEL_LIMITS, 1);
	if (r->duplicates)
		log_warn("samples with the same series and time were dropped, the first stays",
			 "scrape_pool", t->pool->opt->job_name.ptr, "target", t->url, "num_dropped",
			 FMT("%llu", (unsigned long long)r->duplicates));
	if (r->out_of_order)
		log_warn("out-of-order samples were dropped", "scrape_pool",
			 t->pool->opt->job_name.ptr, "target", t->url, "num_dropped",
			 FMT("%llu", (unsigned long long)r->out_of_order));
	if (r->out_of_bounds)
		log_warn("samples too far in the future were dropped", "scrape_pool",
			 t->pool->opt->job_name.ptr, "target", t->url, "num_dropped",
			 FMT("%llu", (unsigned long long)r->out_of_bounds));
}

static void put_batch(struct target *t, const struct page_env *env, struct batch *b)
{
	struct scrape *s = t->pool->scrape;
	uint32_t n = b->n_samples;
	int64_t t_ms = b->t_ms;
	if (s->env.sink.put(s->env.sink.cls, b) == 0) {
		s->samples_put += n;
		metric_add(M_SCRAPE_SAMPLES, n);
		page_commit(t->owner, env, t_ms);
		return;
	}
	/* The log cannot keep up: this scrape yields, delivery does not. */
	metric_add(M_SCRAPE_BATCHES_REFUSED, 1);
	s->refused_queue += n;
	page_rollback(t->owner);
	batch_unref(b);
}

/* Ends a scrape: page is what was read (ptr NULL: the fetch failed and err says why). */
static void finish_scrape(struct target *t, struct sv page, double body_bytes, struct err *err)
{
	struct scrape *s = t->pool->scrape;
	struct page_env env = env_of(t);
	struct page_result result = {0};
	struct batch *b = batch_new(LIMIT_PAGE_BYTES);
	if (!b) {
		log_error("no memory for a scrape", "target", t->url);
		return;
	}
	b->t_ms = t->t_ms;
	bool good = page.ptr != NULL;
	metric_add(M_SCRAPES, 1);
	if (good) {
		metric_add(M_SCRAPE_PAGES_PARSED, 1);
		metric_add(M_SCRAPE_PAGE_BYTES, page.len - 1);
		int r = page_read(t->owner, &env, page, loop_wall_ms(s->env.loop), b, &result, err);
		if (r < 0)
			err_set(err, r, "out of memory");
		good = r == 0;
		count_page(t, &result);
	}
	t->last_duration_s = (double)(clock_mono_ns() - t->start_ns) / 1e9;
	t->last_scrape_ms = t->t_ms;
	t->health = good ? TARGET_UP : TARGET_DOWN;
	snprintf(t->last_error, sizeof t->last_error, "%.*s", (int)sizeof t->last_error - 1,
		 good ? "" : err->msg);
	if (!good)
		log_debug("scrape failed", "scrape_pool", t->pool->opt->job_name.ptr, "target",
			  t->url, "err", err->msg);
	struct scrape_report report = {good, t->last_duration_s, body_bytes};
	if (t->t_ms <= t->owner->last_ms) {
		/* The clock was set back: the log takes only what is newer. */
		s->refused_clock += result.post_relabel;
		log_error("the clock went back: a scrape is dropped", "target", t->url);
		page_rollback(t->owner);
		batch_unref(b);
		return;
	}
	if (page_finish(t->owner, &env, &result, &report, b) != 0) {
		log_error("no memory for a scrape", "target", t->url);
		page_rollback(t->owner);
		batch_unref(b);
		return;
	}
	put_batch(t, &env, b);
}

static void fail_scrape(struct target *t, double body_bytes, struct err *err)
{
	finish_scrape(t, SV_NULL, body_bytes, err);
}

static size_t body_max(const struct scrape_options *opt)
{
	/* A page that reaches the limit exactly is refused already, as Prometheus does. */
	return opt->body_size_limit ? opt->body_size_limit - 1 : LIMIT_PAGE_BYTES;
}

/* The page as text, ended by a newline: a view into the body or the inflated buffer. 0; 1 with the
 * reason; 2 when it is over the limit. */
static int page_text(struct target *t, const struct http_answer *a, struct sv *page,
		     struct err *err)
{
	struct scrape *s = t->pool->scrape;
	struct buf *text = t->body;
	if (sv_eq(a->content_encoding, SV("gzip"))) {
		buf_shrink(&s->inflated, MiB(1));
		s->inflated.max = body_max(t->pool->opt) + 1;
		int r = gunzip(&s->inflated, buf_view(t->body));
		if (r == 1)
			return err_set(err, 1, "the page is not good gzip");
		text = &s->inflated;
		if (r == 2 || text->len > body_max(t->pool->opt))
			return 2;
	}
	text->max = SIZE_MAX;
	if (buf_char(text, '\n') != 0)
		return err_set(err, 1, "out of memory");
	*page = buf_view(text);
	return 0;
}

static void read_answer(struct target *t, const struct http_answer *a)
{
	struct err err = ERR_NULL;
	struct sv page = SV_NULL;
	double body_bytes = 0;
	enum scrape_protocol format = PROTO_TEXT_0_0_4;
	int r = 0;
	if (a->result == HTTP_TOO_LARGE) {
		r = 2;
	} else if (a->result != HTTP_OK) {
		r = err_set(&err, 1, "%s", a->error ? a->error : "no answer");
	} else if (a->status != 200) {
		r = err_set(&err, 1, "server returned HTTP status %d", a->status);
	} else {
		r = page_text(t, a, &page, &err);
	}
	if (r == 2) {
		metric_add(M_TARGET_SCRAPES_EXCEEDED_BODY_SIZE_LIMIT, 1);
		body_bytes = -1;
		err_set(&err, 1, "body size limit exceeded");
	}
	if (r == 0) {
		body_bytes = (double)(page.len - 1);
		/* An empty page is good whatever its type. */
		if (page.len > 1)
			r = scrape_content_format(a->content_type, t->pool->opt->fallback_protocol,
						  &format, &err);
	}
	if (r != 0)
		page = SV_NULL;
	finish_scrape(t, page, body_bytes, &err);
}

static void scrape_done(void *cls, const struct http_answer *a)
{
	struct target *t = cls;
	metric_add(M_SCRAPE_BODY_BYTES, a->bytes_received);
	read_answer(t, a);
	end_transfer(t);
}

static int start_request(struct target *t, struct err *err)
{
	struct scrape *s = t->pool->scrape;
	const struct scrape_options *opt = t->pool->opt;
	_cleanup_(buf_deinit) struct buf accept = BUF_NULL;
	buf_init(&accept, KiB(1));
	scrape_accept_header(opt, &accept);
	char timeout[32];
	size_t n = number_format(timeout, (double)t->timeout_ms / 1000);
	const struct http_header headers[] = {
		{SV("Accept"), buf_view(&accept)},
		{SV("Accept-Encoding"), opt->enable_compression ? SV("gzip") : SV("identity")},
		{SV("User-Agent"), s->env.user_agent},
		{SV("X-Prometheus-Scrape-Timeout-Seconds"), sv_make(timeout, n)},
	};
	t->body = scrape_take_buf(s);
	if (!t->body)
		return err_set(err, 1, "out of memory");
	struct http_request req = {
		.method = SV("GET"),
		.url = sv_of(t->url),
		.headers = headers,
		.n_headers = sizeof headers / sizeof headers[0],
		.timeout_ms = t->timeout_ms,
		.body_max = body_max(opt),
		.body_out = t->body,
	};
	int r = http_start(t->client, &req, scrape_done, t, &t->transfer, err);
	if (r != 0) {
		scrape_return_buf(s, t->body);
		t->body = NULL;
		return r;
	}
	s->in_flight++;
	return 0;
}

static void note_interval(struct target *t, int64_t now_ms)
{
	if (t->last_scrape_ms == 0)
		return;
	t->pool->intervals++;
	t->pool->interval_sum_s += (double)(now_ms - t->last_scrape_ms) / 1000;
}

static void scrape_due(void *cls)
{
	struct target *t = cls;
	struct scrape *s = t->pool->scrape;
	int64_t now = loop_wall_ms(s->env.loop);
	int64_t late = t->interval_ms - target_offset_ms(t, s->offset_seed, now);
	arm(t);
	if (s->paused)
		return;
	if (t->transfer) {
		/* Cannot be: a scrape's time-out is at most its interval. Never two at once all the
		 * same. */
		s->skipped_overlap++;
		return;
	}
	note_interval(t, now);
	t->t_ms = late <= GRID_TOLERANCE_MS && late * 100 <= t->interval_ms ? now - late : now;
	t->start_ns = clock_mono_ns();
	struct err err = ERR_NULL;
	if (t->pool->over_target_limit) {
		err_set(&err, 1, "target_limit exceeded (number of targets: %zu, limit: %llu)",
			t->pool->n_targets, (unsigned long long)t->pool->opt->target_limit);
		fail_scrape(t, 0, &err);
	} else if (start_request(t, &err) != 0) {
		fail_scrape(t, 0, &err);
	}
}
