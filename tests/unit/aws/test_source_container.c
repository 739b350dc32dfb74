/* Container credentials: ECS and EKS Pod Identity as their agents answer, and each way to fail. */
#include "source_rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEYS                                                                                       \
	"{\"RoleArn\":\"r\",\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"secret1\","            \
	"\"Token\":\"token1\",\"Expiration\":\"2026-11-21T16:10:32Z\"}"

static char url[128], file[64];

/* A plan for path at the rig's server. */
static struct rig *plan(void **state, const char *what, const char *path)
{
	struct rig *r = *state;
	snprintf(url, sizeof url, "%s%s", r->url, path);
	r->plan.source = AWS_CONTAINER;
	r->plan.container.what = what;
	r->plan.container.url = sv_of(url);
	return r;
}

static void token_file(struct rig *r, const char *content, size_t len)
{
	snprintf(file, sizeof file, "/tmp/ampagent-token-XXXXXX");
	int fd = mkstemp(file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	close(fd);
	r->plan.container.token_file = sv_of(file);
}

static void token_file_again(const char *content)
{
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
}

static void task_role(void **state)
{
	struct rig *r = plan(state, "ECS task role", "/v2/credentials/0b6d");
	rig_answers(r, "GET /v2/credentials/0b6d", 200, KEYS);
	rig_dates(r, "Sat, 21 Nov 2026 15:10:32 GMT");
	rig_fetch(r, source_container_start);
	rig_assert_keys(r, "ASIA1", "secret1", "token1");
	assert_int_equal(r->expires_ms, 1795277432000);
	assert_int_equal(r->peer_now_ms, 1795273832500);
	assert_string_equal(r->account, "");
	rig_assert_asked(r, "User-Agent: rig/1\n");
	rig_assert_asked(r, "Accept: application/json\n");
	rig_assert_not_asked(r, "Authorization");
}

/* The file wins over the variable, and is read for each fetch. */
static void tokens(void **state)
{
	struct rig *r = plan(state, "EKS Pod Identity", "/v1/credentials");
	r->plan.container.token = SV("of-the-variable");
	for (int i = 0; i < 4; i++)
		rig_answers(r, "GET /v1/credentials", 200, KEYS);
	rig_fetch(r, source_container_start);
	rig_assert_keys(r, "ASIA1", "secret1", "token1");
	rig_assert_asked(r, "Authorization: of-the-variable\n");
	token_file(r, "first.jwt-_\n", 12);
	rig_fetch(r, source_container_start);
	rig_assert_asked(r, "Authorization: first.jwt-_\n");
	token_file_again("Bearer second");
	rig_fetch(r, source_container_start);
	rig_assert_asked(r, "Authorization: Bearer second\n");
	token_file_again("third\r\n");
	rig_fetch(r, source_container_start);
	rig_assert_asked(r, "Authorization: third\n");
	unlink(file);
	rig_fetch(r, source_container_start);
	rig_assert_why(r, "EKS Pod Identity at http://127.0.0.1:");
	rig_assert_why(r,
		       "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: cannot open /tmp/ampagent-token");
}

static void tokens_that_are_not_sent(void **state)
{
	struct rig *r = plan(state, "container", "/x");
	static const struct {
		struct sv text;
		const char *why;
	} cases[] = {
		{SV(""), " is empty"},
		{SV("\n"), " is empty"},
		{SV("tOkEn\nX-Evil: 1"), "has a line end or another control byte (at byte 6)"},
		{SV("tOkEn\n\n"), "has a line end or another control byte (at byte 6)"},
		{SV("\ntOkEn"), "has a line end"},
		{SV("tOkEn\r"), NULL},
		{SV("tO\rkEn"), "has a line end"},
		{SV("tO\0kEn"), "has a line end"},
		{SV("tO\x7fkEn"), "has a line end"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		token_file(r, cases[i].text.ptr, cases[i].text.len);
		if (!cases[i].why)
			rig_answers(r, "GET /x", 200, KEYS);
		rig_fetch(r, source_container_start);
		unlink(file);
		if (!cases[i].why) {
			rig_assert_keys(r, "ASIA1", "secret1", "token1");
			continue;
		}
		rig_assert_why(r, cases[i].why);
		rig_assert_why(r, file);
		assert_null(strstr(r->why, "kEn"));
	}
	r->plan.container.token_file = SV_NULL;
	r->plan.container.token = SV("tOkEn\r\nX-Evil: 1");
	rig_fetch(r, source_container_start);
	rig_assert_why(r, "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end");
	assert_int_equal(rig_count(r, "GET /x"), 1);
}

static void refusals(void **state)
{
	struct rig *r = plan(state, "container", "/x");
	static const struct {
		const char *what;
		int status;
		const char *type, *body, *why, *advice;
	} cases[] = {
		{"ECS task role", 400, NULL,
		 "{\"code\":\"InvalidIdInRequest\",\"message\":\"CredentialsV2Request: Credentials "
		 "not found\",\"HTTPErrorCode\":400}",
		 "status 400: InvalidIdInRequest: CredentialsV2Request: Credentials not found",
		 "does not know this path"},
		{"ECS task role", 404, "text/plain", "404 page not found", "404 page not found",
		 "copied from another task"},
		{"EKS Pod Identity", 400, "text/plain", "Service account token cannot be empty\n",
		 "status 400: Service account token cannot be empty", "does not take this pod's"},
		{"EKS Pod Identity", 403, "text/plain", "Access denied",
		 "status 403: Access denied",
		 "is there a Pod Identity association for this pod's service account"},
		{"EKS Pod Identity", 404, "text/plain", "no association", "status 404",
		 "is there a Pod Identity association"},
		{"container", 401, "text/html", "<html>nothing here", "status 401: is the",
		 "authorization token the right one?"},
		{"container", 302, "text/plain", "", "status 302", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		r->plan.container.what = cases[i].what;
		rig_answers(r, "GET /x", cases[i].status, cases[i].body);
		rig_types(r, cases[i].type);
		rig_fetch(r, source_container_start);
		rig_assert_why(r, cases[i].what);
		rig_assert_why(r, cases[i].why);
		rig_assert_why(r, cases[i].advice);
		assert_int_equal(rig_count(r, "GET /x"), i + 1); /* none is asked again */
	}
}

/* A second passes before each further try. */
static void failures_that_pass(void **state)
{
	struct rig *r = plan(state, "EKS Pod Identity", "/x");
	rig_answers(r, "GET /x", 500, "internal");
	rig_answers(r, "GET /x", RIG_DROP, "");
	rig_answers(r, "GET /x", 200, KEYS);
	int64_t before = loop_now_ms(r->loop);
	rig_fetch(r, source_container_start);
	rig_assert_keys(r, "ASIA1", "secret1", "token1");
	assert_true(loop_now_ms(r->loop) - before >= 2000);
	for (int i = 0; i < 3; i++)
		rig_answers(r, "GET /x", 503, "cannot reach EKS Auth with tOkEn");
	r->plan.container.token = SV("tOkEn");
	rig_fetch(r, source_container_start);
	rig_assert_why(r, "status 503: cannot reach EKS Auth with ***: the EKS Pod Identity Agent");
	assert_int_equal(rig_count(r, "GET /x"), 6);
}

static void bad_keys(void **state)
{
	struct rig *r = plan(state, "container", "/x?token=sEcReT");
	rig_answers(r, "GET /x?token=sEcReT", 200, "{\"AccessKeyId\":\"A\"}");
	rig_fetch(r, source_container_start);
	rig_assert_why(r, "/x: the answer has no SecretAccessKey");
	assert_null(strstr(r->why, "sEcReT"));
	rig_answers(r, "GET /x?token=sEcReT", 200, "{\"SecretAccessKey\":\"sEcReT\"");
	rig_fetch(r, source_container_start);
	rig_assert_why(r, "the answer cannot be read");
	assert_null(strstr(r->why, "sEcReT"));
}

/* Over plain HTTP only this host and the agents' addresses are asked, whatever the variable says.
 */
static void places(void **state)
{
	struct rig *r = plan(state, "container", "/x");
	r->plan.container.url = SV("http://198.51.100.7/x");
	rig_fetch(r, source_container_start);
	rig_assert_why(r, "container at http://198.51.100.7/x: no answer: ");
	rig_assert_why(r, "198.51.100.7");
	r->plan.container.url = SV("http://me:pAsS@[bad");
	rig_fetch(r, source_container_start);
	rig_assert_why(r, "is no URL");
	assert_null(strstr(r->why, "pAsS"));
	/* A port where nobody listens. */
	r->plan.container.url = SV("http://127.0.0.1:1/x");
	r->plan.container.what = "EKS Pod Identity";
	rig_fetch(r, source_container_start);
	rig_assert_why(r, "does the EKS Pod Identity Agent");
	/* Over TLS any host may be asked, by its certificate. */
	snprintf(url, sizeof url, "https%s/x", r->url + 4);
	r->plan.container.url = sv_of(url);
	rig_fetch(r, source_container_start);
	rig_assert_why(r, "no answer: ");
}

static void cancelled(void **state)
{
	struct rig *r = plan(state, "container", "/x");
	struct aws_fetch *f;
	struct err err = ERR_NULL;
	rig_answers(r, "GET /x", RIG_SILENT, "");
	assert_int_equal(source_container_start(&r->env, rig_done, r, &f, &err), 0);
	f->cancel(f);
	assert_int_equal(source_container_start(&r->env, rig_done, r, &f, &err), 0);
	rig_until(r, "GET /x", 1);
	f->cancel(f);
	rig_wait(r, 20);
	assert_int_equal(r->ends, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(task_role, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(tokens, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(tokens_that_are_not_sent, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(refusals, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(failures_that_pass, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(bad_keys, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(places, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(cancelled, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
