/* Pages through an owner that remembers and through one that does not: both must take the same.
 * Pages of one input are split at the byte 0x01; one that begins with the byte 0x03 is OpenMetrics,
 * with 0x04 protobuf. An input may begin with 0x02 and a byte of options. */
#include "../../../scrape/page.h"

#include <ampagent/base/number.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void retire(void *cls, uint32_t frame)
{
}

struct run {
	struct page_result result;
	int code;
	uint32_t columns, rows; /* samples */
	uint32_t histograms;
};

static struct run run_page(struct owner *o, const struct page_env *env, struct sv page,
			   int64_t t_ms)
{
	struct run run = {0};
	_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(16));
	assert(b);
	b->t_ms = t_ms;
	struct err err = ERR_NULL;
	run.code = page_read(o, env, page, t_ms, b, &run.result, &err);
	bool lines = env->format != PROTO_PROMETHEUS_PROTO;
	assert(run.code == 0 || (run.code == 1 && err.msg[0] && (err.line > 0 || !lines)));
	struct scrape_report report = {run.code == 0, 0.1, 1};
	assert(page_finish(o, env, &run.result, &report, b) == 0);
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct batch_column *c = &b->columns[i];
		for (unsigned s = 0; s < c->n_slots; s++) {
			bool present = c->present[s / 64] >> (s % 64) & 1;
			run.columns += present && c->values[s] != VALUE_STALE_BITS;
		}
	}
	for (size_t i = 0; i < b->n_defs; i++)
		assert(labels_valid(b->defs[i].labels));
	for (size_t i = 0; i < b->n_histograms; i++)
		assert(histogram_check(&b->histograms[i].h, &err) == 0);
	for (size_t i = 0; i < b->n_exemplars; i++)
		assert(labels_valid(b->exemplars[i].labels));
	run.rows = (uint32_t)b->n_rows;
	run.histograms = (uint32_t)b->n_histograms;
	page_commit(o, env, t_ms);
	return run;
}

static void set_options(struct page_env *env, struct scrape_features *f, uint8_t bits)
{
	env->convert_to_nhcb = bits & 1;
	env->always_classic_histograms = bits & 2;
	env->native_histograms = bits & 4;
	f->exemplars = bits & 8;
	f->start_times = bits & 16;
	f->start_zero = bits & 32;
}

static enum scrape_protocol format_of(const uint8_t *page, size_t n)
{
	if (n > 0 && *page == 3)
		return PROTO_OPENMETRICS_1_0_0;
	return n > 0 && *page == 4 ? PROTO_PROMETHEUS_PROTO : PROTO_TEXT_0_0_4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct owner_lookup no_log;
	hash_set_key(1);
	struct scrape_options opt = {
		.job_name = SV("j"), .timeout_ms = 1000, .honor_timestamps = true};
	_cleanup_(arena_deinit) struct arena scratch;
	arena_init(&scratch, MiB(16));
	struct labels none = LABELS_NULL;
	uint32_t next_frame = 1, next_owner = 1;
	struct page_env env = {
		.opt = &opt,
		.target_labels = none,
		.scratch = &scratch,
		.next_frame = &next_frame,
		.retire = retire,
	};
	_cleanup_(owner_freep) struct owner *o = owner_new(none, &no_log, &next_owner, 0);
	assert(o);
	struct scrape_features features = {false};
	env.features = &features;
	size_t at = 0;
	bool times = false;
	if (size >= 2 && data[0] == 2) {
		set_options(&env, &features, data[1]);
		at = 2;
	}
	for (int64_t t = 1000; at < size; t += 1000) {
		const uint8_t *end = memchr(data + at, 1, size - at);
		size_t n = end ? (size_t)(end - data) - at : size - at;
		env.format = format_of(data + at, n);
		size_t skip = env.format != PROTO_TEXT_0_0_4;
		size_t next = at + n + 1;
		at += skip;
		n -= skip;
		_cleanup_(freep) char *page = malloc(n + 1);
		memcpy(page, data + at, n);
		page[n] = '\n';
		at = next;
		_cleanup_(owner_freep) struct owner *fresh =
			owner_new(none, &no_log, &next_owner, 0);
		struct run a = run_page(o, &env, sv_make(page, n + 1), t);
		struct run b = run_page(fresh, &env, sv_make(page, n + 1), t);
		assert(a.code == b.code && a.result.scraped == b.result.scraped &&
		       a.result.post_relabel == b.result.post_relabel);
		/* What has, or had, times of its own is refused when it is not newer than last
		 * time. */
		times = times || b.rows > 0 || b.histograms > 0 || features.start_zero;
		assert(times ? a.columns + a.rows <= b.columns + b.rows
			     : a.rows == 0 && a.columns == b.columns);
	}
	return 0;
}
