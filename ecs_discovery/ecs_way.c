/* Step by step; what was found is not looked for again. */
#include "ecs_way.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/base/limits.h>

#define WAY_BYTES KiB(64)

void ecs_way_init(struct ecs_way *w, struct aws_session *s, struct http_pool *pool,
		  const struct ecs_sd_options *opt)
{
	*w = (struct ecs_way){.peer = {.session = s}, .pool = pool, .opt = opt};
	arena_init(&w->arena, WAY_BYTES);
}

void ecs_way_cancel(struct ecs_way *w)
{
	aws_region_cancel(take_ptr(w->fetch));
	aws_waiter_cancel(&w->waiter);
}

static void forget(struct ecs_way *w)
{
	ecs_way_cancel(w);
	http_client_free(take_ptr(w->peer.client));
	aws_credentials_unref(take_ptr(w->peer.credentials));
	ecs_pace_unref(take_ptr(w->peer.pace));
}

void ecs_way_deinit(struct ecs_way *w)
{
	forget(w);
	if (w->has_settings)
		aws_settings_deinit(&w->settings);
	arena_deinit(&w->arena);
}

bool ecs_way_has_client(const struct ecs_way *w)
{
	return w->peer.client != NULL;
}

void ecs_way_options(struct ecs_way *w, const struct ecs_sd_options *opt)
{
	w->opt = opt;
	/* Everything else has copied what it needs. */
	http_client_free(take_ptr(w->peer.client));
}

/* ---- HTTP ---- */

static bool has_tls(const struct tls_options *t)
{
	return t->ca.len || t->ca_file.len || t->cert.len || t->cert_file.len || t->key.len ||
	       t->key_file.len || t->server_name.len || t->insecure_skip_verify ||
	       t->min_version != TLS_ANY || t->max_version != TLS_ANY;
}

static bool has_proxy(const struct proxy_options *p)
{
	return p->url.len || p->no_proxy.len || p->from_environment || p->n_connect_headers > 0;
}

/* The session's client, with the proxies of the environment and the bundle of CAs that all of AWS's
 * tools know, does unless the job says otherwise. Authorization is the signature's: what the job
 * has of that kind is not sent. */
static int find_client(struct ecs_way *w, struct err *err)
{
	struct http_options http = w->opt->http;
	if (w->peer.client || (!has_tls(&http.tls) && !has_proxy(&http.proxy)))
		return 0;
	http.follow_redirects = false;
	http.has_basic_auth = http.has_authorization = http.has_oauth2 = false;
	if (!http.tls.ca.len && !http.tls.ca_file.len)
		http.tls.ca_file = w->settings.ca_bundle;
	return http_client_new(w->pool, &http, &w->peer.client, err);
}

/* ---- where ---- */

static int find_url(struct ecs_way *w, struct sv service, struct sv endpoint, struct sv *out,
		    struct err *err)
{
	_cleanup_(buf_deinit) struct buf url = BUF_NULL;
	struct sv signing;
	if (out->len > 0)
		return 0;
	buf_init(&url, KiB(4));
	int r = endpoint.len ? buf_sv(&url, endpoint)
			     : aws_endpoint_url(&w->settings, service, w->peer.region, false, &url,
						&signing, err);
	if (r != 0)
		return r;
	*out = arena_dup(&w->arena, buf_view(&url));
	return out->ptr ? 0 : err_set(err, 1, "no memory");
}

static struct sv trim_slashes(struct sv s)
{
	while (s.len > 0 && s.ptr[s.len - 1] == '/')
		s.len--;
	return s;
}

static int find_credentials(struct ecs_way *w, struct err *err)
{
	const struct aws_client_options *c = &w->opt->client;
	if (w->peer.credentials)
		return 0;
	struct aws_credentials_options o = {.access_key = c->access_key,
					    .secret_key = c->secret_key,
					    .profile = c->profile,
					    .role_arn = c->role_arn,
					    .external_id = c->external_id,
					    .region = w->peer.region};
	return aws_credentials_get(w->peer.session, &o, &w->peer.credentials, err);
}

static void finish(struct ecs_way *w, const struct err *why)
{
	w->done(w->cls, why);
}

/* Keys are there: they may name the account, which has limits of its own. */
static void on_keys(void *cls, const struct err *why)
{
	struct ecs_way *w = cls;
	struct aws_credentials_status status;
	struct ecs_pace *pace;
	struct err err = ERR_NULL;
	if (why) {
		err_set(&err, 1, "there are no credentials: %s", why->msg);
		finish(w, &err);
		return;
	}
	aws_credentials_status_get(w->peer.credentials, &status);
	if (ecs_pace_get(w->peer.session, w->peer.region, sv_of(status.account), &pace) != 0) {
		err_set(&err, 1, "no memory");
		finish(w, &err);
		return;
	}
	ecs_pace_unref(w->peer.pace);
	w->peer.pace = pace;
	w->peer.at_once = LIMIT_ECS_CALLS_AT_ONCE;
	if (w->opt->request_concurrency < w->peer.at_once)
		w->peer.at_once =
			w->opt->request_concurrency ? (unsigned)w->opt->request_concurrency : 1;
	finish(w, NULL);
}

static int find_rest(struct ecs_way *w, struct err *err)
{
	struct sv endpoint = trim_slashes(w->opt->client.endpoint);
	int r = aws_region_valid(w->peer.region)
			? 0
			: err_set(err, 1, "not an AWS region name: \"%.*s\"",
				  (int)(w->peer.region.len < 64 ? w->peer.region.len : 64),
				  w->peer.region.ptr);
	if (r == 0)
		r = find_url(w, SV("ecs"), endpoint, &w->peer.ecs_url, err);
	if (r == 0)
		r = find_url(w, SV("ec2"), SV_NULL, &w->peer.ec2_url, err);
	if (r == 0)
		r = find_client(w, err);
	if (r == 0)
		r = find_credentials(w, err);
	return r < 0 ? err_set(err, 1, "no memory") : r;
}

static void go_on(struct ecs_way *w)
{
	struct err err = ERR_NULL;
	struct aws_keys keys;
	uint64_t id;
	if (find_rest(w, &err) != 0) {
		finish(w, &err);
		return;
	}
	if (aws_credentials_now(w->peer.credentials, &keys, &id) == 0) {
		on_keys(w, NULL);
		return;
	}
	w->waiter = (struct aws_waiter){.ready = on_keys, .cls = w};
	aws_credentials_wait(w->peer.credentials, &w->waiter);
}

static int keep_region(struct ecs_way *w, struct sv region)
{
	w->peer.region = arena_dup(&w->arena, region);
	return w->peer.region.ptr ? 0 : 1;
}

static void on_region(void *cls, struct sv region, const char *from, const struct err *why)
{
	struct ecs_way *w = cls;
	struct err err = ERR_NULL;
	w->fetch = NULL;
	if (region.len > 0 && keep_region(w, region) == 0) {
		go_on(w);
		return;
	}
	err_set(&err, 1, "no region: set region or AWS_REGION; %s", why ? why->msg : "no memory");
	finish(w, &err);
}

static int find_region(struct ecs_way *w, struct err *err)
{
	struct sv region = w->opt->client.region;
	if (w->peer.region.len > 0)
		return 0;
	if (region.len == 0)
		region = w->settings.region;
	if (region.len > 0)
		return keep_region(w, region) == 0 ? 0 : err_set(err, 1, "no memory");
	return aws_region_start(w->peer.session, &w->settings, on_region, w, &w->fetch, err);
}

void ecs_way_find(struct ecs_way *w, void (*done)(void *cls, const struct err *why), void *cls)
{
	struct err err = ERR_NULL;
	int r = 0;
	w->done = done;
	w->cls = cls;
	if (!w->has_settings)
		r = aws_settings_load(aws_session_env(w->peer.session), w->opt->client.profile,
				      &w->settings, &err);
	if (r == 0) {
		w->has_settings = true;
		r = find_region(w, &err);
	}
	if (r != 0) {
		if (r < 0)
			err_set(&err, 1, "no memory");
		finish(w, &err);
	} else if (!w->fetch)
		go_on(w);
}
