/* Keys stand in one block that never changes: new ones are another block, and the one before is
 * wiped a turn later, when no view of it is left. Invariants:
 *   - one fetch at a time, whoever asks: `fetch` under way, or `wanted` for the next turn;
 *   - `rejected` is about the keys in use; `awaited` only while a fetch is to replace such keys;
 *   - waiters are called from the loop only, each once, with a reference held.
 */
#include "chain.h"
#include "credentials_fetch.h"
#include "credentials_options.h"
#include "refresh.h"
#include "session_private.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/crypto.h>
#include <stdlib.h>

static const int64_t USUAL_LIFE_MS = 3600000;

struct keyset {
	struct aws_keys keys; /* in bytes */
	uint64_t id;
	size_t size; /* of all */
	char bytes[];
};

struct aws_credentials {
	struct aws_credentials *next, **prev; /* in the session */
	struct aws_session *session;
	size_t refs;
	struct credentials_options options;
	enum aws_source source;
	const char *kind;
	char text[160];
	bool can_change;
	bool on_host; /* the source's clock is this machine's, which may be wrong */

	struct keyset *keys, *old; /* old: wiped in the next turn */
	uint64_t last_id;
	uint64_t random; /* of the keys in use */
	struct refresh refresh;
	bool rejected, awaited, wanted;
	bool guessed; /* the life of the keys goes by this machine's clock */
	bool late;    /* they came expired, and that is why the last fetch counts as failed */
	struct credentials_fetch *fetch;
	struct loop_timer time, wake, wipe;
	struct aws_waiter *waiters, *waking;

	char account[16];
	int64_t expires_ms, fetched_ms;
	uint64_t fetches, failures, rejections;
	struct err last_error;
};

/* --- keys --- */

static void keyset_free(struct keyset *k)
{
	if (k)
		crypto_wipe(k, k->size);
	free(k);
}

static struct sv put_part(char **at, struct sv part)
{
	struct sv copy = sv_make(*at, part.len);
	if (part.len)
		memcpy(*at, part.ptr, part.len);
	*at += part.len;
	return copy;
}

static struct keyset *keyset_new(const struct aws_keys *keys, uint64_t id)
{
	size_t size = sizeof(struct keyset) + keys->access_key.len + keys->secret_key.len +
		      keys->session_token.len;
	struct keyset *k = malloc(size);
	if (!k)
		return NULL;
	char *at = k->bytes;
	k->keys.access_key = put_part(&at, keys->access_key);
	k->keys.secret_key = put_part(&at, keys->secret_key);
	k->keys.session_token = put_part(&at, keys->session_token);
	k->id = id;
	k->size = size;
	return k;
}

static bool same_keys(const struct aws_keys *a, const struct aws_keys *b)
{
	return sv_eq(a->access_key, b->access_key) && sv_eq(a->secret_key, b->secret_key) &&
	       sv_eq(a->session_token, b->session_token);
}

static void on_wipe(void *cls)
{
	struct aws_credentials *c = cls;
	keyset_free(take_ptr(c->old));
}

static int install(struct aws_credentials *c, const struct aws_keys *keys, struct err *err)
{
	struct keyset *k = keyset_new(keys, c->last_id + 1);
	if (!k)
		return err_set(err, ERR_NOMEM, "out of memory");
	keyset_free(c->old);
	c->old = c->keys;
	if (c->old)
		loop_timer_in(aws_session_loop(c->session), &c->wipe, 0);
	c->keys = k;
	c->last_id++;
	c->rejected = false;
	crypto_random(&c->random, sizeof c->random);
	return 0;
}

/* --- waiters --- */

static void waiter_link(struct aws_waiter **head, struct aws_waiter *w)
{
	while (*head)
		head = &(*head)->next;
	w->prev = head;
	w->next = NULL;
	*head = w;
}

void aws_waiter_cancel(struct aws_waiter *w)
{
	if (!w->prev)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = NULL;
	w->next = NULL;
}

/* A reference is held by the caller; when no other is left, nobody wants to hear more. */
static void wake_all(struct aws_credentials *c, const struct err *why)
{
	c->waking = c->waiters;
	c->waiters = NULL;
	if (c->waking)
		c->waking->prev = &c->waking;
	while (c->waking && c->refs > 1) {
		struct aws_waiter *w = c->waking;
		aws_waiter_cancel(w);
		w->ready(w->cls, why);
	}
}

/* Keys that have expired are worth a wait for the fetch that is to replace them, which began before
 * their end; once it has failed, they are what there is. */
static bool usable(const struct aws_credentials *c)
{
	int64_t now_ms = loop_now_ms(aws_session_loop(c->session));
	bool expiring = c->fetch && !c->refresh.failures && refresh_expired(&c->refresh, now_ms);
	return c->keys && !c->awaited && !expiring;
}

static void on_wake(void *cls)
{
	struct aws_credentials *c = aws_credentials_ref(cls);
	if (usable(c))
		wake_all(c, NULL);
	aws_credentials_unref(c);
}

void aws_credentials_wait(struct aws_credentials *c, struct aws_waiter *w)
{
	aws_waiter_cancel(w);
	waiter_link(&c->waiters, w);
	if (usable(c))
		loop_timer_in(aws_session_loop(c->session), &c->wake, 0);
}

/* --- fetches --- */

static void arm(struct aws_credentials *c)
{
	struct loop *loop = aws_session_loop(c->session);
	int64_t at_ms = c->wanted ? loop_now_ms(loop) : refresh_at(&c->refresh, c->random);
	if (at_ms == INT64_MAX)
		loop_timer_cancel(&c->time);
	else
		loop_timer_at(loop, &c->time, at_ms);
}

static void failed(struct aws_credentials *c, const struct err *why)
{
	c->failures++;
	c->refresh.failures++;
	c->refresh.failed_ms = loop_now_ms(aws_session_loop(c->session));
	c->last_error = *why;
}

/* The time by which an end is told: of who tells it, if he has a clock of his own, else the true
 * one as far as a service has told it. True: it had to be this machine's. */
static bool time_guessed(const struct aws_credentials *c, const struct aws_got *got,
			 int64_t *now_ms)
{
	if (got->peer_now_ms && !c->on_host) {
		*now_ms = got->peer_now_ms;
		return false;
	}
	return !aws_session_peer_ms(c->session, now_ms);
}

/* A service's answer told how late it is: the keys' life is counted anew. Keys of the task come
 * before the first answer, from an endpoint that is as wrong as this machine. */
static void count_anew(struct aws_credentials *c)
{
	int64_t now_ms, mono_ms = loop_now_ms(aws_session_loop(c->session));

	if (!c->guessed || !aws_session_peer_ms(c->session, &now_ms))
		return;
	c->guessed = false;
	int64_t left_ms = c->expires_ms - now_ms, lived_ms = mono_ms - c->refresh.fetched_ms;
	if (left_ms <= 0) {
		/* How often it is asked again goes by the life that it gave. */
		c->refresh.fetched_ms = mono_ms - c->refresh.life_ms;
	} else if (c->late) {
		c->refresh = (struct refresh){.fetched_ms = mono_ms,
					      .life_ms = left_ms,
					      .forced_ms = c->refresh.forced_ms};
		c->late = false;
	} else {
		c->refresh.life_ms = lived_ms + left_ms;
	}
	if (!c->fetch)
		arm(c);
}

/* Keys that came: in use from now on, and how long. */
static int use(struct aws_credentials *c, const struct aws_got *got, int64_t life_ms,
	       struct err *err)
{
	struct loop *loop = aws_session_loop(c->session);
	int64_t now_ms;
	if (!c->keys || !same_keys(&c->keys->keys, &got->keys)) {
		int r = install(c, &got->keys, err);
		if (r != 0)
			return r;
	}
	int64_t forced_ms = c->refresh.forced_ms;
	c->refresh = (struct refresh){
		.fetched_ms = loop_now_ms(loop), .life_ms = life_ms, .forced_ms = forced_ms};
	c->expires_ms = got->expires_ms;
	c->fetched_ms = loop_wall_ms(loop);
	c->guessed = got->expires_ms && time_guessed(c, got, &now_ms);
	c->late = false;
	snprintf(c->account, sizeof c->account, "%.*s", SV_ARG(got->account));
	return 0;
}

/* What has expired already is better than nothing, and than what expired before it. */
static int use_expired(struct aws_credentials *c, const struct aws_got *got, struct err *err)
{
	int64_t now_ms = loop_now_ms(aws_session_loop(c->session));
	if (!c->keys || c->rejected ||
	    (refresh_expired(&c->refresh, now_ms) && got->expires_ms > c->expires_ms)) {
		/* How often it is asked again goes by a life that it once gave. */
		int64_t life_ms = c->refresh.life_ms ? c->refresh.life_ms : USUAL_LIFE_MS;
		int r = use(c, got, life_ms, err);
		if (r != 0)
			return r;
		c->refresh.fetched_ms = now_ms - life_ms;
		c->late = true;
	}
	return err_set(err, 1, "the source gave keys that have expired already");
}

static int take(struct aws_credentials *c, const struct aws_got *got, struct err *err)
{
	if (c->rejected && same_keys(&c->keys->keys, &got->keys))
		return err_set(err, 1,
			       "the source gave the same keys again, which the service refuses");
	if (!got->expires_ms)
		return use(c, got, 0, err);
	int64_t now_ms;
	time_guessed(c, got, &now_ms);
	int64_t life_ms = got->expires_ms - now_ms;
	return life_ms > 0 ? use(c, got, life_ms, err) : use_expired(c, got, err);
}

/* Ends a fetch: got, or why not. */
static void settle(struct aws_credentials *c, const struct aws_got *got, const struct err *why)
{
	struct err err = ERR_NULL;
	unsigned before = c->refresh.failures;
	bool old_again = c->awaited;

	c->awaited = false;
	if (got && take(c, got, &err) != 0) {
		c->refresh.failures = before;
		why = &err;
	}
	if (why)
		failed(c, why);
	arm(c);
	wake_all(c, c->keys && !(why && old_again) ? NULL : why);
}

static void on_fetched(void *cls, const struct aws_got *got, const struct err *why)
{
	struct aws_credentials *c = aws_credentials_ref(cls);
	c->fetch = NULL;
	settle(c, got, why);
	aws_credentials_unref(c);
}

static void on_time(void *cls)
{
	struct aws_credentials *c = aws_credentials_ref(cls);
	struct credentials_fetch_request req = {.session = c->session,
						.options = &c->options.view,
						.source = c->source,
						.kind = c->kind};
	struct err err = ERR_NULL;

	c->wanted = false;
	c->fetches++;
	int r = credentials_fetch_start(&req, on_fetched, c, &c->fetch, &err);
	if (r < 0)
		loop_fail(aws_session_loop(c->session), r);
	if (r != 0)
		settle(c, NULL, &err);
	aws_credentials_unref(c);
}

bool aws_credentials_rejected(struct aws_credentials *c, uint64_t id)
{
	int64_t now_ms = loop_now_ms(aws_session_loop(c->session));

	if (!c->keys || c->keys->id != id)
		return true;
	c->rejections++;
	c->rejected = true;
	if (!c->fetch && !c->wanted) {
		if (!c->can_change || !refresh_may_force(&c->refresh, now_ms))
			return false;
		c->refresh.forced_ms = now_ms;
		c->wanted = true;
		arm(c);
	}
	c->awaited = true;
	return true;
}

int aws_credentials_now(struct aws_credentials *c, struct aws_keys *keys, uint64_t *id)
{
	count_anew(c);
	if (!usable(c))
		return 1;
	*keys = c->keys->keys;
	*id = c->keys->id;
	return 0;
}

/* --- life --- */

static void credentials_free(struct aws_credentials *c)
{
	if (!c)
		return;
	if (c->prev) {
		*c->prev = c->next;
		if (c->next)
			c->next->prev = c->prev;
	}
	credentials_fetch_cancel(c->fetch);
	loop_timer_cancel(&c->time);
	loop_timer_cancel(&c->wake);
	loop_timer_cancel(&c->wipe);
	while (c->waiters)
		aws_waiter_cancel(c->waiters);
	while (c->waking)
		aws_waiter_cancel(c->waking);
	keyset_free(c->keys);
	keyset_free(c->old);
	credentials_options_deinit(&c->options);
	free(c);
}

DEFINE_CLEANUP_PTR(struct aws_credentials, credentials_free)

struct aws_credentials *aws_credentials_ref(struct aws_credentials *c)
{
	c->refs++;
	return c;
}

void aws_credentials_unref(struct aws_credentials *c)
{
	if (c && --c->refs == 0)
		credentials_free(c);
}

/* The first look: which source it is, and whether it can work. */
static int first_plan(struct aws_credentials *c, struct err *err)
{
	_cleanup_(aws_settings_deinit) struct aws_settings settings = {0};
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct aws_plan plan;
	aws_getenv *env = aws_session_env(c->session);

	arena_init(&arena, CREDENTIALS_ARENA_BYTES);
	int r = aws_settings_load(env, c->options.view.profile, &settings, err);
	if (r == 0)
		r = chain_plan(&arena, env, &settings, &c->options.view, &plan, err);
	if (r != 0)
		return r;
	c->source = plan.source;
	c->kind = plan.kind;
	c->can_change = plan.can_change;
	c->on_host = plan.source == AWS_CONTAINER && plan.n_roles == 0;
	snprintf(c->text, sizeof c->text, "%s", plan.text);
	if (credentials_plan_static(&plan) && plan.n_roles == 0)
		return use(c, &(struct aws_got){.keys = plan.keys}, 0, err);
	return 0;
}

static struct aws_credentials *find(struct aws_session *s,
				    const struct aws_credentials_options *opt)
{
	for (struct aws_credentials *c = s->credentials; c; c = c->next)
		if (credentials_options_equal(&c->options.view, opt))
			return aws_credentials_ref(c);
	return NULL;
}

static void list(struct aws_session *s, struct aws_credentials *c)
{
	c->next = s->credentials;
	if (c->next)
		c->next->prev = &c->next;
	c->prev = &s->credentials;
	s->credentials = c;
}

int aws_credentials_get(struct aws_session *s, const struct aws_credentials_options *opt,
			struct aws_credentials **out, struct err *err)
{
	*out = find(s, opt);
	if (*out)
		return 0;
	_cleanup_(credentials_freep) struct aws_credentials *c = calloc(1, sizeof *c);
	if (!c)
		return err_set(err, ERR_NOMEM, "out of memory");
	c->session = s;
	c->refs = 1;
	c->refresh = (struct refresh){.fetched_ms = INT64_MIN, .forced_ms = INT64_MIN};
	c->time = (struct loop_timer){.fire = on_time, .cls = c};
	c->wake = (struct loop_timer){.fire = on_wake, .cls = c};
	c->wipe = (struct loop_timer){.fire = on_wipe, .cls = c};
	crypto_random(&c->random, sizeof c->random);
	int r = credentials_options_copy(&c->options, opt, err);
	if (r == 0)
		r = first_plan(c, err);
	if (r != 0)
		return r;
	arm(c);
	list(s, c);
	*out = take_ptr(c);
	return 0;
}

void aws_credentials_status_get(const struct aws_credentials *c, struct aws_credentials_status *out)
{
	int64_t now_ms = loop_now_ms(aws_session_loop(c->session));

	*out = (struct aws_credentials_status){
		.kind = c->kind,
		.have = c->keys != NULL,
		.expired = refresh_expired(&c->refresh, now_ms),
		.failing = c->refresh.failures > 0,
		.expires_ms = c->expires_ms,
		.fetched_ms = c->fetched_ms,
		.fetches = c->fetches,
		.failures = c->failures,
		.rejections = c->rejections,
	};
	snprintf(out->source, sizeof out->source, "%s", c->text);
	snprintf(out->account, sizeof out->account, "%s", c->account);
	if (c->keys)
		snprintf(out->access_key, sizeof out->access_key, "%.*s",
			 SV_ARG(aws_access_key_shown(c->keys->keys.access_key)));
	if (out->failing)
		snprintf(out->last_error, sizeof out->last_error, "%s", c->last_error.msg);
}

void aws_credentials_explain(struct aws_session *s, const struct aws_credentials_options *opt,
			     void (*line)(void *cls, const char *source,
					  enum aws_source_state state, const char *text),
			     void *cls)
{
	_cleanup_(aws_settings_deinit) struct aws_settings settings = {0};
	aws_getenv *env = aws_session_env(s);
	struct err err = ERR_NULL;

	if (aws_settings_load(env, opt->profile, &settings, &err) == 0)
		chain_explain(env, &settings, opt, line, cls);
	else
		line(cls, "shared files", AWS_SOURCE_BROKEN, err.msg);
}
