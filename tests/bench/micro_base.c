/* The base room's hot paths, each beside what one would have used instead. */
#include "micro.h"

#include <ampagent/base/compress.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/map.h>
#include <ampagent/base/number.h>

#include <stdio.h>
#include <stdlib.h>

/* ---- numbers: what pages hold, kind by kind ---- */

enum { N_NUMBERS = 4096, NUMBER_TEXT = 32 };

enum mix { SMALL, COUNTERS, FLOATS, FULL, PAGE };

static char numbers[PAGE + 1][N_NUMBERS][NUMBER_TEXT];
static struct sv number_views[PAGE + 1][N_NUMBERS];

static void print_number(char *dst, enum mix mix, uint64_t r)
{
	static const enum mix page[] = {SMALL,    SMALL,  SMALL,  COUNTERS,
					COUNTERS, FLOATS, FLOATS, FULL};
	switch (mix) {
	case SMALL:
		snprintf(dst, NUMBER_TEXT, "%u", (unsigned)(r % 1000));
		break;
	case COUNTERS:
		number_format(dst, (double)(r >> 20 & 0xffffffffff));
		break;
	case FLOATS:
		number_format(dst, (double)(r >> 24 & 0xffffffff) / 1000);
		break;
	case FULL:
		number_format(dst, (double)(r >> 11) / 9007199254740992.0);
		break;
	case PAGE:
		print_number(dst, page[r % 8], r);
		break;
	}
}

static void make_numbers(enum mix mix)
{
	uint64_t seed = 42;
	if (number_views[mix][0].ptr)
		return;
	for (int i = 0; i < N_NUMBERS; i++) {
		print_number(numbers[mix][i], mix, micro_random(&seed));
		number_views[mix][i] = sv_of(numbers[mix][i]);
	}
}

static void parse_numbers(struct micro_run *run, enum mix mix)
{
	make_numbers(mix);
	uint64_t sum = 0;
	for (uint64_t k = 0; k < run->rounds; k++)
		for (int i = 0; i < N_NUMBERS; i++) {
			uint64_t bits = 0;
			number_parse(number_views[mix][i], &bits);
			sum += bits;
		}
	micro_sink = sum;
	run->items_per_round = N_NUMBERS;
}

static void strtod_numbers(struct micro_run *run, enum mix mix)
{
	make_numbers(mix);
	double sum = 0;
	for (uint64_t k = 0; k < run->rounds; k++)
		for (int i = 0; i < N_NUMBERS; i++)
			sum += strtod(numbers[mix][i], NULL);
	micro_sink = bits_of_double(sum);
	run->items_per_round = N_NUMBERS;
}

static void number_small(struct micro_run *run)
{
	parse_numbers(run, SMALL);
}

static void number_counters(struct micro_run *run)
{
	parse_numbers(run, COUNTERS);
}

static void number_floats(struct micro_run *run)
{
	parse_numbers(run, FLOATS);
}

static void number_full(struct micro_run *run)
{
	parse_numbers(run, FULL);
}

static void number_page(struct micro_run *run)
{
	parse_numbers(run, PAGE);
}

static void strtod_full(struct micro_run *run)
{
	strtod_numbers(run, FULL);
}

static void strtod_page(struct micro_run *run)
{
	strtod_numbers(run, PAGE);
}

static void format_page(struct micro_run *run)
{
	make_numbers(PAGE);
	for (uint64_t k = 0; k < run->rounds; k++)
		for (int i = 0; i < N_NUMBERS; i++) {
			char text[NUMBER_MAX];
			uint64_t bits = 0;
			number_parse(number_views[PAGE][i], &bits);
			micro_sink += number_format(text, double_of_bits(bits));
		}
	run->items_per_round = N_NUMBERS;
}

/* ---- bytes ---- */

enum { LINE_BYTES = 100, BLOCK_BYTES = 1 << 20 };

/* Bytes as a request has them before compression: label texts that mostly repeat, a value that does
 * not, about 220 bytes a sample. */
static const char *block(void)
{
	static char bytes[BLOCK_BYTES + 512];
	static const char *const handlers[] = {"orders", "cart", "search", "payments", "stock"};
	uint64_t seed = 7;
	for (size_t n = 0; n < BLOCK_BYTES && !bytes[BLOCK_BYTES - 1];) {
		uint64_t r = micro_random(&seed), value = r >> 12 | UINT64_C(0x0101010101010101);
		n += (size_t)snprintf(
			bytes + n, 512,
			"__name__\037"
			"http_request_duration_seconds_bucket\n\024\n\007"
			"cluster\022"
			"bench\n\023\n\007handler\022/api/v1/%s\n\026\n\010instance\022"
			"10.0.%u.%u:9100\n\020\n\003job\022kubernetes-pods\n\014\n\002le\022%u.%u\n"
			"\014\n\006method\022GET\n\035\n\003pod\022api-%05x-%03x\022\020",
			handlers[n % 5], (unsigned)(n >> 15), (unsigned)(n >> 17),
			(unsigned)(n % 13), (unsigned)(n % 7), (unsigned)(n >> 13) * 7919,
			(unsigned)(n >> 13));
		memcpy(bytes + n, &value, sizeof value);
		n += sizeof value;
	}
	return bytes;
}

static void hash_lines(struct micro_run *run, uint64_t (*hash)(const void *, size_t))
{
	const char *bytes = block();
	uint64_t sum = 0;
	run->items_per_round = BLOCK_BYTES / LINE_BYTES;
	run->bytes_per_round = run->items_per_round * LINE_BYTES;
	for (uint64_t k = 0; k < run->rounds; k++)
		for (size_t i = 0; i < run->items_per_round; i++)
			sum += hash(bytes + i * LINE_BYTES, LINE_BYTES);
	micro_sink = sum;
}

static void hash_keyed_lines(struct micro_run *run)
{
	hash_lines(run, hash_keyed);
}

static void hash_stable_lines(struct micro_run *run)
{
	hash_lines(run, hash_stable);
}

static void crc32c_block(struct micro_run *run)
{
	const char *bytes = block();
	for (uint64_t k = 0; k < run->rounds; k++)
		micro_sink += hash_crc32c(0, bytes, BLOCK_BYTES);
	run->items_per_round = 1;
	run->bytes_per_round = BLOCK_BYTES;
}

static void sha256_block(struct micro_run *run)
{
	const char *bytes = block();
	uint8_t out[SHA256_BYTES];
	for (uint64_t k = 0; k < run->rounds; k++) {
		crypto_sha256(out, bytes, BLOCK_BYTES);
		micro_sink += out[0];
	}
	run->items_per_round = 1;
	run->bytes_per_round = BLOCK_BYTES;
}

static void hmac_short(struct micro_run *run)
{
	uint8_t out[SHA256_BYTES];
	for (uint64_t k = 0; k < run->rounds; k++) {
		crypto_hmac_sha256(out, SV("0123456789abcdef0123456789abcdef"), SV("aws4_request"));
		micro_sink += out[0];
	}
	run->items_per_round = 1;
}

static void snappy_compress_block(struct micro_run *run)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 2 * BLOCK_BYTES);
	for (uint64_t k = 0; k < run->rounds; k++) {
		buf_reset(&out);
		snappy_block_compress(&out, sv_make(block(), BLOCK_BYTES));
		micro_sink += out.len;
	}
	run->items_per_round = 1;
	run->bytes_per_round = BLOCK_BYTES;
}

static void snappy_decompress_block(struct micro_run *run)
{
	_cleanup_(buf_deinit) struct buf packed = BUF_NULL;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&packed, 2 * BLOCK_BYTES);
	buf_init(&out, BLOCK_BYTES);
	snappy_block_compress(&packed, sv_make(block(), BLOCK_BYTES));
	for (uint64_t k = 0; k < run->rounds; k++) {
		buf_reset(&out);
		snappy_block_decompress(&out, buf_view(&packed));
		micro_sink += out.len;
	}
	run->items_per_round = 1;
	run->bytes_per_round = BLOCK_BYTES;
}

static void gunzip_block(struct micro_run *run)
{
	_cleanup_(buf_deinit) struct buf packed = BUF_NULL;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&packed, 2 * BLOCK_BYTES);
	buf_init(&out, BLOCK_BYTES);
	gzip(&packed, sv_make(block(), BLOCK_BYTES));
	for (uint64_t k = 0; k < run->rounds; k++) {
		buf_reset(&out);
		gunzip(&out, buf_view(&packed));
		micro_sink += out.len;
	}
	run->items_per_round = 1;
	run->bytes_per_round = BLOCK_BYTES;
}

/* ---- the map ---- */

enum { MAP_ENTRIES = 100000 };

static uint64_t map_keys[MAP_ENTRIES];

static uint64_t map_key(uint32_t value, void *cls)
{
	return map_keys[value];
}

static void map_lookup(struct micro_run *run)
{
	_cleanup_(map_deinit) struct map m = MAP_NULL;
	uint64_t seed = 3;
	for (uint32_t i = 0; i < MAP_ENTRIES; i++) {
		map_keys[i] = micro_random(&seed);
		map_insert(&m, map_keys[i], i, map_key, NULL);
	}
	uint64_t sum = 0;
	for (uint64_t k = 0; k < run->rounds; k++)
		for (uint32_t i = 0; i < MAP_ENTRIES; i++)
			for (struct map_iter it = map_find(&m, map_keys[i]); map_next(&m, &it);)
				sum += it.value;
	micro_sink = sum;
	run->items_per_round = MAP_ENTRIES;
}

const struct micro_case micro_base[] = {
	{"number_parse/small integers", number_small},
	{"number_parse/counters", number_counters},
	{"number_parse/3 decimals", number_floats},
	{"number_parse/17 digits", number_full},
	{"number_parse/page mix", number_page},
	{"strtod/17 digits", strtod_full},
	{"strtod/page mix", strtod_page},
	{"number_format/page mix", format_page},
	{"hash_keyed/100 bytes", hash_keyed_lines},
	{"hash_stable/100 bytes", hash_stable_lines},
	{"hash_crc32c/1 MiB", crc32c_block},
	{"crypto_sha256/1 MiB", sha256_block},
	{"crypto_hmac_sha256/12 bytes", hmac_short},
	{"snappy_block_compress/1 MiB", snappy_compress_block},
	{"snappy_block_decompress/1 MiB", snappy_decompress_block},
	{"gunzip/1 MiB", gunzip_block},
	{"map_find/100000 entries", map_lookup},
	{NULL, NULL},
};
