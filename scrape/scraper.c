/* One target's scrapes: timer, request, page, batch. */
#include "pool.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/compress.h>
#include <ampagent/base/log.h>
#include <ampagent/base/number.h>

/* The wall clock may be read this much before the turn that a timer was set for. */
enum { EARLY_MS = 2 };

/* A small page is longer compressed than not: body_size_limit is of the page. */
enum { GZIP_MORE_BYTES = 1024 };

/* The same thing is said of a target this often at most. */
enum { WARN_EVERY_MS = 60 * 1000 };

static void scrape_due(void *cls);

static void arm(struct target *t)
{
	struct scrape *s = t->pool->scrape;
	int64_t wait = target_offset_ms(t, t->pool->seed, loop_wall_ms(s->env.loop));
	t->timer.fire = scrape_due;
	t->timer.cls = t;
	loop_timer_in(s->env.loop, &t->timer, wait);
}

void scraper_start(struct target *t)
{
	struct loop *loop = t->pool->scrape->env.loop;
	arm(t);
	if (t->owner->interrupted && loop_wall_ms(loop) < t->owner->marker_ms)
		loop_timer_in(loop, &t->timer, 0);
	t->owner->interrupted = false;
}

static void end_transfer(struct target *t)
{
	struct scrape *s = t->pool->scrape;
	if (t->body)
		scrape_return_buf(s, t->body);
	t->body = NULL;
	t->transfer = NULL;
	s->in_flight--;
	/* As a ticker that holds one tick: the turn that was missed is made up for at once. */
	if (t->behind && !s->paused)
		loop_timer_in(s->env.loop, &t->timer, 0);
	t->behind = false;
}

void scraper_cut_off(struct target *t)
{
	http_cancel(t->transfer);
	end_transfer(t);
}

void scraper_stop(struct target *t)
{
	t->behind = false;
	if (t->transfer) {
		scraper_cut_off(t);
		t->owner->interrupted = true;
	}
	if (t->missed)
		t->owner->interrupted = true;
	loop_timer_cancel(&t->timer);
}

static struct page_env env_of(struct target *t)
{
	struct scrape *s = t->pool->scrape;
	return (struct page_env){
		.opt = t->pool->opt,
		.timeout_ms = t->timeout_ms,
		.target_labels = t->labels,
		.scratch = &s->scratch,
		.next_frame = &s->next_frame,
		.retire = s->env.frame_retire,
		.retire_cls = s->env.frame_retire_cls,
		.features = &s->features,
		.native_histograms = t->native_histograms,
		.always_classic_histograms = t->always_classic_histograms,
		.convert_to_nhcb = t->convert_to_nhcb,
		.no_markers = s->stopping && t->local,
	};
}

#define TEXT_OF(x) #x
#define LINE_TEXT(x) TEXT_OF(x)
/* Where a fetch failed, for the failure log. */
#define HERE SV("scraper.c:" LINE_TEXT(__LINE__))

/* Only what was not fetched: a page that cannot be read is not told there. */
static void note_failed_fetch(struct target *t, struct sv source, const struct err *err)
{
	const struct failure f = {
		.wall_ms = clock_wall_ms(),
		.source = source,
		.message = sv_of(err->msg),
		.job = t->pool->opt->job_name,
		.url = sv_of(t->url),
	};
	failure_log_write(t->pool->failures, &f);
}

static bool may_warn(struct target *t, enum target_warning what)
{
	int64_t now = loop_now_ms(t->pool->scrape->env.loop);
	if (t->warn_again_ms[what] > now)
		return false;
	t->warn_again_ms[what] = now + WARN_EVERY_MS;
	return true;
}

static void warn_dropped(struct target *t, enum target_warning what, uint64_t n)
{
	static const char *const text[] = {
		[WARN_DUPLICATES] =
			"samples with the same series and time were dropped, the first stays",
		[WARN_OUT_OF_ORDER] = "out-of-order samples were dropped",
		[WARN_OUT_OF_BOUNDS] = "samples too far in the future were dropped",
	};
	if (n && may_warn(t, what))
		log_warn(text[what], "scrape_pool", t->pool->opt->job_name.ptr, "target", t->url,
			 "num_dropped", FMT("%llu", (unsigned long long)n));
}

static void count_page(struct target *t, const struct page_result *r)
{
	metric_add(M_SCRAPE_LINES_MATCHED, r->matched);
	metric_add(M_SCRAPE_LINES_PARSED, r->parsed);
	metric_add(M_TARGET_SCRAPES_DUPLICATE_TIMESTAMP, r->duplicates);
	metric_add(M_TARGET_SCRAPES_OUT_OF_ORDER, r->out_of_order);
	metric_add(M_AGENT_OUT_OF_ORDER_SAMPLES, r->out_of_order);
	metric_add(M_AGENT_EXEMPLARS_APPENDED, r->exemplars);
	metric_add(M_TARGET_SCRAPES_OUT_OF_BOUNDS, r->out_of_bounds);
	if (r->sample_limit)
		metric_add(M_TARGET_SCRAPES_EXCEEDED_SAMPLE_LIMIT, 1);
	if (r->bucket_limit)
		metric_add(M_TARGET_SCRAPES_EXCEEDED_BUCKET_LIMIT, 1);
	if (r->label_limit)
		metric_add(M_TARGET_SCRAPE_POOL_EXCEEDED_LABEL_LIMITS, 1);
	warn_dropped(t, WARN_DUPLICATES, r->duplicates);
	warn_dropped(t, WARN_OUT_OF_ORDER, r->out_of_order);
	warn_dropped(t, WARN_OUT_OF_BOUNDS, r->out_of_bounds);
}

static void no_memory(struct target *t)
{
	if (may_warn(t, WARN_MEMORY))
		log_error("no memory for a scrape", "scrape_pool", t->pool->opt->job_name.ptr,
			  "target", t->url);
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

/* Reads what was fetched (ptr NULL: nothing, and err says why): whether it was good. */
static bool read_page(struct target *t, const struct page_env *env, struct sv page, struct batch *b,
		      struct page_result *result, struct err *err)
{
	if (!page.ptr)
		return false;
	metric_add(M_SCRAPE_PAGES_PARSED, 1);
	metric_add(M_SCRAPE_PAGE_BYTES, page.len - 1);
	int r = page_read(t->owner, env, page, loop_wall_ms(t->pool->scrape->env.loop), b, result,
			  err);
	if (r < 0)
		err_set(err, r, "out of memory");
	count_page(t, result);
	return r == 0;
}

static void note_health(struct target *t, bool good, const struct err *err)
{
	t->last_duration_s = (double)(clock_mono_ns() - t->start_ns) / 1e9;
	t->last_scrape_ms = t->t_ms;
	t->health = good ? TARGET_UP : TARGET_DOWN;
	snprintf(t->last_error, sizeof t->last_error, "%.*s", (int)sizeof t->last_error - 1,
		 good ? "" : err->msg);
	if (!good)
		log_debug("scrape failed", "scrape_pool", t->pool->opt->job_name.ptr, "target",
			  t->url, "err", err->msg);
}

/* Ends a scrape. */
static void finish_scrape(struct target *t, struct sv page, enum scrape_protocol format,
			  double body_bytes, struct err *err)
{
	struct page_env env = env_of(t);
	env.format = format;
	struct page_result result = {0};
	_cleanup_(batch_unrefp) struct batch *b = batch_new(LIMIT_PAGE_BYTES);
	metric_add(M_SCRAPES, 1);
	if (!b) {
		err_set(err, 1, "out of memory");
		note_health(t, false, err);
		no_memory(t);
		return;
	}
	b->t_ms = t->t_ms;
	bool good = read_page(t, &env, page, b, &result, err);
	note_health(t, good, err);
	if (scrape_last_discards(t, good)) {
		page_rollback(t->owner);
		return;
	}
	if (good && b->n_metadata > 0 &&
	    metadata_list_set(&t->pool->scrape->metadata, &t->owner->metadata, b->metadata,
			      b->n_metadata) != 0)
		no_memory(t);
	const struct scrape_report report = {good, t->last_duration_s, body_bytes};
	if (t->t_ms <= t->owner->last_ms) {
		/* The clock was set back: the log takes only what is newer. */
		t->pool->scrape->refused_clock += result.post_relabel;
		if (may_warn(t, WARN_CLOCK))
			log_error("the clock went back: scrapes are dropped until it has passed "
				  "the last one",
				  "scrape_pool", t->pool->opt->job_name.ptr, "target", t->url);
		page_rollback(t->owner);
	} else if (page_finish(t->owner, &env, &result, &report, b) != 0) {
		no_memory(t);
		page_rollback(t->owner);
	} else {
		put_batch(t, &env, take_ptr(b));
	}
}

static void fail_scrape(struct target *t, double body_bytes, struct err *err)
{
	finish_scrape(t, SV_NULL, PROTO_NONE, body_bytes, err);
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
		if (r == 2)
			return 2;
	}
	if (text->len > body_max(t->pool->opt))
		return 2;
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
	if (r != 0) {
		note_failed_fetch(t, HERE, &err);
	} else {
		body_bytes = (double)(page.len - 1);
		/* An empty page is good whatever its type. */
		if (page.len > 1)
			r = scrape_content_format(a->content_type, t->pool->opt->fallback_protocol,
						  &format, &err);
	}
	if (r != 0)
		page = SV_NULL;
	finish_scrape(t, page, format, body_bytes, &err);
}

static void scrape_done(void *cls, const struct http_answer *a)
{
	struct target *t = cls;
	metric_add(M_SCRAPE_BODY_BYTES, a->bytes_received);
	read_answer(t, a);
	end_transfer(t);
	scrape_last_follows(t);
}

int scraper_request(struct target *t, int64_t timeout_ms, struct err *err)
{
	struct scrape *s = t->pool->scrape;
	const struct scrape_options *opt = t->pool->opt;
	_cleanup_(buf_deinit) struct buf accept = BUF_NULL;
	buf_init(&accept, KiB(1));
	scrape_accept_header(opt, &accept);
	char timeout[32];
	size_t n = number_format(timeout, (double)timeout_ms / 1000);
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
		.timeout_ms = timeout_ms,
		.body_max = body_max(opt) + GZIP_MORE_BYTES,
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

/* A turn that is this near is waited for, else a target would be scraped twice. */
static int64_t early_ms(const struct target *t)
{
	return t->interval_ms >= 10 * EARLY_MS ? EARLY_MS : 0;
}

/* A timer fires a little late: samples that have the grid's time all the same are evenly spaced and
 * compress well. */
static int64_t scrape_time(const struct target *t, int64_t now, int64_t late)
{
	int64_t tolerance = t->pool->scrape->env.timestamp_tolerance_ms;
	return late <= tolerance && late * 100 <= t->interval_ms ? now - late : now;
}

static void scrape_due(void *cls)
{
	struct target *t = cls;
	struct scrape *s = t->pool->scrape;
	int64_t now = loop_wall_ms(s->env.loop);
	int64_t wait = target_offset_ms(t, t->pool->seed, now);
	int64_t late = t->interval_ms - wait;
	arm(t);
	if (s->paused || wait <= early_ms(t))
		return;
	if (t->pool->held && !t->transfer) {
		t->missed = true;
		return;
	}
	if (t->transfer) {
		/* Never two at once: this turn begins when that one has ended. */
		s->skipped_overlap += t->behind;
		t->behind = true;
		return;
	}
	note_interval(t, now);
	t->t_ms = scrape_time(t, now, late);
	t->start_ns = clock_mono_ns();
	struct err err = ERR_NULL;
	if (t->pool->over_target_limit) {
		err_set(&err, 1, "target_limit exceeded (number of targets: %zu, limit: %llu)",
			t->pool->n_targets, (unsigned long long)t->pool->opt->target_limit);
		fail_scrape(t, 0, &err);
	} else if (scraper_request(t, t->timeout_ms, &err) != 0) {
		note_failed_fetch(t, HERE, &err);
		fail_scrape(t, 0, &err);
	}
}
