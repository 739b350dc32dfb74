/* What is asked for and what came: Accept and Content-Type. */
#include "target.h"

struct offer {
	const char *mime;
	bool escaped; /* the format knows an escaping parameter */
};

static struct offer offer_of(enum scrape_protocol protocol)
{
	switch (protocol) {
	case PROTO_PROMETHEUS_PROTO:
		return (struct offer){"application/vnd.google.protobuf;"
				      "proto=io.prometheus.client.MetricFamily;encoding=delimited",
				      false};
	case PROTO_OPENMETRICS_0_0_1:
		return (struct offer){"application/openmetrics-text;version=0.0.1", false};
	case PROTO_OPENMETRICS_1_0_0:
		return (struct offer){"application/openmetrics-text;version=1.0.0", true};
	case PROTO_TEXT_0_0_4:
		return (struct offer){"text/plain;version=0.0.4", false};
	case PROTO_TEXT_1_0_0:
		return (struct offer){"text/plain;version=1.0.0", true};
	case PROTO_NONE:
		break;
	}
	return (struct offer){NULL, false};
}

static const char *escaping_name(enum escaping_scheme s)
{
	switch (s) {
	case ESCAPE_UNDERSCORES:
		return "underscores";
	case ESCAPE_DOTS:
		return "dots";
	case ESCAPE_VALUES:
		return "values";
	case ESCAPE_ALLOW_UTF_8:
		break;
	}
	return "allow-utf-8";
}

int scrape_accept_header(const struct scrape_options *opt, struct buf *out)
{
	/* One more than the formats Prometheus knows, falling by a tenth, as it does. */
	int weight = 6;
	for (size_t i = 0; i < opt->n_protocols; i++) {
		struct offer offer = offer_of(opt->protocols[i]);
		if (!offer.mime)
			continue;
		buf_printf(out, "%s", offer.mime);
		if (offer.escaped)
			buf_printf(out, ";escaping=%s", escaping_name(opt->escaping));
		buf_printf(out, ";q=0.%d,", weight--);
	}
	return buf_printf(out, "*/*;q=0.%d", weight);
}

static bool is_special(char c)
{
	return c != '\0' && strchr("()<>@,;:\\\"/[]?=", c);
}

static struct sv take_token(struct sv *s)
{
	size_t n = 0;
	while (n < s->len && s->ptr[n] > ' ' && s->ptr[n] < 0x7f && !is_special(s->ptr[n]))
		n++;
	struct sv token = sv_make(s->ptr, n);
	*s = sv_from(*s, n);
	return token;
}

struct param {
	struct sv name;
	struct sv value; /* without quotes, still escaped */
	bool quoted;
};

/* A parameter's value: token or quoted string. 0, or 1 when it is neither. */
static int take_value(struct sv *s, struct param *out)
{
	out->quoted = s->len > 0 && s->ptr[0] == '"';
	if (!out->quoted) {
		out->value = take_token(s);
		return out->value.len > 0 ? 0 : 1;
	}
	for (size_t i = 1; i < s->len; i++) {
		char c = s->ptr[i];
		if (c == '\\' && i + 1 < s->len && is_special(s->ptr[i + 1])) {
			i++;
		} else if (c == '"') {
			out->value = sv_make(s->ptr + 1, i - 1);
			*s = sv_from(*s, i + 1);
			return 0;
		} else if (c == '\r' || c == '\n') {
			return 1;
		}
	}
	return 1;
}

/* The next byte of a value, decoded; -1 at its end. */
static int value_byte(struct param *p)
{
	if (p->value.len == 0)
		return -1;
	if (p->quoted && p->value.ptr[0] == '\\' && p->value.len > 1 && is_special(p->value.ptr[1]))
		p->value = sv_from(p->value, 1);
	int c = (unsigned char)p->value.ptr[0];
	p->value = sv_from(p->value, 1);
	return c;
}

static bool value_eq(struct param a, struct param b)
{
	for (;;) {
		int c = value_byte(&a);
		if (c != value_byte(&b))
			return false;
		if (c < 0)
			return true;
	}
}

/* Parameters as Go's mime.ParseMediaType takes them: none twice with another value, one trailing
 * semicolon is fine. */
static int check_params(struct sv s)
{
	struct param seen[64];
	size_t n = 0;
	for (s = sv_trim(s); s.len > 0; s = sv_trim(s)) {
		if (s.ptr[0] != ';')
			return 1;
		s = sv_trim(sv_from(s, 1));
		if (s.len == 0)
			return 0;
		struct param p;
		p.name = take_token(&s);
		s = sv_trim(s);
		if (p.name.len == 0 || s.len == 0 || s.ptr[0] != '=')
			return 1;
		s = sv_trim(sv_from(s, 1));
		if (take_value(&s, &p) != 0 || n == sizeof seen / sizeof seen[0])
			return 1;
		for (size_t i = 0; i < n; i++) {
			if (sv_eq_nocase(seen[i].name, p.name) && !value_eq(seen[i], p))
				return 1;
		}
		seen[n++] = p;
	}
	return 0;
}

/* 0 and the media type, or 1 when the header is missing or malformed. */
static int media_type(struct sv header, struct sv *out)
{
	size_t end = sv_find(header, ';');
	struct sv type = sv_trim(sv_make(header.ptr, end));
	struct sv rest = type;
	struct sv major = take_token(&rest);
	if (major.len == 0 || rest.len == 0 || rest.ptr[0] != '/')
		return 1;
	rest = sv_from(rest, 1);
	struct sv minor = take_token(&rest);
	if (minor.len == 0 || rest.len != 0)
		return 1;
	*out = type;
	return check_params(sv_from(header, end));
}

/* The version of a format does not matter: one reader takes them all. */
static enum scrape_protocol protocol_of(struct sv type)
{
	if (sv_eq_nocase(type, SV("text/plain")))
		return PROTO_TEXT_0_0_4;
	if (sv_eq_nocase(type, SV("application/openmetrics-text")))
		return PROTO_OPENMETRICS_1_0_0;
	if (sv_eq_nocase(type, SV("application/vnd.google.protobuf")))
		return PROTO_PROMETHEUS_PROTO;
	return PROTO_NONE;
}

int scrape_content_format(struct sv content_type, enum scrape_protocol fallback,
			  enum scrape_protocol *out, struct err *err)
{
	struct sv type;
	*out = media_type(content_type, &type) == 0 ? protocol_of(type) : PROTO_NONE;
	if (*out == PROTO_NONE)
		*out = fallback;
	if (*out != PROTO_NONE)
		return 0;
	if (content_type.len == 0)
		return err_set(
			err, 1,
			"the target sent no Content-Type; set fallback_scrape_protocol to read it");
	return err_set(err, 1,
		       "the target's Content-Type \"%.*s\" is not a metrics format; set "
		       "fallback_scrape_protocol to read it",
		       (int)(content_type.len < 100 ? content_type.len : 100), content_type.ptr);
}
