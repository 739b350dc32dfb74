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

static void print_pair(struct buf *out, const struct wire_label *l)
{
	buf_sv(out, l->name);
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

void print_record(struct buf *out, const struct wire_series *s, const struct wire_sample *v)
{
	buf_printf(out, "%" PRId64 " %016" PRIx64 " ", v->t_ms, v->bits);
	print_labels(out, s->labels, s->n_labels, ",");
	buf_char(out, '\n');
}

void print_record_histogram(struct buf *out, const struct wire_series *s,
			    const struct wire_histogram *h)
{
	buf_printf(out, "%" PRId64 " h%016" PRIx64 " ", h->t_ms, h->digest);
	print_labels(out, s->labels, s->n_labels, ",");
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
