/* Faults on request: the switches decide which, here is what each does. The texts are the
 * service's. */
#include "standin_private.h"

#include <inttypes.h>

static void store(struct standin *s, int64_t now_ms, enum ingest_refuse what, struct reply *r)
{
	r->status = ingest_store(&s->ingest, now_ms, what, &r->text);
	if (r->status != 200)
		buf_char(&r->text, '\n');
}

static void plain(struct reply *r, int status, const char *text)
{
	r->status = status;
	buf_sv(&r->text, sv_of(text));
}

static void throttle(struct standin *s, struct reply *r)
{
	size_t samples = ingest_samples(&s->ingest);
	r->status = 429;
	buf_printf(&r->text,
		   "user=%s: ingestion rate limit (%zu) exceeded while adding %zu samples and %zu "
		   "metadata\n",
		   s->ingest.user, samples, samples, s->ingest.request.n_metadata);
}

void reply_denied(struct standin *s, struct reply *r)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, INGEST_TEXT_MAX);
	buf_sv(&text, SV("User: "));
	standin_aws_principal(s, r->key, &text);
	buf_printf(&text,
		   " is not authorized to perform: aps:RemoteWrite on resource: "
		   "arn:aws:aps:%s:%s:workspace/%s because no identity-based policy allows the "
		   "aps:RemoteWrite action",
		   s->region, s->aws.account, r->workspace);
	buf_char(&text, '\0');
	reply_front(r, 403, "AccessDeniedException", buf_failed(&text) ? "" : text.ptr);
}

/* Above the limit by its own word. What has one sample cannot be sent in parts: it is lost. */
static void too_large(struct standin *s, bool front, struct reply *r)
{
	if (ingest_samples(&s->ingest) == 1)
		ingest_refuse_all(&s->ingest);
	if (front) {
		reply_front(r, 413, NULL, "Request Entity Too Large");
		return;
	}
	r->status = 400;
	buf_printf(&r->text, "received message larger than max (%zu vs %zu)\n", s->ingest.raw.len,
		   s->ingest.raw.len / 2);
}

static void break_off(struct reply *r, enum http_break how, int64_t delay_ms)
{
	buf_reset(&r->text);
	r->broken = true;
	r->how = how;
	r->delay_ms = delay_ms;
}

/* Any part of the answer but the whole of it. */
static void truncate_answer(struct standin *s, bool stored, struct reply *r)
{
	static const struct sv good =
		SV("HTTP/1.1 200 OK\r\n"
		   "x-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\n"
		   "Content-Length: 20\r\n\r\n"
		   "twenty bytes of body");
	static const struct sv bad = SV("HTTP/1.1 503 Service Unavailable\r\n"
					"Content-Type: application/json\r\n"
					"Content-Length: 33\r\n\r\n"
					"{\"message\":\"Service Unavailable\"}");
	struct sv whole = stored ? good : bad;
	break_off(r, HTTP_BREAK_CLOSE, 0);
	buf_sv(&r->text, sv_make(whole.ptr, 1 + switches_below(&s->switches, whole.len - 1)));
}

static void answer(struct standin *s, enum switch_action action, struct reply *r)
{
	switch (action) {
	case SWITCH_429:
		throttle(s, r);
		return;
	case SWITCH_429_TPS:
		reply_front(r, 429, "ThrottlingException", "Rate exceeded");
		return;
	case SWITCH_5XX:
		plain(r, switches_5xx(&s->switches), "the switch rate_500 says no\n");
		return;
	case SWITCH_403:
		reply_front(r, 403, "ExpiredTokenException",
			    "The security token included in the request is expired");
		return;
	case SWITCH_403_DENIED:
		reply_denied(s, r);
		return;
	case SWITCH_403_UNKNOWN:
		reply_front(r, 403, "UnrecognizedClientException",
			    "The security token included in the request is invalid.");
		return;
	case SWITCH_404:
		reply_front(r, 404, "ResourceNotFoundException", "Workspace not found.");
		return;
	case SWITCH_413:
	case SWITCH_400_SIZE:
		too_large(s, action == SWITCH_413, r);
		return;
	case SWITCH_202:
		s->ingest.stats.deduplicated += ingest_samples(&s->ingest);
		ingest_refuse_all(&s->ingest);
		plain(r, 202, "replicas did not match, rejecting sample: replica=b, elected=a\n");
		return;
	default:
		return;
	}
}

/* How it ends, once it is stored or not. */
static void end_badly(struct standin *s, enum switch_action action, struct reply *r)
{
	switch (action) {
	case SWITCH_DROP:
	case SWITCH_DROP_STORED:
		break_off(r, HTTP_BREAK_CLOSE, 0);
		return;
	case SWITCH_RESET:
	case SWITCH_RESET_STORED:
		break_off(r, HTTP_BREAK_RESET, 0);
		return;
	case SWITCH_VANISH:
	case SWITCH_VANISH_STORED:
		break_off(r, HTTP_BREAK_VANISH, 0);
		return;
	case SWITCH_HANG:
	case SWITCH_HANG_STORED:
		break_off(r, HTTP_BREAK_CLOSE, s->switches.o.hang_ms);
		return;
	case SWITCH_TRUNCATE:
	case SWITCH_TRUNCATE_STORED:
		truncate_answer(s, action == SWITCH_TRUNCATE_STORED, r);
		return;
	default:
		return;
	}
}

void spoil(struct standin *s, int64_t now_ms, struct reply *r)
{
	enum switch_action action = switches_choose(&s->switches);
	s->by_action[action]++;
	switch (action) {
	case SWITCH_NONE:
	case SWITCH_DROP_STORED:
	case SWITCH_RESET_STORED:
	case SWITCH_TRUNCATE_STORED:
	case SWITCH_HANG_STORED:
	case SWITCH_VANISH_STORED:
		store(s, now_ms, INGEST_REFUSE_NONE, r);
		break;
	case SWITCH_400:
	case SWITCH_400_SILENT:
		store(s, now_ms, INGEST_REFUSE_FIRST, r);
		break;
	case SWITCH_400_MANY:
		store(s, now_ms, INGEST_REFUSE_THIRDS, r);
		break;
	case SWITCH_400_LIMIT:
		store(s, now_ms, INGEST_REFUSE_NEW, r);
		break;
	default:
		answer(s, action, r);
	}
	if (action == SWITCH_400_SILENT)
		buf_reset(&r->text);
	end_badly(s, action, r);
}
