/* The small readers: they must not read past their input, and must agree with their writers. */
#include <ampagent/base/clock.h>
#include <ampagent/base/text.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_base64(struct sv in)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	_cleanup_(buf_deinit) struct buf back = BUF_NULL;
	buf_init(&out, 1 << 20);
	buf_init(&back, 1 << 20);
	base64_decode(&out, in);
	buf_reset(&out);
	if (base64_encode(&out, in) != 0)
		return;
	if (base64_decode(&back, buf_view(&out)) != 0 || !sv_eq(buf_view(&back), in))
		abort();
}

static void check_url(struct sv in)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	_cleanup_(buf_deinit) struct buf back = BUF_NULL;
	buf_init(&out, 1 << 20);
	buf_init(&back, 1 << 20);
	url_decode(&out, in, false);
	buf_reset(&out);
	if (url_query_escape(&out, in) != 0)
		return;
	if (url_decode(&back, buf_view(&out), true) != 0 || !sv_eq(buf_view(&back), in))
		abort();
}

static void check_duration(struct sv in)
{
	char text[DURATION_MAX];
	int64_t ms, back;
	if (duration_parse(in, &ms) != 0)
		return;
	if (duration_parse(sv_of(duration_format(text, ms)), &back) != 0 || back != ms)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = {"scrape_interval", "scrape_timeout", "job_name", NULL};
	struct sv in = {(const char *)data, size};
	uint64_t bytes;
	int64_t seconds;
	utf8_valid(in);
	size_parse(in, &bytes);
	clock_parse_http_date(in.ptr, in.len, &seconds);
	nearest_word(in, words);
	check_base64(in);
	check_url(in);
	check_duration(in);
	return 0;
}
