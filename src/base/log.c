/* log: one line is built in memory and written with one write(2), so lines of two threads never
 * mix. */
#include "utf8.h"

#include <ampagent/base/buf.h>
#include <ampagent/base/clock.h>
#include <ampagent/base/json.h>
#include <ampagent/base/log.h>

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>

/* Longer values are cut: a log line is for reading. */
enum { VALUE_MAX = 8192, LINE_MAX_BYTES = 65536 };

static _Atomic int log_level = LOG_INFO;
static _Atomic int log_format = LOG_LOGFMT;

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const level_upper[] = {"DEBUG", "INFO", "WARN", "ERROR"};

void log_init(enum log_level level, enum log_format format)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
	atomic_store_explicit(&log_format, (int)format, memory_order_relaxed);
}

int log_level_parse(struct sv s, enum log_level *out)
{
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
		if (sv_eq(s, sv_of(level_names[i]))) {
			*out = (enum log_level)i;
			return 0;
		}
	return 1;
}

int log_format_parse(struct sv s, enum log_format *out)
{
	bool json = sv_eq(s, SV("json"));
	if (!json && !sv_eq(s, SV("logfmt")))
		return 1;
	*out = json ? LOG_JSON : LOG_LOGFMT;
	return 0;
}

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* What a terminal would not show as it is: controls, odd blanks, direction marks. */
static bool is_unprintable(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
	       (c >= 0x205f && c <= 0x206f) || c == 0x3000 || c == 0xfeff ||
	       (c >= 0xe000 && c <= 0xf8ff) || (c >= 0xfff0 && c <= 0xfffb);
}

static bool needs_quotes(struct sv s)
{
	if (s.len == 0)
		return true;
	while (s.len > 0) {
		uint32_t c = 0;
		size_t n = utf8_char(s, &c);
		if (n == 0 || c == ' ' || c == '"' || c == '=' || is_unprintable(c))
			return true;
		s = sv_from(s, n);
	}
	return false;
}

static void escape_char(struct buf *out, uint32_t c)
{
	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", (char)c);
	else if (c == '\n')
		buf_sv(out, SV("\\n"));
	else if (c == '\r')
		buf_sv(out, SV("\\r"));
	else if (c == '\t')
		buf_sv(out, SV("\\t"));
	else if (c < 0x80)
		buf_printf(out, "\\x%02x", c);
	else
		buf_printf(out, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
}

static void put_value(struct buf *out, struct sv s)
{
	if (!needs_quotes(s)) {
		buf_sv(out, s);
		return;
	}
	buf_char(out, '"');
	while (s.len > 0) {
		uint32_t c = 0;
		size_t n = utf8_char(s, &c);
		if (n == 0)
			buf_printf(out, "\\x%02x", (unsigned)(uint8_t)s.ptr[0]);
		else if (c == '"' || c == '\\' || is_unprintable(c))
			escape_char(out, c);
		else
			buf_append(out, s.ptr, n);
		s = sv_from(s, n ? n : 1);
	}
	buf_char(out, '"');
}

static struct sv cut(const char *value)
{
	struct sv s = sv_of(value);
	return s.len > VALUE_MAX ? sv_make(s.ptr, VALUE_MAX) : s;
}

struct line {
	struct buf *out;
	struct json_writer json;
	bool is_json;
};

static void put_pair(struct line *l, const char *key, const char *value)
{
	if (l->is_json) {
		json_key(&l->json, sv_of(key));
		json_string(&l->json, cut(value));
		return;
	}
	if (l->out->len > 0)
		buf_char(l->out, ' ');
	buf_sv(l->out, sv_of(key));
	buf_char(l->out, '=');
	put_value(l->out, cut(value));
}

static void write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, p, n);
		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
}

void log_line(enum log_level level, const char *file, int line, const char *msg, ...)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, LINE_MAX_BYTES);
	struct line l = {.out = &out,
			 .json = {.out = &out},
			 .is_json = atomic_load_explicit(&log_format, memory_order_relaxed) ==
				    LOG_JSON};
	char time[RFC3339_MAX], source[96];
	snprintf(source, sizeof source, "%s:%d", file, line);

	if (l.is_json)
		json_begin_object(&l.json);
	put_pair(&l, "time", clock_format_rfc3339(time, clock_wall_ms()));
	put_pair(&l, "level", level_upper[level]);
	put_pair(&l, "source", source);
	put_pair(&l, "msg", msg);
	va_list ap;
	va_start(ap, msg);
	for (const char *key; (key = va_arg(ap, const char *)) != NULL;) {
		const char *value = va_arg(ap, const char *);
		if (buf_failed(&out))
			continue;
		put_pair(&l, key, value ? value : "");
	}
	va_end(ap);
	if (l.is_json)
		json_end_object(&l.json);

	/* A line that did not fit is written as far as it goes. */
	out.failed = false;
	out.max++;
	buf_char(&out, '\n');
	write_all(out.ptr, out.len);
}

const char *fmt_scratch(char *dst, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(dst, size, fmt, ap);
	va_end(ap);
	return dst;
}
