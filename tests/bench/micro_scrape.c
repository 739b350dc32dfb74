/* A page of 5000 series: per line matched where it was expected, moved, and new. */
#include "../../scrape/page.h"
#include "micro.h"

#include <ampagent/base/clock.h>

#include <stdio.h>
#include <stdlib.h>

enum { SERIES = 5000, FAMILY = 50 };

struct bench {
	struct scrape_options opt;
	struct arena scratch;
	struct labels target;
	struct owner *owner;
	uint32_t next_frame, next_owner;
	int64_t t_ms;
	struct buf page;
};

static void retire(void *cls, uint32_t frame)
{
}

/* A hundred families like those of a middle-sized service; shift turns the order of families. */
static void write_page(struct buf *out, unsigned shift, uint64_t *random)
{
	buf_reset(out);
	for (unsigned k = 0; k < SERIES / FAMILY; k++) {
		unsigned f = (k + shift) % (SERIES / FAMILY);
		buf_printf(out,
			   "# HELP service_requests_%u_total Requests that were answered.\n"
			   "# TYPE service_requests_%u_total counter\n",
			   f, f);
		for (unsigned i = 0; i < FAMILY; i++)
			buf_printf(out,
				   "service_requests_%u_total{method=\"%s\",path=\"/api/v1/things/"
				   "%u\","
				   "code=\"%u\"} %llu\n",
				   f, i % 2 ? "GET" : "POST", i / 2, 200 + i % 5,
				   (unsigned long long)(micro_random(random) % 1000000));
	}
	buf_char(out, '\n');
}

static void start(struct bench *b)
{
	static const struct owner_lookup no_log;
	struct label_builder lb;
	b->opt.job_name = SV("bench");
	b->opt.honor_timestamps = true;
	arena_init(&b->scratch, MiB(64));
	buf_init(&b->page, MiB(64));
	label_builder_init(&lb, &b->scratch);
	label_builder_set(&lb, SV("instance"), SV("10.0.0.1:9090"));
	label_builder_set(&lb, SV("job"), SV("bench"));
	static char key[64];
	struct labels set;
	if (label_builder_finish(&lb, &b->scratch, &set) != 0 || set.len > sizeof key)
		abort();
	memcpy(key, set.ptr, set.len);
	b->target = (struct labels){key, set.len};
	b->next_frame = b->next_owner = 1;
	b->t_ms = 1700000000000;
	b->owner = owner_new(b->target, &no_log, &b->next_owner, b->t_ms);
	if (!b->owner)
		abort();
}

static void stop(struct bench *b)
{
	owner_free(b->owner);
	buf_deinit(&b->page);
	arena_deinit(&b->scratch);
	*b = (struct bench){0};
}

static void scrape_once(struct bench *b)
{
	const struct page_env env = {
		.opt = &b->opt,
		.target_labels = b->target,
		.scratch = &b->scratch,
		.next_frame = &b->next_frame,
		.retire = retire,
	};
	const struct scrape_report report = {true, 0.01, 0};
	struct page_result result;
	_cleanup_(batch_unrefp) struct batch *batch = batch_new(MiB(64));
	b->t_ms += 15000;
	if (!batch)
		abort();
	batch->t_ms = b->t_ms;
	if (page_read(b->owner, &env, buf_view(&b->page), b->t_ms, batch, &result, NULL) != 0 ||
	    page_finish(b->owner, &env, &result, &report, batch) != 0)
		abort();
	micro_sink += batch->n_samples;
	page_commit(b->owner, &env, b->t_ms);
}

/* What an owner holds, once. */
static void print_memory(const struct bench *b)
{
	static bool printed;
	if (printed)
		return;
	printed = true;
	size_t bytes = sizeof *b->owner + b->owner->lines.cap * sizeof *b->owner->lines.v +
		       b->owner->frames.n * sizeof *b->owner->frames.v;
	if (b->owner->lines.by_hash.cells)
		bytes += ((size_t)b->owner->lines.by_hash.mask + 1) *
			 sizeof *b->owner->lines.by_hash.cells;
	for (uint32_t i = 0; i < b->owner->frames.n; i++)
		bytes += b->owner->frames.v[i].cap * sizeof(uint64_t);
	printf("scrape: %.1f bytes a series on the heap (a line of 24, a hash of 8, 0.04 "
	       "comments)\n",
	       (double)bytes / SERIES);
}

static void matched(struct micro_run *run)
{
	struct bench b = {0};
	uint64_t random = 1;
	run->items_per_round = SERIES;
	start(&b);
	write_page(&b.page, 0, &random);
	run->bytes_per_round = b.page.len;
	for (int i = 0; i < 6; i++)
		scrape_once(&b);
	print_memory(&b);
	for (uint64_t i = 0; i < run->rounds; i++)
		scrape_once(&b);
	stop(&b);
}

/* Families in another order each time: one look-up a family. */
static void turned(struct micro_run *run)
{
	struct bench b = {0};
	uint64_t random = 1;
	struct buf pages[2] = {BUF_NULL, BUF_NULL};
	run->items_per_round = SERIES;
	start(&b);
	for (unsigned i = 0; i < 2; i++) {
		write_page(&b.page, i * 37, &random);
		pages[i] = b.page;
		buf_init(&b.page, MiB(64));
	}
	for (uint64_t i = 0; i < run->rounds; i++) {
		b.page = pages[i % 2];
		scrape_once(&b);
	}
	b.page = BUF_NULL;
	buf_deinit(&pages[0]);
	buf_deinit(&pages[1]);
	stop(&b);
}

/* A target's first page. */
static void first_page(struct micro_run *run)
{
	uint64_t random = 1;
	run->items_per_round = SERIES;
	for (uint64_t i = 0; i < run->rounds; i++) {
		struct bench b = {0};
		start(&b);
		write_page(&b.page, 0, &random);
		scrape_once(&b);
		stop(&b);
	}
}

/* What first_page takes to write its page, to be taken off. */
static void only_page(struct micro_run *run)
{
	uint64_t random = 1;
	run->items_per_round = SERIES;
	for (uint64_t i = 0; i < run->rounds; i++) {
		struct bench b = {0};
		start(&b);
		write_page(&b.page, 0, &random);
		stop(&b);
	}
}

/* The same series, learnt anew: after a restart or a reload. */
static void adopted(struct micro_run *run)
{
	struct bench b = {0};
	uint64_t random = 1;
	run->items_per_round = SERIES;
	start(&b);
	write_page(&b.page, 0, &random);
	scrape_once(&b);
	for (uint64_t i = 0; i < run->rounds; i++) {
		owner_adopt(b.owner);
		scrape_once(&b);
	}
	stop(&b);
}

const struct micro_case micro_scrape[] = {
	{"scrape: matched line", matched},
	{"scrape: line of a family that moved", turned},
	{"scrape: new line and its page", first_page},
	{"scrape: the page alone", only_page},
	{"scrape: line learnt anew", adopted},
	{NULL, NULL},
};
