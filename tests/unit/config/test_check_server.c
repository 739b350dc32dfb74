/* check_server: blocks of a server are read as strictly as by Prometheus, and forgotten. */
#include "parse.h"

static const struct refusal refusals[] = {
	{"runtime: {gogcc: 5}\n", 1, 11, "unknown key \"gogcc\" in runtime (did you mean"},
	{"runtime: {gogc: a}\n", 1, 17, "\"gogc\": expected integer, found a string"},
	{"runtime: {gogc: 99999999999999999999}\n", 1, 17, "outside the range"},
	{"storage: {tsdb: {out_of_order_time_window: 5}}\n", 1, 44, "is not a duration"},
	{"storage: {tsdb: {chunk_encoding: {floats: xor3}}}\n", 1, 43, "did you mean \"xor\"?"},
	{"storage: {tsdb: {retention: {percentage: 101}}}\n", 1, 42, "between 0 and 100"},
	{"storage: {tsdb: {retention: {percentage: -0.5}}}\n", 1, 42, "between 0 and 100"},
	{"storage: {tsdb: {retention: {percentage: .nan}}}\n", 1, 42, "between 0 and 100"},
	{"storage: {tsdb: {retention: {size: 100}}}\n", 1, 36, "is not a size"},
	{"storage: {exemplars: {max_exemplars: many}}\n", 1, 38, "expected integer"},
	{"storage: {exemplar: {}}\n", 1, 11, "did you mean \"exemplars\"?"},
	{"tracing: {}\n", 1, 10, "\"endpoint\" must be set"},
	{"tracing: {endpoint: ''}\n", 1, 21, "\"endpoint\" must be set"},
	{"tracing: {endpoint: x, client_type: tcp}\n", 1, 37, "\"client_type\": unknown value"},
	{"tracing: {endpoint: x, client_type: ''}\n", 1, 37, "\"client_type\" cannot be empty"},
	{"tracing: {endpoint: x, compression: zstd}\n", 1, 37, "\"compression\": unknown value"},
	{"tracing: {endpoint: x, headers: {authorization: y}}\n", 1, 34, "is not allowed"},
	{"tracing: {endpoint: x, tls_config: {cert: y}}\n", 1, 43, "\"key\" or \"key_file\""},
	{"otlp: {promote_all_resource_attributes: true, promote_resource_attributes: [a]}\n", 1, 76,
	 "exclude each other"},
	{"otlp: {ignore_resource_attributes: [a]}\n", 1, 36, "needs"},
	{"otlp: {promote_resource_attributes: [a, ' a ']}\n", 1, 41, "there twice"},
	{"otlp: {promote_resource_attributes: [a, ' ']}\n", 1, 41, "is empty"},
	{"otlp: {translation_strategy: None}\n", 1, 30, "\"translation_strategy\": unknown value"},
	{"global: {metric_name_validation_scheme: legacy}\n"
	 "otlp: {translation_strategy: NoTranslation}\n",
	 2, 30, "not with the validation scheme legacy"},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

/* Each block gives one warning. */
static void test_accepted(void **state)
{
	static const char *const good[] = {
		"runtime: {gogc: -1}\n",
		"runtime:\n",
		"storage: {tsdb: {out_of_order_time_window: 5m, chunk_encoding: {floats: xor2},\n"
		"  stale_series_compaction_threshold: 0.5, outofordertimewindow: 0,\n"
		"  retention: {time: 15d, size: 1GB, percentage: 50}},\n"
		"  exemplars: {max_exemplars: -1}}\n",
		"tracing: {endpoint: x, client_type: http, sampling_fraction: 0.1, insecure: "
		"true,\n"
		"  headers: {a: b}, compression: gzip, timeout: 5s, tls_config: {ca: x}}\n",
		"tracing:\n",
		"otlp: {promote_all_resource_attributes: true, ignore_resource_attributes: [a],\n"
		"  translation_strategy: NoTranslation, promote_scope_metadata: true,\n"
		"  keep_identifying_resource_attributes: true, convert_histograms_to_nhcb: true,\n"
		"  label_name_underscore_sanitization: false,\n"
		"  label_name_preserve_multiple_underscores: false}\n",
		"otlp: {translation_strategy: ''}\n",
	};
	for (size_t i = 0; i < LEN(good); i++) {
		_cleanup_(config_unrefp) struct config *c = parse_good(good[i]);
		assert_int_equal(c->n_warnings, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
