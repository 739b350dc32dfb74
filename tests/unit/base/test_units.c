#include "check.h"

#include <ampagent/base/text.h>

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
		const char *canonical;
	} good[] = {
		{"0", 0, "0s"},
		{"0s", 0, "0s"},
		{"324ms", 324, "324ms"},
		{"3s", 3000, "3s"},
		{"5m", 300000, "5m"},
		{"1h", 3600000, "1h"},
		{"4d", 345600000, "4d"},
		{"4d1h", 349200000, "4d1h"},
		{"14d", 1209600000, "2w"},
		{"3w", 1814400000, "3w"},
		{"3w2d1h", 1990800000, "23d1h"},
		{"10y", 315360000000, "10y"},
		{"90d", 7776000000, "90d"},
		{"90s", 90000, "1m30s"},
		{"1000ms", 1000, "1s"},
		{"1y2w3d4h5m6s7ms", 33019506007, "382d4h5m6s7ms"},
	};
	for (size_t i = 0; i < N_OF(good); i++) {
		int64_t ms = -1;
		char text[DURATION_MAX];
		assert_int_equal(duration_parse(sv_of(good[i].text), &ms), 0);
		assert_int_equal(ms, good[i].ms);
		assert_string_equal(duration_format(text, ms), good[i].canonical);
		assert_int_equal(duration_parse(sv_of(text), &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	static const char *const bad[] = {
		"",
		"1",
		"00",
		"-1w",
		"1.5d",
		"d",
		"1s1m",
		"1m1m",
		"10s5s",
		"1ms1s",
		"1 s",
		" 1s",
		"1s ",
		"294y",
		"99999999999999999999s",
		"200y106751d",
		"1us",
		"1M",
		"s5",
		"5m3",
		"9223372036854775807ms",
	};
	for (size_t i = 0; i < N_OF(bad); i++) {
		int64_t ms;
		if (duration_parse(sv_of(bad[i]), &ms) != 1)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	char text[DURATION_MAX];
	assert_string_equal(duration_format(text, -1500), "-1s500ms");
	duration_format(text, INT64_MIN);
	duration_format(text, INT64_MAX);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"0B", 0},
		{"100B", 100},
		{"1KB", 1024},
		{"1KiB", 1024},
		{"15MB", 15728640},
		{"2GiB", 2147483648},
		{"1TB", 1099511627776},
		{"1PB", 1125899906842624},
		{"7EiB", 8070450532247928832},
		{"1.5MB", 1572864},
		{".5KB", 512},
		{"5.KB", 5120},
		{"+5MB", 5242880},
		{"1GiB512MiB", 1610612736},
		{"1KB1KB1B", 2049},
	};
	for (size_t i = 0; i < N_OF(good); i++) {
		uint64_t bytes = 1;
		assert_int_equal(size_parse(sv_of(good[i].text), &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	static const char *const bad[] = {
		"",  "100",  "KB",      "1kB", "1K",  "1Ki",           "-1KB", "1 KB", ".KB", "1.5",
		"+", "1KB1", "1KB-1KB", "1ZB", "8EB", "99999999999EB", "1MBB", "1iB",  "1BB",
	};
	for (size_t i = 0; i < N_OF(bad); i++) {
		uint64_t bytes;
		if (size_parse(sv_of(bad[i]), &bytes) != 1)
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
