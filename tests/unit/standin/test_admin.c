/* The pages beside the endpoint. */
#include "check.h"
#include "endpoint.h"
#include "wire.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/file.h>

static void the_counts_as_json(void **state)
{
	start_default();
	write_now();
	write_at(1000);
	get(REMOTE_WRITE);
	assert_int_equal(get("/stats"), 200);
	assert_string_equal(got.content_type, "application/json");
	static const char *const words[] = {
		"\"requests\":3",     "\"accepted\":1",
		"\"answered_400\":1", "\"samples\":2",
		"\"refused\":2",      "\"too_old\":2",
		"\"uptime_ms\":",     "\"answers\":{\"200\":1,\"400\":1,\"405\":1}",
	};
	for (size_t i = 0; i < N_OF(words); i++)
		assert_says(buf_view(&got.body), words[i]);
}

static void the_series_as_lines(void **state)
{
	start_default();
	int64_t now = clock_wall_ms();
	write_at(now);
	write_at(now + 1);
	char want[256];
	assert_int_equal(get("/series?match=a"), 200);
	snprintf(want, sizeof want,
		 "{\"labels\":{\"__name__\":\"a\",\"job\":\"x\"},\"count\":2,\"last_ms\":%lld,"
		 "\"last_value\":1.5,\"last_bits\":\"3ff8000000000000\"}\n",
		 (long long)now + 1);
	assert_sv(buf_view(&got.body), want);
	assert_int_equal(get("/series?match=nothing"), 200);
	assert_int_equal(got.body.len, 0);
	assert_int_equal(get("/series?full=1"), 200);
	assert_says(buf_view(&got.body), "\"__name__\":\"a\"");
	assert_says(buf_view(&got.body), "\"__name__\":\"b\"");
}

static void without_full_a_thousand_series(void **state)
{
	_cleanup_(buf_deinit) struct buf raw = BUF_NULL, body = BUF_NULL;
	buf_init(&raw, WIRE_MAX);
	buf_init(&body, WIRE_MAX);
	char name[32];
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof name, "__name__=m%d", i);
		put_one(&raw, name, clock_wall_ms(), i);
	}
	snappy_block_compress(&body, buf_view(&raw));
	start_default();
	struct ask a = write_ask(buf_view(&body));
	assert_int_equal(ask(&a), 200);
	static const struct {
		const char *target;
		int lines;
	} cases[] = {{"/series", 1000}, {"/series?full=1", 1500}};
	for (size_t i = 0; i < N_OF(cases); i++) {
		assert_int_equal(get(cases[i].target), 200);
		int lines = 0;
		for (size_t k = 0; k < got.body.len; k++)
			lines += got.body.ptr[k] == '\n';
		assert_int_equal(lines, cases[i].lines);
	}
}

static void pages_and_methods(void **state)
{
	start_default();
	assert_int_equal(get("/"), 200);
	assert_int_equal(get("/flush"), 405);
	assert_int_equal(post("/flush"), 200);
	assert_int_equal(post("/stats"), 405);
	assert_int_equal(get("/nothing"), 404);
	/* Pages are not requests to the endpoint. */
	assert_int_equal(standin_stats_get(standin).requests, 1);
}

static void the_record_file(void **state)
{
	char path[] = "/tmp/ampagent-standin-XXXXXX";
	int fd = mkstemp(path);
	struct standin_options o = standin_options_default();
	o.record = sv_of(path);
	o.max_age_s = 0;
	start(&o);
	assert_int_equal(write_at(1000), 200);
	assert_int_equal(write_at(1000), 200);
	assert_int_equal(post("/flush"), 200);
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, 4096);
	assert_int_equal(file_read(path, &text, NULL), 0);
	assert_sv(buf_view(&text), "1000 3ff8000000000000 {__name__=\"a\",job=\"x\"}\n"
				   "1000 4000000000000000 {__name__=\"b\"}\n");
	close(fd);
	unlink(path);
}

#define OVER_LOOPBACK(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_LOOPBACK(the_counts_as_json),
		OVER_LOOPBACK(the_series_as_lines),
		OVER_LOOPBACK(without_full_a_thousand_series),
		OVER_LOOPBACK(pages_and_methods),
		OVER_LOOPBACK(the_record_file),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
