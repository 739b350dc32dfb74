/* The canonical request, by AWS's description: method, path, query, headers, their names, and the
 * digest of the body, a line each. */
#include "canonical.h"

#include <ampagent/base/crypto.h>

enum { QUERY_PARAMS_MAX = 64 };

struct query_param {
	struct sv name, value; /* canonically encoded */
};

void sigv4_append_hex(struct buf *out, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%02x", bytes[i]);
}

void sigv4_append_sha256(struct buf *out, struct sv bytes)
{
	uint8_t digest[SHA256_BYTES];
	crypto_sha256(digest, bytes.ptr, bytes.len);
	sigv4_append_hex(out, digest, sizeof digest);
}

bool sigv4_take_part(struct sv *rest, char separator, struct sv *part)
{
	if (!rest->ptr)
		return false;
	size_t end = sv_find(*rest, separator);
	*part = sv_make(rest->ptr, end);
	*rest = end < rest->len ? sv_from(*rest, end + 1) : SV_NULL;
	return true;
}

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static void append_encoded(struct buf *out, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char u = (unsigned char)c;
	if (is_unreserved(c)) {
		buf_char(out, c);
		return;
	}
	buf_char(out, '%');
	buf_char(out, digits[u >> 4]);
	buf_char(out, digits[u & 15]);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Drops the last segment written, for "..". */
static void path_up(struct buf *out, size_t start)
{
	while (out->len > start && out->ptr[out->len - 1] != '/')
		out->len--;
	if (out->len > start)
		out->len--;
}

/* Empty, "." and ".." segments are resolved, then every byte of the path as sent is encoded (so
 * what was encoded on the wire is encoded twice, as all services but S3 have it). */
static void append_path(struct buf *out, struct sv path)
{
	/* No request has a relative path: it must not pass for the one it resembles. */
	if (path.len > 0 && path.ptr[0] != '/') {
		for (size_t i = 0; i < path.len; i++)
			append_encoded(out, path.ptr[i]);
		return;
	}
	size_t start = out->len;
	struct sv segment;
	bool slash_at_end = false;
	while (sigv4_take_part(&path, '/', &segment)) {
		slash_at_end = true;
		if (segment.len == 0 || sv_eq(segment, SV(".")))
			continue;
		if (sv_eq(segment, SV(".."))) {
			path_up(out, start);
			continue;
		}
		buf_char(out, '/');
		for (size_t i = 0; i < segment.len; i++)
			append_encoded(out, segment.ptr[i]);
		slash_at_end = false;
	}
	if (slash_at_end || out->len == start)
		buf_char(out, '/');
}

/* Decodes what is encoded, then encodes canonically, so that %7e and ~ are one. The scratch buffer
 * has room for all and does not move. */
static struct sv recode(struct buf *scratch, struct sv text)
{
	size_t start = scratch->len;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '%' && i + 2 < text.len && hex_digit(text.ptr[i + 1]) >= 0 &&
		    hex_digit(text.ptr[i + 2]) >= 0) {
			c = (char)(hex_digit(text.ptr[i + 1]) << 4 | hex_digit(text.ptr[i + 2]));
			i += 2;
		}
		append_encoded(scratch, c);
	}
	return sv_make(scratch->ptr + start, scratch->len - start);
}

static int param_cmp(const void *left, const void *right)
{
	const struct query_param *a = left, *b = right;
	int c = sv_cmp(a->name, b->name);
	return c != 0 ? c : sv_cmp(a->value, b->value);
}

static int append_query(struct buf *out, struct sv query)
{
	_cleanup_(buf_deinit) struct buf scratch = BUF_NULL;
	buf_init(&scratch, SIGV4_TEXT_MAX);
	if (buf_reserve(&scratch, 3 * query.len + 1) != 0)
		return 1;
	struct query_param params[QUERY_PARAMS_MAX];
	size_t n = 0;
	struct sv one;
	while (query.len > 0 && sigv4_take_part(&query, '&', &one)) {
		if (one.len == 0)
			continue;
		if (n == QUERY_PARAMS_MAX)
			return 1;
		size_t equals = sv_find(one, '=');
		params[n].name = recode(&scratch, sv_make(one.ptr, equals));
		params[n].value = recode(&scratch, sv_from(one, equals + 1));
		n++;
	}
	qsort(params, n, sizeof params[0], param_cmp);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(out, '&');
		buf_sv(out, params[i].name);
		buf_char(out, '=');
		buf_sv(out, params[i].value);
	}
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Trimmed, inner runs of white space as one space. */
static void append_header_value(struct buf *out, struct sv value)
{
	value = sv_trim(value);
	for (size_t i = 0; i < value.len; i++) {
		if (!is_blank(value.ptr[i]))
			buf_char(out, value.ptr[i]);
		else if (!is_blank(value.ptr[i - 1]))
			buf_char(out, ' ');
	}
}

static void append_headers(struct buf *out, const struct sigv4_received *q, struct sv names)
{
	struct sv name;
	while (sigv4_take_part(&names, ';', &name)) {
		char separator = ':';
		buf_sv(out, name);
		for (size_t i = 0; i < q->n_headers; i++) {
			if (!sv_eq_nocase(q->headers[i].name, name))
				continue;
			buf_char(out, separator);
			append_header_value(out, q->headers[i].value);
			separator = ',';
		}
		buf_char(out, '\n');
	}
}

int sigv4_canonical_request(struct buf *out, const struct sigv4_received *q, struct sv names)
{
	buf_sv(out, q->method);
	buf_char(out, '\n');
	append_path(out, q->raw_path);
	buf_char(out, '\n');
	if (append_query(out, q->query) != 0)
		return 1;
	buf_char(out, '\n');
	append_headers(out, q, names);
	buf_char(out, '\n');
	buf_sv(out, names);
	buf_char(out, '\n');
	sigv4_append_sha256(out, q->body);
	return buf_failed(out) ? 1 : 0;
}
