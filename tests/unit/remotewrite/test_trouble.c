#include "../../../remotewrite/destination.h"

#include "cmocka_all.h"

#include <ampagent/base/log.h>
#include <stdio.h>
#include <unistd.h>

static struct destination *make(void)
{
	struct destination *d = calloc(1, sizeof *d);
	assert_non_null(d);
	d->cfg.name = SV("test");
	d->cfg.url = SV("http://test/");
	d->now_ms = 1000;
	return d;
}

static const struct answer retry = {.action = ANSWER_RETRY, .cause = CAUSE_SERVER};
static const struct answer stop = {
	.action = ANSWER_STOP, .cause = CAUSE_ACCESS_DENIED, .loud = true};
static const struct answer refused = {
	.action = ANSWER_DROP, .cause = CAUSE_DUPLICATE, .subject = "up"};

/* What fn logs, in lines; the text of it in out. */
static unsigned logged(void (*fn)(struct destination *d), struct destination *d, char out[8192])
{
	FILE *file = tmpfile();
	assert_non_null(file);
	int kept = dup(STDERR_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	fn(d);
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(file);
	size_t len = fread(out, 1, 8191, file);
	fclose(file);
	out[len] = 0;
	unsigned n = 0;
	for (size_t i = 0; i < len; i++)
		n += out[i] == '\n';
	return n;
}

/* A peer that fails every other request for three minutes. */
static void now_and_then(struct destination *d)
{
	for (int i = 0; i < 1800; i++) {
		trouble_retry(d, &retry, "status 500", 30);
		d->now_ms += 50;
		trouble_over(d);
		d->now_ms += 50;
	}
}

static void test_at_most_a_pair_a_minute(void **state)
{
	char text[8192];
	struct destination *d = make();
	assert_int_equal(logged(now_and_then, d, text), 2 * 3);
	assert_non_null(strstr(text, "Failed to send batch, retrying"));
	assert_non_null(strstr(text, "Remote write works again"));
	assert_false(d->has_error);
	free(d);
}

static void one_outage(struct destination *d)
{
	for (int i = 0; i < 100; i++) {
		trouble_retry(d, &stop, "status 403", 1000);
		d->now_ms += 900;
	}
	assert_true(d->has_error);
	trouble_over(d);
}

static void test_outage(void **state)
{
	char text[8192];
	struct destination *d = make();
	assert_int_equal(logged(one_outage, d, text), 3);
	assert_non_null(strstr(text, "level=ERROR"));
	assert_non_null(strstr(text, "need attention"));
	assert_non_null(strstr(text, "after=90.0s"));
	assert_string_equal(d->last_error, "status 403");
	free(d);
}

static void drops(struct destination *d)
{
	for (int i = 0; i < 10; i++)
		trouble_drop(d, &refused, "status 400", DROP_ANSWERED_400, 7);
	trouble_store(d, "disk full");
	trouble_store(d, "disk full");
}

static void test_drops_and_stores(void **state)
{
	char text[8192];
	struct destination *d = make();
	assert_int_equal(logged(drops, d, text), 2);
	assert_non_null(strstr(text, "reason=answered_400"));
	assert_non_null(strstr(text, "count=7"));
	assert_non_null(strstr(text, "cause=duplicate"));
	assert_non_null(strstr(text, "named=up"));
	assert_non_null(strstr(text, "let only one agent write a series"));
	assert_non_null(strstr(text, "disk full"));
	assert_int_equal(d->stats.position_failures, 2);
	assert_true(d->has_error);
	free(d);
}

static void unsigned_for_long(struct destination *d)
{
	static const struct answer none = {
		.action = ANSWER_RETRY, .cause = CAUSE_NO_CREDENTIALS, .loud = true};
	for (int i = 0; i < 5; i++)
		trouble_retry(d, &none, "no AWS credentials: nobody told", 1000);
	trouble_over(d);
}

/* Nobody has refused anything: there was nothing to send with. */
static void test_not_signed(void **state)
{
	char text[8192];
	struct destination *d = make();
	assert_int_equal(logged(unsigned_for_long, d, text), 2);
	assert_non_null(strstr(text, "level=ERROR"));
	assert_non_null(strstr(text, "cannot sign requests"));
	assert_null(strstr(text, "refused"));
	assert_non_null(strstr(text, "ampagent doctor"));
	assert_non_null(strstr(text, "nobody told"));
	assert_non_null(strstr(text, "works again"));
	free(d);
}

static void splits(struct destination *d)
{
	static const struct answer size = {.action = ANSWER_SPLIT, .cause = CAUSE_SIZE};
	trouble_split(d, &size, "status 413");
	trouble_split(d, &size, "status 413");
}

static void test_split(void **state)
{
	char text[8192];
	struct destination *d = make();
	assert_int_equal(logged(splits, d, text), 1);
	assert_non_null(strstr(text, "level=WARN"));
	assert_non_null(strstr(text, "status 413"));
	free(d);
}

/* Each cause has its own first line, and says what to do. */
static void two_causes(struct destination *d)
{
	static const struct answer clock = {
		.action = ANSWER_CLOCK, .cause = CAUSE_CLOCK, .loud = true};
	for (int i = 0; i < 5; i++) {
		trouble_retry(d, &stop, "status 403", 1000);
		trouble_retry(d, &clock, "status 403", 0);
	}
}

static void test_causes(void **state)
{
	char text[8192];
	struct destination *d = make();
	assert_int_equal(logged(two_causes, d, text), 2);
	assert_non_null(strstr(text, "cause=access_denied"));
	assert_non_null(strstr(text, "aps:RemoteWrite"));
	assert_non_null(strstr(text, "cause=clock"));
	assert_non_null(strstr(text, "set the clock"));
	free(d);
}

static void falls_back(struct destination *d)
{
	trouble_fell_back(d, "server returned HTTP status 415");
}

/* The line says what to set. */
static void test_fell_back(void **state)
{
	char text[8192];
	struct destination *d = make();
	assert_int_equal(logged(falls_back, d, text), 1);
	assert_non_null(strstr(text, "level=WARN"));
	assert_non_null(strstr(text, "protobuf_message: prometheus.WriteRequest"));
	assert_non_null(strstr(text, "HTTP status 415"));
	free(d);
}

static void one_request(struct destination *d)
{
	struct slot s = {.d = d, .protocol = REMOTEWRITE_V2, .attempt = 3};
	s.built.books.sent = 12;
	s.built.histograms.sent = 5;
	s.built.exemplars.sent = 2;
	s.built.oldest_ms = 1000;
	s.built.newest_ms = 2000;
	trouble_request(&s, "status 400");
}

static void test_request(void **state)
{
	static const char *const parts[] = {
		"level=DEBUG",        "message=io.prometheus.write.v2.Request",
		"attempt=3",          "samples=7",
		"histograms=5",       "exemplars=2",
		"oldest_ms=1000",     "newest_ms=2000",
		"err=\"status 400\"",
	};
	char text[8192];
	struct destination *d = make();
	assert_int_equal(logged(one_request, d, text), 0);
	log_init(LOG_DEBUG, LOG_LOGFMT);
	assert_int_equal(logged(one_request, d, text), 1);
	log_init(LOG_INFO, LOG_LOGFMT);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (!strstr(text, parts[i]))
			fail_msg("%s: %s", parts[i], text);
	free(d);
}

int main(void)
{
	log_init(LOG_INFO, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_most_a_pair_a_minute),
		cmocka_unit_test(test_outage),
		cmocka_unit_test(test_drops_and_stores),
		cmocka_unit_test(test_fell_back),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_not_signed),
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
