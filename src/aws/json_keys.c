/* json_keys: one table a form. What a source says in words is cleaned before it is repeated; what
 * it gives as keys never is.
 */
#include "json_keys.h"

#include "json_pick.h"
#include <ampagent/aws/time.h>
#include <ampagent/base/limits.h>

enum { ACCESS, SECRET, TOKEN, EXPIRES, ACCOUNT, CODE, MESSAGE, MEMBERS };
enum { SAID_MAX = 320, ACCOUNT_MAX = 15 };

struct form {
	const char *inside;
	bool must_end; /* keys without an expiration are an error */
	struct aws_json_member members[MEMBERS];
};

static const struct form forms[] = {
	[JSON_KEYS_CONTAINER] = {.members = {{.name = "AccessKeyId"},
					     {.name = "SecretAccessKey"},
					     {.name = "Token"},
					     {.name = "Expiration"},
					     {.name = "AccountId"},
					     {.name = "Code"},
					     {.name = "Message"}}},
	[JSON_KEYS_IMDS] = {.must_end = true,
			    .members = {{.name = "AccessKeyId"},
					{.name = "SecretAccessKey"},
					{.name = "Token"},
					{.name = "Expiration"},
					{.name = "AccountId"},
					{.name = "Code"},
					{.name = "Message"}}},
	[JSON_KEYS_PROCESS] = {.members = {{.name = "AccessKeyId"},
					   {.name = "SecretAccessKey"},
					   {.name = "SessionToken"},
					   {.name = "Expiration"},
					   {.name = "AccountId"},
					   {.name = "Version", .number = true},
					   {.name = "Message"}}},
	[JSON_KEYS_SSO] = {.inside = "roleCredentials",
			   .must_end = true,
			   .members = {{.name = "accessKeyId"},
				       {.name = "secretAccessKey"},
				       {.name = "sessionToken"},
				       {.name = "expiration", .number = true},
				       {.name = "accountId"},
				       {.name = "code"},
				       {.name = "message"}}},
};

/* One part of the keys: there, and with no byte that no key has. */
static int check_part(const struct aws_json_member *m, bool needed, struct err *err)
{
	if (m->value.len == 0)
		return needed ? err_set(err, 1, "the answer has no %s", m->name) : 0;
	return aws_key_part_check(m->value, m->name, err);
}

static int read_expiry(enum json_keys_form form, const struct aws_json_member *m, int64_t *out,
		       struct err *err)
{
	*out = 0;
	if (m->value.len == 0)
		return forms[form].must_end ? err_set(err, 1, "the answer has no %s", m->name) : 0;
	if (form == JSON_KEYS_SSO && (sv_to_i64(m->value, out) != 0 || *out <= 0))
		return err_set(err, 1, "%s is no time in milliseconds", m->name);
	/* A time that is no later than 1970 would mean "never". */
	if (form != JSON_KEYS_SSO && (aws_time_read(m->value, out) != 0 || *out == 0))
		return err_set(err, 1, "%s is no time as in RFC 3339", m->name);
	return 0;
}

/* A convenience for the status page: anything but digits is left out. */
static struct sv account_of(struct sv text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return SV_NULL;
	return text.len <= ACCOUNT_MAX ? text : SV_NULL;
}

static int take_keys(enum json_keys_form form, const struct aws_json_member *m, struct aws_got *out,
		     struct err *err)
{
	if (check_part(&m[ACCESS], true, err) != 0 || check_part(&m[SECRET], true, err) != 0 ||
	    check_part(&m[TOKEN], false, err) != 0 ||
	    read_expiry(form, &m[EXPIRES], &out->expires_ms, err) != 0)
		return 1;
	out->keys.access_key = m[ACCESS].value;
	out->keys.secret_key = m[SECRET].value;
	out->keys.session_token = m[TOKEN].value;
	out->account = account_of(m[ACCOUNT].value);
	return 0;
}

/* 1 when the answer itself says that it is an error, or is of a version not known. */
static int check_said(enum json_keys_form form, const struct aws_json_member *m, struct err *err)
{
	const struct aws_json_member *code = &m[CODE];
	if (form == JSON_KEYS_PROCESS) {
		if (!code->there)
			return err_set(err, 1, "the output has no Version");
		return sv_eq(code->value, SV("1")) ? 0 : err_set(err, 1, "Version is not 1");
	}
	if (code->value.len == 0 || sv_eq(code->value, SV("Success")))
		return 0;
	char said[SAID_MAX];
	aws_said(said, sizeof said, code->value, m[MESSAGE].value, SV_NULL);
	return err_set(err, 1, "the answer is an error: %s", said);
}

int json_keys_read(struct arena *arena, enum json_keys_form form, struct sv text,
		   struct aws_got *out, struct err *err)
{
	struct aws_json_member m[MEMBERS];
	struct err why = ERR_NULL;
	*out = (struct aws_got){0};
	memcpy(m, forms[form].members, sizeof m);
	int code = aws_json_pick(arena, text, forms[form].inside, m, MEMBERS, &why);
	if (code < 0)
		return err_set(err, code, "%s", why.msg);
	if (code > 0)
		return err_set(err, 1, "the answer cannot be read: %s", why.msg);
	code = check_said(form, m, err);
	return code == 0 ? take_keys(form, m, out, err) : code;
}

static struct sv first_of(const struct aws_json_member *a, const struct aws_json_member *b)
{
	return a->value.len ? a->value : b->value;
}

void json_keys_error(struct arena *arena, struct sv text, struct sv *code, struct sv *message)
{
	struct aws_json_member m[] = {
		{.name = "code"}, {.name = "Code"}, {.name = "message"}, {.name = "Message"}};
	*code = *message = SV_NULL;
	if (aws_json_pick(arena, text, NULL, m, sizeof m / sizeof m[0], NULL) != 0)
		return;
	*code = first_of(&m[0], &m[1]);
	*message = first_of(&m[2], &m[3]);
}

/* --- what sources say in words --- */

struct line {
	char *dst;
	size_t len, room; /* room without the NUL */
	bool cut;
};

static void line_add(struct line *l, const char *p, size_t n)
{
	if (l->cut || n > l->room - l->len) {
		l->cut = true;
		return;
	}
	memcpy(l->dst + l->len, p, n);
	l->len += n;
}

/* Control bytes and runs of blanks become one blank, bytes that are no ASCII a question mark. */
static void line_text(struct line *l, struct sv text, struct sv secret)
{
	bool gap = false;
	text = sv_trim(text);
	while (text.len > 0 && !l->cut) {
		if (secret.len > 0 && sv_starts_with(text, secret)) {
			line_add(l, "***", 3);
			text = sv_from(text, secret.len);
			gap = false;
			continue;
		}
		unsigned char c = (unsigned char)text.ptr[0];
		bool blank = c <= ' ' || c == 0x7f;
		if (!blank)
			line_add(l, c < 0x80 ? text.ptr : "?", 1);
		else if (!gap)
			line_add(l, " ", 1);
		gap = blank;
		text = sv_from(text, 1);
	}
}

void aws_said(char *dst, size_t size, struct sv code, struct sv message, struct sv secret)
{
	struct line l = {.dst = dst, .room = size - 1 - 3};
	line_text(&l, code, secret);
	if (code.len > 0 && message.len > 0)
		line_add(&l, ": ", 2);
	line_text(&l, message, secret);
	if (l.cut) {
		memcpy(dst + l.len, "...", 3);
		l.len += 3;
	}
	dst[l.len] = '\0';
}
