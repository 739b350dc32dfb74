/* What is asked for and what came: Accept and Content-Type. Only formats that are built are
 * offered. */
#include "target.h"

static const struct {
	enum scrape_protocol protocol;
	const char *mime;
} offered[] = {
	{PROTO_TEXT_0_0_4, "text/plain;version=0.0.4"},
};

int scrape_accept_header(const struct scrape_options *opt, struct buf *out)
{
	/* One more than the formats Prometheus knows, falling by a tenth, as it does. */
	int weight = 6;
	for (size_t i = 0; i < opt->n_protocols; i++) {
		for (size_t k = 0; k < sizeof offered / sizeof offered[0]; k++) {
			if (offered[k].protocol == opt->protocols[i])
				buf_printf(out, "%s;q=0.%d,", offered[k].mime, weight--);
		}
	}
	return buf_printf(out, "*/*;q=0.%d", weight);
}

static bool is_token_char(char c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static struct sv take_token(struct sv *s)
{
	size_t n = 0;
	while (n < s->len && is_token_char(s->ptr[n]))
		n++;
	struct sv token = sv_make(s->ptr, n);
	*s = sv_from(*s, n);
	return token;
}

/* A parameter's value: token or quoted string. 0, or 1 when it is neither. */
static int take_value(struct sv *s)
{
	if (s->len == 0 || s->ptr[0] != '"')
		return take_token(s).len > 0 ? 0 : 1;
	for (size_t i = 1; i < s->len; i++) {
		if (s->ptr[i] == '\\')
			i++;
		else if (s->ptr[i] == '"') {
			*s = sv_from(*s, i + 1);
			return 0;
		}
	}
	return 1;
}

/* Parameters as Go's mime.ParseMediaType takes them: none twice, a trailing semicolon is fine. */
static int check_params(struct sv s)
{
	struct sv seen[16];
	size_t n = 0;
	for (s = sv_trim(s); s.len > 0; s = sv_trim(s)) {
		if (s.ptr[0] != ';')
			return 1;
		s = sv_trim(sv_from(s, 1));
		if (s.len == 0)
			return 0;
		struct sv name = take_token(&s);
		if (name.len == 0 || s.len == 0 || s.ptr[0] != '=')
			return 1;
		s = sv_from(s, 1);
		if (take_value(&s) != 0 || n == sizeof seen / sizeof seen[0])
			return 1;
		for (size_t i = 0; i < n; i++) {
			if (sv_eq_nocase(seen[i], name))
				return 1;
		}
		seen[n++] = name;
	}
	return 0;
}

/* 0 and the media type, or 1 when the header is missing or malformed. */
static int media_type(struct sv header, struct sv *out)
{
	header = sv_trim(header);
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

int scrape_content_format(struct sv content_type, enum scrape_protocol fallback,
			  enum scrape_protocol *out, struct err *err)
{
	struct sv type;
	bool good = media_type(content_type, &type) == 0;
	if (good && sv_eq_nocase(type, SV("text/plain"))) {
		*out = PROTO_TEXT_0_0_4;
		return 0;
	}
	if (good && (sv_eq_nocase(type, SV("application/openmetrics-text")) ||
		     sv_eq_nocase(type, SV("application/vnd.google.protobuf"))))
		return err_set(
			err, 1,
			"the target answered with %.*s, which was not offered and is not built yet",
			SV_ARG(type));
	if (fallback != PROTO_NONE) {
		*out = fallback;
		return 0;
	}
	if (content_type.len == 0)
		return err_set(
			err, 1,
			"the target sent no Content-Type; set fallback_scrape_protocol to read it");
	return err_set(err, 1,
		       "the target's Content-Type \"%.*s\" is not a metrics format; set "
		       "fallback_scrape_protocol to read it",
		       (int)(content_type.len < 100 ? content_type.len : 100), content_type.ptr);
}
