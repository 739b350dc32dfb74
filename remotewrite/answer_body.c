/* Nothing is believed and nothing is refused: what is not known stays unnamed. What a sender chose
 * (names, label values) stands behind the words that are looked for, so it is cut off first. */
#include "answer_body.h"

enum {
	WRAPPINGS_MAX = 8,
	WRAPPING_BYTES = 256,
	SUBJECT_BYTES = 200,
	WORDS_BYTES = 512, /* read for the cause */
};

/* ---- bytes ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool starts_nocase(struct sv s, struct sv small)
{
	if (s.len < small.len)
		return false;
	for (size_t i = 0; i < small.len; i++)
		if (lower(s.ptr[i]) != small.ptr[i])
			return false;
	return true;
}

/* Where a text in small letters stands, in any case; s.len when it does not. */
static size_t find_nocase(struct sv s, struct sv small)
{
	for (size_t i = 0; i + small.len <= s.len; i++)
		if (starts_nocase(sv_from(s, i), small))
			return i;
	return s.len;
}

static struct sv head(struct sv s, size_t n)
{
	return sv_make(s.ptr, n < s.len ? n : s.len);
}

/* ---- JSON ---- */

/* A string's bytes behind its first quote; whole or cut. */
static size_t string_end(struct sv s, size_t at)
{
	while (at < s.len && s.ptr[at] != '"')
		at += s.ptr[at] == '\\' ? 2 : 1;
	return at < s.len ? at : s.len;
}

static size_t skip_blank(struct sv s, size_t at)
{
	while (at < s.len &&
	       (s.ptr[at] == ' ' || s.ptr[at] == '\t' || s.ptr[at] == '\r' || s.ptr[at] == '\n'))
		at++;
	return at;
}

/* Escapes of one byte; characters by number become '?', for nothing that is looked for has any. */
static struct sv unescape(struct sv s, char *dst)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c == '\\' && i + 1 < s.len) {
			c = s.ptr[++i];
			if (c == 'u') {
				i = i + 4 < s.len ? i + 4 : s.len;
				c = '?';
			} else if (c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f') {
				c = ' ';
			}
		}
		dst[n++] = c;
	}
	return sv_make(dst, n);
}

static bool is_message(struct sv key)
{
	return sv_eq_nocase(key, SV("message")) || sv_eq(key, SV("error")) ||
	       sv_eq(key, SV("errorMessage"));
}

/* The strings "message" and "__type" of an object that may be cut or broken: a reader that takes
 * only whole documents would leave a person without the reason. */
static void read_json(struct sv body, char *scratch, struct answer_said *out)
{
	size_t at = 1;
	while (at < body.len) {
		if (body.ptr[at++] != '"')
			continue;
		size_t end = string_end(body, at);
		struct sv key = sv_make(body.ptr + at, end - at);
		at = skip_blank(body, end + 1);
		if (at >= body.len || body.ptr[at] != ':')
			continue;
		at = skip_blank(body, at + 1);
		if (at >= body.len || body.ptr[at] != '"')
			continue;
		end = string_end(body, ++at);
		struct sv value = sv_make(body.ptr + at, end - at);
		at = end + 1;
		if (sv_eq(key, SV("__type")) && out->type.len == 0)
			out->type = value;
		if (!is_message(key) || out->json)
			continue;
		out->json = true;
		out->text = unescape(value, scratch);
	}
}

/* ---- wrappings ---- */

/* What follows `mark` when s begins with `begin`, and not too far. */
static bool unwrap(struct sv *s, struct sv begin, struct sv mark)
{
	if (!sv_starts_with(*s, begin))
		return false;
	struct sv near = head(*s, WRAPPING_BYTES);
	size_t at = sv_find_sv(near, mark);
	if (at == near.len)
		return false;
	*s = sv_trim(sv_from(*s, at + mark.len));
	return true;
}

static struct sv unwrap_all(struct sv s)
{
	s = sv_trim(s);
	for (int i = 0; i < WRAPPINGS_MAX; i++)
		if (!unwrap(&s, SV("maxFailure"), SV("family, ")) &&
		    !unwrap(&s, SV("server returned HTTP status"), SV(": ")) &&
		    !unwrap(&s, SV("rpc error:"), SV("desc = ")) &&
		    !unwrap(&s, SV("addr="), SV(", ")) && !unwrap(&s, SV("user="), SV(": ")))
			break;
	return s;
}

/* ---- who is named ---- */

/* The metric of "name{...}", "{..., __name__="name", ...}" or "name", which ends with `end`. */
static struct sv metric_of(struct sv series, char end)
{
	static const struct sv key = SV("__name__=");
	size_t n = 0;
	if (series.len > 0 && series.ptr[0] == '{') {
		size_t at = sv_find_sv(series, key);
		if (at == series.len)
			return SV_NULL;
		series = sv_from(series, at + key.len);
		/* Inside a quoted text the quotes are escaped. */
		while (series.len > 0 && (series.ptr[0] == '\\' || series.ptr[0] == '"'))
			series = sv_from(series, 1);
		end = '"';
	}
	while (n < series.len && n < SUBJECT_BYTES && series.ptr[n] != end &&
	       series.ptr[n] != '{' && series.ptr[n] != '\\')
		n++;
	return sv_trim(head(series, n));
}

struct marker {
	struct sv text;
	char end; /* of what is named */
};

static const struct marker markers[] = {
	{SV("series={"), 0},      {SV("for series {"), 0},      {SV("series: {"), 0},
	{SV("series: '"), '\''},  {SV("series: "), ' '},        {SV("metric: \""), '"'},
	{SV("metric \""), '"'},   {SV("metric name: \""), '"'}, {SV("for metric "), ','},
	{SV("(labelSet: "), ','},
};

/* Finds the first of them; up to its end stand the service's own words. */
static struct sv find_subject(struct sv text, struct sv *subject)
{
	size_t first = text.len;
	const struct marker *found = NULL;
	for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++) {
		size_t at = sv_find_sv(text, markers[i].text), end = at + markers[i].text.len;
		/* "for metric (actual: 8000, limit: 7168) metric: ..." */
		if (at < first && (end >= text.len || text.ptr[end] != '(')) {
			first = at;
			found = &markers[i];
		}
	}
	*subject = SV_NULL;
	if (!found)
		return text;
	/* A brace is part of what is named. */
	size_t skip = found->text.len - (found->end == 0);
	*subject = metric_of(sv_from(text, first + skip), found->end);
	return head(text, first + found->text.len);
}

/* ---- causes ---- */

struct needle {
	struct sv text; /* in small letters */
	enum answer_cause cause;
};

/* The one that stands first counts, of two at one place the first of the table. */
static const struct needle needles[] = {
	{SV("per-user series limit"), CAUSE_SERIES_LIMIT},
	{SV("per_user_series_limit"), CAUSE_SERIES_LIMIT},
	{SV("per-metric series limit"), CAUSE_METRIC_SERIES_LIMIT},
	{SV("per_metric_series_limit"), CAUSE_METRIC_SERIES_LIMIT},
	{SV("per-labelset series limit"), CAUSE_LABELSET_SERIES_LIMIT},
	{SV("per_labelset_series_limit"), CAUSE_LABELSET_SERIES_LIMIT},
	{SV("per-user nativehistograms series limit"), CAUSE_HISTOGRAM_SERIES_LIMIT},
	{SV("per_user_native_histogram_series_limit"), CAUSE_HISTOGRAM_SERIES_LIMIT},
	{SV("ingestion rate limit"), CAUSE_INGESTION_RATE},
	{SV("native histogram ingestion rate limit"), CAUSE_INGESTION_RATE},
	{SV("out-of-order-rate-limit"), CAUSE_INGESTION_RATE},
	{SV("push rate limit"), CAUSE_INGESTION_RATE},
	{SV("rate_limited"), CAUSE_INGESTION_RATE},
	{SV("rate exceeded"), CAUSE_REQUEST_RATE},
	{SV("throttl"), CAUSE_REQUEST_RATE},
	{SV("too many ha clusters"), CAUSE_HA_CLUSTERS},
	{SV("replicas did not match"), CAUSE_REPLICA},
	{SV("metadata"), CAUSE_METADATA},
	{SV("exemplar"), CAUSE_EXEMPLAR},
	{SV("out of order exemplar"), CAUSE_EXEMPLAR},
	{SV("duplicate exemplar"), CAUSE_EXEMPLAR},
	{SV("histogram"), CAUSE_HISTOGRAM},
	{SV("too old"), CAUSE_TOO_OLD},
	{SV("sample-too-old"), CAUSE_TOO_OLD},
	{SV("out of bounds"), CAUSE_TOO_OLD},
	{SV("greater_than_max_sample_age"), CAUSE_TOO_OLD},
	{SV("too new"), CAUSE_TOO_NEW},
	{SV("too_far_in_future"), CAUSE_TOO_NEW},
	{SV("duplicate sample"), CAUSE_DUPLICATE},
	{SV("new-value-for-timestamp"), CAUSE_DUPLICATE},
	{SV("different value"), CAUSE_DUPLICATE},
	{SV("out of order"), CAUSE_OUT_OF_ORDER},
	{SV("out-of-order"), CAUSE_OUT_OF_ORDER},
	{SV("too many labels"), CAUSE_LABEL_LIMITS},
	{SV("max_label_names_per_series"), CAUSE_LABEL_LIMITS},
	{SV("label name too long"), CAUSE_LABEL_LIMITS},
	{SV("label value too long"), CAUSE_LABEL_LIMITS},
	{SV("label_name_too_long"), CAUSE_LABEL_LIMITS},
	{SV("label_value_too_long"), CAUSE_LABEL_LIMITS},
	{SV("labels size"), CAUSE_LABEL_LIMITS},
	{SV("missing metric name"), CAUSE_INVALID},
	{SV("missing_metric_name"), CAUSE_INVALID},
	{SV("invalid metric"), CAUSE_INVALID},
	{SV("metric_name_invalid"), CAUSE_INVALID},
	{SV("invalid label"), CAUSE_INVALID},
	{SV("label_invalid"), CAUSE_INVALID},
	{SV("label value"), CAUSE_INVALID},
	{SV("duplicate label name"), CAUSE_INVALID},
	{SV("duplicate_label_names"), CAUSE_INVALID},
	{SV("labels not sorted"), CAUSE_INVALID},
	{SV("larger than max"), CAUSE_SIZE},
	{SV("body too large"), CAUSE_SIZE},
	{SV("entity too large"), CAUSE_SIZE},
	{SV("request too large"), CAUSE_SIZE},
	{SV("payload too large"), CAUSE_SIZE},
	{SV("message too large"), CAUSE_SIZE},
	{SV("snappy"), CAUSE_UNDECODABLE},
	{SV("proto: "), CAUSE_UNDECODABLE},
	{SV("unexpected eof"), CAUSE_UNDECODABLE},
	{SV("content type"), CAUSE_PROTOCOL},
	{SV("is not supported"), CAUSE_PROTOCOL},
	{SV("signature expired"), CAUSE_CLOCK},
	{SV("signature not yet current"), CAUSE_CLOCK},
	{SV("request has expired"), CAUSE_CLOCK},
	{SV("security token included in the request"), CAUSE_CREDENTIALS},
	{SV("signature we calculated"), CAUSE_SIGNATURE},
	{SV("credential should be scoped"), CAUSE_SIGNATURE},
	{SV("date in credential scope"), CAUSE_SIGNATURE},
	{SV("missing authentication token"), CAUSE_NOT_SIGNED},
	{SV("not authorized to perform"), CAUSE_ACCESS_DENIED},
	{SV("explicit deny"), CAUSE_ACCESS_DENIED},
	{SV("access denied"), CAUSE_ACCESS_DENIED},
	{SV("not found"), CAUSE_NOT_FOUND},
};

/* Names of errors, without what may follow them ("Exception", ":http://..."). */
static const struct needle types[] = {
	{SV("throttl"), CAUSE_REQUEST_RATE},
	{SV("toomanyrequests"), CAUSE_REQUEST_RATE},
	{SV("expiredtoken"), CAUSE_CREDENTIALS},
	{SV("unrecognizedclient"), CAUSE_CREDENTIALS},
	{SV("invalidclienttokenid"), CAUSE_CREDENTIALS},
	{SV("requesttimetooskewed"), CAUSE_CLOCK},
	{SV("requestexpired"), CAUSE_CLOCK},
	{SV("requestinthefuture"), CAUSE_CLOCK},
	{SV("signaturedoesnotmatch"), CAUSE_SIGNATURE},
	{SV("invalidsignature"), CAUSE_SIGNATURE},
	{SV("incompletesignature"), CAUSE_SIGNATURE},
	{SV("authfailure"), CAUSE_SIGNATURE},
	{SV("missingauthenticationtoken"), CAUSE_NOT_SIGNED},
	{SV("accessdenied"), CAUSE_ACCESS_DENIED},
	{SV("resourcenotfound"), CAUSE_NOT_FOUND},
	{SV("requestentitytoolarge"), CAUSE_SIZE},
};

static enum answer_cause find_cause(struct sv words)
{
	words = head(words, WORDS_BYTES);
	size_t first = words.len;
	enum answer_cause cause = CAUSE_NONE;
	for (size_t i = 0; i < sizeof needles / sizeof needles[0]; i++) {
		size_t at = find_nocase(words, needles[i].text);
		if (at < first) {
			first = at;
			cause = needles[i].cause;
		}
	}
	return cause;
}

void answer_body_read(struct sv body, char scratch[LIMIT_ANSWER_BYTES], struct answer_said *out)
{
	body = head(sv_trim(body), LIMIT_ANSWER_BYTES);
	*out = (struct answer_said){.text = body};
	if (body.len > 0 && body.ptr[0] == '{')
		read_json(body, scratch, out);
	out->text = unwrap_all(out->text);
	out->cause = find_cause(find_subject(out->text, &out->subject));
}

enum answer_cause answer_type_cause(struct sv type)
{
	/* "com.amazonaws.aps#AccessDeniedException" */
	size_t hash = sv_find(type, '#');
	if (hash < type.len)
		type = sv_from(type, hash + 1);
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (starts_nocase(type, types[i].text))
			return types[i].cause;
	return CAUSE_NONE;
}
