/* The ledger: sums of what was refused before the log, over all runs.
 *
 * Refusals are told on other threads and only add to sums under the queue's mutex. The writer puts
 * a record with all sums at each segment's beginning and after each change, in the same write as
 * the batch that follows it: the newest record is enough to know everything.
 */
#include <ampagent/base/clock.h>
#include <ampagent/base/err.h>
#include <ampagent/base/varint.h>

#include "log.h"

/* Until a record is tried again for which there was no memory. */
enum { AGAIN_MS = 1000 };

/* Destinations tell how far they are soon after the start: until then what was cut off may turn out
 * to have been sent. */
enum { SETTLE_MS = 10000 };

static const char *const own_names[LEDGER_OWN_] = {
	[LEDGER_UNWRITTEN] = "unwritten",
	[LEDGER_TORN] = "torn",
};

/* ---- records ---- */

void ledger_init(struct wal_ledger *l)
{
	*l = (struct wal_ledger){.n = REFUSED_REASONS_ + LEDGER_OWN_};
	for (size_t i = 0; i < l->n; i++)
		snprintf(l->v[i].reason, sizeof l->v[i].reason, "%s",
			 i < REFUSED_REASONS_ ? refused_name((enum refused)i)
					      : own_names[i - REFUSED_REASONS_]);
}

static bool is_zero(const struct wal_refused *r)
{
	return r->scrapes == 0 && r->samples == 0;
}

int ledger_encode(struct buf *out, const struct wal_ledger *l, uint64_t sequence)
{
	size_t n = 0, start = record_begin(out, RECORD_LEDGER);
	for (size_t i = 0; i < l->n; i++)
		n += !is_zero(&l->v[i]);
	buf_varint(out, zigzag(l->since_ms));
	buf_varint(out, l->base);
	buf_varint(out, sequence);
	buf_varint(out, l->passed_over);
	buf_varint(out, n);
	for (size_t i = 0; i < l->n; i++) {
		if (is_zero(&l->v[i]))
			continue;
		struct sv name = sv_of(l->v[i].reason);
		buf_varint(out, name.len);
		buf_sv(out, name);
		buf_varint(out, l->v[i].scrapes);
		buf_varint(out, l->v[i].samples);
	}
	record_end(out, start);
	if (!buf_failed(out))
		return 0;
	out->len = start;
	out->failed = false;
	return ERR_NOMEM;
}

static bool good_name(struct sv name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return name.len > 0 && name.len < WAL_REASON_BYTES;
}

/* The place of a name, made when there is none; NULL when there is no room. */
static struct wal_refused *place_of(struct wal_ledger *l, struct sv name)
{
	for (size_t i = 0; i < l->n; i++)
		if (sv_eq(sv_of(l->v[i].reason), name))
			return &l->v[i];
	if (l->n == WAL_REASONS_MAX)
		return NULL;
	struct wal_refused *r = &l->v[l->n++];
	memcpy(r->reason, name.ptr, name.len);
	return r;
}

static const uint8_t *get_reason(const uint8_t *p, const uint8_t *end, struct wal_ledger *l)
{
	uint64_t len, scrapes, samples;
	p = varint_get(p, end, &len);
	if (!p || len > (uint64_t)(end - p))
		return NULL;
	struct sv name = sv_make((const char *)p, len);
	p = varint_get(p + len, end, &scrapes);
	p = p ? varint_get(p, end, &samples) : NULL;
	struct wal_refused *r = p && good_name(name) ? place_of(l, name) : NULL;
	/* What is zero is not written, so a name that has sums already stands twice. */
	if (!r || !is_zero(r) || (scrapes == 0 && samples == 0))
		return NULL;
	r->scrapes = scrapes;
	r->samples = samples;
	return p;
}

int ledger_decode(struct sv payload, struct wal_ledger *out, uint64_t *sequence)
{
	const uint8_t *p = (const uint8_t *)payload.ptr, *end = p + payload.len;
	uint64_t since, n = 0;
	struct wal_ledger l;
	ledger_init(&l);
	p = varint_get(p, end, &since);
	p = p ? varint_get(p, end, &l.base) : NULL;
	p = p ? varint_get(p, end, sequence) : NULL;
	p = p ? varint_get(p, end, &l.passed_over) : NULL;
	p = p ? varint_get(p, end, &n) : NULL;
	for (; p && n > 0; n--)
		p = get_reason(p, end, &l);
	/* Bytes after that are another version's. */
	if (!p)
		return 1;
	l.since_ms = unzigzag(since);
	*out = l;
	return 0;
}

static const struct wal_refused *find(const struct wal_ledger *l, const char *reason)
{
	static const struct wal_refused none = {0};
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].reason, reason) == 0)
			return &l->v[i];
	return &none;
}

bool ledger_follows(const struct wal_ledger *a, const struct wal_ledger *b, const char **what)
{
	const char *wrong = a->since_ms != b->since_ms || a->base != b->base ? "beginning"
			    : a->passed_over > b->passed_over                ? "passed over"
									     : NULL;
	for (size_t i = 0; i < a->n && !wrong; i++) {
		const struct wal_refused *r = find(b, a->v[i].reason);
		if (r->scrapes < a->v[i].scrapes || r->samples < a->v[i].samples)
			wrong = a->v[i].reason;
	}
	if (what)
		*what = wrong;
	return !wrong;
}

/* ---- the sums; with the queue's mutex held ---- */

static void changed(struct wal *w)
{
	if (w->ledger_due_ms != 0)
		return;
	w->ledger_due_ms = clock_mono_ms() + w->opt.sync_interval_ms;
	pthread_cond_signal(&w->queue_cond);
}

static void note(void *cls, enum refused why, uint64_t scrapes, uint64_t samples)
{
	struct wal *w = cls;
	if (scrapes == 0 && samples == 0)
		return;
	pthread_mutex_lock(&w->queue_mutex);
	w->ledger.v[why].scrapes += scrapes;
	w->ledger.v[why].samples += samples;
	changed(w);
	pthread_mutex_unlock(&w->queue_mutex);
}

struct refused_sink wal_refused_sink(struct wal *w)
{
	return (struct refused_sink){note, w};
}

void wal_refused_get(struct wal *w, struct wal_ledger *out)
{
	pthread_mutex_lock(&w->queue_mutex);
	*out = w->ledger;
	pthread_mutex_unlock(&w->queue_mutex);
}

void ledger_note_own(struct wal *w, enum ledger_own why, uint64_t samples)
{
	if (samples == 0)
		return;
	pthread_mutex_lock(&w->queue_mutex);
	w->ledger.v[REFUSED_REASONS_ + why].samples += samples;
	changed(w);
	pthread_mutex_unlock(&w->queue_mutex);
}

void ledger_note_passed_over(struct wal *w, uint64_t samples)
{
	pthread_mutex_lock(&w->queue_mutex);
	/* What was cut off does not give its numbers to others then. */
	uint64_t torn = w->torn < samples ? w->torn : samples;
	w->torn -= torn;
	w->ledger.v[REFUSED_REASONS_ + LEDGER_TORN].samples -= torn;
	w->ledger.passed_over += samples;
	changed(w);
	pthread_mutex_unlock(&w->queue_mutex);
}

/* ---- the writer's ---- */

void ledger_begin(struct wal *w)
{
	if (w->ledger.n == 0) {
		ledger_init(&w->ledger);
		w->ledger.since_ms = clock_wall_ms();
		w->ledger.base = w->head.sequence;
	}
	w->ledger.v[REFUSED_REASONS_ + LEDGER_TORN].samples += w->torn;
	if (w->torn > 0)
		w->ledger_due_ms = clock_mono_ms() + SETTLE_MS;
}

int ledger_append(struct wal *w)
{
	struct writer *wr = &w->writer;
	struct wal_ledger l;
	size_t start = wr->out.len;
	pthread_mutex_lock(&w->queue_mutex);
	l = w->ledger;
	w->ledger_due_ms = 0;
	pthread_mutex_unlock(&w->queue_mutex);
	if (ledger_encode(&wr->out, &l, wr->pos.sequence)) {
		pthread_mutex_lock(&w->queue_mutex);
		w->ledger_due_ms = clock_mono_ms() + AGAIN_MS;
		pthread_mutex_unlock(&w->queue_mutex);
		return ERR_NOMEM;
	}
	wr->pos.offset += wr->out.len - start;
	wr->ledger_stands = true;
	return 0;
}
