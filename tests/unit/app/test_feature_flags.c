/* --enable-feature: which names do what, which do nothing, which are refused. */
#include "feature_flags.h"

#include <ampagent/base/log.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char told[4096]; /* on stderr by the last take() */

static int take(struct feature_flags *f, const char *list, struct err *err)
{
	FILE *file = tmpfile();
	int kept = dup(STDERR_FILENO);
	log_init(LOG_INFO, LOG_LOGFMT);
	*err = ERR_NULL;
	dup2(fileno(file), STDERR_FILENO);
	int r = feature_flags_take(f, sv_of(list), err);
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(file);
	told[fread(told, 1, sizeof told - 1, file)] = '\0';
	fclose(file);
	return r;
}

static void names_turn_switches_on(void **state)
{
	struct feature_flags f = {0};
	struct err err;
	assert_int_equal(
		take(&f, "exemplar-storage,old-ui,xor2-encoding,promql-duration-expr", &err), 0);
	const struct feature_flags none = {0};
	assert_memory_equal(&f, &none, sizeof f);
	assert_string_equal(told, "");
	assert_int_equal(take(&f, "native-histograms", &err), 0);
	assert_true(f.config.native_histograms && !f.config.extra_scrape_metrics);
	assert_int_equal(take(&f, "extra-scrape-metrics,st-storage", &err), 0);
	assert_true(f.config.extra_scrape_metrics && f.config.start_times && !f.config.start_zero);
	assert_int_equal(take(&f, "created-timestamp-zero-ingestion,auto-reload-config", &err), 0);
	assert_true(f.config.start_zero && f.auto_reload);
	assert_non_null(strstr(told, "--config.auto-reload"));
}

static void unknown_names_are_warned_of(void **state)
{
	struct feature_flags f = {0};
	struct err err;
	assert_int_equal(take(&f, "native-histogram,,st-storage", &err), 0);
	assert_non_null(strstr(told, "level=WARN"));
	assert_non_null(strstr(told, "Unknown option for --enable-feature"));
	assert_non_null(strstr(told, "option=native-histogram\n"));
	/* The others count. */
	assert_true(f.config.start_times && !f.config.native_histograms);
}

static void what_would_change_data_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{"old-ui,type-and-unit-labels",
		 "--enable-feature=type-and-unit-labels is not built"},
		{"st-synthesis", "--enable-feature=st-synthesis is not built"},
		{"otlp-deltatocumulative,otlp-native-delta-ingestion", "exclude each other"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct feature_flags f = {0};
		struct err err;
		assert_int_equal(take(&f, cases[i][0], &err), 2);
		if (!strstr(err.msg, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_turn_switches_on),
		cmocka_unit_test(unknown_names_are_warned_of),
		cmocka_unit_test(what_would_change_data_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
