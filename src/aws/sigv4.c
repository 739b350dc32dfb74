/* Signature Version 4, step by step:
 *
 *   canonical request   method, path, query, headers, their names, digest of the body
 *   string to sign      time, scope (date/region/service), digest of the canonical request
 *   signing key         HMAC chain over the scope's parts, keyed by the secret
 *   authorization       HMAC of the string to sign under that key
 *
 * The service rebuilds the canonical request from what reached it, so each piece here is written
 * the way the service reads it. Buffers that hold a secret, the session token included, are sized
 * before they are filled, so that no growth leaves a copy behind, and are wiped.
 */
#include <ampagent/aws/sigv4.h>
#include <ampagent/base/cleanup.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/err.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>
#include <stdlib.h>
#include <time.h>

/* A session token may have LIMIT_SECRET_BYTES; paths and queries are far smaller. */
#define CANONICAL_MAX KiB(256)
/* The string to sign, what a key is made from. */
#define SHORT_TEXT_MAX KiB(1)
/* Last second of the year 9999: the date has four digits for the year. */
#define TIME_MAX_S INT64_C(253402300799)

/* One header that will be signed. index keeps repeated names in their order of appearance. */
struct signed_header {
	struct sv name;
	struct sv value;
	size_t index;
};

struct header_list {
	struct signed_header *items;
	size_t n;
};

/* A query parameter, encoded. */
struct param {
	struct sv name;
	struct sv value;
};

/* date is the first eight digits of the time. */
struct scope {
	struct sv date;
	struct sv region;
	struct sv service;
};

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void put_lower(struct buf *out, struct sv s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_char(out, ascii_lower(s.ptr[i]));
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void sigv4_put_host(struct buf *out, const struct url_parts *u)
{
	bool literal = sv_find(u->host, ':') < u->host.len;
	bool tls = sv_eq_nocase(u->scheme, SV("https"));
	buf_sv(out, literal ? SV("[") : SV_NULL);
	put_lower(out, u->host);
	buf_sv(out, literal ? SV("]") : SV_NULL);
	if (u->port.len > 0 && !sv_eq(u->port, tls ? SV("443") : SV("80"))) {
		buf_char(out, ':');
		buf_sv(out, u->port);
	}
}

int sigv4_clean_path(struct buf *out, struct sv path)
{
	size_t start = out->len;
	size_t pos = 0;

	while (pos < path.len) {
		struct sv rest = sv_from(path, pos);
		struct sv segment = sv_make(rest.ptr, sv_find(rest, '/'));
		pos += segment.len + 1;
		if (segment.len == 0 || sv_eq(segment, SV(".")))
			continue;
		if (sv_eq(segment, SV(".."))) {
			while (out->len > start && out->ptr[--out->len] != '/')
				;
			continue;
		}
		buf_char(out, '/');
		buf_sv(out, segment);
	}
	if (out->len == start || path.ptr[path.len - 1] == '/')
		buf_char(out, '/');
	return buf_failed(out) ? 1 : 0;
}

/* Every service but S3 encodes the wire path once more, after cleaning it. S3 takes object names
 * as they are, double slashes included. */
static void put_path(struct buf *out, const struct sigv4_request *req)
{
	if (sv_eq(req->service, SV("s3"))) {
		buf_sv(out, req->path.len ? req->path : SV("/"));
		return;
	}
	_cleanup_(buf_deinit) struct buf clean = BUF_NULL;
	buf_init(&clean, CANONICAL_MAX);
	if (sigv4_clean_path(&clean, req->path) != 0)
		out->failed = true;
	url_encode(out, buf_view(&clean), true);
}

/* Decodes and encodes again, so that any spelling on the wire ("+" for a blank, lower-case hex,
 * needless escapes) gives the one form that the service computes. A broken escape is taken
 * literally. */
static struct sv put_param_part(struct buf *out, struct sv wire)
{
	size_t start = out->len;
	_cleanup_(buf_deinit) struct buf plain = BUF_NULL;
	buf_init(&plain, CANONICAL_MAX);
	if (url_decode(&plain, wire, true) != 0) {
		buf_reset(&plain);
		buf_sv(&plain, wire);
	}
	if (buf_failed(&plain))
		out->failed = true;
	url_encode(out, buf_view(&plain), false);
	return sv_make(NULL, out->len - start);
}

static int param_cmp(const void *a, const void *b)
{
	const struct param *pa = a, *pb = b;
	int c = sv_cmp(pa->name, pb->name);
	return c != 0 ? c : sv_cmp(pa->value, pb->value);
}

/* Encodes every parameter into text, one after the other, and points params into it. */
static size_t encode_params(struct buf *text, struct sv query, struct param *params)
{
	size_t n = 0;
	for (size_t pos = 0; pos < query.len;) {
		struct sv rest = sv_from(query, pos);
		struct sv pair = sv_make(rest.ptr, sv_find(rest, '&'));
		pos += pair.len + 1;
		if (pair.len == 0)
			continue;
		size_t eq = sv_find(pair, '=');
		params[n].name = put_param_part(text, sv_make(pair.ptr, eq));
		params[n].value = put_param_part(text, sv_from(pair, eq + 1));
		n++;
	}
	/* Only now does the text stay where it is; it may be empty ("="). */
	const char *p = text->len ? text->ptr : "";
	for (size_t i = 0; i < n && !buf_failed(text); i++) {
		params[i].name.ptr = p;
		params[i].value.ptr = p + params[i].name.len;
		p += params[i].name.len + params[i].value.len;
	}
	return n;
}

/* Sorted by encoded name, then by encoded value; "=" also where the wire has none. */
static int put_query(struct buf *out, struct sv query)
{
	size_t max = 1;
	for (size_t i = 0; i < query.len; i++)
		max += query.ptr[i] == '&';
	_cleanup_(freep) struct param *params = calloc(max, sizeof *params);
	if (!params)
		return ERR_NOMEM;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, CANONICAL_MAX);
	size_t n = encode_params(&text, query, params);
	if (buf_failed(&text)) {
		out->failed = true;
		return 0;
	}
	qsort(params, n, sizeof *params, param_cmp);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(out, '&');
		buf_sv(out, params[i].name);
		buf_char(out, '=');
		buf_sv(out, params[i].value);
	}
	return 0;
}

/* What a hop may add, change or take away would break the signature on its way. The last four are
 * written by the signer itself. */
static bool never_signed(struct sv name)
{
	static const char *const names[] = {
		"connection",
		"expect",
		"keep-alive",
		"proxy-authenticate",
		"proxy-authorization",
		"te",
		"trailer",
		"transfer-encoding",
		"upgrade",
		"user-agent",
		"x-amzn-trace-id",
		"uber-trace-id",
		"authorization",
		"host",
		"x-amz-date",
		"x-amz-security-token",
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (sv_eq_nocase(name, sv_of(names[i])))
			return true;
	struct sv websocket = SV("sec-websocket-");
	return name.len > websocket.len &&
	       sv_eq_nocase(sv_make(name.ptr, websocket.len), websocket);
}

static int name_cmp(struct sv a, struct sv b)
{
	for (size_t i = 0; i < a.len && i < b.len; i++) {
		unsigned char ca = (unsigned char)ascii_lower(a.ptr[i]);
		unsigned char cb = (unsigned char)ascii_lower(b.ptr[i]);
		if (ca != cb)
			return ca < cb ? -1 : 1;
	}
	return a.len < b.len ? -1 : a.len > b.len;
}

static int signed_header_cmp(const void *a, const void *b)
{
	const struct signed_header *ha = a, *hb = b;
	int c = name_cmp(ha->name, hb->name);
	if (c != 0)
		return c;
	return ha->index < hb->index ? -1 : ha->index > hb->index;
}

static void list_add(struct header_list *list, struct sv name, struct sv value)
{
	list->items[list->n] = (struct signed_header){name, value, list->n};
	list->n++;
}

/* items has room for all of the request's headers and three more. */
static void list_headers(struct header_list *list, const struct sigv4_request *req,
			 struct sv session_token, const char *amz_date)
{
	list_add(list, SV("host"), req->host);
	list_add(list, SV("x-amz-date"), sv_of(amz_date));
	if (session_token.len)
		list_add(list, SV("x-amz-security-token"), session_token);
	for (size_t i = 0; i < req->n_headers; i++)
		if (!never_signed(req->headers[i].name))
			list_add(list, req->headers[i].name, req->headers[i].value);
	qsort(list->items, list->n, sizeof *list->items, signed_header_cmp);
}

/* Trimmed, each run of blanks one space: folded lines and quoted text alike. */
static void put_header_value(struct buf *out, struct sv value)
{
	struct sv s = sv_trim(value);
	for (size_t i = 0; i < s.len; i++) {
		if (!is_blank(s.ptr[i]))
			buf_char(out, s.ptr[i]);
		else if (!is_blank(s.ptr[i - 1]))
			buf_char(out, ' ');
	}
}

static bool same_name_as_last(const struct header_list *list, size_t i)
{
	return i > 0 && name_cmp(list->items[i - 1].name, list->items[i].name) == 0;
}

/* One line a name; the values of a repeated name are joined with commas. */
static void put_headers(struct buf *out, const struct header_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (same_name_as_last(list, i)) {
			buf_char(out, ',');
		} else {
			if (i > 0)
				buf_char(out, '\n');
			put_lower(out, list->items[i].name);
			buf_char(out, ':');
		}
		put_header_value(out, list->items[i].value);
	}
	buf_char(out, '\n');
}

static void put_signed_names(struct buf *out, const struct header_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (same_name_as_last(list, i))
			continue;
		if (i > 0)
			buf_char(out, ';');
		put_lower(out, list->items[i].name);
	}
}

/* An upper bound of the canonical request, so that its buffer never moves: escapes are at most
 * three bytes for one, a header stands in it twice at most by name and once by value. */
static size_t canonical_size(const struct sigv4_request *req, const struct header_list *list)
{
	size_t n = req->method.len + 3 * req->path.len + 4 * req->query.len +
		   req->payload_hash.len + 64;
	for (size_t i = 0; i < list->n; i++)
		n += 2 * list->items[i].name.len + list->items[i].value.len + 4;
	return n;
}

static int put_canonical(struct buf *out, const struct sigv4_request *req,
			 const struct header_list *list)
{
	buf_reserve(out, canonical_size(req, list));
	buf_sv(out, req->method);
	buf_char(out, '\n');
	put_path(out, req);
	buf_char(out, '\n');
	int r = put_query(out, req->query);
	if (r < 0)
		return r;
	buf_char(out, '\n');
	put_headers(out, list);
	buf_char(out, '\n');
	put_signed_names(out, list);
	buf_char(out, '\n');
	buf_sv(out, req->payload_hash);
	return buf_failed(out) ? 1 : 0;
}

static void put_scope(struct buf *out, const struct scope *s)
{
	buf_printf(out, "%.*s/%.*s/%.*s/aws4_request", SV_ARG(s->date), SV_ARG(s->region),
		   SV_ARG(s->service));
}

static int put_string_to_sign(struct buf *out, const char *amz_date, const struct scope *s,
			      struct sv canonical)
{
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	crypto_sha256(digest, canonical.ptr, canonical.len);
	hex_encode(hex, digest, sizeof digest);
	buf_printf(out, "AWS4-HMAC-SHA256\n%s\n", amz_date);
	put_scope(out, s);
	buf_printf(out, "\n%s", hex);
	return buf_failed(out) ? 1 : 0;
}

static struct sv key_view(const uint8_t key[SHA256_BYTES])
{
	return sv_make((const char *)key, SHA256_BYTES);
}

static int derive_key(uint8_t key[SHA256_BYTES], struct sv secret, const struct scope *s)
{
	_cleanup_(buf_wipe) struct buf start = BUF_NULL;
	buf_init(&start, SHORT_TEXT_MAX);
	buf_reserve(&start, 4 + secret.len);
	buf_sv(&start, SV("AWS4"));
	buf_sv(&start, secret);
	if (buf_failed(&start))
		return 1;
	uint8_t date[SHA256_BYTES], region[SHA256_BYTES], service[SHA256_BYTES];
	crypto_hmac_sha256(date, buf_view(&start), s->date);
	crypto_hmac_sha256(region, key_view(date), s->region);
	crypto_hmac_sha256(service, key_view(region), s->service);
	crypto_hmac_sha256(key, key_view(service), SV("aws4_request"));
	crypto_wipe(date, sizeof date);
	crypto_wipe(region, sizeof region);
	crypto_wipe(service, sizeof service);
	return 0;
}

/* What a cached key belongs to, as a digest: the secret itself is not kept. The length keeps region
 * and service apart. */
static int key_id(uint8_t id[SHA256_BYTES], struct sv secret, const struct scope *s)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, SHORT_TEXT_MAX);
	buf_printf(&text, "%.*s %zu ", SV_ARG(s->date), s->region.len);
	buf_sv(&text, s->region);
	buf_sv(&text, s->service);
	if (buf_failed(&text))
		return 1;
	crypto_hmac_sha256(id, secret, buf_view(&text));
	return 0;
}

static int signing_key(uint8_t key[SHA256_BYTES], struct sv secret, const struct scope *s,
		       struct sigv4_cache *cache)
{
	if (!cache)
		return derive_key(key, secret, s);
	uint8_t id[SHA256_BYTES];
	if (key_id(id, secret, s) != 0)
		return 1;
	if (!cache->valid || !crypto_equal(key_view(id), key_view(cache->id))) {
		cache->valid = false;
		if (derive_key(cache->key, secret, s) != 0)
			return 1;
		memcpy(cache->id, id, sizeof id);
		cache->valid = true;
	}
	memcpy(key, cache->key, SHA256_BYTES);
	return 0;
}

static int put_authorization(char dst[SIGV4_AUTH_MAX], struct sv access_key, const struct scope *s,
			     const struct header_list *list, const uint8_t signature[SHA256_BYTES])
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	char hex[2 * SHA256_BYTES + 1];
	buf_init(&out, SIGV4_AUTH_MAX - 1);
	hex_encode(hex, signature, SHA256_BYTES);
	buf_sv(&out, SV("AWS4-HMAC-SHA256 Credential="));
	buf_sv(&out, access_key);
	buf_char(&out, '/');
	put_scope(&out, s);
	buf_sv(&out, SV(", SignedHeaders="));
	put_signed_names(&out, list);
	buf_printf(&out, ", Signature=%s", hex);
	if (buf_failed(&out))
		return 1;
	memcpy(dst, out.ptr, out.len);
	dst[out.len] = '\0';
	return 0;
}

/* "20150830T123600Z": 0, or 1 for a time that it cannot say. */
static int format_amz_date(char dst[SIGV4_DATE_MAX], int64_t time_s)
{
	if (time_s < 0 || time_s > TIME_MAX_S)
		return 1;
	time_t t = (time_t)time_s;
	struct tm tm;
	if (!gmtime_r(&t, &tm))
		return 1;
	return strftime(dst, SIGV4_DATE_MAX, "%Y%m%dT%H%M%SZ", &tm) == SIGV4_DATE_MAX - 1 ? 0 : 1;
}

void sigv4_cache_wipe(struct sigv4_cache *c)
{
	crypto_wipe(c, sizeof *c);
}

int sigv4_sign(const struct sigv4_request *req, const struct aws_keys *keys,
	       struct sigv4_cache *cache, struct sigv4_result *out, struct buf *canonical,
	       struct buf *string_to_sign)
{
	if (format_amz_date(out->amz_date, req->time_s) != 0)
		return 1;
	struct scope scope = {sv_make(out->amz_date, 8), req->region, req->service};

	_cleanup_(freep) struct signed_header *items = calloc(req->n_headers + 3, sizeof *items);
	if (!items)
		return ERR_NOMEM;
	struct header_list list = {items, 0};
	list_headers(&list, req, keys->session_token, out->amz_date);

	_cleanup_(buf_wipe) struct buf creq = BUF_NULL;
	buf_init(&creq, CANONICAL_MAX);
	int r = put_canonical(&creq, req, &list);
	if (r != 0)
		return r;
	_cleanup_(buf_deinit) struct buf sts = BUF_NULL;
	buf_init(&sts, SHORT_TEXT_MAX);
	if (put_string_to_sign(&sts, out->amz_date, &scope, buf_view(&creq)) != 0)
		return 1;

	uint8_t key[SHA256_BYTES], signature[SHA256_BYTES];
	if (signing_key(key, keys->secret_key, &scope, cache) != 0)
		return 1;
	crypto_hmac_sha256(signature, key_view(key), buf_view(&sts));
	crypto_wipe(key, sizeof key);

	if (canonical)
		buf_sv(canonical, buf_view(&creq));
	if (string_to_sign)
		buf_sv(string_to_sign, buf_view(&sts));
	return put_authorization(out->authorization, keys->access_key, &scope, &list, signature);
}
