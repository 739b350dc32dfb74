/* Metric messages: random ones that libprotobuf-c wrote are read back equal; parts that come in
 * pieces; labels and keys. */
#include "../../../scrape/proto_message.h"
#include "exposition.pb-c.h"
#include "proto_writer.h"

#include <ampagent/base/number.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t state_x;

static uint64_t any(void)
{
	state_x ^= state_x << 13, state_x ^= state_x >> 7, state_x ^= state_x << 17;
	return state_x;
}

static unsigned below(unsigned n)
{
	return (unsigned)(any() >> 33) % n;
}

/* The messages live in one arena; all lists have up to LIST elements. */
enum { LIST = 5 };
static struct arena world;

static void *make(size_t size, size_t n)
{
	void *p = arena_calloc(&world, n ? n : 1, size);
	assert_non_null(p);
	return p;
}

static double any_double(void)
{
	static const double common[] = {0, 1, 0.5, -3, 1e9};
	return below(3) ? common[below(5)] : double_of_bits(any() & UINT64_C(0xffefffffffffffff));
}

static uint64_t any_count(void)
{
	return below(3) ? below(300) : any();
}

static char *any_text(void)
{
	static const char *const texts[] = {"", "a", "l\xc3\xa9on", "le", "a longer text"};
	return arena_strdup(&world, sv_of(texts[below(5)]));
}

static Exposition__Time *any_time(void)
{
	if (below(2))
		return NULL;
	Exposition__Time *t = make(sizeof *t, 1);
	exposition__time__init(t);
	t->seconds = (int64_t)any_count();
	t->nanos = (int32_t)below(1000000000);
	return t;
}

/* Fills a list of messages with init() and fill(). */
#define ANY_LIST(type, prefix, n_out, list_out, fill)                                              \
	do {                                                                                       \
		n_out = below(LIST);                                                               \
		list_out = make(sizeof *(list_out), n_out);                                        \
		for (size_t k_ = 0; k_ < n_out; k_++) {                                            \
			(list_out)[k_] = make(sizeof(type), 1);                                    \
			prefix##__init((list_out)[k_]);                                            \
			fill((list_out)[k_]);                                                      \
		}                                                                                  \
	} while (0)

static void fill_label(Exposition__LabelPair *l)
{
	l->name = any_text();
	l->value = any_text();
}

static void fill_exemplar(Exposition__Exemplar *x)
{
	ANY_LIST(Exposition__LabelPair, exposition__label_pair, x->n_label, x->label, fill_label);
	x->value = any_double();
	x->timestamp = any_time();
}

static Exposition__Exemplar *any_exemplar(void)
{
	if (below(2))
		return NULL;
	Exposition__Exemplar *x = make(sizeof *x, 1);
	exposition__exemplar__init(x);
	fill_exemplar(x);
	return x;
}

static void fill_quantile(Exposition__Quantile *q)
{
	q->quantile = any_double();
	q->value = any_double();
}

static void fill_bucket(Exposition__Bucket *b)
{
	b->cumulative_count = any_count();
	b->upper_bound = any_double();
	b->exemplar = any_exemplar();
	b->cumulative_count_float = below(3) ? 0 : any_double();
}

static void fill_span(Exposition__Span *s)
{
	s->offset = (int32_t)any();
	s->length = (uint32_t)any();
}

#define ANY_NUMBERS(n_out, list_out, value)                                                        \
	do {                                                                                       \
		n_out = below(LIST);                                                               \
		list_out = make(sizeof *(list_out), n_out);                                        \
		for (size_t k_ = 0; k_ < n_out; k_++)                                              \
			(list_out)[k_] = value;                                                    \
	} while (0)

static Exposition__Histogram *any_histogram(void)
{
	Exposition__Histogram *h = make(sizeof *h, 1);
	exposition__histogram__init(h);
	h->sample_count = any_count();
	h->sample_sum = any_double();
	h->sample_count_float = any_double();
	h->schema = (int32_t)any();
	h->zero_threshold = any_double();
	h->zero_count = any_count();
	h->zero_count_float = any_double();
	h->start_timestamp = any_time();
	ANY_LIST(Exposition__Bucket, exposition__bucket, h->n_bucket, h->bucket, fill_bucket);
	ANY_LIST(Exposition__Span, exposition__span, h->n_negative_span, h->negative_span,
		 fill_span);
	ANY_LIST(Exposition__Span, exposition__span, h->n_positive_span, h->positive_span,
		 fill_span);
	ANY_LIST(Exposition__Exemplar, exposition__exemplar, h->n_exemplars, h->exemplars,
		 fill_exemplar);
	ANY_NUMBERS(h->n_negative_delta, h->negative_delta, (int64_t)any());
	ANY_NUMBERS(h->n_positive_delta, h->positive_delta, (int64_t)any());
	ANY_NUMBERS(h->n_negative_count, h->negative_count, any_double());
	ANY_NUMBERS(h->n_positive_count, h->positive_count, any_double());
	return h;
}

static Exposition__Metric *any_metric(void)
{
	Exposition__Metric *m = make(sizeof *m, 1);
	exposition__metric__init(m);
	ANY_LIST(Exposition__LabelPair, exposition__label_pair, m->n_label, m->label, fill_label);
	for (size_t i = 0; i < m->n_label; i++)
		if (!m->label[i]->name[0])
			m->label[i]->name = arena_strdup(&world, SV("n"));
	m->timestamp_ms = (int64_t)any_count();
	m->gauge = make(sizeof *m->gauge, 1);
	exposition__gauge__init(m->gauge);
	m->gauge->value = any_double();
	m->untyped = make(sizeof *m->untyped, 1);
	exposition__gauge__init(m->untyped);
	m->untyped->value = any_double();
	m->counter = make(sizeof *m->counter, 1);
	exposition__counter__init(m->counter);
	m->counter->value = any_double();
	m->counter->exemplar = any_exemplar();
	m->counter->start_timestamp = any_time();
	m->summary = make(sizeof *m->summary, 1);
	exposition__summary__init(m->summary);
	m->summary->sample_count = any_count();
	m->summary->sample_sum = any_double();
	m->summary->start_timestamp = any_time();
	ANY_LIST(Exposition__Quantile, exposition__quantile, m->summary->n_quantile,
		 m->summary->quantile, fill_quantile);
	m->histogram = any_histogram();
	return m;
}

static void same_double(uint64_t bits, double wanted)
{
	assert_true(bits == bits_of_double(wanted));
}

static void same_time(const struct proto_time *t, const Exposition__Time *wanted)
{
	assert_int_equal(t->present, wanted != NULL);
	assert_true(!wanted || (t->seconds == wanted->seconds && t->nanos == wanted->nanos));
}

static void same_labels(const struct label *v, size_t n, Exposition__LabelPair *const *wanted,
			size_t n_wanted)
{
	assert_int_equal(n, n_wanted);
	for (size_t i = 0; i < n; i++) {
		assert_true(sv_eq(v[i].name, sv_of(wanted[i]->name)));
		assert_true(sv_eq(v[i].value, sv_of(wanted[i]->value)));
	}
}

static void same_exemplar(const struct proto_exemplar *x, const Exposition__Exemplar *wanted)
{
	assert_true(x->bits == bits_of_double(wanted->value));
	assert_int_equal(x->has_time, wanted->timestamp != NULL);
	if (x->has_time)
		assert_true(x->t_ms == (int64_t)((uint64_t)wanted->timestamp->seconds * 1000 +
						 (uint64_t)wanted->timestamp->nanos / 1000000));
	same_labels(x->labels, x->n_labels, wanted->label, wanted->n_label);
}

static void same_side(const struct proto_side *s, Exposition__Span *const *spans, size_t n_spans,
		      const int64_t *deltas, size_t n_deltas, const double *counts, size_t n_counts)
{
	assert_true(s->n_spans == n_spans && s->n_deltas == n_deltas && s->n_counts == n_counts);
	for (size_t i = 0; i < n_spans; i++)
		assert_true(s->spans[i].offset == spans[i]->offset &&
			    s->spans[i].length == spans[i]->length);
	for (size_t i = 0; i < n_deltas; i++)
		assert_true(s->deltas[i].delta == deltas[i]);
	for (size_t i = 0; i < n_counts; i++)
		same_double(s->counts[i].u, counts[i]);
}

static void same_buckets(const struct proto_histogram *h, const Exposition__Histogram *wanted,
			 struct arena *arena)
{
	assert_int_equal(h->n_buckets, wanted->n_bucket);
	for (size_t i = 0; i < h->n_buckets; i++) {
		const Exposition__Bucket *b = wanted->bucket[i];
		same_double(h->buckets[i].bits, b->cumulative_count_float != 0
							? b->cumulative_count_float
							: (double)b->cumulative_count);
		same_double(bits_of_double(h->buckets[i].bound), b->upper_bound);
		struct proto_exemplar_range one = {.from = i, .to = i + 1};
		const struct proto_exemplar *x;
		size_t n;
		assert_int_equal(proto_histogram_exemplars(h, &one, arena, &x, &n, NULL), 0);
		assert_int_equal(n, b->exemplar != NULL);
		if (n)
			same_exemplar(x, b->exemplar);
	}
}

static void same_histogram(const struct proto_histogram *h, const Exposition__Histogram *wanted,
			   struct arena *arena)
{
	assert_true(h->count == wanted->sample_count && h->zero_count == wanted->zero_count);
	same_double(h->count_bits, wanted->sample_count_float);
	same_double(h->sum_bits, wanted->sample_sum);
	assert_int_equal(h->schema, wanted->schema);
	same_double(bits_of_double(h->zero_threshold), wanted->zero_threshold);
	same_double(bits_of_double(h->zero_count_float), wanted->zero_count_float);
	same_time(&h->start, wanted->start_timestamp);
	same_side(&h->side[HISTOGRAM_NEGATIVE], wanted->negative_span, wanted->n_negative_span,
		  wanted->negative_delta, wanted->n_negative_delta, wanted->negative_count,
		  wanted->n_negative_count);
	same_side(&h->side[HISTOGRAM_POSITIVE], wanted->positive_span, wanted->n_positive_span,
		  wanted->positive_delta, wanted->n_positive_delta, wanted->positive_count,
		  wanted->n_positive_count);
	same_buckets(h, wanted, arena);
	struct proto_exemplar_range all = {.own = true, .to = h->n_exemplars};
	const struct proto_exemplar *x;
	size_t n;
	assert_int_equal(proto_histogram_exemplars(h, &all, arena, &x, &n, NULL), 0);
	assert_int_equal(n, wanted->n_exemplars);
	for (size_t i = 0; i < n; i++)
		same_exemplar(&x[i], wanted->exemplars[i]);
}

static void same_metric(struct sv message, const Exposition__Metric *wanted, int32_t type)
{
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 1 << 20);
	struct proto_metric m = {.message = message};
	assert_int_equal(proto_metric_read(&m, type, &arena, NULL), 0);
	assert_true(m.t_ms == wanted->timestamp_ms);
	same_double(m.gauge, wanted->gauge->value);
	same_double(m.untyped, wanted->untyped->value);
	same_double(m.counter.bits, wanted->counter->value);
	same_time(&m.counter.start, wanted->counter->start_timestamp);
	assert_int_equal(m.counter.exemplar.present, wanted->counter->exemplar != NULL);
	if (type == PROTO_COUNTER && m.counter.exemplar.present) {
		struct proto_exemplar x = proto_exemplar_of(&m.counter.exemplar);
		same_exemplar(&x, wanted->counter->exemplar);
	}
	assert_true(m.summary.count == wanted->summary->sample_count);
	same_double(m.summary.sum_bits, wanted->summary->sample_sum);
	same_time(&m.summary.start, wanted->summary->start_timestamp);
	assert_int_equal(m.summary.n_quantiles, wanted->summary->n_quantile);
	for (size_t i = 0; type == PROTO_SUMMARY && i < m.summary.n_quantiles; i++) {
		same_double(m.summary.quantiles[i].quantile,
			    wanted->summary->quantile[i]->quantile);
		same_double(m.summary.quantiles[i].value, wanted->summary->quantile[i]->value);
	}
	if (type >= PROTO_HISTOGRAM)
		same_histogram(&m.histogram, wanted->histogram, &arena);
	assert_int_equal(proto_metric_labels(&m, &arena, NULL), 0);
	same_labels(m.labels, m.n_labels, wanted->label, wanted->n_label);
}

static void random_metrics_are_read_back(void **state)
{
	state_x = UINT64_C(0x9e3779b97f4a7c15);
	arena_init(&world, 1 << 20);
	for (int i = 0; i < 3000; i++) {
		Exposition__Metric *wanted = any_metric();
		size_t n = exposition__metric__get_packed_size(wanted);
		_cleanup_(freep) uint8_t *bytes = malloc(n ? n : 1);
		assert_int_equal(exposition__metric__pack(wanted, bytes), n);
		for (int32_t type = 0; type < N_PROTO_TYPES; type++)
			same_metric(sv_make((char *)bytes, n), wanted, type);
		arena_reset(&world);
	}
	arena_deinit(&world);
}

/* A message that comes twice is one: lists are joined, later numbers win. */
static void parts_are_joined(void **state)
{
	_cleanup_(buf_deinit) struct buf b;
	buf_init(&b, 1 << 16);
	for (unsigned i = 0; i < 2; i++) {
		size_t counter = pw_begin(&b, 3);
		if (i == 0)
			pw_double(&b, 1, 4);
		pw_exemplar(&b, 2, i ? SV("b") : SV("a"), i, i ? -1 : 6);
		pw_end(&b, counter);
		size_t histogram = pw_begin(&b, 7);
		pw_bucket(&b, i, i);
		pw_signed(&b, 5, (int)i);
		pw_end(&b, histogram);
	}
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 1 << 20);
	struct proto_metric m = {.message = buf_view(&b)};
	assert_int_equal(proto_metric_read(&m, PROTO_COUNTER, &arena, NULL), 0);
	same_double(m.counter.bits, 4);
	struct proto_exemplar x = proto_exemplar_of(&m.counter.exemplar);
	assert_int_equal(x.n_labels, 2);
	assert_true(sv_eq(x.labels[0].value, SV("a")) && sv_eq(x.labels[1].value, SV("b")));
	assert_true(x.has_time && x.t_ms == 6000 && double_of_bits(x.bits) == 1);
	m = (struct proto_metric){.message = buf_view(&b)};
	assert_int_equal(proto_metric_read(&m, PROTO_HISTOGRAM, &arena, NULL), 0);
	assert_int_equal(m.histogram.n_buckets, 2);
	assert_int_equal(m.histogram.schema, 1);
}

/* Labels are "name=value" with ','. */
static uint64_t labels_key(const char *text)
{
	_cleanup_(buf_deinit) struct buf b;
	buf_init(&b, 1 << 16);
	struct sv rest = sv_of(text);
	while (rest.len > 0) {
		size_t comma = sv_find(rest, ','), equals = sv_find(rest, '=');
		pw_label(&b, sv_make(rest.ptr, equals),
			 sv_make(rest.ptr + equals + 1, comma - equals - 1));
		rest = sv_from(rest, comma + 1);
	}
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 1 << 16);
	struct proto_metric m = {.message = buf_view(&b)};
	if (!m.message.ptr)
		m.message = SV("");
	assert_int_equal(proto_metric_read(&m, PROTO_GAUGE, &arena, NULL), 0);
	assert_int_equal(proto_metric_labels(&m, &arena, NULL), 0);
	return m.labels_key;
}

static void keys_tell_labels_apart(void **state)
{
	static const char *const sets[] = {"",        "a=b",     "ab=", "b=a", "a=b,c=d", "a=bc,d=",
					   "a=,b=cd", "a=b,a=b", "a=",  "b=",  "a=,b=",   "a=b,c="};
	enum { N = sizeof sets / sizeof *sets };
	hash_set_key(7);
	uint64_t keys[N];
	for (size_t i = 0; i < N; i++)
		keys[i] = labels_key(sets[i]);
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < i; k++)
			if (keys[i] == keys[k])
				fail_msg("%s and %s", sets[i], sets[k]);
	/* Their order does not matter. */
	assert_true(labels_key("c=d,a=b") == labels_key("a=b,c=d"));
	/* As others that know only the labels may count on. */
	uint64_t chained = labels_key("a=b");
	struct label le = {SV("le"), SV("1.0")};
	assert_true(proto_key_add_label(chained, &le) == labels_key("a=b,le=1.0"));
}

static void bad_labels_are_refused(void **state)
{
	static const struct {
		struct sv metric;
		int code;
	} cases[] = {
		{SV("\x0a\x06\x0a\x01"
		    "a\x12\x01\xff"),
		 2},
		{SV("\x0a\x06\x0a\x01\xff\x12\x01"
		    "b"),
		 2},
		{SV("\x0a\x05\x0a\x00\x12\x01"
		    "b"),
		 2},
		{SV("\x0a\x08\x0a\x00\x0a\x01"
		    "a\x12\x01"
		    "b"),
		 2}, /* its first name is empty */
		{SV("\x0a\x03\x12\x01"
		    "b"),
		 0}, /* no name at all is taken */
		{SV("\x0a\x00"), 0},
		{SV("\x0a\x01\x0a"), 2},
		{SV("\x0a\x08\x0a\x01"
		    "a\x12\x03\xe2\x82\xac"),
		 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(arena_deinit) struct arena arena;
		arena_init(&arena, 1 << 16);
		struct proto_metric m = {.message = cases[i].metric};
		struct err err = ERR_NULL;
		assert_int_equal(proto_metric_read(&m, PROTO_GAUGE, &arena, &err), 0);
		if (proto_metric_labels(&m, &arena, &err) != cases[i].code)
			fail_msg("case %zu", i);
		assert_int_equal(err.msg[0] != 0, cases[i].code != 0);
	}
}

static void without_memory(void **state)
{
	_cleanup_(buf_deinit) struct buf b;
	buf_init(&b, 1 << 16);
	size_t at = pw_begin(&b, 7);
	for (int i = 0; i < 8; i++)
		pw_bucket(&b, 1, i);
	pw_end(&b, at);
	at = pw_begin(&b, 3);
	pw_exemplar(&b, 2, SV("x"), 1, 1);
	pw_end(&b, at);
	pw_label(&b, SV("a"), SV("b"));
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 16);
	struct proto_metric m = {.message = buf_view(&b)};
	assert_int_equal(proto_metric_read(&m, PROTO_HISTOGRAM, &arena, NULL), ERR_NOMEM);
	m = (struct proto_metric){.message = buf_view(&b)};
	assert_int_equal(proto_metric_read(&m, PROTO_COUNTER, &arena, NULL), ERR_NOMEM);
	m = (struct proto_metric){.message = buf_view(&b)};
	assert_int_equal(proto_metric_read(&m, PROTO_GAUGE, &arena, NULL), 0);
	assert_int_equal(proto_metric_labels(&m, &arena, NULL), ERR_NOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_metrics_are_read_back),
		cmocka_unit_test(parts_are_joined),
		cmocka_unit_test(keys_tell_labels_apart),
		cmocka_unit_test(bad_labels_are_refused),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
