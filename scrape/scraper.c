/* One target's scrapes: timer, request, page, batch. */
#include "pool.h"
#include "set_back.h"

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
	if (t->behind && !s->stopping)
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
	const struct scrape_features *features = &s->features;
	scrape_look_at_memory(s);
	if (s->shed >= BUDGET_SHED_EXEMPLARS) {
		s->features_shed = s->features;
		s->features_shed.exemplars = false;
		features = &s->features_shed;
	}
	return (struct page_env){
		.opt = t->pool->opt,
		.timeout_ms = t->timeout_ms,
		.target_labels = t->labels,
		.scratch = &s->scratch,
		.next_frame = &s->next_frame,
		.retire = s->env.frame_retire,
		.retire_cls = s->env.frame_retire_cls,
		.features = features,
		.no_metadata = s->shed >= BUDGET_SHED_METADATA,
		.no_new_series = s->shed >= BUDGET_SHED_SERIES,
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
		[WARN_NEW_SERIES] = "new series were left out: memory has no room for them",
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
	warn_dropped(t, WARN_NEW_SERIES, r->shed);
	t->left_out = r->shed;
	t->pool->scrape->refused_new_series += r->shed;
}

void scrape_refuse(struct scrape *s, enum refused why, uint64_t scrapes, uint64_t samples)
{
	if (s->env.refused.note && (scrapes > 0 || samples > 0))
		s->env.refused.note(s->env.refused.cls, why, scrapes, samples);
}

/* Samples that a good page brought for the log. */
static uint64_t taken(const struct page_result *r)
{
	return r->post_relabel - r->duplicates - r->out_of_order - r->out_of_bounds - r->shed;
}

/* A page that fails is refused whole, whatever was wrong with single samples. why: of that. */
static void note_refused(struct scrape *s, const struct page_result *r, bool good, enum refused why)
{
	if (!good) {
		scrape_refuse(s, why, 1, r->post_relabel);
		return;
	}
	scrape_refuse(s, REFUSED_DUPLICATE, 0, r->duplicates);
	scrape_refuse(s, REFUSED_OUT_OF_ORDER, 0, r->out_of_order);
	scrape_refuse(s, REFUSED_OUT_OF_BOUNDS, 0, r->out_of_bounds);
	scrape_refuse(s, REFUSED_NEW_SERIES, 0, r->shed);
}

static void no_memory(struct target *t)
{
	if (may_warn(t, WARN_MEMORY))
		log_error("no memory for a scrape", "scrape_pool", t->pool->opt->job_name.ptr,
			  "target", t->url);
}

/* noted: the scrape counts as refused already, these are its report and its markers. */
static void put_batch(struct target *t, const struct page_env *env, struct batch *b, bool noted)
{
	struct scrape *s = t->pool->scrape;
	uint32_t n = b->n_samples;
	int64_t t_ms = b->t_ms;
	if (s->env.sink.put(s->env.sink.cls, b) == 0) {
		s->samples_put += n;
		metric_add(M_SCRAPE_SAMPLES, n);
		page_commit(t->owner, env, t_ms);
		quarantine_scraped(t, env, !noted);
		return;
	}
	/* The log cannot keep up: this scrape yields, delivery does not. */
	metric_add(M_SCRAPE_BATCHES_REFUSED, 1);
	s->refused_queue += n;
	scrape_refuse(s, REFUSED_QUEUE, !noted, n);
	page_rollback(t->owner);
	owner_charge(t->owner);
	batch_unref(b);
}

/* Memory has no room for a page, of which that many bytes were seen. */
static void too_large(struct target *t, uint64_t bytes, struct err *err)
{
	err_set(err, 1, "page is larger than memory allows (%llu bytes of it)",
		(unsigned long long)bytes);
	if (budget_total() > 0)
		quarantine_strike(t, err->msg);
}

static enum refused why_failed(const struct page_result *r, bool memory)
{
	if (memory)
		return REFUSED_MEMORY;
	return r->sample_limit || r->bucket_limit || r->label_limit ? REFUSED_LIMIT : REFUSED_PAGE;
}

/* Reads what was fetched (ptr NULL: nothing, and err and *why say why): whether it was good. */
static bool read_page(struct target *t, const struct page_env *env, struct sv page, struct batch *b,
		      struct page_result *result, enum refused *why, struct err *err)
{
	if (!page.ptr)
		return false;
	metric_add(M_SCRAPE_PAGES_PARSED, 1);
	metric_add(M_SCRAPE_PAGE_BYTES, page.len - 1);
	int r = page_read(t->owner, env, page, loop_wall_ms(t->pool->scrape->env.loop), b, result,
			  err);
	if (r < 0)
		too_large(t, page.len - 1, err);
	count_page(t, result);
	*why = why_failed(result, r < 0);
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

/* The clock was set back: the log takes only what is newer. One line a minute for all targets. */
static void drop_for_clock(struct target *t, const struct page_result *result, bool good,
			   struct err *err)
{
	struct scrape *s = t->pool->scrape;
	int64_t now = loop_now_ms(s->env.loop);
	const char *behind = FMT("%.1fs", (double)(t->owner->last_ms - t->t_ms) / 1000);
	s->refused_clock += result->post_relabel;
	if (good)
		scrape_refuse(s, REFUSED_CLOCK, 1, taken(result));
	err_set(err, 1,
		"the clock was set back: dropped until it has passed the last scrape, in %s",
		behind);
	note_health(t, false, err);
	if (now >= s->clock_warn_again_ms) {
		s->clock_warn_again_ms = now + WARN_EVERY_MS;
		log_error("the clock went back: scrapes are dropped until it has passed the last "
			  "one",
			  "behind", behind, "target", t->url);
	}
	page_rollback(t->owner);
}

/* Times far ahead of the clock were never taken by a receiver and hold nothing up. */
static void look_at_clock(struct target *t)
{
	struct scrape *s = t->pool->scrape;
	int64_t now = loop_now_ms(s->env.loop);
	int64_t ahead = t->owner->last_ms - t->t_ms;
	if (!owner_set_back(t->owner, t->t_ms))
		return;
	if (now < s->set_back_warn_again_ms)
		return;
	s->set_back_warn_again_ms = now + WARN_EVERY_MS;
	log_warn("the clock was set back by far: scrapes go on with the time it shows now", "by",
		 FMT("%.1fs", (double)ahead / 1000), "target", t->url);
}

/* What a page filled that is not kept makes room for the report. */
static int renew_batch(struct target *t, struct batch **b)
{
	batch_unref(*b);
	*b = batch_new(LIMIT_PAGE_BYTES);
	if (!*b) {
		no_memory(t);
		return ERR_NOMEM;
	}
	(*b)->t_ms = t->t_ms;
	return 0;
}

/* What a page may fill: within what is free, and what can be read back from the log. */
static size_t batch_max(void)
{
	return budget_fair(0, budget_bound(LIMIT_PAGE_BYTES, BUDGET_BATCH_PART));
}

/* Ends a scrape. why: there is no page. */
static void finish_scrape(struct target *t, struct sv page, enum scrape_protocol format,
			  double body_bytes, enum refused why, struct err *err)
{
	struct scrape *s = t->pool->scrape;
	struct page_env env = env_of(t);
	env.format = format;
	struct page_result result = {0};
	_cleanup_(batch_unrefp) struct batch *b =
		batch_new(page.ptr ? batch_max() : LIMIT_PAGE_BYTES);
	metric_add(M_SCRAPES, 1);
	if (!b) {
		err_set(err, 1, "out of memory");
		note_health(t, false, err);
		no_memory(t);
		scrape_refuse(s, page.ptr ? REFUSED_MEMORY : why, 1, 0);
		return;
	}
	b->t_ms = t->t_ms;
	look_at_clock(t);
	bool good = read_page(t, &env, page, b, &result, &why, err);
	note_health(t, good, err);
	if (!good && why == REFUSED_MEMORY && renew_batch(t, &b) != 0) {
		scrape_refuse(s, REFUSED_MEMORY, 1, result.post_relabel);
		page_rollback(t->owner);
		return;
	}
	if (scrape_last_discards(t, good)) {
		page_rollback(t->owner);
		return;
	}
	note_refused(s, &result, good, why);
	if (good && b->n_metadata > 0 &&
	    metadata_list_set(&s->metadata, &t->owner->metadata, b->metadata, b->n_metadata) != 0)
		no_memory(t);
	if (good && b->n_metadata > 0)
		scrape_charge_metadata(s);
	const struct scrape_report report = {good, t->last_duration_s, body_bytes};
	if (t->t_ms <= t->owner->last_ms) {
		drop_for_clock(t, &result, good, err);
	} else if (page_finish(t->owner, &env, &result, &report, b) != 0) {
		no_memory(t);
		if (good)
			scrape_refuse(s, REFUSED_MEMORY, 1, taken(&result));
		page_rollback(t->owner);
	} else {
		put_batch(t, &env, take_ptr(b), !good);
	}
}

static void fail_scrape(struct target *t, enum refused why, struct err *err)
{
	finish_scrape(t, SV_NULL, PROTO_NONE, 0, why, err);
}

static size_t body_max(const struct scrape_options *opt)
{
	/* A page that reaches the limit exactly is refused already, as Prometheus does. */
	return opt->body_size_limit ? opt->body_size_limit - 1 : LIMIT_PAGE_BYTES;
}

/* page_text(): memory has no room for the page. */
enum { NO_ROOM = 3 };

/* The page as text, ended by a newline: a view into the body or the inflated buffer. 0; 1 with the
 * reason; 2 when it is over the limit; NO_ROOM. */
static int page_text(struct target *t, const struct http_answer *a, struct sv *page,
		     struct err *err)
{
	struct scrape *s = t->pool->scrape;
	struct buf *text = t->body;
	if (sv_eq(a->content_encoding, SV("gzip"))) {
		size_t most = body_max(t->pool->opt) + 1;
		buf_shrink(&s->inflated, budget_bound(MiB(1), 64));
		s->inflated.max = budget_fair(s->inflated.cap, most);
		int r = gunzip(&s->inflated, buf_view(t->body));
		if (r == 1)
			return err_set(err, 1, "the page is not good gzip");
		text = &s->inflated;
		if (r == 2)
			return text->max < most ? NO_ROOM : 2;
	}
	if (text->len > body_max(t->pool->opt))
		return 2;
	/* One byte more, and no doubling for it. */
	text->max = text->len + 1;
	if (buf_char(text, '\n') != 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	*page = buf_view(text);
	return 0;
}

/* Not the target's fault: open files or memory are short here, or a certificate is unreadable. */
static void warn_of_own_fault(struct target *t, const struct http_answer *a)
{
	struct scrape *s = t->pool->scrape;
	int64_t now = loop_now_ms(s->env.loop);
	if (a->result != HTTP_LOCAL || now < s->local_warn_again_ms)
		return;
	s->local_warn_again_ms = now + WARN_EVERY_MS;
	log_error("targets cannot be scraped for a reason on this machine", "err",
		  a->error ? a->error : "unknown", "target", t->url);
}

static void read_answer(struct target *t, const struct http_answer *a)
{
	struct err err = ERR_NULL;
	struct sv page = SV_NULL;
	double body_bytes = 0;
	enum scrape_protocol format = PROTO_TEXT_0_0_4;
	enum refused why = REFUSED_FETCH;
	int r = 0;
	warn_of_own_fault(t, a);
	if (a->result == HTTP_TOO_LARGE) {
		r = 2;
	} else if (a->result == HTTP_NO_ROOM) {
		r = NO_ROOM;
	} else if (a->result != HTTP_OK) {
		r = err_set(&err, 1, "%s", a->error ? a->error : "no answer");
	} else if (a->status != 200) {
		r = err_set(&err, 1, "server returned HTTP status %d", a->status);
	} else {
		r = page_text(t, a, &page, &err);
		why = r < 0 ? REFUSED_MEMORY : REFUSED_PAGE;
	}
	if (r == NO_ROOM) {
		why = REFUSED_MEMORY;
		too_large(t, a->bytes_received, &err);
	}
	if (r == 2) {
		why = REFUSED_BODY_SIZE;
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
	finish_scrape(t, page, format, body_bytes, why, &err);
}

static void scrape_done(void *cls, const struct http_answer *a)
{
	struct target *t = cls;
	metric_add(M_SCRAPE_BODY_BYTES, a->bytes_received);
	read_answer(t, a);
	end_transfer(t);
	buf_shrink(&t->pool->scrape->inflated, budget_bound(SIZE_MAX, 64));
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
		return err_set(err, ERR_NOMEM, "out of memory");
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

/* By the monotonic clock: a leap of the other is no interval. */
static void note_interval(struct target *t, int64_t start_ns)
{
	if (t->start_ns != 0) {
		t->pool->intervals++;
		t->pool->interval_sum_s += (double)(start_ns - t->start_ns) / 1e9;
	}
	t->start_ns = start_ns;
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
	if (s->stopping || wait <= early_ms(t))
		return;
	if (t->pool->held && !t->transfer) {
		scrape_refuse(s, REFUSED_SKIPPED, t->missed, 0);
		t->missed = true;
		return;
	}
	if (t->transfer) {
		/* Never two at once: this turn begins when that one has ended. */
		s->skipped_overlap += t->behind;
		scrape_refuse(s, REFUSED_SKIPPED, t->behind, 0);
		t->behind = true;
		return;
	}
	note_interval(t, clock_mono_ns());
	t->t_ms = scrape_time(t, now, late);
	struct err err = ERR_NULL;
	int r = 0;
	if (quarantine_holds(t, &err)) {
		s->skipped_quarantine++;
		fail_scrape(t, REFUSED_QUARANTINE, &err);
	} else if (t->pool->over_target_limit) {
		err_set(&err, 1, "target_limit exceeded (number of targets: %zu, limit: %llu)",
			t->pool->n_targets, (unsigned long long)t->pool->opt->target_limit);
		fail_scrape(t, REFUSED_TARGET_LIMIT, &err);
	} else if ((r = scraper_request(t, t->timeout_ms, &err)) != 0) {
		note_failed_fetch(t, HERE, &err);
		fail_scrape(t, r < 0 ? REFUSED_MEMORY : REFUSED_FETCH, &err);
	}
}
