#include "aws_issued.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/err.h>
#include <ampagent/base/text.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Real session tokens are base64 of some hundred bytes, padding included. */
enum { TOKEN_RANDOM_BYTES = 385, TOKEN_MAX = 1024, ROOM_FIRST = 16 };

struct sv aws_source_name(enum aws_source s)
{
	static const struct sv names[] = {
		[AWS_ECS] = SV("ecs"),
		[AWS_POD_IDENTITY] = SV("pod_identity"),
		[AWS_IMDS] = SV("imds"),
		[AWS_WEB_IDENTITY] = SV("web_identity"),
		[AWS_ASSUME_ROLE] = SV("assume_role"),
		[AWS_SSO] = SV("sso"),
	};
	return names[s];
}

static void key_free(struct aws_key *k)
{
	if (!k)
		return;
	if (k->token)
		crypto_wipe(k->token, strlen(k->token));
	free(k->token);
	free(k->principal);
	free(k->external_id);
	crypto_wipe(k, sizeof *k);
	free(k);
}
DEFINE_CLEANUP_PTR(struct aws_key, key_free)

void aws_issued_deinit(struct aws_issued *t)
{
	for (size_t i = 0; i < t->n; i++)
		key_free(t->list[i]);
	free(t->list);
	*t = (struct aws_issued){0};
}

/* --- made up --- */

static void random_of(char *dst, size_t n, const char *alphabet, unsigned letters)
{
	crypto_random(dst, n);
	for (size_t i = 0; i < n; i++)
		dst[i] = alphabet[(unsigned char)dst[i] % letters];
	dst[n] = '\0';
}

void aws_random_text(char *dst, size_t n)
{
	random_of(dst, n, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 64);
}

void aws_time_text(char dst[AWS_TIME_MAX], int64_t wall_ms, enum aws_precision precision)
{
	char whole[AWS_TIME_MAX - 12], parts[16] = "";
	time_t t = (time_t)(wall_ms / 1000);
	int ms = (int)(wall_ms % 1000);
	struct tm tm;
	gmtime_r(&t, &tm);
	strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &tm);
	if (precision == AWS_MILLISECONDS)
		snprintf(parts, sizeof parts, ".%03d", ms);
	else if (precision == AWS_NANOSECONDS)
		snprintf(parts, sizeof parts, ".%03d000123", ms);
	snprintf(dst, AWS_TIME_MAX, "%s%sZ", whole, parts);
}

static char *make_token(void)
{
	uint8_t random[TOKEN_RANDOM_BYTES];
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, TOKEN_MAX);
	crypto_random(random, sizeof random);
	buf_sv(&text, SV("IQoJb3JpZ2luX2Vj"));
	base64_encode(&text, sv_make((const char *)random, sizeof random));
	return buf_take(&text);
}

/* --- the list --- */

static struct aws_key *last_of(const struct aws_issued *t, const struct aws_claim *c)
{
	for (size_t i = t->n; i-- > 0;)
		if (t->list[i]->source == c->source &&
		    sv_eq(sv_of(t->list[i]->principal), c->principal))
			return t->list[i];
	return NULL;
}

static int make_room(struct aws_issued *t)
{
	if (t->n < t->room)
		return 0;
	size_t room = t->room ? 2 * t->room : ROOM_FIRST;
	struct aws_key **list = realloc(t->list, room * sizeof(struct aws_key *));
	if (!list)
		return ERR_NOMEM;
	t->list = list;
	t->room = room;
	return 0;
}

int aws_issue(struct aws_issued *t, const struct aws_claim *c, const struct aws_key **out)
{
	struct aws_key *last = c->same ? last_of(t, c) : NULL;
	if (last) {
		*out = last;
		return 0;
	}
	if (t->n >= AWS_ISSUED_MAX)
		return 1;
	_cleanup_(key_freep) struct aws_key *k = calloc(1, sizeof *k);
	if (!k || make_room(t) != 0)
		return ERR_NOMEM;
	k->source = c->source;
	k->issued_ms = c->now_ms;
	k->expires_ms = c->now_ms + c->life_ms;
	if (c->precision == AWS_SECONDS)
		k->expires_ms -= k->expires_ms % 1000;
	aws_time_text(k->expiration, k->expires_ms, c->precision);
	memcpy(k->access_key, "ASIA", 4);
	random_of(k->access_key + 4, AWS_KEY_CHARS - 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32);
	random_of(k->secret_key, AWS_SECRET_CHARS,
		  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 64);
	k->token = make_token();
	k->principal = sv_dup(c->principal);
	if (c->external_id.len > 0)
		k->external_id = sv_dup(c->external_id);
	if (!k->token || !k->principal || (c->external_id.len > 0 && !k->external_id))
		return ERR_NOMEM;
	*out = k;
	t->list[t->n++] = take_ptr(k);
	return 0;
}

struct aws_key *aws_issued_find(const struct aws_issued *t, struct sv access_key)
{
	for (size_t i = t->n; i-- > 0;)
		if (sv_eq(sv_of(t->list[i]->access_key), access_key))
			return t->list[i];
	return NULL;
}

static void text_member(struct json_writer *w, struct sv name, const char *value)
{
	json_key(w, name);
	json_string(w, sv_of(value));
}

void aws_issued_json(const struct aws_issued *t, struct json_writer *w)
{
	json_begin_array(w);
	for (size_t i = 0; i < t->n; i++) {
		const struct aws_key *k = t->list[i];
		json_begin_object(w);
		json_key(w, SV("source"));
		json_string(w, aws_source_name(k->source));
		text_member(w, SV("AccessKeyId"), k->access_key);
		text_member(w, SV("SecretAccessKey"), k->secret_key);
		text_member(w, SV("Token"), k->token);
		text_member(w, SV("Expiration"), k->expiration);
		json_key(w, SV("issued_ms"));
		json_i64(w, k->issued_ms);
		json_key(w, SV("expires_ms"));
		json_i64(w, k->expires_ms);
		text_member(w, SV("principal"), k->principal);
		if (k->external_id)
			text_member(w, SV("external_id"), k->external_id);
		json_key(w, SV("writes"));
		json_u64(w, k->writes);
		json_key(w, SV("refused"));
		json_u64(w, k->refused);
		json_end_object(w);
	}
	json_end_array(w);
}
