/* Pages in the delimited protobuf format; the first byte is the options. Whatever comes, entries
 * hold what their header promises, and a second reading gives the same. */
#include "../../../scrape/proto_parser.h"

#include <ampagent/base/hash.h>
#include <ampagent/base/text.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every byte, so that a view into nowhere is found. */
static uint64_t touch(uint64_t sum, struct sv s)
{
	assert(s.ptr || s.len == 0);
	return sum * 31 + hash_keyed(s.ptr ? s.ptr : "", s.len);
}

static uint64_t touch_labels(uint64_t sum, const struct label *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = touch(touch(sum, v[i].name), v[i].value);
	return sum;
}

static uint64_t check_histogram(uint64_t sum, const struct proto_entry *e)
{
	const struct histogram *h = &e->histogram;
	assert(e->type == METRIC_HISTOGRAM || e->type == METRIC_GAUGEHISTOGRAM);
	assert((h->reset == HISTOGRAM_GAUGE) == (e->type == METRIC_GAUGEHISTOGRAM));
	assert(h->start_ms == e->start_ms);
	for (uint32_t k = 1; k < h->n_bounds; k++)
		assert(h->bounds[k - 1] < h->bounds[k]);
	for (unsigned i = 0; i < HISTOGRAM_SIDES; i++) {
		uint64_t n = 0;
		for (uint32_t k = 0; k < h->side[i].n_spans; k++)
			n += h->side[i].spans[k].length;
		assert(n == h->side[i].n_buckets);
		for (uint32_t k = 0; k < h->side[i].n_buckets; k++)
			sum = sum * 31 + h->side[i].buckets[k].u;
	}
	for (size_t i = 0; i < e->n_exemplars; i++)
		assert(e->exemplars[i].has_time);
	return sum;
}

static uint64_t check_entry(uint64_t sum, const struct proto_entry *e)
{
	assert(e->family.len > 0 && utf8_valid(e->family) && utf8_valid(e->help));
	sum = touch(touch(touch(sum, e->family), e->help), e->unit);
	if (e->kind == PROTO_ENTRY_FAMILY)
		return sum;
	assert(sv_starts_with(e->name, e->family));
	for (size_t i = 0; i < e->n_labels; i++)
		assert(utf8_valid(e->labels[i].name) && utf8_valid(e->labels[i].value));
	sum = touch_labels(touch(sum, e->name), e->labels, e->n_labels) ^ e->key;
	if (e->kind == PROTO_ENTRY_HISTOGRAM)
		sum = check_histogram(sum, e);
	else
		assert(e->n_exemplars <= 1);
	for (size_t i = 0; i < e->n_exemplars; i++)
		sum = touch_labels(sum, e->exemplars[i].labels, e->exemplars[i].n_labels) ^
		      e->exemplars[i].bits;
	return sum * 31 + e->bits + (uint64_t)e->t_ms + (uint64_t)e->start_ms;
}

static uint64_t read_page(struct sv page, struct proto_options options)
{
	_cleanup_(proto_reader_freep) struct proto_reader *r = proto_reader_new(page, options);
	assert(r);
	struct proto_entry e;
	struct err err = ERR_NULL;
	uint64_t sum = 0;
	size_t n = 0, offset = 0;
	bool in_family = false;
	int code;
	while ((code = proto_next(r, &e, &err)) == 0) {
		in_family |= e.kind == PROTO_ENTRY_FAMILY;
		assert(in_family && (options.native || options.custom_buckets ||
				     e.kind != PROTO_ENTRY_HISTOGRAM));
		sum = check_entry(sum, &e);
		assert(proto_offset(r) >= offset && proto_offset(r) <= page.len);
		offset = proto_offset(r);
		/* No entry without bytes for it. */
		assert(++n <= 2 * page.len);
	}
	assert(code == 1 || (code == 2 && err.msg[0]));
	return sum * 31 + (uint64_t)code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	hash_set_key(1);
	struct proto_options options = {data[0] & 1, data[0] & 2, data[0] & 4};
	struct sv page = sv_make((const char *)data + 1, size - 1);
	uint64_t sum = read_page(page, options);
	assert(sum == read_page(page, options));
	return 0;
}
