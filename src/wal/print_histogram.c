#include "print_histogram.h"

#include <ampagent/base/number.h>
#include <inttypes.h>

static void print_number(FILE *out, const char *name, double v)
{
	char text[NUMBER_MAX];
	number_format(text, v);
	fprintf(out, "%s%s", name, text);
}

static void print_count(FILE *out, const char *name, bool is_float, union histogram_number n)
{
	if (is_float)
		print_number(out, name, n.f);
	else
		fprintf(out, "%s%" PRIu64, name, n.u);
}

/* Spans that announce more buckets than there are end with them. */
static void print_side(FILE *out, const char *name, bool is_float, const struct histogram_side *s)
{
	int64_t index = 0;
	uint64_t count = 0;
	uint32_t at = 0;
	for (uint32_t i = 0; i < s->n_spans; i++) {
		index += s->spans[i].offset;
		for (uint32_t k = 0; k < s->spans[i].length && at < s->n_buckets; k++) {
			union histogram_number n = s->buckets[at];
			if (!is_float)
				n.u = count += (uint64_t)n.delta;
			fprintf(out, "%s%" PRId64 ":", at == 0 ? name : ",", index++);
			print_count(out, "", is_float, n);
			at++;
		}
	}
}

void wal_print_histogram(FILE *out, const struct histogram *h)
{
	static const char *const resets[] = {
		[HISTOGRAM_RESET_YES] = " reset=yes",
		[HISTOGRAM_RESET_NO] = " reset=no",
		[HISTOGRAM_GAUGE] = " reset=gauge",
	};
	fprintf(out, " histogram %sschema=%" PRId32, h->is_float ? "float " : "", h->schema);
	print_count(out, " count=", h->is_float, h->count);
	if (h->sum_bits == VALUE_STALE_BITS)
		fprintf(out, " sum=stale");
	else
		print_number(out, " sum=", double_of_bits(h->sum_bits));
	print_count(out, " zero=", h->is_float, h->zero_count);
	print_number(out, "@", h->zero_threshold);
	print_side(out, " negative=", h->is_float, &h->side[HISTOGRAM_NEGATIVE]);
	print_side(out, " positive=", h->is_float, &h->side[HISTOGRAM_POSITIVE]);
	for (uint32_t i = 0; i < h->n_bounds; i++)
		print_number(out, i == 0 ? " bounds=" : ",", h->bounds[i]);
	if (h->reset != HISTOGRAM_RESET_UNKNOWN)
		fprintf(out, "%s", resets[h->reset]);
	if (h->start_ms != 0)
		fprintf(out, " since=%" PRId64, h->start_ms);
}
