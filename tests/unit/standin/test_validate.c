#include "check.h"

#include "../../../src/standin/validate.h"

#include <ampagent/base/number.h>
#include <math.h>

enum { LABELS_MAX = 200 };

/* "name=value,..." into labels. */
static size_t split(const char *text, struct wire_label *labels)
{
	struct sv rest = sv_of(text);
	size_t n = 0;
	while (rest.len > 0) {
		struct sv one = sv_make(rest.ptr, sv_find(rest, ','));
		size_t equals = sv_find(one, '=');
		rest = sv_from(rest, one.len + 1);
		labels[n++] =
			(struct wire_label){sv_make(one.ptr, equals), sv_from(one, equals + 1)};
	}
	return n;
}

static void expect(const struct wire_series *s, const char *words)
{
	_cleanup_(buf_deinit) struct buf why = BUF_NULL;
	buf_init(&why, 1 << 20);
	int rc = validate_labels(s, &why);
	if (rc != (words != NULL))
		fail_msg("%d (%.*s) where \"%s\" was expected", rc, SV_ARG(buf_view(&why)),
			 words ? words : "no reason");
	if (words)
		assert_says(buf_view(&why), words);
}

static void label_rules(void **state)
{
	static const struct {
		const char *labels, *words;
	} cases[] = {
		{"__name__=up", NULL},
		{"__name__=job:up:rate5m,a=b", NULL},
		{"A=1,__name__=up,a=1", NULL},
		{"__name__=up,a=\xc3\xa9", NULL},
		{"", "sample missing metric name"},
		{"a=b", "sample missing metric name"},
		{"__name__=", "sample missing metric name"},
		{"__name__=9up", "sample invalid metric name: \"9up\""},
		{"__name__=u-p", "sample invalid metric name: \"u-p\""},
		{"__name__=\xc3\xa9", "sample invalid metric name"},
		{"__name__=up,b=1,a=2", "labels not sorted: \"a\" metric \"up{b=\\\"1\\\""},
		{"a=1,__name__=up", "labels not sorted: \"__name__\""},
		{"__name__=up,a=1,a=1", "duplicate label name: \"a\""},
		{"__name__=up,__name__=up", "duplicate label name: \"__name__\""},
		{"__name__=up,a=", "label value empty: \"a\""},
		{"__name__=up,=x", "sample invalid label: \"\""},
		{"__name__=up,a:b=x", "sample invalid label: \"a:b\""},
		{"__name__=up,a.b=x", "sample invalid label: \"a.b\""},
		{"__name__=up,a=\xff", "not valid UTF-8"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct wire_label labels[LABELS_MAX];
		struct wire_series s = {.labels = labels};
		s.n_labels = split(cases[i].labels, labels);
		expect(&s, cases[i].words);
	}
}

static void number_of_labels(void **state)
{
	struct wire_label labels[LABELS_MAX];
	char names[LABELS_MAX][8];
	labels[0] = (struct wire_label){SV("__name__"), SV("up")};
	for (int i = 1; i < LABELS_MAX; i++) {
		snprintf(names[i], sizeof names[i], "a%03d", i);
		labels[i] = (struct wire_label){sv_of(names[i]), SV("x")};
	}
	struct wire_series s = {.labels = labels, .n_labels = 150};
	expect(&s, NULL);
	s.n_labels = 151;
	expect(&s, "series has too many labels (actual: 151, limit: 150)");
}

static void bytes_of_labels(void **state)
{
	char *value = malloc(8000);
	memset(value, 'x', 8000);
	size_t room = 7 * 1024 - strlen("__name__"
					"up"
					"a");
	struct wire_label labels[] = {{SV("__name__"), SV("up")}, {SV("a"), {value, room}}};
	struct wire_series s = {.labels = labels, .n_labels = 2};
	expect(&s, NULL);
	labels[1].value.len++;
	expect(&s, "labels size bytes exceeded for metric (actual: 7169, limit: 7168)");
	free(value);
}

static void histogram_rules(void **state)
{
	static const struct wire_span two = {.offset = 0, .length = 2};
	static const struct wire_span back[] = {{0, 1}, {-1, 1}};
	static const int64_t good[] = {1, 1}, negative[] = {1, -2}, huge[] = {INT64_MAX, 1};
	static const double floats[] = {1, 2}, minus[] = {1, -1}, nan_count[] = {1, NAN};
	static const struct wire_buckets none = {0};
	const struct {
		struct wire_histogram h;
		const char *words;
	} cases[] = {
		{{.count_int = 3, .positive = {&two, 1, good, 2, NULL, 0}}, NULL},
		{{.count_int = 3, .negative = {&two, 1, good, 2, NULL, 0}}, NULL},
		{{.count_int = 5, .zero_count_int = 2, .positive = {&two, 1, good, 2, NULL, 0}},
		 NULL},
		{{.count_int = 0, .positive = none}, NULL},
		{{.schema = 8}, NULL},
		{{.schema = -4}, NULL},
		{{.schema = 9}, "schema: 9"},
		{{.schema = -5}, "schema: -5"},
		{{.schema = -53, .n_custom_values = 2}, "schema: -53"},
		{{.schema = -53, .sum_bits = VALUE_STALE_BITS}, NULL},
		{{.count_int = 4, .positive = {&two, 1, good, 2, NULL, 0}}, "should equal"},
		{{.count_int = 4,
		  .sum_bits = VALUE_NAN_BITS,
		  .positive = {&two, 1, good, 2, NULL, 0}},
		 NULL},
		{{.count_int = 2,
		  .sum_bits = VALUE_NAN_BITS,
		  .positive = {&two, 1, good, 2, NULL, 0}},
		 "should equal"},
		{{.positive = {&two, 1, good, 1, NULL, 0}}, "do not match"},
		{{.positive = {&two, 1, NULL, 0, floats, 2}}, "do not match"},
		{{.positive = {back, 2, good, 2, NULL, 0}}, "do not match"},
		{{.positive = {&two, 1, negative, 2, NULL, 0}}, "negative"},
		{{.positive = {&two, 1, huge, 2, NULL, 0}}, "negative"},
		{{.is_float = true, .count_float = 3, .positive = {&two, 1, NULL, 0, floats, 2}},
		 NULL},
		{{.is_float = true, .count_float = 3, .positive = {&two, 1, good, 2, NULL, 0}},
		 "do not match"},
		{{.is_float = true, .count_float = -1}, "negative"},
		{{.is_float = true, .count_float = 0, .positive = {&two, 1, NULL, 0, minus, 2}},
		 "negative"},
		{{.is_float = true, .count_float = 1, .positive = {&two, 1, NULL, 0, nan_count, 2}},
		 "negative"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(buf_deinit) struct buf why = BUF_NULL;
		buf_init(&why, 4096);
		int rc = validate_histogram(&cases[i].h, WIRE_V1, &why);
		if (rc != (cases[i].words != NULL))
			fail_msg("case %zu: %d (%.*s)", i, rc, SV_ARG(buf_view(&why)));
		if (cases[i].words)
			assert_says(buf_view(&why), cases[i].words);
	}
}

/* In 2.0 every UTF-8 name is good; the rest is as before. */
static void label_rules_of_2_0(void **state)
{
	static const struct {
		const char *labels, *words;
	} cases[] = {
		{"__name__=\xc3\xa9", NULL},
		{"__name__=http.requests,a.b=x", NULL},
		{"__name__=\xff", "sample invalid metric name"},
		{"__name__=up,\xff=x", "sample invalid label"},
		{"__name__=up,=x", "sample invalid label: \"\""},
		{"a=b", "sample missing metric name"},
		{"__name__=up,b=1,a=2", "labels not sorted: \"a\""},
		{"__name__=up,a=1,a=1", "duplicate label name: \"a\""},
		{"__name__=up,a=", "label value empty: \"a\""},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct wire_label labels[LABELS_MAX];
		struct wire_series s = {.labels = labels, .v2 = true};
		s.n_labels = split(cases[i].labels, labels);
		expect(&s, cases[i].words);
	}
}

static void custom_buckets_of_2_0(void **state)
{
	static const struct wire_span two = {.offset = 1, .length = 2}, three = {0, 4};
	static const double counts[] = {1, 2, 0, 0};
	static const double up[] = {0.5, 1}, same[] = {1, 1}, inf[] = {1, INFINITY};
	const struct wire_buckets fit = {&two, 1, NULL, 0, counts, 2};
	const struct wire_buckets wide = {&three, 1, NULL, 0, counts, 4};
#define CUSTOM(...) .schema = -53, .is_float = true, .count_float = 3, __VA_ARGS__
	const struct {
		struct wire_histogram h;
		const char *words;
	} cases[] = {
		{{CUSTOM(.positive = fit, .custom_values = up, .n_custom_values = 2)}, NULL},
		{{CUSTOM(.positive = fit, .custom_values = up, .n_custom_values = 1)},
		 "more buckets"},
		{{CUSTOM(.positive = wide, .custom_values = up, .n_custom_values = 2)},
		 "more buckets"},
		{{CUSTOM(.positive = fit, .custom_values = same, .n_custom_values = 2)},
		 "ascending"},
		{{CUSTOM(.positive = fit, .custom_values = inf, .n_custom_values = 2)}, "finite"},
		{{CUSTOM(.negative = fit, .custom_values = up, .n_custom_values = 2)},
		 "no negative"},
		{{CUSTOM(.zero_count_float = 1, .custom_values = up, .n_custom_values = 2)},
		 "no zero"},
		{{.schema = 3, .custom_values = up, .n_custom_values = 2}, "schema: 3"},
		{{.schema = -52}, "schema: -52"},
		{{.schema = 3}, NULL},
	};
#undef CUSTOM
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(buf_deinit) struct buf why = BUF_NULL;
		buf_init(&why, 4096);
		int rc = validate_histogram(&cases[i].h, WIRE_V2, &why);
		if (rc != (cases[i].words != NULL))
			fail_msg("case %zu: %d (%.*s)", i, rc, SV_ARG(buf_view(&why)));
		if (cases[i].words)
			assert_says(buf_view(&why), cases[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label_rules),        cmocka_unit_test(number_of_labels),
		cmocka_unit_test(bytes_of_labels),    cmocka_unit_test(histogram_rules),
		cmocka_unit_test(label_rules_of_2_0), cmocka_unit_test(custom_buckets_of_2_0),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
