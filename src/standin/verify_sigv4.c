/* The order of the checks is the order in which a caller can repair things: is there a signature at
 * all, can it be read, is it for this service, by a known key, of this time, over enough of the
 * request, and last: is it right. */
#include "canonical.h"

#include <ampagent/base/crypto.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"

#define MISSING_TOKEN "MissingAuthenticationTokenException"
#define INCOMPLETE "IncompleteSignatureException"
#define INVALID "InvalidSignatureException"
#define UNRECOGNIZED "UnrecognizedClientException"
#define EXPIRED "ExpiredTokenException"

enum { TIME_CHARS = 16 /* 20150830T123600Z */, HEX_SHA256 = 64 };

struct authorization {
	struct sv scope; /* date/region/service/aws4_request */
	struct sv access_key, date, region, service, terminator;
	struct sv signed_headers;
	struct sv signature;
};

static int refused(struct sigv4_refusal *r, const char *type)
{
	r->type = type;
	return 1;
}

static int refuse(struct sigv4_refusal *r, const char *type, const char *text)
{
	buf_sv(&r->text, sv_of(text));
	return refused(r, type);
}

/* --- small pieces --- */

static const struct sigv4_header *header_find(const struct sigv4_received *q, struct sv name)
{
	for (size_t i = 0; i < q->n_headers; i++)
		if (sv_eq_nocase(q->headers[i].name, name))
			return &q->headers[i];
	return NULL;
}

static size_t header_count(const struct sigv4_received *q, struct sv name)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n_headers; i++)
		n += sv_eq_nocase(q->headers[i].name, name);
	return n;
}

/* --- time --- */

static int two_digits(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* YYYYMMDD'T'HHMMSS'Z' to seconds since 1970: 0, or 1 when it is no such time. */
static int time_parse(struct sv s, int64_t *out)
{
	if (s.len != TIME_CHARS || s.ptr[8] != 'T' || s.ptr[15] != 'Z')
		return 1;
	for (size_t i = 0; i < 15; i++)
		if (i != 8 && (s.ptr[i] < '0' || s.ptr[i] > '9'))
			return 1;
	struct tm tm = {
		.tm_year = two_digits(s.ptr) * 100 + two_digits(s.ptr + 2) - 1900,
		.tm_mon = two_digits(s.ptr + 4) - 1,
		.tm_mday = two_digits(s.ptr + 6),
		.tm_hour = two_digits(s.ptr + 9),
		.tm_min = two_digits(s.ptr + 11),
		.tm_sec = two_digits(s.ptr + 13),
	};
	struct tm asked = tm;
	/* timegm() carries 31 February over into March; such a date is no date here. */
	*out = timegm(&tm);
	bool same = tm.tm_mon == asked.tm_mon && tm.tm_mday == asked.tm_mday &&
		    tm.tm_hour == asked.tm_hour && tm.tm_min == asked.tm_min &&
		    tm.tm_sec == asked.tm_sec;
	return same ? 0 : 1;
}

static void append_time(struct buf *out, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	gmtime_r(&t, &tm);
	buf_printf(out, "%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		   tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static int check_clock(struct sv date, const struct sigv4_expected *e, int64_t now_s,
		       struct sigv4_refusal *r)
{
	int64_t signed_s;
	if (time_parse(date, &signed_s) != 0) {
		buf_printf(&r->text,
			   "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
			   "http://en.wikipedia.org/wiki/ISO_8601",
			   SV_ARG(date));
		return refused(r, INCOMPLETE);
	}
	bool late = signed_s < now_s - e->clock_window_s;
	bool early = signed_s > now_s + e->clock_window_s;
	if (!late && !early)
		return 0;
	buf_sv(&r->text, late ? SV("Signature expired: ") : SV("Signature not yet current: "));
	buf_sv(&r->text, date);
	buf_sv(&r->text, late ? SV(" is now earlier than ") : SV(" is still later than "));
	append_time(&r->text, late ? now_s - e->clock_window_s : now_s + e->clock_window_s);
	buf_sv(&r->text, SV(" ("));
	append_time(&r->text, now_s);
	buf_printf(&r->text, " %c %lld min.)", late ? '-' : '+',
		   (long long)(e->clock_window_s / 60));
	return refused(r, INVALID);
}

/* --- the Authorization header --- */

static int parse_credential(struct sv credential, struct authorization *a, struct sigv4_refusal *r)
{
	struct sv rest = credential;
	struct sv *parts[] = {&a->access_key, &a->date, &a->region, &a->service, &a->terminator};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (i == 1)
			a->scope = rest;
		if (!sigv4_take_part(&rest, '/', parts[i]))
			return refuse(r, INCOMPLETE,
				      "Credential must have exactly 5 slash-delimited elements, "
				      "e.g. keyid/date/region/service/term");
	}
	if (rest.ptr)
		return refuse(r, INCOMPLETE,
			      "Credential must have exactly 5 slash-delimited elements, e.g. "
			      "keyid/date/region/service/term");
	return 0;
}

static int parse_fields(struct sv fields, struct sv *credential, struct authorization *a,
			struct sigv4_refusal *r)
{
	const struct {
		struct sv key;
		struct sv *value;
	} known[] = {
		{SV("Credential"), credential},
		{SV("SignedHeaders"), &a->signed_headers},
		{SV("Signature"), &a->signature},
	};
	size_t n_known = sizeof known / sizeof *known;
	struct sv field;
	while (sigv4_take_part(&fields, ',', &field)) {
		field = sv_trim(field);
		struct sv key = sv_make(field.ptr, sv_find(field, '='));
		size_t i = 0;
		while (i < n_known && !sv_eq(known[i].key, key))
			i++;
		if (i == n_known || key.len == field.len || known[i].value->ptr) {
			buf_printf(
				&r->text,
				"Invalid key=value pair (missing equal-sign, unknown or repeated "
				"key) in Authorization header: '%.*s'.",
				SV_ARG(field));
			return refused(r, INCOMPLETE);
		}
		*known[i].value = sv_from(field, key.len + 1);
	}
	for (size_t i = 0; i < n_known; i++) {
		if (known[i].value->len > 0)
			continue;
		buf_printf(&r->text, "Authorization header requires '%.*s' parameter.",
			   SV_ARG(known[i].key));
		return refused(r, INCOMPLETE);
	}
	return 0;
}

static int parse_authorization(struct sv value, struct authorization *a, struct sigv4_refusal *r)
{
	value = sv_trim(value);
	if (!sv_starts_with(value, SV(ALGORITHM " "))) {
		buf_printf(&r->text, "Unsupported AWS 'algorithm': '%.*s'. ",
			   (int)sv_find(value, ' '), value.ptr ? value.ptr : "");
		return refused(r, INCOMPLETE);
	}
	struct sv credential = SV_NULL;
	*a = (struct authorization){0};
	int rc = parse_fields(sv_from(value, sizeof ALGORITHM), &credential, a, r);
	return rc != 0 ? rc : parse_credential(credential, a, r);
}

/* Such as us-gov-west-1. */
static bool is_region(struct sv s)
{
	size_t dashes = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
		dashes += c == '-';
	}
	return dashes >= 2;
}

static int check_scope(const struct authorization *a, struct sv date,
		       const struct sigv4_expected *e, struct sigv4_refusal *r)
{
	if (e->any_region ? !is_region(a->region) : !sv_eq(a->region, e->region)) {
		buf_printf(&r->text, "Credential should be scoped to a valid region, not '%.*s'. ",
			   SV_ARG(a->region));
		return refused(r, INVALID);
	}
	if (!sv_eq(a->service, e->service)) {
		buf_printf(&r->text, "Credential should be scoped to correct service: '%.*s'. ",
			   SV_ARG(e->service));
		return refused(r, INVALID);
	}
	if (!sv_eq(a->terminator, SV(TERMINATOR))) {
		buf_printf(&r->text,
			   "Credential should be scoped with a valid terminator: '" TERMINATOR
			   "', not '%.*s'. ",
			   SV_ARG(a->terminator));
		return refused(r, INVALID);
	}
	if (a->date.len != 8 || !sv_starts_with(date, a->date)) {
		buf_printf(&r->text,
			   "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
			   "of date from HTTP: '%.*s' != '%.*s', from '%.*s'.",
			   SV_ARG(a->date), 8, date.ptr, SV_ARG(date));
		return refused(r, INVALID);
	}
	return 0;
}

static int check_keys(const struct sigv4_received *q, const struct authorization *a,
		      const struct sigv4_expected *e, struct sigv4_key *key,
		      struct sigv4_refusal *r)
{
	const struct sigv4_header *token = header_find(q, SV("x-amz-security-token"));
	struct sv given = token ? sv_trim(token->value) : SV_NULL;
	*key = (struct sigv4_key){e->secret_key, e->session_token, false};
	bool known = e->secret_key.len > 0 && sv_eq(a->access_key, e->access_key);
	if (!known)
		known = e->find && e->find(e->cls, a->access_key, key) == 0;
	if (!known || !crypto_equal(given, key->session_token))
		return refuse(r, UNRECOGNIZED,
			      "The security token included in the request is invalid.");
	if (key->expired)
		return refuse(r, EXPIRED, "The security token included in the request is expired");
	return 0;
}

/* --- what is signed --- */

static bool names_contain(struct sv names, struct sv name)
{
	struct sv one;
	while (sigv4_take_part(&names, ';', &one))
		if (sv_eq_nocase(one, name))
			return true;
	return false;
}

/* Names lower-case, ascending, each once and each sent. */
static int check_signed_names(const struct sigv4_received *q, struct sv names,
			      struct sigv4_refusal *r)
{
	struct sv name, last = SV_NULL;
	while (sigv4_take_part(&names, ';', &name)) {
		bool upper = false;
		for (size_t i = 0; i < name.len; i++)
			upper |= name.ptr[i] >= 'A' && name.ptr[i] <= 'Z';
		if (upper || name.len == 0 || (last.ptr && sv_cmp(last, name) >= 0))
			return refuse(r, INVALID,
				      "SignedHeaders must be lower-case, unique and in ascending "
				      "order.");
		if (!header_find(q, name)) {
			buf_printf(&r->text, "The signed header '%.*s' was not sent.",
				   SV_ARG(name));
			return refused(r, INVALID);
		}
		last = name;
	}
	return 0;
}

/* The host and every x-amz- header must be covered, or somebody on the way could change them. AMP
 * does not insist on the session token: it is checked by its value. */
static int check_coverage(const struct sigv4_received *q, struct sv names, struct sigv4_refusal *r)
{
	if (header_count(q, SV("host")) != 1 || !names_contain(names, SV("host")))
		return refuse(r, INVALID,
			      "'Host' or ':authority' must be a 'SignedHeader' in the AWS "
			      "Authorization.");
	for (size_t i = 0; i < q->n_headers; i++) {
		struct sv name = q->headers[i].name;
		bool amz = name.len > 6 && sv_eq_nocase(sv_make(name.ptr, 6), SV("x-amz-"));
		if (!amz || sv_eq_nocase(name, SV("x-amz-security-token")) ||
		    names_contain(names, name))
			continue;
		buf_printf(&r->text, "'%.*s' must be a 'SignedHeader' in the AWS Authorization.",
			   SV_ARG(name));
		return refused(r, INVALID);
	}
	return check_signed_names(q, names, r);
}

static int check_body_header(const struct sigv4_received *q, struct sigv4_refusal *r)
{
	const struct sigv4_header *h = header_find(q, SV("x-amz-content-sha256"));
	if (!h)
		return 0;
	_cleanup_(buf_deinit) struct buf hex = BUF_NULL;
	buf_init(&hex, HEX_SHA256);
	sigv4_append_sha256(&hex, q->body);
	if (sv_eq(sv_trim(h->value), buf_view(&hex)))
		return 0;
	return refuse(r, INVALID,
		      "The value passed in as x-amz-content-sha256 does not match the SHA-256 of "
		      "the body.");
}

/* --- the signature --- */

static struct sv digest_view(const uint8_t digest[SHA256_BYTES])
{
	return sv_make((const char *)digest, SHA256_BYTES);
}

static void wipe(struct buf *secret)
{
	buf_wipe(secret);
}
DEFINE_CLEANUP(struct buf, wipe)

static int sign(struct buf *hex, struct sv secret_key, const struct authorization *a,
		struct sv string_to_sign)
{
	_cleanup_(wipe) struct buf seed = BUF_NULL;
	buf_init(&seed, secret_key.len + 4);
	buf_sv(&seed, SV("AWS4"));
	if (buf_sv(&seed, secret_key) != 0)
		return 1;
	uint8_t one[SHA256_BYTES], two[SHA256_BYTES];
	crypto_hmac_sha256(one, buf_view(&seed), a->date);
	crypto_hmac_sha256(two, digest_view(one), a->region);
	crypto_hmac_sha256(one, digest_view(two), a->service);
	crypto_hmac_sha256(two, digest_view(one), a->terminator);
	crypto_hmac_sha256(one, digest_view(two), string_to_sign);
	sigv4_append_hex(hex, one, sizeof one);
	crypto_wipe(two, sizeof two);
	return buf_failed(hex) ? 1 : 0;
}

static int check_signature(const struct sigv4_received *q, struct sv secret_key,
			   const struct authorization *a, struct sv date, struct sigv4_refusal *r)
{
	_cleanup_(buf_deinit) struct buf canonical = BUF_NULL;
	_cleanup_(buf_deinit) struct buf to_sign = BUF_NULL;
	_cleanup_(buf_deinit) struct buf hex = BUF_NULL;
	buf_init(&canonical, SIGV4_TEXT_MAX / 2);
	buf_init(&to_sign, SIGV4_TEXT_MAX / 4);
	buf_init(&hex, HEX_SHA256);
	if (sigv4_canonical_request(&canonical, q, a->signed_headers) != 0)
		return refuse(r, INVALID, "The request has too many headers or parameters.");
	buf_printf(&to_sign, ALGORITHM "\n%.*s\n%.*s\n", SV_ARG(date), SV_ARG(a->scope));
	sigv4_append_sha256(&to_sign, buf_view(&canonical));
	if (buf_failed(&to_sign) || sign(&hex, secret_key, a, buf_view(&to_sign)) != 0)
		return refuse(r, INVALID, "The credential scope is too long.");
	if (crypto_equal(buf_view(&hex), a->signature))
		return 0;
	buf_printf(&r->text,
		   "The request signature we calculated does not match the signature you provided. "
		   "Check your AWS Secret Access Key and signing method. Consult the service "
		   "documentation for details.\n\n"
		   "The Canonical String for this request should have been\n'%.*s'\n\n"
		   "The String-to-Sign should have been\n'%.*s'\n",
		   SV_ARG(buf_view(&canonical)), SV_ARG(buf_view(&to_sign)));
	return refused(r, INVALID);
}

int verify_sigv4(const struct sigv4_received *q, const struct sigv4_expected *e, int64_t now_s,
		 struct sigv4_refusal *r)
{
	const struct sigv4_header *authorization = header_find(q, SV("authorization"));
	const struct sigv4_header *date_header = header_find(q, SV("x-amz-date"));
	if (!authorization)
		return refuse(r, MISSING_TOKEN, "Missing Authentication Token");
	if (header_count(q, SV("authorization")) > 1 || header_count(q, SV("x-amz-date")) > 1 ||
	    header_count(q, SV("x-amz-security-token")) > 1)
		return refuse(r, INCOMPLETE, "A signing header was sent more than once.");
	if (!date_header)
		return refuse(r, INCOMPLETE,
			      "Authorization header requires existence of either a 'X-Amz-Date' or "
			      "a 'Date' header.");
	struct sv date = sv_trim(date_header->value);
	struct authorization a;
	struct sigv4_key key = {.expired = true};
	int rc = parse_authorization(authorization->value, &a, r);
	if (rc == 0)
		rc = check_clock(date, e, now_s, r);
	if (rc == 0)
		rc = check_scope(&a, date, e, r);
	if (rc == 0)
		rc = check_keys(q, &a, e, &key, r);
	if (rc == 0)
		rc = check_coverage(q, a.signed_headers, r);
	if (rc == 0)
		rc = check_body_header(q, r);
	return rc != 0 ? rc : check_signature(q, key.secret_key, &a, date, r);
}
