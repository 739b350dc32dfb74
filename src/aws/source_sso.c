/* source_sso: the token that `aws sso login` left is used while it lasts; it is not renewed here,
 * for that needs a person.
 */
#include "ask.h"
#include "json_keys.h"
#include "json_pick.h"
#include "shared_files.h"
#include "source.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/aws/time.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#include <stdlib.h>

enum { ATTEMPTS = 3, PAUSE_MS = 1000, TIMEOUT_MS = 5000, URL_BYTES = 4096 };

struct sso {
	struct aws_fetch base; /* first */
	const struct aws_plan *plan;
	const struct aws_settings *settings;
	struct arena arena; /* wiped: holds the token */
	struct sv token;
	bool finished;
	struct aws_ask *ask;
	source_done done;
	void *cls;
};

static void sso_free(struct sso *f)
{
	aws_ask_cancel(f->ask);
	arena_wipe(&f->arena);
	free(f);
}

DEFINE_CLEANUP_PTR(struct sso, sso_free)

static void sso_cancel(struct aws_fetch *base)
{
	struct sso *f = (struct sso *)base;
	if (!f->finished)
		sso_free(f);
}

static void finish(struct sso *f, const struct aws_got *got, const struct err *why)
{
	f->finished = true;
	f->done(f->cls, got, why);
	sso_free(f);
}

/* --- the answer --- */

static const char *advice(int status)
{
	switch (status) {
	case 401:
		return ": the session has ended; run aws sso login";
	case 403:
	case 404:
		return ": may this person use sso_role_name in sso_account_id?";
	default:
		return "";
	}
}

static void on_answer(void *cls, const struct http_answer *a, struct sv body)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct sso *f = cls;
	struct aws_got got;
	struct err why = ERR_NULL;
	char told[AWS_ASK_TOLD_MAX];
	f->ask = NULL;
	arena_init(&arena, 2 * LIMIT_SECRET_BYTES);
	if (a->result == HTTP_OK && a->status == 200) {
		if (json_keys_read(&arena, JSON_KEYS_SSO, body, &got, &why) == 0) {
			got.peer_now_ms = aws_clock_told_ms(a);
			got.account = f->plan->sso.account;
			finish(f, &got, NULL);
			return;
		}
	} else {
		aws_ask_told(told, a, body, f->token);
		err_set(&why, 1, "%s%s%s", a->result == HTTP_OK ? "" : "no answer: ", told,
			a->result == HTTP_OK ? advice(a->status) : "");
	}
	err_prefix(&why, "keys of the role %.*s from the SSO portal", SV_ARG(f->plan->sso.role));
	finish(f, NULL, &why);
}

/* --- the token --- */

static int token_path(const struct source_env *env, struct buf *path, struct err *err)
{
	uint8_t digest[SHA1_BYTES];
	char hex[2 * SHA1_BYTES + 1];
	char room[AWS_HOME_ROOM];
	const char *home = aws_home(aws_session_env(env->session), room);
	if (!home)
		return err_set(err, 1,
			       "HOME is not set, and this user has no home: the cache of SSO "
			       "tokens is not found");
	if (crypto_sha1(digest, env->plan->sso.session) != 0)
		return err_set(err, 1,
			       "this machine's OpenSSL has no SHA-1, which names the file "
			       "of the cached SSO token");
	hex_encode(hex, digest, sizeof digest);
	buf_init(path, URL_BYTES);
	buf_printf(path, "%s/.aws/sso/cache/%s.json", home, hex);
	return buf_failed(path) ? err_set(err, 1, "HOME is too long") : 0;
}

/* Older versions of the AWS CLI wrote "UTC" for "Z". */
static int read_expiry(struct sv text, int64_t *ms)
{
	char z[32];
	if (!sv_ends_with(text, SV("UTC")) || text.len - 2 >= sizeof z)
		return aws_time_read(text, ms);
	snprintf(z, sizeof z, "%.*sZ", (int)(text.len - 3), text.ptr);
	return aws_time_read(sv_of(z), ms);
}

static int parse_token(struct sso *f, struct sv text, int64_t now_ms, struct err *err)
{
	int64_t until;
	struct aws_json_member m[] = {{.name = "accessToken"}, {.name = "expiresAt"}};
	int code = aws_json_pick(&f->arena, text, NULL, m, 2, err);
	if (code != 0)
		return code;
	if (m[0].value.len == 0 || m[1].value.len == 0)
		return err_set(err, 1, "it has no accessToken or no expiresAt");
	if (aws_key_part_check(m[0].value, "accessToken", err) != 0)
		return 1;
	if (read_expiry(m[1].value, &until) != 0)
		return err_set(err, 1, "expiresAt is no time as in RFC 3339");
	if (until <= now_ms)
		return err_set(err, 1, "the session ended at %.*s", SV_ARG(m[1].value));
	f->token = m[0].value;
	return 0;
}

static int read_token(struct sso *f, const struct source_env *env, struct err *err)
{
	_cleanup_(buf_deinit) struct buf path = BUF_NULL;
	_cleanup_(buf_wipe) struct buf text = BUF_NULL;
	int code = token_path(env, &path, err);
	if (code != 0)
		return code;
	buf_init(&text, LIMIT_SECRET_BYTES);
	_cleanup_(freep) char *name = sv_dup(buf_view(&path));
	if (!name)
		return err_set(err, ERR_NOMEM, "no memory");
	code = file_read_at_once(name, &text, err);
	if (code == 0) {
		code = parse_token(f, buf_view(&text), aws_session_now_ms(env->session), err);
		if (code > 0)
			err_prefix(err, "%s", name);
	}
	return code;
}

/* --- the request --- */

static int make_url(const struct sso *f, struct buf *url, struct err *err)
{
	struct sv signing_region;
	const struct aws_plan *plan = f->plan;
	buf_init(url, URL_BYTES);
	int code = aws_endpoint_url(f->settings, SV("portal.sso"), plan->sso.region,
				    f->settings->use_fips, url, &signing_region, err);
	if (code != 0)
		return code;
	while (url->len > 0 && url->ptr[url->len - 1] == '/')
		url->len--;
	buf_sv(url, SV("/federation/credentials?role_name="));
	url_encode(url, plan->sso.role, false);
	buf_sv(url, SV("&account_id="));
	url_encode(url, plan->sso.account, false);
	return buf_failed(url) ? err_set(err, 1, "sso_role_name or sso_account_id is too long") : 0;
}

static int ask(struct sso *f, struct aws_session *s, struct err *err)
{
	_cleanup_(buf_deinit) struct buf url = BUF_NULL;
	int code = make_url(f, &url, err);
	if (code != 0)
		return code;
	struct http_header h[] = {
		{SV("User-Agent"), aws_session_user_agent(s)},
		{SV("Accept"), SV("application/json")},
		{SV("x-amz-sso_bearer_token"), f->token},
	};
	struct aws_ask_options o = {.loop = aws_session_loop(s),
				    .client = aws_session_api(s),
				    .attempts = ATTEMPTS,
				    .pause_ms = PAUSE_MS,
				    .req = {.method = SV("GET"),
					    .url = buf_view(&url),
					    .headers = h,
					    .n_headers = 3,
					    .timeout_ms = TIMEOUT_MS,
					    .body_max = LIMIT_SECRET_BYTES}};
	return aws_ask_start(&o, on_answer, f, &f->ask, err);
}

int source_sso_start(const struct source_env *env, source_done done, void *cls,
		     struct aws_fetch **out, struct err *err)
{
	_cleanup_(sso_freep) struct sso *f = calloc(1, sizeof *f);
	if (!f)
		return err_set(err, ERR_NOMEM, "no memory");
	f->base.cancel = sso_cancel;
	f->plan = env->plan;
	f->settings = env->settings;
	f->done = done;
	f->cls = cls;
	arena_init(&f->arena, 2 * LIMIT_SECRET_BYTES);
	int code = read_token(f, env, err);
	if (code > 0)
		err_prefix(err, "no SSO session: run aws sso login (in this profile)");
	if (code == 0)
		code = ask(f, env->session, err);
	if (code != 0)
		return code;
	struct sso *made = take_ptr(f);
	*out = &made->base;
	return 0;
}
