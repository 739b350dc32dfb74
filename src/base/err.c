/* err: messages that grow from the inside out. */
#include <ampagent/base/err.h>

#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
	if (!err)
		return code;
	va_list ap;
	va_start(ap, fmt);
	err->line = 0;
	err->col = 0;
	vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	return code;
}

int err_at(struct err *err, int code, int line, int col, const char *fmt, ...)
{
	if (!err)
		return code;
	va_list ap;
	va_start(ap, fmt);
	err->line = line;
	err->col = col;
	vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	return code;
}

/* The old message moves right and is cut at the end: the prefix says where, and that must stay. */
void err_prefix(struct err *err, const char *fmt, ...)
{
	if (!err)
		return;
	char prefix[ERR_MSG_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(prefix, sizeof prefix - 2, fmt, ap);
	va_end(ap);

	size_t n = strlen(prefix);
	memcpy(prefix + n, ": ", 3);
	n += 2;
	size_t old = strnlen(err->msg, sizeof err->msg - 1);
	size_t kept = old < sizeof err->msg - 1 - n ? old : sizeof err->msg - 1 - n;
	memmove(err->msg + n, err->msg, kept);
	memcpy(err->msg, prefix, n);
	err->msg[n + kept] = '\0';
}
