/* Appending, syncing, and writing again what a failed sync may have lost. */
#include "append.h"

enum { KEEP_BYTES = 1 << 20 };

void append_begin(struct append *a, int fd, uint64_t size, bool keep)
{
	append_deinit(a);
	*a = (struct append){.fd = fd, .keep = keep, .first = size};
	buf_init(&a->kept, KEEP_BYTES);
}

void append_deinit(struct append *a)
{
	buf_deinit(&a->kept);
	*a = APPEND_NULL;
}

int append_sync(struct append *a)
{
	if (a->again && write_at(a->fd, buf_view(&a->kept), a->first))
		return -1;
	if (fdatasync(a->fd)) {
		a->again = true;
		return -1;
	}
	a->again = false;
	a->first += a->kept.len;
	buf_reset(&a->kept);
	return 0;
}

/* What was written from `size` on is not wanted any more. */
static void forget_from(struct append *a, uint64_t size)
{
	if (size < a->first) {
		a->first = size;
		buf_reset(&a->kept);
	} else if (size < a->first + a->kept.len) {
		a->kept.len = (size_t)(size - a->first);
	}
}

int append_write(struct append *a, struct sv bytes, uint64_t size)
{
	if (!a->keep)
		return append_at(a->fd, bytes, size);
	forget_from(a, size);
	bool room = a->kept.len + bytes.len <= KEEP_BYTES && buf_reserve(&a->kept, bytes.len) == 0;
	a->kept.failed = false;
	if (!room && a->kept.len > 0 && append_sync(a))
		return -1;
	if (append_at(a->fd, bytes, size))
		return -1;
	if (room)
		return buf_sv(&a->kept, bytes);
	if (fdatasync(a->fd))
		return -1;
	a->first = size + bytes.len;
	return 0;
}
