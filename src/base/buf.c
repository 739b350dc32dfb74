/* buf: every growth goes through buf_reserve(), so the maximum is kept in one place.
 *
 * One byte more than cap is always allocated: room for the NUL of printf and of buf_take().
 */
#include <ampagent/base/buf.h>

#include <stdarg.h>

enum { FIRST_CAP = 64 };

void buf_deinit(struct buf *b)
{
	free(b->ptr);
	budget_release(b->part, b->cap);
	*b = (struct buf){.max = b->max, .part = b->part};
}

static int fail(struct buf *b)
{
	b->failed = true;
	return 1;
}

int buf_reserve(struct buf *b, size_t n)
{
	if (b->failed)
		return 1;
	if (n <= b->cap - b->len)
		return 0;
	if (n > b->max - b->len)
		return fail(b);

	size_t need = b->len + n;
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	if (cap > b->max)
		cap = b->max;
	char *ptr = cap < SIZE_MAX ? realloc(b->ptr, cap + 1) : NULL;
	if (!ptr)
		return fail(b);
	budget_charge(b->part, cap - b->cap);
	b->ptr = ptr;
	b->cap = cap;
	return 0;
}

int buf_append(struct buf *b, const void *ptr, size_t n)
{
	if (buf_reserve(b, n) != 0)
		return 1;
	if (n > 0)
		memcpy(b->ptr + b->len, ptr, n);
	b->len += n;
	return 0;
}

/* Formats into the free room; when that is too small, makes room and formats again. */
int buf_printf(struct buf *b, const char *fmt, ...)
{
	if (b->failed)
		return 1;
	for (;;) {
		size_t room = b->cap - b->len;
		va_list ap;
		va_start(ap, fmt);
		int n = b->ptr ? vsnprintf(b->ptr + b->len, room + 1, fmt, ap)
			       : vsnprintf(NULL, 0, fmt, ap);
		va_end(ap);
		if (n < 0)
			return fail(b);
		if (b->ptr && (size_t)n <= room) {
			b->len += (size_t)n;
			return 0;
		}
		if (n == 0)
			return 0;
		if (buf_reserve(b, (size_t)n) != 0)
			return 1;
	}
}

void buf_shrink(struct buf *b, size_t keep)
{
	if (b->cap > keep)
		buf_deinit(b);
	b->failed = false;
	b->len = 0;
}

char *buf_take(struct buf *b)
{
	char *text = NULL;
	if (!b->failed)
		text = b->ptr ? take_ptr(b->ptr) : malloc(1);
	if (text)
		text[b->len] = '\0';
	buf_deinit(b);
	return text;
}

void buf_wipe(struct buf *b)
{
	if (b->ptr)
		explicit_bzero(b->ptr, b->cap);
	buf_deinit(b);
}
