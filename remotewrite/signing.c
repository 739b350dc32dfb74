/* Keys, region and time of a sender's signatures. */
#include "signing.h"

#include <stdio.h>

/* Whether task or instance may be asked. */
static bool may_ask(const struct signing *g)
{
	const char *task = aws_session_env(g->session)("ECS_CONTAINER_METADATA_URI_V4");
	return !g->settings.imds_disabled || (task && task[0]);
}

static int find_region(struct signing *g, struct sv given, struct sv url, struct err *err)
{
	int r = aws_region_find(g->arena, &g->settings, given, url, &g->region, &g->region_from,
				err);
	if (r == 0 && given.len > 0)
		g->region_from = "sigv4.region";
	if (r != 2)
		return r;
	if (!may_ask(g))
		return 1;
	g->region = SV_NULL;
	g->region_from = NULL;
	return 0;
}

struct aws_credentials_options remotewrite_credentials_options(
	const struct remotewrite_options *opt, struct sv region)
{
	const struct sigv4_options *s = &opt->sigv4;
	return (struct aws_credentials_options){
		.access_key = s->access_key,
		.secret_key = s->secret_key,
		.profile = s->profile,
		.role_arn = s->role_arn,
		.external_id = s->external_id,
		.use_fips_sts = s->use_fips_sts_endpoint,
		.region = region,
	};
}

/* The shared files may hold secrets: once nobody has to be asked for the region, they go. What was
 * taken from them stays. */
static int forget_settings(struct signing *g, struct sv *ca_file, struct err *err)
{
	struct sv from = sv_of(g->region_from);
	from = from.len ? arena_dup(g->arena, from) : from;
	*ca_file = g->settings.ca_bundle.len ? arena_dup(g->arena, g->settings.ca_bundle) : SV_NULL;
	if ((g->region_from && !from.ptr) || (g->settings.ca_bundle.len && !ca_file->ptr))
		return err_set(err, ERR_NOMEM, "out of memory");
	g->region_from = from.ptr;
	if (g->region.len > 0)
		aws_settings_deinit(&g->settings);
	return 0;
}

int signing_init(struct signing *g, struct aws_session *session,
		 const struct remotewrite_options *opt, struct sv host, struct arena *arena,
		 struct sv *ca_file, struct err *err)
{
	const struct sigv4_options *s = &opt->sigv4;
	g->arena = arena;
	int r = aws_settings_load(aws_session_env(session), s->profile, &g->settings, err);
	if (r != 0)
		return r;
	g->session = session;
	g->service = s->service_name.len ? s->service_name : SV("aps");
	r = find_region(g, s->region, opt->url, err);
	if (r == 0)
		r = forget_settings(g, ca_file, err);
	if (r != 0)
		return r;
	struct aws_credentials_options keys = remotewrite_credentials_options(opt, g->region);
	r = aws_credentials_get(session, &keys, &g->credentials, err);
	if (r != 0)
		return r;
	g->clock = aws_session_clock(session, host);
	/* The session keeps those of so many hosts only, whether they are still used or not. */
	if (!g->clock)
		g->clock = &g->own_clock;
	return 0;
}

void signing_deinit(struct signing *g)
{
	if (!g->session)
		return;
	aws_waiter_cancel(&g->waiter);
	if (g->region_fetch)
		aws_region_cancel(g->region_fetch);
	if (g->credentials)
		aws_credentials_unref(g->credentials);
	sigv4_cache_wipe(&g->cache);
	aws_settings_deinit(&g->settings);
	*g = (struct signing){.session = NULL};
}

enum signing_lack signing_keys(struct signing *g, struct aws_keys *keys, uint64_t *id)
{
	if (g->region.len == 0)
		return SIGNING_NO_REGION;
	return aws_credentials_now(g->credentials, keys, id) == 0 ? SIGNING_READY : SIGNING_NO_KEYS;
}

/* ---- waiting ---- */

static void on_keys(void *cls, const struct err *why)
{
	struct signing *g = cls;
	g->came(g->cls, SIGNING_NO_KEYS, why);
}

static void on_region(void *cls, struct sv region, const char *from, const struct err *why)
{
	struct signing *g = cls;
	struct err none = ERR_NULL;
	g->region_fetch = NULL;
	if (region.len > 0) {
		g->region = arena_dup(g->arena, region);
		g->region_from = g->region.ptr ? from : NULL;
	}
	if (g->region.len > 0)
		aws_settings_deinit(&g->settings);
	if (g->region.len == 0 && !why) {
		err_set(&none, 1, "out of memory");
		why = &none;
	}
	g->region_why = g->region.len > 0 ? ERR_NULL : *why;
	g->came(g->cls, SIGNING_NO_REGION, g->region.len > 0 ? NULL : &g->region_why);
}

int signing_wait(struct signing *g, enum signing_lack lack, struct err *err)
{
	if (lack == SIGNING_NO_REGION && !g->region_fetch) {
		int r = aws_region_start(g->session, &g->settings, on_region, g, &g->region_fetch,
					 &g->region_why);
		return r == 0 ? 0 : err_set(err, r, "%s", g->region_why.msg);
	}
	if (lack == SIGNING_NO_KEYS && !g->waiter.prev) {
		g->waiter = (struct aws_waiter){.ready = on_keys, .cls = g};
		aws_credentials_wait(g->credentials, &g->waiter);
	}
	return 0;
}

/* ---- signing ---- */

int signing_sign(struct signing *g, struct sigv4_request *sr, const struct aws_keys *keys,
		 int64_t wall_ms, int64_t *ahead_ms, struct sigv4_result *res)
{
	int64_t mono_ms = loop_now_ms(aws_session_loop(g->session));
	*ahead_ms = aws_clock_skew_ms(g->clock, mono_ms, wall_ms);
	sr->region = g->region;
	sr->service = g->service;
	sr->time_s = (wall_ms + *ahead_ms) / 1000;
	return sigv4_sign(sr, keys, &g->cache, res, NULL, NULL);
}

void signing_status(const struct signing *g, int64_t mono_ms, int64_t wall_ms,
		    struct remotewrite_signing *out)
{
	*out = (struct remotewrite_signing){.is_signed = signing_on(g)};
	if (!out->is_signed)
		return;
	aws_credentials_status_get(g->credentials, &out->credentials);
	snprintf(out->region, sizeof out->region, "%.*s", SV_ARG(g->region));
	if (g->region_from)
		snprintf(out->region_from, sizeof out->region_from, "%s", g->region_from);
	out->clock_known = g->clock->known;
	out->skew_ms = aws_clock_skew_ms(g->clock, mono_ms, wall_ms);
}
