/* What the users of AWS on one thread share. */
#include "session_private.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/http_options.h>
#include <stdlib.h>

/* Hosts come from configuration; so many are a mistake. */
enum { MAX_CLOCKS = 256 };

DEFINE_CLEANUP_PTR(struct aws_session, aws_session_free)

static const char *process_getenv(const char *name)
{
	return getenv(name);
}

static int make_api(struct aws_session *s, struct http_client **out, struct err *err)
{
	struct http_options api = {.proxy = {.from_environment = true},
				   .tls = {.ca_file = sv_of(s->ca_bundle)}};
	return http_client_new(s->pool, &api, out, err);
}

/* ca_bundle of the shared files, looked at once. What is wrong with them is told by whoever needs
 * more of them than this. */
static void use_ca_of_files(struct aws_session *s)
{
	_cleanup_(aws_settings_deinit) struct aws_settings settings = {0};
	struct http_client *api;

	s->ca_known = true;
	if (s->ca_bundle || aws_settings_load(s->env, SV_NULL, &settings, NULL) != 0 ||
	    !settings.ca_bundle.len)
		return;
	s->ca_bundle = sv_dup(settings.ca_bundle);
	if (s->ca_bundle && make_api(s, &api, NULL) == 0) {
		http_client_free(s->api);
		s->api = api;
	}
}

/* Said now, and not by the first call that finds no trust in anybody. */
static int take_ca_bundle(struct aws_session *s, struct err *err)
{
	struct sv path = sv_of(s->env("AWS_CA_BUNDLE"));
	if (!path.len)
		return 0;
	s->ca_bundle = sv_dup(path);
	if (!s->ca_bundle)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (access(s->ca_bundle, R_OK) != 0)
		return err_set(err, 1, "AWS_CA_BUNDLE names a file that cannot be read: %s",
			       s->ca_bundle);
	return 0;
}

int aws_session_new(const struct aws_session_options *opt, struct aws_session **out,
		    struct err *err)
{
	_cleanup_(aws_session_freep) struct aws_session *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(err, ERR_NOMEM, "out of memory");
	struct http_options link = {0};
	s->loop = opt->loop;
	s->pool = opt->pool;
	s->env = opt->env ? opt->env : process_getenv;
	aws_imds_cache_init(&s->imds);
	s->user_agent = sv_dup(opt->user_agent);
	if (!s->user_agent)
		return err_set(err, ERR_NOMEM, "out of memory");
	int r = take_ca_bundle(s, err);
	if (r == 0)
		r = http_client_new(s->pool, &link, &s->link, err);
	if (r == 0)
		r = make_api(s, &s->api, err);
	if (r != 0)
		return r;
	*out = take_ptr(s);
	return 0;
}

void aws_session_free(struct aws_session *s)
{
	if (!s)
		return;
	while (s->clocks) {
		struct session_clock *next = s->clocks->next;
		free(s->clocks);
		s->clocks = next;
	}
	aws_imds_cache_deinit(&s->imds);
	http_client_free(s->link);
	http_client_free(s->api);
	free(s->user_agent);
	free(s->ca_bundle);
	free(s);
}

struct loop *aws_session_loop(const struct aws_session *s)
{
	return s->loop;
}

aws_getenv *aws_session_env(const struct aws_session *s)
{
	return s->env;
}

struct sv aws_session_user_agent(const struct aws_session *s)
{
	return sv_of(s->user_agent);
}

struct http_client *aws_session_link(struct aws_session *s)
{
	return s->link;
}

struct http_client *aws_session_api(struct aws_session *s)
{
	if (!s->ca_known)
		use_ca_of_files(s);
	return s->api;
}

struct aws_imds_cache *aws_session_imds(struct aws_session *s)
{
	return &s->imds;
}

struct aws_call_budget *aws_session_budget(struct aws_session *s)
{
	return &s->budget;
}

struct aws_clock *aws_session_clock(struct aws_session *s, struct sv host)
{
	size_t n = 0;
	for (struct session_clock *c = s->clocks; c; c = c->next, n++)
		if (sv_eq_nocase(c->host, host))
			return &c->clock;
	if (n >= MAX_CLOCKS)
		return NULL;
	struct session_clock *c = calloc(1, sizeof *c + host.len);
	if (!c)
		return NULL;
	char *bytes = (char *)(c + 1);
	if (host.len)
		memcpy(bytes, host.ptr, host.len);
	c->host = sv_make(bytes, host.len);
	c->next = s->clocks;
	s->clocks = c;
	return &c->clock;
}

bool aws_session_peer_ms(struct aws_session *s, int64_t *ms)
{
	const struct aws_clock *last = &(struct aws_clock){.known = false};
	for (struct session_clock *c = s->clocks; c; c = c->next)
		if (c->clock.known && (!last->known || c->clock.mono_ms > last->mono_ms))
			last = &c->clock;
	*ms = aws_clock_now_ms(last, loop_now_ms(s->loop), loop_wall_ms(s->loop));
	return last->known;
}

int64_t aws_session_now_ms(struct aws_session *s)
{
	int64_t ms;
	aws_session_peer_ms(s, &ms);
	return ms;
}
