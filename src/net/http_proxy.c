#include "http_proxy.h"

#include "http_material.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/ip.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#include <stdlib.h>

enum { V4_BITS = 32, V6_BITS = 128, V4_PREFIX = 96 };
#define PROXY_LINES_BYTES KiB(64)

/* An address in 16 bytes; IPv4 is mapped, so that both spellings are equal. */
struct address {
	uint8_t bytes[16];
	bool v4;
};

/* Exactly one of: a network (an address has all bits), or a domain. */
struct http_proxy_rule {
	bool is_address;
	struct address address;
	unsigned bits;
	char *domain;    /* with a leading dot */
	bool apex;       /* the domain itself too */
	struct sv port;  /* empty: any */
	char *port_text; /* what port points into */
};

static bool parse_address(struct sv text, bool zone_allowed, struct address *out)
{
	struct in6_addr ip;
	size_t len = zone_allowed ? sv_find(text, '%') : text.len;
	struct sv digits = sv_make(text.ptr, len);
	if (len + 1 == text.len || !ip_read(digits, &ip))
		return false;
	memcpy(out->bytes, ip.s6_addr, sizeof(out->bytes));
	out->v4 = IN6_IS_ADDR_V4MAPPED(&ip);
	/* Only those of IPv6 have zones. */
	return len == text.len || sv_find(digits, ':') < len;
}

static bool is_loopback(const struct address *a)
{
	static const uint8_t one[16] = {[15] = 1};
	return a->v4 ? a->bytes[12] == 127 : memcmp(a->bytes, one, sizeof(one)) == 0;
}

static bool in_network(const struct address *a, const struct http_proxy_rule *r)
{
	unsigned whole = r->bits / 8, left = r->bits % 8;
	if (a->v4 != r->address.v4 || (r->address.v4 && r->bits < V4_PREFIX) ||
	    memcmp(a->bytes, r->address.bytes, whole) != 0)
		return false;
	uint8_t mask = (uint8_t)(0xff00u >> left);
	return left == 0 || ((a->bytes[whole] ^ r->address.bytes[whole]) & mask) == 0;
}

/* "address/bits" */
static bool parse_network(struct sv text, struct http_proxy_rule *r)
{
	size_t slash = sv_find(text, '/');
	struct sv address = sv_make(text.ptr, slash);
	uint64_t bits;
	if (slash == text.len || !parse_address(address, false, &r->address) ||
	    sv_to_u64(sv_from(text, slash + 1), &bits) != 0)
		return false;
	bool short_form = sv_find(address, ':') == address.len;
	if (bits > (short_form ? V4_BITS : V6_BITS))
		return false;
	r->bits = (unsigned)bits + (short_form ? V4_PREFIX : 0);
	r->is_address = true;
	return true;
}

/* "host:port" and "[v6]:port"; anything else is all host. */
static void split_port(struct sv text, struct sv *host, struct sv *port)
{
	size_t colon = text.len;
	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	*host = text;
	*port = SV_NULL;
	if (colon == 0)
		return;
	struct sv before = sv_make(text.ptr, colon - 1);
	bool bracketed =
		before.len >= 2 && before.ptr[0] == '[' && sv_find(before, ']') == before.len - 1;
	if (bracketed)
		before = sv_make(before.ptr + 1, before.len - 2);
	else if (sv_find(before, ':') != before.len || sv_find(before, '[') != before.len ||
		 sv_find(before, ']') != before.len)
		return;
	*host = before;
	*port = sv_from(text, colon);
}

static char *dup_lower(struct sv prefix, struct sv s)
{
	char *out = malloc(prefix.len + s.len + 1);
	if (!out)
		return NULL;
	memcpy(out, prefix.len ? prefix.ptr : "", prefix.len);
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		out[prefix.len + i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	out[prefix.len + s.len] = '\0';
	return out;
}

/* 0, or 1 without memory. What names no host is left out. */
static int add_rule(struct http_proxy *p, struct sv text)
{
	struct http_proxy_rule *r = &p->rules[p->n_rules];
	struct sv host, port;
	*r = (struct http_proxy_rule){0};
	if (parse_network(text, r)) {
		p->n_rules++;
		return 0;
	}
	split_port(text, &host, &port);
	if (host.len == 0)
		return 0;
	if (parse_address(host, false, &r->address)) {
		r->is_address = true;
		r->bits = V6_BITS;
	} else {
		host = sv_from(host, sv_starts_with(host, SV("*.")) ? 1 : 0);
		r->apex = host.ptr[0] != '.';
		r->domain = dup_lower(r->apex ? SV(".") : SV_NULL, host);
		if (!r->domain)
			return 1;
	}
	p->n_rules++;
	r->port_text = sv_dup(port);
	r->port = sv_of(r->port_text);
	return r->port_text ? 0 : 1;
}

static int add_rules(struct http_proxy *p, struct sv list)
{
	size_t n = 1;
	for (size_t i = 0; i < list.len; i++)
		n += list.ptr[i] == ',';
	p->has_rules = true;
	p->rules = calloc(n, sizeof(*p->rules));
	if (!p->rules)
		return 1;
	while (list.len) {
		size_t end = sv_find(list, ',');
		struct sv text = sv_trim(sv_make(list.ptr, end));
		list = sv_from(list, end + 1);
		p->all_direct = p->all_direct || sv_eq(text, SV("*"));
		if (text.len && add_rule(p, text) != 0)
			return 1;
	}
	return 0;
}

/* --- servers --- */

static int decode(struct sv in, struct buf *out)
{
	buf_init(out, LIMIT_SECRET_BYTES);
	return buf_reserve(out, in.len + 1) != 0 || url_decode(out, in, false) != 0;
}

static int set_user(struct http_proxy_server *s, struct sv userinfo, struct err *err)
{
	_cleanup_(buf_wipe) struct buf user = BUF_NULL, password = BUF_NULL, plain = BUF_NULL;
	_cleanup_(buf_wipe) struct buf value = BUF_NULL;
	size_t colon = sv_find(userinfo, ':');
	if (decode(sv_make(userinfo.ptr, colon), &user) != 0 ||
	    decode(sv_from(userinfo, colon + 1), &password) != 0)
		return err_set(err, 1, "the proxy's user information is not valid");
	if (s->kind == HTTP_PROXY_SOCKS5) {
		s->user = sv_dup(buf_view(&user));
		s->password = sv_dup(buf_view(&password));
		return s->user && s->password ? 0 : err_set(err, 1, "no memory");
	}
	buf_init(&plain, PROXY_LINES_BYTES);
	buf_init(&value, 2 * PROXY_LINES_BYTES);
	buf_reserve(&plain, user.len + password.len + 1);
	buf_reserve(&value, sizeof "Basic " + 2 * (user.len + password.len + 4));
	buf_sv(&plain, buf_view(&user));
	buf_char(&plain, ':');
	buf_sv(&plain, buf_view(&password));
	buf_sv(&value, SV("Basic "));
	if (buf_failed(&plain) || base64_encode(&value, buf_view(&plain)) != 0)
		return err_set(err, 1, "the proxy's user information is too long");
	buf_reserve(&s->auth_line, sizeof "Proxy-Authorization: " + value.len + 1);
	return material_line(&s->auth_line, SV("Proxy-Authorization"), buf_view(&value), err);
}

static int set_connect_lines(struct http_proxy_server *s, const struct proxy_options *opt,
			     struct err *err)
{
	buf_reserve(&s->connect_lines, KiB(4) + s->auth_line.len);
	buf_sv(&s->connect_lines, buf_view(&s->auth_line));
	for (size_t i = 0; i < opt->n_connect_headers; i++) {
		const struct http_header_option *h = &opt->connect_headers[i];
		/* What the URL says replaces a header of that name. */
		if (s->auth_line.len && sv_eq_nocase(h->name, SV("Proxy-Authorization")))
			continue;
		for (size_t k = 0; k < h->n_secrets; k++) {
			if (material_line(&s->connect_lines, h->name, h->secrets[k], err) != 0)
				return 1;
		}
	}
	return buf_failed(&s->connect_lines) ? err_set(err, 1, "no memory") : 0;
}

static char *join(struct sv prefix, const struct url_parts *u, struct sv port)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	bool v6 = sv_find(u->host, ':') != u->host.len;
	buf_init(&b, PROXY_LINES_BYTES);
	buf_sv(&b, prefix);
	buf_sv(&b, v6 ? SV("[") : SV_NULL);
	buf_sv(&b, u->host);
	buf_sv(&b, v6 ? SV("]:") : SV(":"));
	buf_sv(&b, port);
	return buf_take(&b);
}

static int set_kind(struct http_proxy_server *s, const struct url_parts *u, struct sv *port,
		    struct sv *prefix)
{
	static const struct {
		const char *scheme;
		enum http_proxy_kind kind;
		const char *prefix, *port;
	} kinds[] = {{"http", HTTP_PROXY_HTTP, "http://", "80"},
		     {"https", HTTP_PROXY_HTTPS, "https://", "443"},
		     {"socks5", HTTP_PROXY_SOCKS5, "socks5h://", "1080"},
		     {"socks5h", HTTP_PROXY_SOCKS5, "socks5h://", "1080"}};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!sv_eq_nocase(u->scheme, sv_of(kinds[i].scheme)))
			continue;
		s->kind = kinds[i].kind;
		*prefix = sv_of(kinds[i].prefix);
		*port = u->port.len ? u->port : sv_of(kinds[i].port);
		return 0;
	}
	return 1;
}

/* A text without a scheme is an http proxy. 0, or 1 with the reason; 2 when it is no URL. */
static int set_server(struct http_proxy_server *s, struct sv url, const struct proxy_options *opt,
		      struct err *err)
{
	_cleanup_(buf_wipe) struct buf with_scheme = BUF_NULL;
	struct url_parts u;
	struct sv port, prefix;
	buf_init(&s->auth_line, PROXY_LINES_BYTES);
	buf_init(&s->connect_lines, PROXY_LINES_BYTES);
	if (url.len == 0)
		return 0;
	if (url_split(url, &u) != 0) {
		buf_init(&with_scheme, PROXY_LINES_BYTES);
		buf_reserve(&with_scheme, sizeof "http://" + url.len);
		buf_sv(&with_scheme, SV("http://"));
		buf_sv(&with_scheme, url);
		if (sv_find_sv(url, SV("://")) < url.len ||
		    url_split(buf_view(&with_scheme), &u) != 0)
			return err_set(err, 2, "the proxy's address is not a URL");
	}
	if (set_kind(s, &u, &port, &prefix) != 0)
		return err_set(err, 1, "unsupported proxy scheme \"%.*s\"", SV_ARG(u.scheme));
	if (u.userinfo.ptr && set_user(s, u.userinfo, err) != 0)
		return 1;
	s->url = join(prefix, &u, port);
	s->resolve = join(SV("-"), &u, port);
	if (!s->url || !s->resolve)
		return err_set(err, 1, "no memory");
	return set_connect_lines(s, opt, err);
}

static struct sv from_env(const char *upper, const char *lower)
{
	struct sv v = sv_of(getenv(upper));
	return v.len ? v : sv_of(getenv(lower));
}

static int init_from_environment(struct http_proxy *p, const struct proxy_options *opt,
				 struct err *err)
{
	p->refuse_plain = sv_of(getenv("REQUEST_METHOD")).len > 0;
	/* A text that is no URL names no proxy. */
	if (set_server(&p->plain, from_env("HTTP_PROXY", "http_proxy"), opt, err) == 1 ||
	    set_server(&p->secure, from_env("HTTPS_PROXY", "https_proxy"), opt, err) == 1)
		return 1;
	if (add_rules(p, from_env("NO_PROXY", "no_proxy")) != 0)
		return err_set(err, 1, "no memory");
	return 0;
}

int http_proxy_init(struct http_proxy *p, const struct proxy_options *opt, struct err *err)
{
	int r = 0;
	*p = HTTP_PROXY_NULL;
	if (opt->from_environment) {
		r = init_from_environment(p, opt, err);
	} else if (opt->url.len) {
		r = set_server(&p->plain, opt->url, opt, err);
		r = r == 0 ? set_server(&p->secure, opt->url, opt, err) : r;
		if (r == 0 && opt->no_proxy.len && add_rules(p, opt->no_proxy) != 0)
			r = err_set(err, 1, "no memory");
	}
	if (r == 0)
		return 0;
	http_proxy_deinit(p);
	return 1;
}

static void free_secret(char *s)
{
	crypto_wipe(s, s ? strlen(s) : 0);
	free(s);
}

static void server_deinit(struct http_proxy_server *s)
{
	free(s->url);
	free(s->resolve);
	free_secret(s->user);
	free_secret(s->password);
	buf_wipe(&s->auth_line);
	buf_wipe(&s->connect_lines);
}

void http_proxy_deinit(struct http_proxy *p)
{
	server_deinit(&p->plain);
	server_deinit(&p->secure);
	for (size_t i = 0; i < p->n_rules; i++) {
		free(p->rules[i].domain);
		free(p->rules[i].port_text);
	}
	free(p->rules);
	*p = HTTP_PROXY_NULL;
}

/* --- the choice --- */

static bool names_domain(const struct http_proxy_rule *r, struct sv host)
{
	struct sv domain = sv_of(r->domain);
	if (r->apex && sv_eq_nocase(host, sv_from(domain, 1)))
		return true;
	return host.len >= domain.len && sv_eq_nocase(sv_from(host, host.len - domain.len), domain);
}

static bool goes_straight(const struct http_proxy *p, struct sv host, struct sv port)
{
	struct address a;
	bool is_address = parse_address(host, true, &a);
	if (p->all_direct || sv_eq(host, SV("localhost")) || (is_address && is_loopback(&a)))
		return true;
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct http_proxy_rule *r = &p->rules[i];
		if (r->is_address != is_address || (r->port.len && !sv_eq(r->port, port)))
			continue;
		if (is_address ? in_network(&a, r) : names_domain(r, host))
			return true;
	}
	return false;
}

int http_proxy_pick(const struct http_proxy *p, const struct url_parts *to,
		    const struct http_proxy_server **out, struct err *err)
{
	bool https = sv_eq_nocase(to->scheme, SV("https"));
	const struct http_proxy_server *s = https ? &p->secure : &p->plain;
	struct sv port = to->port.len ? to->port : https ? SV("443") : SV("80");
	*out = NULL;
	if (!s->url)
		return 0;
	if (!https && p->refuse_plain)
		return err_set(err, 1, "HTTP_PROXY is not used where REQUEST_METHOD is set");
	if (!p->has_rules || !goes_straight(p, to->host, port))
		*out = s;
	return 0;
}
