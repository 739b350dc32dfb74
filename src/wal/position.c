/* Destinations' durable positions: one small file each, replaced whole; the one before stays beside
 * it, for the case that the newest one is damaged.
 *
 * They come from the thread of the destinations about once a second and are stored by the writer
 * thread, so that a slow disk does not hold up sending: one write, one fdatasync, two renames.
 */
#include <ampagent/base/hash.h>
#include <ampagent/base/varint.h>
#include <errno.h>
#include <inttypes.h>

#include "log.h"

/* magic 4, CRC-32C of the rest 4, key length varint, key, content */
static const char magic[4] = {'A', 'M', 'P', 'P'};
enum { HEAD_BYTES = 8, KEY_SHOWN = 48, FILE_BYTES_MAX = 1 << 20 };
#define OLD ".old"

static void settle(struct wal *w, struct sv key);

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

/* Reads a position file: 0 and views of buf; 1 when there is none, 2 when it cannot be read, with
 * the reason. */
static int read_position(struct store *s, const char *name, struct buf *buf, struct sv *key,
			 struct sv *content, struct err *err)
{
	_cleanup_(close_fdp) int fd = store_open(s, name);
	if (fd < 0)
		return err_set(err, errno == ENOENT ? 1 : 2, "%s: %s", name, strerror(errno));
	if (buf_reserve(buf, FILE_BYTES_MAX))
		return err_set(err, 2, "%s: out of memory", name);
	ssize_t n = read_at(fd, buf->ptr, FILE_BYTES_MAX, 0);
	if (n < 0)
		return err_set(err, 2, "%s: %s", name, strerror(errno));
	buf->len = (size_t)n;
	const uint8_t *p = (const uint8_t *)buf->ptr, *end = p + n;
	uint64_t len;
	if (n < HEAD_BYTES || memcmp(p, magic, sizeof magic) != 0 ||
	    u32_get(p + 4) != hash_crc32c(0, p + HEAD_BYTES, (size_t)n - HEAD_BYTES) ||
	    !(p = varint_get(p + HEAD_BYTES, end, &len)) || len > (uint64_t)(end - p))
		return err_set(err, 2, "%s: damaged", name);
	*key = sv_make((const char *)p, len);
	*content = sv_make((const char *)p + len, (size_t)(end - p) - len);
	return 0;
}

/* ---- loading ---- */

/* As read_position(), of this key. */
static int load_file(struct wal *w, const char *name, struct sv key, struct buf *out,
		     struct err *err)
{
	struct sv found, content;
	_cleanup_(buf_deinit) struct buf buf;
	buf_init(&buf, FILE_BYTES_MAX);
	int r = read_position(&w->store, name, &buf, &found, &content, err);
	if (r != 0)
		return r;
	if (!sv_eq(found, key))
		return err_set(err, 2, "%s: of another destination", name);
	if (buf_sv(out, content))
		return err_set(err, 2, "%s: too large", name);
	return 0;
}

int wal_position_load(struct wal *w, struct sv key, struct buf *out, struct err *err)
{
	char name[STORE_NAME_MAX], old[STORE_NAME_MAX + 8];
	name_of(name, key);
	snprintf(old, sizeof old, "%s" OLD, name);
	settle(w, key);
	int r = load_file(w, name, key, out, err);
	if (r == 0)
		return 0;
	/* The one before is older by one answer: what was sent since is sent again. */
	int older = load_file(w, old, key, out, r == 1 ? err : NULL);
	return older == 0 || r == 1 ? older : r;
}

/* ---- storing ---- */

static int encode(struct buf *out, struct sv key, struct sv content)
{
	buf_append(out, magic, sizeof magic);
	buf_append(out, "\0\0\0", 4);
	buf_varint(out, key.len);
	buf_sv(out, key);
	buf_sv(out, content);
	if (buf_failed(out))
		return 1;
	u32_put((uint8_t *)out->ptr + 4,
		hash_crc32c(0, out->ptr + HEAD_BYTES, out->len - HEAD_BYTES));
	return 0;
}

/* 0, or errno. The directory is synced for a key's first only, before which there may be no whole
 * file: later, a power loss leaves the old name or the new one, and both files are whole; a segment
 * is deleted only after the next sync of names. */
static int store_file(struct wal *w, struct sv key, struct sv bytes, bool first)
{
	char name[STORE_NAME_MAX], tmp[STORE_NAME_MAX + 8], old[STORE_NAME_MAX + 8];
	name_of(name, key);
	snprintf(tmp, sizeof tmp, "%s.tmp", name);
	snprintf(old, sizeof old, "%s" OLD, name);
	_cleanup_(close_fdp) int fd = store_create(&w->store, tmp);
	bool sync = !w->opt.memory && w->opt.durability != WAL_DURABILITY_NONE;
	if (fd < 0 || write_at(fd, bytes, 0) || (sync && fdatasync(fd)))
		return errno;
	if (store_rename(&w->store, name, old) && errno != ENOENT)
		return errno;
	if (store_rename(&w->store, tmp, name))
		return errno;
	return sync && first && store_sync_names(&w->store) ? errno : 0;
}

static struct position_put *find_put(const struct queue *q, struct sv key)
{
	for (size_t i = 0; i < q->n_positions; i++)
		if (sv_eq(sv_of(q->positions[i]->key), key))
			return q->positions[i];
	return NULL;
}

static struct position_put *add_put(struct queue *q, struct sv key)
{
	_cleanup_(freep) char *copy = sv_dup(key);
	struct position_put *p = calloc(1, sizeof *p);
	struct position_put **v = reallocarray(q->positions, q->n_positions + 1, sizeof(*v));
	if (v)
		q->positions = v;
	if (!v || !p || !copy) {
		free(p);
		return NULL;
	}
	p->key = take_ptr(copy);
	buf_init(&p->content, FILE_BYTES_MAX);
	q->positions[q->n_positions++] = p;
	return p;
}

static void free_put(struct position_put *p)
{
	buf_deinit(&p->content);
	free(p->key);
	free(p);
}

void positions_deinit(struct queue *q)
{
	for (size_t i = 0; i < q->n_positions; i++)
		free_put(q->positions[i]);
	free(q->positions);
}

/* The writer stores it; what it says meanwhile of the hold waits for that. With the queue's mutex
 * held; 0 or ERR_NOMEM. */
static int put_locked(struct wal *w, struct sv key, struct sv content, struct position_put **out)
{
	struct queue *q = &w->queue;
	struct position_put *p = find_put(q, key);
	_cleanup_(buf_deinit) struct buf bytes;
	buf_init(&bytes, FILE_BYTES_MAX);
	if ((!p && !(p = add_put(q, key))) || encode(&bytes, key, content))
		return ERR_NOMEM;
	buf_deinit(&p->content);
	p->content = bytes;
	bytes = BUF_NULL;
	p->put++;
	p->waits = q->positions_wait = true;
	pthread_cond_signal(&w->queue_cond);
	*out = p;
	return 0;
}

static int tell(struct err *err, struct sv key, int error)
{
	char name[STORE_NAME_MAX];
	return error ? err_set(err, 1, "%s: %s", name_of(name, key), strerror(error)) : 0;
}

/* With the queue's mutex held. */
static int wait_stored(struct wal *w, const struct position_put *p)
{
	for (uint64_t number = p->put; p->done < number;)
		pthread_cond_wait(&w->done_cond, &w->queue_mutex);
	return p->error;
}

int wal_position_put(struct wal *w, struct sv key, struct sv content, struct err *err)
{
	struct position_put *p;
	pthread_mutex_lock(&w->queue_mutex);
	int error = put_locked(w, key, content, &p) ? ENOMEM : p->error;
	if (!error && p->put == 1)
		error = wait_stored(w, p);
	pthread_mutex_unlock(&w->queue_mutex);
	return tell(err, key, error);
}

int wal_position_store(struct wal *w, struct sv key, struct sv content, struct err *err)
{
	struct position_put *p;
	pthread_mutex_lock(&w->queue_mutex);
	int error = put_locked(w, key, content, &p) ? ENOMEM : wait_stored(w, p);
	pthread_mutex_unlock(&w->queue_mutex);
	return tell(err, key, error);
}

/* Waits until the writer has nothing of this key in hand. */
static void settle(struct wal *w, struct sv key)
{
	pthread_mutex_lock(&w->queue_mutex);
	for (const struct position_put *p; (p = find_put(&w->queue, key)) && p->done < p->put;)
		pthread_cond_wait(&w->done_cond, &w->queue_mutex);
	pthread_mutex_unlock(&w->queue_mutex);
}

/* The hold waits for a position that could be stored, but on a full disk: that gets room only when
 * segments go. */
static bool may_raise(int error)
{
	return error == 0 || error == ENOSPC || error == EDQUOT;
}

/* With the queue's mutex held, which is let go meanwhile; nobody frees what is being stored. */
static void store_one(struct wal *w, struct position_put *p)
{
	_cleanup_(buf_deinit) struct buf bytes = p->content;
	uint64_t number = p->put;
	bool first = p->done == 0 || p->error != 0;
	buf_init(&p->content, FILE_BYTES_MAX);
	p->waits = false;
	p->storing = true;
	pthread_mutex_unlock(&w->queue_mutex);
	int error = store_file(w, sv_of(p->key), buf_view(&bytes), first);
	pthread_mutex_lock(&w->queue_mutex);
	p->error = error;
	p->done = number;
	if (may_raise(error) && p->holds && p->done == p->put) {
		struct wal_pos hold = p->hold;
		p->holds = false;
		pthread_mutex_unlock(&w->queue_mutex);
		pthread_mutex_lock(&w->mutex);
		hold_set(w, sv_of(p->key), hold);
		pthread_mutex_unlock(&w->mutex);
		pthread_mutex_lock(&w->queue_mutex);
	}
	p->storing = false;
	pthread_cond_broadcast(&w->done_cond);
}

static struct position_put *first_waiting(const struct queue *q)
{
	for (size_t i = 0; i < q->n_positions; i++)
		if (q->positions[i]->waits)
			return q->positions[i];
	return NULL;
}

void positions_store(struct wal *w)
{
	pthread_mutex_lock(&w->queue_mutex);
	w->queue.positions_wait = false;
	for (struct position_put *p; (p = first_waiting(&w->queue));)
		store_one(w, p);
	pthread_mutex_unlock(&w->queue_mutex);
}

/* Nothing of this key is stored any more. */
static void drop_put(struct wal *w, struct sv key)
{
	struct queue *q = &w->queue;
	pthread_mutex_lock(&w->queue_mutex);
	struct position_put *p = find_put(q, key);
	while (p && p->storing) {
		p->waits = p->holds = false;
		pthread_cond_wait(&w->done_cond, &w->queue_mutex);
	}
	for (size_t i = 0; p && i < q->n_positions; i++)
		if (q->positions[i] == p)
			q->positions[i] = q->positions[--q->n_positions];
	pthread_mutex_unlock(&w->queue_mutex);
	if (p)
		free_put(p);
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

void hold_set(struct wal *w, struct sv key, struct wal_pos pos)
{
	struct hold *h = find_hold(w, key);
	if (h)
		h->pos = pos;
	else
		add_hold(w, key, pos);
}

/* What the last position put allows to go must not go before that is stored. */
static bool hold_later(struct wal *w, struct sv key, struct wal_pos pos)
{
	pthread_mutex_lock(&w->queue_mutex);
	struct position_put *p = find_put(&w->queue, key);
	bool later = p && (p->done < p->put || !may_raise(p->error));
	if (later) {
		p->hold = pos;
		p->holds = true;
	}
	pthread_mutex_unlock(&w->queue_mutex);
	return later;
}

void wal_hold(struct wal *w, struct sv key, struct wal_pos pos)
{
	if (hold_later(w, key, pos))
		return;
	pthread_mutex_lock(&w->mutex);
	hold_set(w, key, pos);
	pthread_mutex_unlock(&w->mutex);
}

void wal_position_drop(struct wal *w, struct sv key)
{
	char name[STORE_NAME_MAX], old[STORE_NAME_MAX + 8];
	drop_put(w, key);
	pthread_mutex_lock(&w->mutex);
	struct hold *h = find_hold(w, key);
	if (h) {
		free(h->key);
		*h = w->holds[--w->n_holds];
	}
	pthread_mutex_unlock(&w->mutex);
	/* The newest one last: killed in between, it is as if nothing was dropped. */
	snprintf(old, sizeof old, "%s" OLD, name_of(name, key));
	store_remove(&w->store, old);
	store_remove(&w->store, name);
}

struct each {
	struct wal *w;
	void (*fn)(void *cls, struct sv key);
	void *cls;
};

static bool is_readable(struct store *s, const char *name)
{
	struct sv key, content;
	_cleanup_(buf_deinit) struct buf buf;
	buf_init(&buf, FILE_BYTES_MAX);
	return read_position(s, name, &buf, &key, &content, NULL) == 0;
}

/* An old one counts where the new one cannot be read. */
static void each_name(void *cls, const char *name)
{
	const struct each *e = cls;
	struct sv key, content;
	char newer[STORE_NAME_MAX];
	_cleanup_(buf_deinit) struct buf buf;
	buf_init(&buf, FILE_BYTES_MAX);
	if (!sv_starts_with(sv_of(name), SV("pos-")) || sv_ends_with(sv_of(name), SV(".tmp")))
		return;
	if (sv_ends_with(sv_of(name), SV(OLD))) {
		snprintf(newer, sizeof newer, "%.*s", (int)(strlen(name) - strlen(OLD)), name);
		if (is_readable(&e->w->store, newer))
			return;
	}
	if (read_position(&e->w->store, name, &buf, &key, &content, NULL) == 0)
		e->fn(e->cls, key);
}

void wal_position_each(struct wal *w, void (*fn)(void *cls, struct sv key), void *cls)
{
	struct each e = {w, fn, cls};
	store_each(&w->store, each_name, &e);
}
