/* Destinations' durable positions: one small file each, replaced whole.
 *
 * Called on the thread of the destinations about once a second: one write, one fdatasync, one
 * rename. The directory is not synced: after a power loss the old file or the new one is there, and
 * both are whole.
 */
#include <ampagent/base/hash.h>
#include <ampagent/base/varint.h>
#include <errno.h>
#include <inttypes.h>

#include "log.h"

/* magic 4, CRC-32C of the rest 4, key length varint, key, content */
static const char magic[4] = {'A', 'M', 'P', 'P'};
enum { HEAD_BYTES = 8, KEY_SHOWN = 48, FILE_BYTES_MAX = 1 << 20 };

static bool plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* What a file name can show of the key, and a hash that tells keys apart. */
static char *name_of(char dst[STORE_NAME_MAX], struct sv key)
{
	char shown[KEY_SHOWN + 1];
	size_t n = key.len < KEY_SHOWN ? key.len : KEY_SHOWN;
	for (size_t i = 0; i < n; i++)
		shown[i] = plain(key.ptr[i]) ? key.ptr[i] : '_';
	shown[n] = '\0';
	snprintf(dst, STORE_NAME_MAX, "pos-%s-%016" PRIx64, shown, hash_stable(key.ptr, key.len));
	return dst;
}

/* Reads a position file: 0 and views of buf; 1 with the reason. */
static int read_position(struct store *s, const char *name, struct buf *buf, struct sv *key,
			 struct sv *content, struct err *err)
{
	_cleanup_(close_fdp) int fd = store_open(s, name);
	if (fd < 0)
		return err_set(err, 1, "%s: %s", name, strerror(errno));
	if (buf_reserve(buf, FILE_BYTES_MAX))
		return err_set(err, 1, "%s: out of memory", name);
	ssize_t n = read_at(fd, buf->ptr, FILE_BYTES_MAX, 0);
	if (n < 0)
		return err_set(err, 1, "%s: %s", name, strerror(errno));
	buf->len = (size_t)n;
	const uint8_t *p = (const uint8_t *)buf->ptr, *end = p + n;
	uint64_t len;
	if (n < HEAD_BYTES || memcmp(p, magic, sizeof magic) != 0 ||
	    u32_get(p + 4) != hash_crc32c(0, p + HEAD_BYTES, (size_t)n - HEAD_BYTES) ||
	    !(p = varint_get(p + HEAD_BYTES, end, &len)) || len > (uint64_t)(end - p))
		return err_set(err, 1, "%s: damaged", name);
	*key = sv_make((const char *)p, len);
	*content = sv_make((const char *)p + len, (size_t)(end - p) - len);
	return 0;
}

int wal_position_load(struct wal *w, struct sv key, struct buf *out, struct err *err)
{
	char name[STORE_NAME_MAX];
	struct sv found, content;
	_cleanup_(buf_deinit) struct buf buf;
	buf_init(&buf, FILE_BYTES_MAX);
	if (read_position(&w->store, name_of(name, key), &buf, &found, &content, err))
		return 1;
	if (!sv_eq(found, key))
		return err_set(err, 1, "%s: of another destination", name);
	if (buf_sv(out, content))
		return err_set(err, 1, "%s: too large", name);
	return 0;
}

int wal_position_store(struct wal *w, struct sv key, struct sv content, struct err *err)
{
	char name[STORE_NAME_MAX], tmp[STORE_NAME_MAX + 8];
	_cleanup_(buf_deinit) struct buf buf;
	buf_init(&buf, FILE_BYTES_MAX);
	buf_append(&buf, magic, sizeof magic);
	buf_append(&buf, "\0\0\0", 4);
	buf_varint(&buf, key.len);
	buf_sv(&buf, key);
	buf_sv(&buf, content);
	if (buf_failed(&buf))
		return err_set(err, 1, "position is too large");
	u32_put((uint8_t *)buf.ptr + 4, hash_crc32c(0, buf.ptr + HEAD_BYTES, buf.len - HEAD_BYTES));

	snprintf(tmp, sizeof tmp, "%s.tmp", name_of(name, key));
	_cleanup_(close_fdp) int fd = store_create(&w->store, tmp);
	if (fd < 0 || write_at(fd, buf_view(&buf), 0) || fdatasync(fd) ||
	    store_rename(&w->store, tmp, name))
		return err_set(err, 1, "%s: %s", name, strerror(errno));
	return 0;
}

/* ---- holds; with the mutex held ---- */

static struct hold *find_hold(struct wal *w, struct sv key)
{
	for (size_t i = 0; i < w->n_holds; i++)
		if (sv_eq(sv_of(w->holds[i].key), key))
			return &w->holds[i];
	return NULL;
}

static void add_hold(struct wal *w, struct sv key, struct wal_pos pos)
{
	char *copy = sv_dup(key);
	struct hold *v = reallocarray(w->holds, w->n_holds + 1, sizeof *v);
	if (v)
		w->holds = v;
	if (!copy || !v) {
		free(copy);
		return;
	}
	w->holds[w->n_holds++] = (struct hold){copy, pos};
}

void wal_hold(struct wal *w, struct sv key, struct wal_pos pos)
{
	pthread_mutex_lock(&w->mutex);
	struct hold *h = find_hold(w, key);
	if (h)
		h->pos = pos;
	else
		add_hold(w, key, pos);
	pthread_mutex_unlock(&w->mutex);
}

void wal_position_drop(struct wal *w, struct sv key)
{
	char name[STORE_NAME_MAX];
	pthread_mutex_lock(&w->mutex);
	struct hold *h = find_hold(w, key);
	if (h) {
		free(h->key);
		*h = w->holds[--w->n_holds];
	}
	pthread_mutex_unlock(&w->mutex);
	store_remove(&w->store, name_of(name, key));
}

struct each {
	struct wal *w;
	void (*fn)(void *cls, struct sv key);
	void *cls;
};

static void each_name(void *cls, const char *name)
{
	const struct each *e = cls;
	struct sv key, content;
	_cleanup_(buf_deinit) struct buf buf;
	buf_init(&buf, FILE_BYTES_MAX);
	if (sv_starts_with(sv_of(name), SV("pos-")) && !sv_ends_with(sv_of(name), SV(".tmp")) &&
	    read_position(&e->w->store, name, &buf, &key, &content, NULL) == 0)
		e->fn(e->cls, key);
}

void wal_position_each(struct wal *w, void (*fn)(void *cls, struct sv key), void *cls)
{
	struct each e = {w, fn, cls};
	store_each(&w->store, each_name, &e);
}
