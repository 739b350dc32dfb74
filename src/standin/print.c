#include "print.h"

#include <ampagent/base/number.h>
#include <ampagent/base/text.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

enum { QUOTE_SHORT_MAX = 200 };
/* Large enough that a write is worth its system call, small enough to be nothing. */
#define FLUSH_AT_BYTES ((size_t)256 << 10)
/* One request may add several times its own size before the next flush. */
#define PENDING_MAX_BYTES ((size_t)512 << 20)

static void print_escaped(struct buf *out, struct sv s)
{
	/* Bytes above 0x7f are shown as they are only when the whole is UTF-8. */
	bool utf8 = utf8_valid(s);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c == '"' || c == '\\') {
			buf_char(out, '\\');
			buf_char(out, (char)c);
		} else if (c == '\n') {
			buf_sv(out, SV("\\n"));
		} else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
			buf_printf(out, "\\x%02x", c);
		} else {
			buf_char(out, (char)c);
		}
	}
}

static bool is_plain_name(struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return s.len > 0;
}

/* Names that need it are quoted too: {"http.method"="get"}. */
static void print_pair(struct buf *out, const struct wire_label *l)
{
	if (is_plain_name(l->name)) {
		buf_sv(out, l->name);
	} else {
		buf_char(out, '"');
		print_escaped(out, l->name);
		buf_char(out, '"');
	}
	buf_sv(out, SV("=\""));
	print_escaped(out, l->value);
	buf_char(out, '"');
}

void print_labels(struct buf *out, const struct wire_label *labels, size_t n, const char *separator)
{
	buf_char(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_sv(out, sv_of(separator));
		print_pair(out, &labels[i]);
	}
	buf_char(out, '}');
}

void print_metric(struct buf *out, const struct wire_series *s)
{
	print_escaped(out, wire_label_get(s, SV("__name__")));
	char before = '{';
	for (size_t i = 0; i < s->n_labels; i++) {
		if (sv_eq(s->labels[i].name, SV("__name__")))
			continue;
		buf_char(out, before);
		print_pair(out, &s->labels[i]);
		before = ',';
	}
	if (before == ',')
		buf_char(out, '}');
}

void print_quoted_short(struct buf *out, struct sv s)
{
	if (s.len > QUOTE_SHORT_MAX)
		s.len = QUOTE_SHORT_MAX;
	buf_char(out, '"');
	print_escaped(out, s);
	buf_char(out, '"');
}

void print_sample(struct buf *out, const struct wire_series *s, const struct wire_sample *v)
{
	char number[NUMBER_MAX] = "StaleNaN";
	if (v->bits != VALUE_STALE_BITS)
		number_format(number, double_of_bits(v->bits));
	print_metric(out, s);
	buf_printf(out, " %s %" PRId64 "\n", number, v->t_ms);
}

void print_histogram(struct buf *out, const struct wire_series *s, const struct wire_histogram *h)
{
	char count[NUMBER_MAX], sum[NUMBER_MAX] = "StaleNaN";
	number_format(count, h->is_float ? h->count_float : (double)h->count_int);
	if (h->sum_bits != VALUE_STALE_BITS)
		number_format(sum, double_of_bits(h->sum_bits));
	print_metric(out, s);
	buf_printf(out, " {count:%s, sum:%s, schema:%d} %" PRId64 "\n", count, sum, h->schema,
		   h->t_ms);
}

/* --- record lines --- */

void print_record(struct buf *out, const struct wire_series *s, const struct wire_sample *v)
{
	buf_printf(out, "%" PRId64 " %016" PRIx64 " ", v->t_ms, v->bits);
	print_labels(out, s->labels, s->n_labels, ",");
	if (v->start_ms != 0)
		buf_printf(out, " start=%" PRId64, v->start_ms);
	buf_char(out, '\n');
}

static void print_number(struct buf *out, const char *before, double v)
{
	char text[NUMBER_MAX];
	number_format(text, v);
	buf_printf(out, "%s%s", before, text);
}

/* Index and absolute count of each bucket that is told, empty ones too. A staleness marker's spans
 * and buckets need not fit each other. */
static void print_buckets(struct buf *out, const char *before, bool is_float,
			  const struct wire_buckets *b)
{
	int64_t index = 0;
	uint64_t count = 0;
	size_t at = 0, n = is_float ? b->n_counts : b->n_deltas;
	buf_sv(out, sv_of(before));
	for (size_t i = 0; i < b->n_spans; i++) {
		index += b->spans[i].offset;
		for (uint32_t k = 0; k < b->spans[i].length && at < n; k++, at++, index++) {
			buf_printf(out, "%s%" PRId64, at > 0 ? "," : "", index);
			if (is_float)
				print_number(out, ":", b->counts[at]);
			else
				buf_printf(out, ":%" PRId64,
					   (int64_t)(count += (uint64_t)b->deltas[at]));
		}
	}
}

static void print_reset(struct buf *out, int32_t hint)
{
	static const char *const names[] = {"unknown", "yes", "no", "gauge"};
	if (hint >= 0 && (size_t)hint < sizeof names / sizeof names[0])
		buf_printf(out, ";reset=%s", names[hint]);
	else
		buf_printf(out, ";reset=%" PRId32, hint);
}

void print_record_histogram(struct buf *out, const struct wire_series *s,
			    const struct wire_histogram *h)
{
	buf_printf(out, "%" PRId64 " h:%s;schema=%" PRId32, h->t_ms, h->is_float ? "float" : "int",
		   h->schema);
	if (h->is_float) {
		print_number(out, ";count=", h->count_float);
		buf_printf(out, ";sum=%016" PRIx64, h->sum_bits);
		print_number(out, ";zero=", h->zero_count_float);
	} else {
		buf_printf(out, ";count=%" PRIu64 ";sum=%016" PRIx64 ";zero=%" PRIu64, h->count_int,
			   h->sum_bits, h->zero_count_int);
	}
	print_number(out, "@", h->zero_threshold);
	print_buckets(out, ";neg=", h->is_float, &h->negative);
	print_buckets(out, ";pos=", h->is_float, &h->positive);
	buf_sv(out, SV(";bounds="));
	for (size_t i = 0; i < h->n_custom_values; i++)
		print_number(out, i > 0 ? "," : "", h->custom_values[i]);
	print_reset(out, h->reset_hint);
	buf_printf(out, ";start=%" PRId64 " ", h->start_ms);
	print_labels(out, s->labels, s->n_labels, ",");
	buf_char(out, '\n');
}

void print_record_exemplar(struct buf *out, const struct wire_series *s,
			   const struct wire_exemplar *e)
{
	buf_printf(out, "e %" PRId64 " %016" PRIx64 " ", e->t_ms, e->bits);
	print_labels(out, s->labels, s->n_labels, ",");
	buf_sv(out, SV(" # "));
	print_labels(out, e->labels, e->n_labels, ",");
	buf_char(out, '\n');
}

/* --- where the text goes --- */

void text_sink_init(struct text_sink *sink, int fd)
{
	*sink = (struct text_sink){.fd = fd};
	buf_init(&sink->pending, PENDING_MAX_BYTES);
}

int text_sink_open(struct text_sink *sink, struct sv path, struct err *err)
{
	_cleanup_(freep) char *name = sv_dup(path);
	int fd = name ? open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
	if (fd < 0)
		return err_set(err, 1, "%.*s: %s", SV_ARG(path), strerror(errno));
	text_sink_init(sink, fd);
	sink->owns_fd = true;
	return 0;
}

int text_sink_flush(struct text_sink *sink)
{
	sink->failed |= buf_failed(&sink->pending);
	size_t done = 0;
	while (sink->fd >= 0 && done < sink->pending.len) {
		ssize_t n = write(sink->fd, sink->pending.ptr + done, sink->pending.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			sink->failed = true;
			break;
		}
		done += (size_t)n;
	}
	buf_reset(&sink->pending);
	return sink->failed ? 1 : 0;
}

void text_sink_turn(struct text_sink *sink)
{
	if (sink->pending.len >= FLUSH_AT_BYTES)
		text_sink_flush(sink);
}

void text_sink_deinit(struct text_sink *sink)
{
	text_sink_flush(sink);
	buf_deinit(&sink->pending);
	if (sink->owns_fd)
		close(sink->fd);
	*sink = TEXT_SINK_NULL;
}
