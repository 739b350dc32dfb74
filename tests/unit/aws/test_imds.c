/* Instance metadata as the service answers, and what its refusals and its silence mean. */
#include "source_rig.h"

#include "session_private.h"
#include <ampagent/aws/imds.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define PUT_TOKEN "PUT /latest/api/token"
#define REGION "/latest/meta-data/placement/region"
#define GET_REGION "GET " REGION

struct end {
	struct rig *rig;
	unsigned n;
	enum aws_imds_result result;
	char text[128], why[ERR_MSG_MAX];
	int64_t peer_now_ms;
	struct aws_imds **cancel; /* in the callback: this one is ended, */
	bool again;               /* another begun for the next end, */
	bool goes_on;             /* and the loop is not stopped */
};

static struct aws_imds *begin(struct end *e);

static void on_end(void *cls, enum aws_imds_result result, struct sv text, int64_t peer_now_ms,
		   const struct err *why)
{
	struct end *e = cls;
	e->n++;
	e->result = result;
	e->peer_now_ms = peer_now_ms;
	snprintf(e->text, sizeof e->text, "%.*s", SV_ARG(text));
	snprintf(e->why, sizeof e->why, "%s", result == AWS_IMDS_OK ? "" : why->msg);
	assert_true(result == AWS_IMDS_OK || why->msg[0]);
	if (e->cancel)
		aws_imds_cancel(take_ptr(*e->cancel));
	if (e->again)
		begin(&e[1]);
	if (!e->goes_on)
		loop_stop(e->rig->loop);
}

static struct aws_imds *begin(struct end *e)
{
	struct aws_imds *i;
	struct err err = ERR_NULL;
	unsigned before = e->n;
	if (aws_imds_start(e->rig->session, &e->rig->settings, SV(REGION), on_end, e, &i, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(e->n, before);
	return i;
}

static void get(struct end *e)
{
	unsigned before = e->n;
	begin(e);
	rig_turn(e->rig);
	assert_int_equal(e->n, before + 1);
}

static void assert_end(const struct end *e, enum aws_imds_result result, const char *part)
{
	const char *in = result == AWS_IMDS_OK ? e->text : e->why;
	if (e->result != result || !strstr(in, part))
		fail_msg("result %d, %s%s", e->result, e->text, e->why);
}

static void one_token_for_many(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	rig_answers(r, PUT_TOKEN, 200, "AQAA-token==");
	rig_types(r, "text/plain");
	for (int i = 0; i < 3; i++) {
		rig_answers(r, GET_REGION, 200, "eu-west-1\n");
		rig_dates(r, "Sat, 21 Nov 2026 15:10:32 GMT");
	}
	for (int i = 0; i < 3; i++) {
		get(&e);
		assert_int_equal(e.result, AWS_IMDS_OK);
		assert_string_equal(e.text, "eu-west-1");
		assert_int_equal(e.peer_now_ms, 1795273832500);
	}
	assert_int_equal(rig_count(r, PUT_TOKEN), 1);
	assert_int_equal(rig_count(r, GET_REGION), 3);
	rig_assert_asked(r, "X-aws-ec2-metadata-token-ttl-seconds: 21600\n");
	rig_assert_asked(r, "X-aws-ec2-metadata-token: AQAA-token==\n");
	rig_assert_asked(r, "User-Agent: rig/1\n");
}

/* Those that come while the token is asked for wait for it; the others go on when one is ended. */
static void askers_share_the_wait(void **state)
{
	struct rig *r = *state;
	struct end e[3] = {{.rig = r, .goes_on = true}, {.rig = r}, {.rig = r}};
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, GET_REGION, 200, "a");
	rig_answers(r, GET_REGION, 200, "a");
	begin(&e[0]);
	struct aws_imds *second = begin(&e[1]);
	begin(&e[2]);
	aws_imds_cancel(second);
	while (e[0].n == 0 || e[2].n == 0)
		rig_turn(r);
	assert_int_equal(e[1].n, 0);
	assert_end(&e[0], AWS_IMDS_OK, "a");
	assert_end(&e[2], AWS_IMDS_OK, "a");
	assert_int_equal(rig_count(r, PUT_TOKEN), 1);
}

/* The first to hear of a failure may end the next and begin anew. */
static void what_a_callback_may_do(void **state)
{
	struct rig *r = *state;
	struct end e[2] = {{.rig = r, .goes_on = true}, {.rig = r}};
	struct end other = {.rig = r}, last = {.rig = r, .goes_on = true};
	rig_answers(r, PUT_TOKEN, 400, "no");
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, GET_REGION, 200, "a");
	struct aws_imds *ended = NULL;
	e[0].cancel = &ended;
	e[0].again = true;
	begin(&e[0]);
	ended = begin(&other);
	begin(&last);
	rig_turn(r);
	assert_int_equal(other.n, 0);
	assert_end(&e[0], AWS_IMDS_REFUSED, "status 400");
	assert_end(&last, AWS_IMDS_REFUSED, "status 400");
	assert_end(&e[1], AWS_IMDS_OK, "a");
	assert_int_equal(rig_count(r, PUT_TOKEN), 2);
}

static void renewed_once(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	rig_answers(r, PUT_TOKEN, 200, "first");
	rig_answers(r, GET_REGION, 200, "a");
	get(&e);
	rig_answers(r, GET_REGION, 401, "");
	rig_answers(r, PUT_TOKEN, 200, "second");
	rig_answers(r, GET_REGION, 200, "b");
	get(&e);
	assert_end(&e, AWS_IMDS_OK, "b");
	rig_assert_asked(r, "X-aws-ec2-metadata-token: second\n");
	rig_answers(r, GET_REGION, 401, "");
	rig_answers(r, PUT_TOKEN, 200, "third");
	rig_answers(r, GET_REGION, 401, "token third is bad");
	get(&e);
	assert_end(&e, AWS_IMDS_REFUSED, "status 401: token *** is bad: it took neither the token");
	assert_int_equal(rig_count(r, PUT_TOKEN), 3);
}

static void refusals(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	static const struct {
		int put, get;
		enum aws_imds_result result;
		const char *part;
	} cases[] = {
		{400, 0, AWS_IMDS_REFUSED, "the request for a token was taken for a wrong one"},
		{403, 0, AWS_IMDS_REFUSED, "metadata is turned off for this instance"},
		{404, 0, AWS_IMDS_REFUSED, "AWS_EC2_METADATA_V1_DISABLED=false allows it"},
		{405, 0, AWS_IMDS_REFUSED, "AWS_EC2_METADATA_V1_DISABLED=false allows it"},
		{500, 0, AWS_IMDS_REFUSED, "status 500"},
		{200, 404, AWS_IMDS_NOT_FOUND, "instance metadata has no " REGION},
		{0, 400, AWS_IMDS_REFUSED, "status 400"},
		{0, 403, AWS_IMDS_REFUSED, "metadata is turned off"},
		{0, 405, AWS_IMDS_REFUSED, "status 405"},
		{0, 503, AWS_IMDS_REFUSED, "status 503"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (cases[i].put)
			rig_answers(r, PUT_TOKEN, cases[i].put, "T");
		if (cases[i].get)
			rig_answers(r, GET_REGION, cases[i].get, "");
		get(&e);
		assert_end(&e, cases[i].result, cases[i].part);
	}
	assert_int_equal(rig_count(r, PUT_TOKEN), 6);
	assert_int_equal(rig_count(r, GET_REGION), 5);
}

/* Only with leave in words, and only where the token is refused so. */
static void version_one(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	static const int statuses[] = {403, 404, 405};
	r->settings.imds_v1_disabled = false;
	for (size_t i = 0; i < 3; i++) {
		rig_answers(r, PUT_TOKEN, statuses[i], "");
		rig_answers(r, GET_REGION, 200, "v1");
		get(&e);
		assert_end(&e, AWS_IMDS_OK, "v1");
	}
	rig_assert_not_asked(r, "X-aws-ec2-metadata-token: ");
	rig_answers(r, PUT_TOKEN, 404, "");
	rig_answers(r, GET_REGION, 401, "");
	get(&e);
	assert_end(&e, AWS_IMDS_REFUSED, "status 401");
	rig_answers(r, PUT_TOKEN, 400, "");
	get(&e);
	assert_end(&e, AWS_IMDS_REFUSED, "status 400");
	rig_answers(r, PUT_TOKEN, RIG_SILENT, "");
	r->settings.imds_timeout_ms = 100;
	get(&e);
	assert_end(&e, AWS_IMDS_HOP_LIMIT, "hop limit");
	assert_int_equal(rig_count(r, GET_REGION), 4);
}

static void silence(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	char endpoint[64];
	r->settings.imds_timeout_ms = 100;
	rig_answers(r, PUT_TOKEN, RIG_SILENT, "");
	get(&e);
	assert_end(&e, AWS_IMDS_HOP_LIMIT, "Raise HttpPutResponseHopLimit to 2");
	assert_end(&e, AWS_IMDS_HOP_LIMIT, "task role, IRSA or EKS Pod Identity");
	assert_end(&e, AWS_IMDS_HOP_LIMIT, r->url);
	/* One try more, when the settings say so. */
	r->settings.imds_attempts = 2;
	r->settings.imds_timeout_ms = 2000;
	rig_answers(r, PUT_TOKEN, RIG_DROP, "");
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, GET_REGION, 503, "");
	rig_answers(r, GET_REGION, 200, "late");
	get(&e);
	assert_end(&e, AWS_IMDS_OK, "late");
	/* The token is there, but the rest is not: that is no hop limit. */
	r->settings.imds_attempts = 1;
	r->settings.imds_timeout_ms = 100;
	rig_answers(r, GET_REGION, RIG_SILENT, "");
	get(&e);
	assert_end(&e, AWS_IMDS_NO_ANSWER, "gives no answer");
	/* Nobody listens. */
	snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:1//");
	r->settings.imds_endpoint = sv_of(endpoint);
	get(&e);
	assert_end(&e, AWS_IMDS_NO_ANSWER, "instance metadata at http://127.0.0.1:1 gives");
	assert_end(&e, AWS_IMDS_NO_ANSWER, "AWS_EC2_METADATA_DISABLED=true");
}

/* A queue of connections that is full takes no more, without a word: as behind a firewall. */
static void no_connection(void **state)
{
	enum { MANY = 16 };
	struct rig *r = *state;
	struct end e = {.rig = r};
	int full[MANY], fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	char endpoint[64];
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	for (int i = 0; i < MANY; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(full[i], (struct sockaddr *)&a, len);
	}
	snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", ntohs(a.sin_port));
	r->settings.imds_endpoint = sv_of(endpoint);
	r->settings.imds_timeout_ms = 200;
	get(&e);
	assert_end(&e, AWS_IMDS_NO_ANSWER, ": timeout of 200 ms exceeded");
	for (int i = 0; i < MANY; i++)
		close(full[i]);
	close(fd);
}

static void no_tokens(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	static char long_token[1026];
	memset(long_token, 't', sizeof long_token - 1);
	const char *const tokens[] = {"", " \n", "two words", "a\x01", "caf\xc3\xa9", long_token};
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		rig_answers(r, PUT_TOKEN, 200, tokens[i]);
		get(&e);
		assert_end(&e, AWS_IMDS_REFUSED, "answers with what is no token");
	}
	assert_int_equal(rig_count(r, GET_REGION), 0);
}

/* Each endpoint has its own tokens. */
static void two_endpoints(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	char other[64];
	rig_answers(r, PUT_TOKEN, 200, "one");
	rig_answers(r, GET_REGION, 200, "a");
	get(&e);
	snprintf(other, sizeof other, "http://localhost:%d", http_server_port(r->server));
	r->settings.imds_endpoint = sv_of(other);
	rig_answers(r, PUT_TOKEN, 200, "two");
	rig_answers(r, GET_REGION, 200, "b");
	get(&e);
	assert_end(&e, AWS_IMDS_OK, "b");
	rig_assert_asked(r, "X-aws-ec2-metadata-token: two\n");
	assert_int_equal(rig_count(r, PUT_TOKEN), 2);
}

static void disabled(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	r->settings.imds_disabled = true;
	get(&e);
	assert_end(&e, AWS_IMDS_DISABLED, "AWS_EC2_METADATA_DISABLED is true");
	struct aws_imds *i = begin(&e);
	aws_imds_cancel(i);
	aws_imds_cancel(NULL);
	rig_wait(r, 20);
	assert_int_equal(e.n, 1);
	assert_string_equal(r->asked, "");
}

static void bad_endpoints(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	struct aws_imds *i;
	struct err err = ERR_NULL;
	static char long_one[600];
	memset(long_one, 'x', sizeof long_one - 1);
	const char *const endpoints[] = {"no URL", "ftp://127.0.0.1", long_one};
	for (size_t k = 0; k < 3; k++) {
		r->settings.imds_endpoint = sv_of(endpoints[k]);
		err = ERR_NULL;
		assert_int_equal(
			aws_imds_start(r->session, &r->settings, SV(REGION), on_end, &e, &i, &err),
			1);
		assert_true(err.msg[0] != '\0');
	}
	assert_int_equal(e.n, 0);
}

static void cancelled(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	rig_answers(r, PUT_TOKEN, RIG_SILENT, "");
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, GET_REGION, RIG_SILENT, "");
	struct aws_imds *i = begin(&e);
	rig_until(r, PUT_TOKEN, 1);
	aws_imds_cancel(i); /* the token's request ends with its last asker */
	i = begin(&e);
	rig_until(r, GET_REGION, 1);
	aws_imds_cancel(i);
	rig_wait(r, 20);
	assert_int_equal(e.n, 0);
}

static void by_mode(void **state)
{
	struct aws_settings s = {.imds_mode = AWS_IMDS_IPV4};
	assert_true(sv_eq(aws_imds_endpoint(&s), SV("http://169.254.169.254")));
	s.imds_mode = AWS_IMDS_IPV6;
	assert_true(sv_eq(aws_imds_endpoint(&s), SV("http://[fd00:ec2::254]")));
	s.imds_endpoint = SV("http://10.0.0.1:8080//");
	assert_true(sv_eq(aws_imds_endpoint(&s), SV("http://10.0.0.1:8080")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_token_for_many, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(askers_share_the_wait, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_a_callback_may_do, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(renewed_once, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(refusals, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(version_one, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(silence, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(no_connection, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(no_tokens, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(two_endpoints, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(disabled, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(bad_endpoints, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(cancelled, rig_setup, rig_teardown),
		cmocka_unit_test(by_mode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
