/* Once an exchange with STS is over, nothing of it is left in this process: not the token of the
 * file, not the keys that signed, not the keys that came. The peer is a process of its own; what it
 * sends, and what it writes into the token's file, are digests that only it ever writes down.
 */
#include "../net/memory_search.h"
#include "call_rig.h"
#include "source.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is freed loses its first bytes to the allocator: secrets lie further inside. */
#define AHEAD "                                                                "
#define ROLE "arn:aws:iam::111122223333:role/writer"

/* ---- the peer ---- */

static pid_t peer;
static char peer_url[64], token_file[64];
static unsigned answered;

static void digest_of(char hex[2 * SHA256_BYTES + 1], const char *what, unsigned n)
{
	char text[64];
	uint8_t digest[SHA256_BYTES];
	snprintf(text, sizeof text, "%s-%u", what, n);
	crypto_sha256(digest, text, strlen(text));
	hex_encode(hex, digest, sizeof digest);
}

/* A path of its own is refused, in words that repeat the form. */
static void serve(void *cls, const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	char secret[2 * SHA256_BYTES + 1], token[2 * SHA256_BYTES + 1];
	bool refuse = sv_eq(req->path, SV("/refuse"));
	buf_init(&body, MiB(1));
	digest_of(secret, "secret", ++answered);
	digest_of(token, "token", answered);
	if (refuse)
		buf_printf(
			&body,
			"<ErrorResponse><Error><Code>ValidationError</Code><Message><![CDATA[%.*s"
			"]]></Message></Error></ErrorResponse>",
			SV_ARG(req->body));
	else
		buf_printf(&body,
			   "<R>" AHEAD
			   "<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>%s"
			   "</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>"
			   "2040-01-01T00:00:00Z</Expiration></Credentials></R>",
			   secret, token);
	http_answer_now(req->exchange, refuse ? 400 : 200, SV("text/xml"), buf_view(&body), NULL,
			0);
}

static int peer_main(int out)
{
	char digest[2 * SHA256_BYTES + 1];
	struct loop *loop;
	struct http_server *server;
	const struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					      .body_max = MiB(1),
					      .max_connections = 8,
					      .read_timeout_ms = 20000,
					      .handler = serve};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	digest_of(digest, "file", 0);
	FILE *f = fopen(token_file, "w");
	if (!f || fprintf(f, AHEAD "%s\n", digest) < 0 || fclose(f) != 0 || crypto_init() != 0 ||
	    loop_new(&loop, NULL) != 0 || http_server_new(loop, &o, &server, NULL) != 0)
		return 1;
	int port = http_server_port(server);
	if (write(out, &port, sizeof port) != (ssize_t)sizeof port)
		return 1;
	return loop_run(loop);
}

static int start_peer(void **state)
{
	int fds[2], port;
	snprintf(token_file, sizeof token_file, "/tmp/token-%d", (int)getpid());
	if (memory_search_begin(state) != 0 || pipe(fds) != 0 || (peer = fork()) < 0)
		return 1;
	if (peer == 0)
		_exit(peer_main(fds[1]));
	close(fds[1]);
	bool ready = read(fds[0], &port, sizeof port) == (ssize_t)sizeof port;
	close(fds[0]);
	snprintf(peer_url, sizeof peer_url, "http://127.0.0.1:%d", port);
	return ready ? 0 : 1;
}

static int stop_peer(void **state)
{
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	unlink(token_file);
	return memory_search_end(state);
}

/* ---- fetches ---- */

struct end {
	unsigned n;
	bool got;
	size_t copies; /* while the keys are there */
	char why[ERR_MSG_MAX];
};

static void on_done(void *cls, const struct aws_got *got, const struct err *why)
{
	struct end *e = cls;
	e->n++;
	e->got = got != NULL;
	e->copies = memory_search_copies();
	if (why)
		snprintf(e->why, sizeof e->why, "%s", why->msg);
}

static void assert_forgotten(const char *what, unsigned n)
{
	char text[64];
	snprintf(text, sizeof text, "%s-%u", what, n);
	memory_search_for_digest(text);
	if (memory_search_copies() != 0)
		fail_msg("%s is there %zu times", text, memory_search_copies());
}

static void use_peer(struct call_rig *r, const char *path)
{
	char url[96];
	snprintf(url, sizeof url, "%s%s", peer_url, path);
	call_rig_env(r, "AWS_ENDPOINT_URL_STS", url);
	call_rig_settings(r);
}

static void web_identity(struct call_rig *r, struct end *e)
{
	const struct aws_plan plan = {
		.sts_region = SV("eu-west-1"),
		.web = {.role_arn = SV(ROLE), .token_file = sv_of(token_file)}};
	const struct source_env env = {r->session, &r->settings, &plan};
	struct aws_fetch *f;
	struct err err = ERR_NULL;
	*e = (struct end){0};
	if (source_web_identity_start(&env, on_done, e, &f, &err) != 0)
		fail_msg("%s", err.msg);
	call_rig_until(r, &e->n, 1);
	call_rig_turns(r);
}

static void of_web_identity(void **state)
{
	struct call_rig *r = *state;
	struct end e;
	use_peer(r, "");
	for (unsigned i = 0; i < 2; i++) { /* a new connection, a kept one */
		answered++;
		char text[32];
		snprintf(text, sizeof text, "secret-%u", answered);
		memory_search_for_digest(text);
		web_identity(r, &e);
		assert_true(e.got);
		assert_true(e.copies > 0);
		assert_forgotten("secret", answered);
		assert_forgotten("token", answered);
		assert_forgotten("file", 0);
	}
}

static void of_a_refusal(void **state)
{
	struct call_rig *r = *state;
	struct end e;
	use_peer(r, "/refuse");
	answered++;
	web_identity(r, &e);
	assert_false(e.got);
	assert_non_null(strstr(e.why, "ValidationError: Action=AssumeRoleWithWebIdentity"));
	assert_non_null(strstr(e.why, "WebIdentityToken=****"));
	assert_forgotten("file", 0);
}

static void make_secret(char secret[MEMORY_NEEDLE])
{
	crypto_random(secret, MEMORY_NEEDLE);
	for (size_t i = 0; i < MEMORY_NEEDLE; i++)
		secret[i] = (char)('a' + (uint8_t)secret[i] % 26);
}

/* Which of the keys' two secrets is looked for. */
static void role_with(struct call_rig *r, bool token)
{
	const struct aws_plan plan = {.sts_region = SV("eu-west-1")};
	const struct aws_role role = {.arn = SV(ROLE)};
	const struct source_env env = {r->session, &r->settings, &plan};
	char secret[MEMORY_NEEDLE];
	struct aws_fetch *f;
	struct err err = ERR_NULL;
	struct end e = {0};
	make_secret(secret);
	memory_search_for(secret);
	struct sv own = sv_make(secret, sizeof secret);
	const struct aws_keys keys = {SV(RIG_ACCESS_KEY), token ? SV("x") : own,
				      token ? own : SV("y")};
	answered++;
	if (source_role_start(&env, &role, &keys, on_done, &e, &f, &err) != 0)
		fail_msg("%s", err.msg);
	call_rig_until(r, &e.n, 1);
	call_rig_turns(r);
	assert_true(e.got);
	assert_true(e.copies > 1);
	assert_int_equal(memory_search_copies(), 1);
	crypto_wipe(secret, sizeof secret);
	assert_int_equal(memory_search_copies(), 0);
	assert_forgotten("secret", answered);
	assert_forgotten("token", answered);
}

static void of_a_role(void **state)
{
	struct call_rig *r = *state;
	use_peer(r, "");
	for (int i = 0; i < 4; i++)
		role_with(r, i % 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, call_rig_setup, call_rig_teardown)

int main(void)
{
	/* curl's memory is wiped only then. */
	if (http_client_global_init() != 0)
		return 1;
	const struct CMUnitTest tests[] = {
		TEST(of_web_identity),
		TEST(of_a_refusal),
		TEST(of_a_role),
	};
	int failed = cmocka_run_group_tests(tests, start_peer, stop_peer);
	http_client_global_deinit();
	return failed;
}
