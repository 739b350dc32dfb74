/* What is said about keys and clocks, and how often. */
#include "../../../remotewrite/signing_log.h"

#include "cmocka_all.h"
#include "sender_world.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/log.h>
#include <stdio.h>
#include <unistd.h>

enum { TEXT_MAX = 16384, MINUTE_MS = 60000 };

struct told {
	struct signing_log log;
	FILE *file;
	int kept;
	char text[TEXT_MAX];
};

/* Log lines go to a file from here on, and to told.text at the end. */
static void listen(struct told *t)
{
	t->file = tmpfile();
	assert_non_null(t->file);
	t->kept = dup(STDERR_FILENO);
	dup2(fileno(t->file), STDERR_FILENO);
}

static void heard(struct told *t)
{
	dup2(t->kept, STDERR_FILENO);
	close(t->kept);
	rewind(t->file);
	t->text[fread(t->text, 1, sizeof t->text - 1, t->file)] = 0;
	fclose(t->file);
}

static unsigned count(const struct told *t, const char *part)
{
	unsigned n = 0;
	for (const char *p = t->text; (p = strstr(p, part)); p += strlen(part))
		n++;
	return n;
}

static void see(struct world *w, struct told *t, struct sender *s, int64_t wall_ms)
{
	signing_log_see(&t->log, &s->signing, s->public_url, loop_now_ms(w->loop), wall_ms);
}

/* Two destinations with the same settings share keys and clock: one line of each kind. */
static void test_found_once(void **state)
{
	struct world w;
	struct told t = {.file = NULL};
	setup(&w);
	w.hold_keys = true;
	struct sender *a = make_signed(&w, "eu-west-1");
	struct remotewrite_options opt = {
		.url = sv_of(w.url), .has_sigv4 = true, .sigv4 = {.region = SV("eu-west-1")}};
	struct sender *b = make(&w, &opt);
	assert_ptr_equal(a->signing.credentials, b->signing.credentials);
	listen(&t);
	int64_t wall_ms = loop_wall_ms(w.loop);
	see(&w, &t, a, wall_ms);
	see(&w, &t, b, wall_ms);
	loop_run(w.loop);
	give_keys(&w, w.keys);
	settle(&w);
	for (int i = 0; i < 3; i++) {
		see(&w, &t, a, wall_ms);
		see(&w, &t, b, wall_ms);
	}
	heard(&t);
	assert_int_equal(count(&t, "being asked for"), 1);
	assert_int_equal(count(&t, "AWS credentials found"), 1);
	assert_int_equal(count(&t, "access_key=ASIATEST1"), 1);
	assert_int_equal(count(&t, "kind=container"), 2);
	assert_int_equal(count(&t, "AWS region to sign for"), 2);
	assert_int_equal(count(&t, "made-up"), 0);
	assert_int_equal(count(&t, "token-"), 0);
	signing_log_deinit(&t.log);
	sender_unref(a);
	sender_unref(b);
	teardown(&w);
}

/* A source that gives nothing is told at once, and again only after a while; then that it works. */
static void test_failing(void **state)
{
	struct world w;
	struct told t = {.file = NULL};
	setup(&w);
	w.keys_status = 404;
	struct sender *s = make_signed(&w, "eu-west-1");
	int64_t wall_ms = loop_wall_ms(w.loop);
	begin(&w, s, 60000);
	run_until_done(&w, 1);
	listen(&t);
	for (int i = 0; i < 5; i++)
		see(&w, &t, s, wall_ms);
	w.keys_status = 0;
	w.write_status = 200;
	for (unsigned n = 2; w.status != 200; n++) {
		begin(&w, s, 60000);
		run_until_done(&w, n);
	}
	see(&w, &t, s, wall_ms);
	see(&w, &t, s, wall_ms);
	heard(&t);
	assert_int_equal(count(&t, "level=ERROR"), 1);
	assert_int_equal(count(&t, "No AWS credentials"), 1);
	assert_int_equal(count(&t, "AWS credentials found"), 1);
	assert_int_equal(count(&t, "renewed again"), 1);
	signing_log_deinit(&t.log);
	sender_unref(s);
	teardown(&w);
}

/* Told when it passes a minute, and when it is right again; noise about the limit is not. */
static void test_clock(void **state)
{
	/* Half a second is for what passes between two looks at the clock. */
	static const int64_t ahead_ms[] = {0,     59000, 61500, 60500,  61500,    56000, 61500,
					   54000, 61500, 0,     -61500, -7200000, 0};
	struct world w;
	struct told t = {.file = NULL};
	setup(&w);
	w.write_status = 200;
	struct sender *s = make_signed(&w, "eu-west-1");
	listen(&t);
	int64_t real_ms = loop_wall_ms(w.loop);
	see(&w, &t, s, real_ms + 86400000); /* not compared yet */
	begin(&w, s, 60000);
	run_until_done(&w, 1);
	for (size_t i = 0; i < sizeof ahead_ms / sizeof ahead_ms[0]; i++) {
		*s->signing.clock = (struct aws_clock){true, real_ms, loop_now_ms(w.loop)};
		see(&w, &t, s, real_ms + ahead_ms[i]);
	}
	heard(&t);
	assert_int_equal(count(&t, "machine's clock is 61s ahead: set it"), 2);
	assert_int_equal(count(&t, "machine's clock is 61s behind: set it"), 1);
	assert_int_equal(count(&t, "set it"), 3);
	assert_int_equal(count(&t, "clock is right again"), 3);
	assert_int_equal(count(&t, "more than 10 minutes ahead"), 3);
	signing_log_deinit(&t.log);
	sender_unref(s);
	teardown(&w);
}

/* What no destination has any more is forgotten, what stays is not told again. */
static void test_reload(void **state)
{
	struct world w;
	struct told t = {.file = NULL};
	setup(&w);
	struct remotewrite_options opt = {.url = sv_of(w.url),
					  .has_sigv4 = true,
					  .sigv4 = {SV("eu-west-1"), SV("AKID1"), SV("s")}};
	struct sender *a = make(&w, &opt);
	opt.sigv4.access_key = SV("AKID2");
	struct sender *b = make(&w, &opt);
	listen(&t);
	signing_log_begin(&t.log);
	see(&w, &t, a, 0);
	see(&w, &t, b, 0);
	signing_log_end(&t.log);
	signing_log_begin(&t.log);
	see(&w, &t, b, 0);
	signing_log_end(&t.log);
	assert_non_null(t.log.keys);
	assert_ptr_equal(t.log.keys->what, b->signing.credentials);
	assert_null(t.log.keys->next);
	heard(&t);
	assert_int_equal(count(&t, "AWS credentials found"), 2);
	signing_log_deinit(&t.log);
	sender_unref(a);
	sender_unref(b);
	teardown(&w);
}

int main(void)
{
	log_init(LOG_DEBUG, LOG_LOGFMT);
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(http_client_global_init(), 0);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_once),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_reload),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
