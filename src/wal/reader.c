/* Reads records in pieces of READ_BYTES through a window that only grows for larger records. Where
 * no record begins, the bytes are searched for the next place that has the magic and whose checksum
 * holds.
 */
#include <ampagent/base/err.h>
#include <ampagent/base/limits.h>

#include "reader.h"
#include "store.h"

enum { READ_BYTES = 256 << 10 };

void reader_init(struct reader *r, int fd, uint64_t offset, uint64_t limit)
{
	*r = (struct reader){.fd = fd, .offset = offset, .limit = limit, .end = offset};
	buf_init_in(&r->window, WAL_RECORD_BYTES + RECORD_HEAD_BYTES + READ_BYTES, BUDGET_QUEUES);
	r->window_at = offset;
}

void reader_deinit(struct reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	buf_deinit(&r->window);
	*r = READER_NULL;
}

/* Makes at least n bytes from r->offset on stand in the window, or what there is up to the limit.
 */
static int window_fill(struct reader *r, size_t n)
{
	size_t have = r->window_at + r->window.len - r->offset;
	uint64_t left = r->limit - r->offset;
	size_t want = left < n ? (size_t)left : n;
	if (have >= want)
		return 0;
	if (have > 0)
		memmove(r->window.ptr, r->window.ptr + (r->window.len - have), have);
	r->window.len = have;
	r->window_at = r->offset;
	size_t more = want - have > READ_BYTES ? want - have : READ_BYTES;
	if (more > left - have)
		more = (size_t)(left - have);
	if (buf_reserve(&r->window, more))
		return ERR_NOMEM;
	ssize_t got = read_at(r->fd, r->window.ptr + have, more, r->offset + have);
	/* What cannot be read is not there. */
	if (got < (ssize_t)more)
		r->limit = r->offset + have + (got > 0 ? (size_t)got : 0);
	r->window.len += got > 0 ? (size_t)got : 0;
	return 0;
}

static struct sv window_view(const struct reader *r)
{
	size_t at = (size_t)(r->offset - r->window_at);
	struct sv all = sv_from(buf_view(&r->window), at);
	return all.len > r->limit - r->offset ? sv_make(all.ptr, (size_t)(r->limit - r->offset))
					      : all;
}

/* To the next byte that may begin a record. */
static void skip(struct reader *r)
{
	struct sv rest = sv_from(window_view(r), 1);
	size_t n = 1 + sv_find(rest, (char)RECORD_MAGIC_0);
	r->offset += n;
	r->skipped += n;
}

int reader_next(struct reader *r, struct record *out, uint64_t *at)
{
	size_t need = RECORD_HEAD_BYTES;
	while (r->offset < r->limit) {
		if (window_fill(r, need))
			return ERR_NOMEM;
		struct sv view = window_view(r);
		if (view.len == 0)
			break;
		int e = record_get(view, out, &need);
		if (e == 0) {
			*at = r->offset;
			r->offset += out->bytes;
			r->end = r->offset;
			return 0;
		}
		if (e == RECORD_E_SHORT && need <= r->limit - r->offset)
			continue;
		skip(r);
		need = RECORD_HEAD_BYTES;
	}
	return 1;
}
