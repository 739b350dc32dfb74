/* An answer is a wrapper named like the action, in it a result, in it what was asked for. What is
 * wanted is told by its element's name and that of the element around it. */
#include "sts_xml.h"

#include "json_keys.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/aws/time.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/xml.h>

enum { NAME_MAX_BYTES = 40 };
/* Session tokens have a few KB. */
#define TEXT_MAX KiB(64)

struct wanted {
	const char *parent;
	const char *name;
	bool optional;
	struct sv value;
};

struct sts_reader {
	struct arena *arena;
	struct wanted *wanted;
	size_t n_wanted;
	char names[XML_DEPTH_MAX][NAME_MAX_BYTES]; /* of the open elements; longer ones are cut */
	int depth;
};

static int on_begin(void *cls, struct sv name, struct err *err)
{
	struct sts_reader *r = cls;
	char *copy = r->names[r->depth++];
	size_t n = name.len < NAME_MAX_BYTES ? name.len : NAME_MAX_BYTES - 1;
	memcpy(copy, name.ptr, n);
	copy[n] = '\0';
	return 0;
}

static int on_end(void *cls, struct sv name, struct sv text, struct err *err)
{
	struct sts_reader *r = cls;
	struct sv parent = r->depth > 1 ? sv_of(r->names[r->depth - 2]) : SV_NULL;
	r->depth--;
	for (size_t i = 0; i < r->n_wanted; i++) {
		struct wanted *w = &r->wanted[i];
		if (!sv_eq(name, sv_of(w->name)) || !sv_eq(parent, sv_of(w->parent)))
			continue;
		if (w->value.ptr)
			return err_set(err, 1, "%s is there twice", w->name);
		w->value = arena_dup(r->arena, sv_trim(text));
		if (!w->value.ptr)
			return err_set(err, ERR_NOMEM, "no memory");
	}
	return 0;
}

static int read_wanted(struct arena *arena, struct sv body, struct wanted *wanted, size_t n,
		       struct err *err)
{
	struct sts_reader r = {.arena = arena, .wanted = wanted, .n_wanted = n};
	const struct xml_handler handler = {on_begin, on_end, &r};
	int result = xml_read(body, TEXT_MAX, &handler, err);
	for (size_t i = 0; result == 0 && i < n; i++)
		if (wanted[i].value.len == 0 && !wanted[i].optional)
			result = err_set(err, 1, "%s is missing", wanted[i].name);
	if (result == 1)
		err_prefix(err, "the answer of STS cannot be used");
	return result;
}

int sts_keys_read(struct arena *arena, struct sv body, struct aws_got *out, struct err *err)
{
	enum { ACCESS_KEY, SECRET_KEY, TOKEN, EXPIRATION, ARN, N };
	struct wanted w[N] = {
		[ACCESS_KEY] = {"Credentials", "AccessKeyId", false, SV_NULL},
		[SECRET_KEY] = {"Credentials", "SecretAccessKey", false, SV_NULL},
		[TOKEN] = {"Credentials", "SessionToken", false, SV_NULL},
		[EXPIRATION] = {"Credentials", "Expiration", false, SV_NULL},
		[ARN] = {"AssumedRoleUser", "Arn", true, SV_NULL},
	};
	int r = read_wanted(arena, body, w, N, err);
	for (int i = ACCESS_KEY; r == 0 && i <= TOKEN; i++)
		r = aws_key_part_check(w[i].value, w[i].name, err);
	if (r != 0)
		return r;
	*out = (struct aws_got){.keys = {w[ACCESS_KEY].value, w[SECRET_KEY].value, w[TOKEN].value},
				.account = aws_arn_get(w[ARN].value, AWS_ARN_ACCOUNT)};
	/* A time that is no later than 1970 would mean "never". */
	if (aws_time_read(w[EXPIRATION].value, &out->expires_ms) != 0 || out->expires_ms == 0)
		return err_set(err, 1, "the answer of STS has no readable Expiration");
	return 0;
}

int sts_identity_read(struct arena *arena, struct sv body, struct aws_identity *out,
		      struct err *err)
{
	enum { ACCOUNT, ARN, USER_ID, N };
	struct wanted w[N] = {
		[ACCOUNT] = {"GetCallerIdentityResult", "Account", false, SV_NULL},
		[ARN] = {"GetCallerIdentityResult", "Arn", false, SV_NULL},
		[USER_ID] = {"GetCallerIdentityResult", "UserId", true, SV_NULL},
	};
	int r = read_wanted(arena, body, w, N, err);
	if (r == 0)
		*out = (struct aws_identity){w[ACCOUNT].value, w[ARN].value, w[USER_ID].value};
	return r;
}
