/* Assertions as the openssl tool sees them: it makes the key and verifies the signature. */
#include "rig.h"

#include "../../../src/net/http_jwt.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/netjwtXXXXXX";
static struct buf key;
static bool have_tool;

static const char *in_dir(const char *name)
{
	static char paths[4][64];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static bool run(const char *const *argv)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(126);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int make_key(void **state)
{
	assert_non_null(mkdtemp(dir));
	const char *private[] = {"openssl", "genrsa", "-out", in_dir("key"), "2048", NULL};
	const char *public[] = {"openssl", "rsa",  "-in",         in_dir("key"),
				"-pubout", "-out", in_dir("pub"), NULL};
	have_tool = run(private) && run(public);
	buf_init(&key, KiB(64));
	if (have_tool)
		assert_int_equal(file_read(in_dir("key"), &key, NULL), 0);
	return 0;
}

static int remove_key(void **state)
{
	static const char *const names[] = {"key", "pub", "text", "sig"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_dir(names[i]));
	buf_deinit(&key);
	return rmdir(dir);
}

static void decode(struct sv part, struct buf *out)
{
	char text[4096];
	size_t n = 0;
	for (; n < part.len; n++) {
		char c = part.ptr[n];
		assert_true(c != '+' && c != '/' && c != '=');
		text[n] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
	}
	while (n % 4)
		text[n++] = '=';
	buf_init(out, KiB(64));
	assert_int_equal(base64_decode(out, sv_make(text, n)), 0);
}

static bool verified(struct sv text, struct sv signature, const char *digest)
{
	assert_int_equal(file_replace(in_dir("text"), text, NULL), 0);
	assert_int_equal(file_replace(in_dir("sig"), signature, NULL), 0);
	const char *argv[] = {"openssl",    "dgst",        digest,         "-verify", in_dir("pub"),
			      "-signature", in_dir("sig"), in_dir("text"), NULL};
	return run(argv);
}

struct token {
	struct buf text, header, claims, signature;
	size_t signed_len;
};

static void make(struct token *t, const struct oauth2_options *opt)
{
	struct err err = ERR_NULL;
	buf_init(&t->text, KiB(64));
	assert_int_equal(http_jwt_make(&t->text, opt, buf_view(&key), 1700000000, &err), 0);
	struct sv all = buf_view(&t->text);
	size_t one = sv_find(all, '.');
	struct sv rest = sv_from(all, one + 1);
	size_t two = sv_find(rest, '.');
	decode(sv_make(all.ptr, one), &t->header);
	decode(sv_make(rest.ptr, two), &t->claims);
	decode(sv_from(rest, two + 1), &t->signature);
	t->signed_len = one + 1 + two;
}

static void token_free(struct token *t)
{
	buf_deinit(&t->text);
	buf_deinit(&t->header);
	buf_deinit(&t->claims);
	buf_deinit(&t->signature);
}

static void assert_text(const struct buf *b, const char *want)
{
	if (!sv_eq(buf_view(b), sv_of(want)))
		fail_msg("%.*s, not %s", SV_ARG(buf_view(b)), want);
}

/* The random id of the claims, made constant. */
static void hide_id(struct buf *claims)
{
	struct sv text = buf_view(claims);
	size_t at = sv_find_sv(text, SV("\"jti\":\""));
	assert_true(at + 7 + 36 < text.len);
	char *id = claims->ptr + at + 7;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		assert_int_equal(id[i] == '-', dash);
		assert_true(dash || strchr("0123456789abcdef", id[i]));
	}
	assert_int_equal(id[14], '4');
	memset(id, 'x', 36);
}

#define HIDDEN "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void algorithms(void **state)
{
	static const struct {
		const char *name, *header, *digest;
	} cases[] = {{"", "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", "-sha256"},
		     {"RS256", "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", "-sha256"},
		     {"RS384", "{\"alg\":\"RS384\",\"typ\":\"JWT\"}", "-sha384"},
		     {"RS512", "{\"alg\":\"RS512\",\"typ\":\"JWT\"}", "-sha512"}};
	if (!have_tool)
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oauth2_options opt = {.client_id = SV("me"),
					     .token_url = SV("http://t/"),
					     .signature_algorithm = sv_of(cases[i].name)};
		struct token t;
		make(&t, &opt);
		assert_text(&t.header, cases[i].header);
		struct sv text = sv_make(t.text.ptr, t.signed_len);
		assert_true(verified(text, buf_view(&t.signature), cases[i].digest));
		t.text.ptr[t.signed_len - 1] ^= 1;
		assert_false(verified(text, buf_view(&t.signature), cases[i].digest));
		token_free(&t);
	}
}

static void claims(void **state)
{
	struct token t;
	if (!have_tool)
		skip();
	struct oauth2_options opt = {.client_id = SV("me"), .token_url = SV("http://t/\"")};
	make(&t, &opt);
	hide_id(&t.claims);
	assert_text(&t.claims, "{\"aud\":\"http://t/\\\"\",\"exp\":1700000600,\"iat\":1700000000,"
			       "\"iss\":\"me\",\"jti\":\"" HIDDEN "\",\"sub\":\"me\"}");
	token_free(&t);

	struct sv scopes[] = {SV("a"), SV("b")};
	struct http_pair own[] = {{SV("n"), SV("[1,{\"x\":null}]")},
				  {SV("sub"), SV("\"another\"")},
				  {SV("zone"), SV("true")}};
	opt = (struct oauth2_options){.client_id = SV("me"),
				      .token_url = SV("http://t/"),
				      .iss = SV("issuer"),
				      .audience = SV("aud"),
				      .certificate_key_id = SV("k1"),
				      .scopes = scopes,
				      .n_scopes = 2,
				      .claims = own,
				      .n_claims = 3};
	make(&t, &opt);
	hide_id(&t.claims);
	assert_text(&t.header, "{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}");
	assert_text(&t.claims, "{\"aud\":\"aud\",\"exp\":1700000600,\"iat\":1700000000,"
			       "\"iss\":\"issuer\",\"jti\":\"" HIDDEN
			       "\",\"n\":[1,{\"x\":null}],\"scope\":\"a b\",\"sub\":\"another\","
			       "\"zone\":true}");
	token_free(&t);
}

static void no_key(void **state)
{
	struct oauth2_options opt = {.client_id = SV("me"), .token_url = SV("http://t/")};
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct err err = ERR_NULL;
	buf_init(&out, KiB(64));
	assert_int_equal(http_jwt_make(&out, &opt, SV("s3cret but no key"), 0, &err), 1);
	assert_non_null(strstr(err.msg, "RSA private key"));
	assert_null(strstr(err.msg, "s3cret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(algorithms),
		cmocka_unit_test(claims),
		cmocka_unit_test(no_key),
	};
	return cmocka_run_group_tests(tests, make_key, remove_key);
}
