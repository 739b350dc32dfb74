#include "http_guard.h"

static bool is_token(struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return s.len > 0;
}

static bool has_control(struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

void http_guard_header(struct http_guard *g, struct sv name, struct sv value)
{
	/* "Content-Length : 5" is a Content-Length to some and not to others. */
	if (!is_token(name) || has_control(value))
		g->malformed = true;
	if (sv_eq_nocase(name, SV("host"))) {
		g->n_host++;
	} else if (sv_eq_nocase(name, SV("content-length"))) {
		g->n_length++;
		if (sv_to_u64(value, &g->length) != 0)
			g->malformed = true;
	} else if (sv_eq_nocase(name, SV("transfer-encoding"))) {
		g->n_coding++;
		g->chunked = sv_eq_nocase(value, SV("chunked"));
	}
}

int http_guard_verdict(const struct http_guard *g, struct sv version, uint64_t body_max)
{
	bool old = sv_eq(version, SV("HTTP/1.0"));
	if (!old && !sv_eq(version, SV("HTTP/1.1")))
		return 505;
	if (g->malformed || g->n_host > 1 || g->n_length > 1 || g->n_coding > 1 ||
	    (!old && g->n_host == 0))
		return 400;
	if (g->n_coding && (g->n_length || !g->chunked || old))
		return 400;
	if (g->n_length && g->length > body_max)
		return 413;
	return 0;
}
