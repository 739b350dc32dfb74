/* Pages through an owner that remembers and through one that does not: both must take the same.
 * Pages of one input are split at the byte 0x01. */
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
	assert(run.code == 0 || (run.code == 1 && err.msg[0] && err.line > 0) ||
	       (run.code == 1 && run.result.sample_limit));
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
	run.rows = (uint32_t)b->n_rows;
	page_commit(o, env, t_ms);
	return run;
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
	struct page_env env = {&opt, none, &scratch, &next_frame, retire, NULL};
	_cleanup_(owner_freep) struct owner *o = owner_new(none, &no_log, &next_owner, 0);
	assert(o);
	size_t at = 0;
	bool times = false;
	for (int64_t t = 1000; at < size; t += 1000) {
		const uint8_t *end = memchr(data + at, 1, size - at);
		size_t n = end ? (size_t)(end - data) - at : size - at;
		_cleanup_(freep) char *page = malloc(n + 1);
		memcpy(page, data + at, n);
		page[n] = '\n';
		at += n + 1;
		_cleanup_(owner_freep) struct owner *fresh =
			owner_new(none, &no_log, &next_owner, 0);
		struct run a = run_page(o, &env, sv_make(page, n + 1), t);
		struct run b = run_page(fresh, &env, sv_make(page, n + 1), t);
		assert(a.code == b.code && a.result.scraped == b.result.scraped &&
		       a.result.post_relabel == b.result.post_relabel);
		/* What has, or had, times of its own is refused when it is not newer than last
		 * time. */
		times = times || b.rows > 0;
		assert(times ? a.columns + a.rows <= b.columns + b.rows
			     : a.rows == 0 && a.columns == b.columns);
	}
	return 0;
}
