/* From a frame's image and a column to a request: what each step costs a sample. A round is one
 * scrape of one target, in requests of REQUEST_SAMPLES. */
#include "micro.h"
#include "micro_load.h"

#include "../../remotewrite/encode_v2.h"
#include "../../remotewrite/metadata.h"
#include "../../remotewrite/symbols.h"

#include <ampagent/base/compress.h>
#include <ampagent/base/crypto.h>

#include <stdlib.h>

enum { REQUEST_SAMPLES = 2000, OUT_MAX = 8 << 20, REQUESTS = LOAD_SERIES / REQUEST_SAMPLES + 1 };

struct bench {
	struct image_scratch scratch;
	struct labels external;
	struct image *images[LOAD_FRAMES];
	struct buf raw[REQUESTS], packed[REQUESTS];
	struct symbols *symbols;
	struct metadata_table metadata;
};

static void build_images(struct bench *b)
{
	struct image_rules rules = {.external = b->external};
	for (uint32_t i = 0; i < LOAD_SERIES; i++) {
		struct image **im = &b->images[i / FRAME_SLOTS];
		if (i % FRAME_SLOTS == 0) {
			image_free(*im);
			*im = image_new(i / FRAME_SLOTS + 1);
			if (!*im || image_add_begin(*im, &b->scratch) != 0)
				abort();
		}
		if (image_add(*im, &b->scratch, &rules, micro_load()->labels[i]) != 0)
			abort();
		if (i % FRAME_SLOTS == FRAME_SLOTS - 1 || i == LOAD_SERIES - 1)
			image_add_end(*im);
	}
}

static void encode_scrape(struct bench *b, const struct batch *scrape)
{
	uint32_t request = 0, room = REQUEST_SAMPLES;
	buf_reset(&b->raw[0]);
	for (size_t i = 0; i < scrape->n_columns; i++) {
		const struct batch_column *col = &scrape->columns[i];
		struct encode_slice slice = {.max = room, .raw_max = OUT_MAX};
		struct encode_result res;
		do {
			if (encode_column(&b->raw[request], b->images[i], &b->scratch, col,
					  scrape->t_ms, &slice, &res) != 0)
				abort();
			room -= res.samples;
			if (room == 0) {
				room = REQUEST_SAMPLES;
				buf_reset(&b->raw[++request]);
			}
			slice.from = res.next;
			slice.max = room;
		} while (res.next < col->n_slots);
	}
}

/* The same requests as 2.0: a table of strings each, no extras. */
static void encode_scrape_v2(struct bench *b, const struct batch *scrape)
{
	struct encode_as as = {REMOTEWRITE_V2, true, true, b->symbols, &b->metadata};
	struct extras extras;
	uint32_t request = 0, room = REQUEST_SAMPLES;
	buf_reset(&b->raw[0]);
	symbols_reset(b->symbols);
	for (size_t i = 0; i < scrape->n_columns; i++) {
		const struct batch_column *col = &scrape->columns[i];
		struct encode_job job = {.im = b->images[i],
					 .s = &b->scratch,
					 .as = &as,
					 .extras = &extras,
					 .slice.raw_max = OUT_MAX};
		struct encode_result res = {.next = 0};
		do {
			job.out = &b->raw[request];
			job.slice.from = res.next;
			job.slice.max = room;
			extras_find(&extras, scrape, col->frame, (uint32_t)i, true);
			if (encode_v2_column(&job, col, scrape->t_ms, &res) != 0)
				abort();
			room -= res.samples;
			if (room > 0 && i + 1 < scrape->n_columns)
				continue;
			if (encode_v2_finish(&b->raw[request], b->symbols) != 0)
				abort();
			symbols_reset(b->symbols);
			room = REQUEST_SAMPLES;
			if (request + 1 < REQUESTS)
				buf_reset(&b->raw[++request]);
		} while (res.next < col->n_slots);
	}
}

static void compress_scrape(struct bench *b)
{
	for (uint32_t i = 0; i < REQUESTS; i++) {
		buf_reset(&b->packed[i]);
		if (snappy_block_compress(&b->packed[i], buf_view(&b->raw[i])) != 0)
			abort();
	}
}

static size_t bytes(const struct buf *v)
{
	size_t n = 0;
	for (uint32_t i = 0; i < REQUESTS; i++)
		n += v[i].len;
	return n;
}

/* Made once: images of all frames, and the requests of one scrape. */
static struct bench *bench(void)
{
	static struct bench b;
	if (b.images[0])
		return &b;
	static struct arena arena;
	struct label_builder builder;
	arena_init(&arena, 1 << 20);
	label_builder_init(&builder, &arena);
	label_builder_set(&builder, SV("cluster"), SV("bench"));
	if (label_builder_finish(&builder, &arena, &b.external) != 0)
		abort();
	image_scratch_init(&b.scratch);
	metadata_table_init(&b.metadata);
	b.symbols = symbols_new();
	if (!b.symbols)
		abort();
	for (uint32_t i = 0; i < REQUESTS; i++) {
		buf_init(&b.raw[i], OUT_MAX);
		buf_init(&b.packed[i], OUT_MAX);
	}
	build_images(&b);
	encode_scrape(&b, micro_load()->scrapes[0]);
	compress_scrape(&b);
	return &b;
}

static void image_build(struct micro_run *run)
{
	struct bench *b = bench();
	size_t made = 0;
	for (uint64_t k = 0; k < run->rounds; k++)
		build_images(b);
	for (uint32_t f = 0; f < LOAD_FRAMES; f++)
		made += image_bytes(b->images[f]);
	run->items_per_round = LOAD_SERIES;
	run->made_per_round = made;
}

static void encode(struct micro_run *run)
{
	struct bench *b = bench();
	for (uint64_t k = 0; k < run->rounds; k++)
		encode_scrape(b, micro_load()->scrapes[k % LOAD_SCRAPES]);
	run->items_per_round = LOAD_SERIES;
	run->bytes_per_round = run->made_per_round = bytes(b->raw);
}

static void encode_v2(struct micro_run *run)
{
	struct bench *b = bench();
	for (uint64_t k = 0; k < run->rounds; k++)
		encode_scrape_v2(b, micro_load()->scrapes[k % LOAD_SCRAPES]);
	run->items_per_round = LOAD_SERIES;
	run->bytes_per_round = run->made_per_round = bytes(b->raw);
	/* The other cases go on with requests of 1.0. */
	encode_scrape(b, micro_load()->scrapes[0]);
}

static void compress(struct micro_run *run)
{
	struct bench *b = bench();
	for (uint64_t k = 0; k < run->rounds; k++)
		compress_scrape(b);
	run->items_per_round = LOAD_SERIES;
	run->bytes_per_round = bytes(b->raw);
	run->made_per_round = bytes(b->packed);
}

static void hash(struct micro_run *run)
{
	struct bench *b = bench();
	uint8_t out[SHA256_BYTES];
	for (uint64_t k = 0; k < run->rounds; k++)
		for (uint32_t i = 0; i < REQUESTS; i++) {
			crypto_sha256(out, b->packed[i].ptr, b->packed[i].len);
			micro_sink += out[0];
		}
	run->items_per_round = LOAD_SERIES;
	run->bytes_per_round = bytes(b->packed);
}

const struct micro_case micro_remotewrite[] = {
	{"remote write image/series", image_build},   {"remote write encode/sample", encode},
	{"remote write encode v2/sample", encode_v2}, {"remote write snappy/sample", compress},
	{"remote write sha256/sample", hash},         {NULL, NULL},
};
