#include "http_oauth2_answer.h"

#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <ampagent/net/http_server.h>

enum { CODE_BYTES = 128 };

struct reading {
	struct http_oauth2_answer *a;
	struct buf code;
	struct buf *text; /* where the next string goes */
	bool is_expiry;   /* the next value is expires_in */
	int depth;
};

void http_oauth2_answer_init(struct http_oauth2_answer *a)
{
	*a = (struct http_oauth2_answer){0};
	buf_init(&a->token, LIMIT_SECRET_BYTES);
	buf_init(&a->type, CODE_BYTES);
}

void http_oauth2_answer_deinit(struct http_oauth2_answer *a)
{
	buf_wipe(&a->token);
	buf_wipe(&a->type);
}

static int take_expiry(struct reading *r, struct sv text)
{
	int64_t v;
	bool negative = text.len && text.ptr[0] == '-';
	if (sv_to_i64(text, &v) != 0) {
		for (size_t i = negative; i < text.len; i++) {
			if (text.ptr[i] < '0' || text.ptr[i] > '9')
				return 1;
		}
		if (text.len <= negative)
			return 1;
		v = negative ? INT32_MIN : INT32_MAX;
	}
	r->a->expires_s = v > INT32_MAX ? INT32_MAX : v;
	return 0;
}

static void take_key(struct reading *r, struct sv key)
{
	r->is_expiry = sv_eq_nocase(key, SV("expires_in"));
	r->text = sv_eq_nocase(key, SV("access_token")) ? &r->a->token
		  : sv_eq_nocase(key, SV("token_type")) ? &r->a->type
		  : sv_eq_nocase(key, SV("error"))      ? &r->code
							: NULL;
	if (r->text)
		buf_reset(r->text);
}

static int take_value(struct reading *r, enum json_event event, struct sv text, struct err *err)
{
	bool is_text = event == JSON_STRING, wrong = false;
	if (event == JSON_NULL)
		return 0;
	if (r->is_expiry)
		wrong = (!is_text && event != JSON_NUMBER) || take_expiry(r, text) != 0;
	else if (r->text)
		wrong = !is_text || buf_sv(r->text, text) != 0;
	return wrong ? err_set(err, 1, "a value is not as it should be") : 0;
}

static int on_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct reading *r = cls;
	bool opens = event == JSON_OBJECT_BEGIN || event == JSON_ARRAY_BEGIN;
	bool closes = event == JSON_OBJECT_END || event == JSON_ARRAY_END;
	int code = 0;
	r->depth -= closes;
	if (r->depth == 0 && !closes && event != JSON_OBJECT_BEGIN)
		return err_set(err, 1, "it is not an object");
	if (r->depth == 1 && event == JSON_KEY)
		take_key(r, text);
	else if (r->depth == 1 && !closes)
		code = take_value(r, event, text, err);
	r->depth += opens;
	return code;
}

static int parse_json(struct reading *r, struct sv body, struct err *err)
{
	_cleanup_(json_reader_deinit) struct json_reader reader;
	json_reader_init(&reader, on_event, r, LIMIT_SECRET_BYTES);
	/* No freed copy of the token stays behind while the buffers grow. */
	if (buf_reserve(&reader.scratch,
			body.len < LIMIT_SECRET_BYTES ? body.len : LIMIT_SECRET_BYTES) != 0)
		return err_set(err, 1, "no memory");
	int code = json_feed(&reader, body, err);
	code = code == 0 ? json_finish(&reader, err) : code;
	buf_wipe(&reader.scratch);
	return code;
}

static int parse_form(struct reading *r, struct sv body, struct err *err)
{
	_cleanup_(buf_deinit) struct buf expires = BUF_NULL;
	buf_init(&expires, CODE_BYTES);
	http_query_get(body, SV("access_token"), &r->a->token);
	http_query_get(body, SV("token_type"), &r->a->type);
	http_query_get(body, SV("error"), &r->code);
	if (http_query_get(body, SV("expires_in"), &expires) == 0 &&
	    take_expiry(r, buf_view(&expires)) != 0)
		r->a->expires_s = 0;
	return buf_failed(&r->a->token) ? err_set(err, 1, "no memory") : 0;
}

/* Error codes are words of a known set, or an own one alike; anything else is not repeated. */
static struct sv safe_code(struct sv code)
{
	for (size_t i = 0; i < code.len; i++) {
		char c = code.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
			     c == '-' || c == '.';
		if (!plain || i >= 64)
			return SV("unreadable");
	}
	return code;
}

static bool is_form(struct sv content_type)
{
	struct sv type = sv_trim(sv_make(content_type.ptr, sv_find(content_type, ';')));
	return sv_eq_nocase(type, SV("application/x-www-form-urlencoded")) ||
	       sv_eq_nocase(type, SV("text/plain"));
}

int http_oauth2_answer_parse(struct http_oauth2_answer *a, int status, struct sv content_type,
			     struct sv body, bool may_be_form, struct err *err)
{
	_cleanup_(buf_deinit) struct buf code = BUF_NULL;
	struct err why = ERR_NULL;
	buf_init(&code, LIMIT_SECRET_BYTES);
	struct reading r = {.a = a, .code = code};
	if (buf_reserve(&a->token, body.len < LIMIT_SECRET_BYTES ? body.len : 1) != 0)
		return err_set(err, 1, "no memory");
	int failed = may_be_form && is_form(content_type) ? parse_form(&r, body, &why)
							  : parse_json(&r, body, &why);
	code = r.code;
	bool refused = status < 200 || status > 299;
	if (failed && !refused)
		return err_set(err, 1, "the answer cannot be read: %s", why.msg);
	if (!failed && code.len) {
		struct sv word = safe_code(buf_view(&code));
		return err_set(err, 1, "status %d, error \"%.*s\"", status, SV_ARG(word));
	}
	if (refused)
		return err_set(err, 1, "status %d", status);
	if (a->token.len == 0)
		return err_set(err, 1, "the answer has no access_token");
	return 0;
}
