/* books: a hand-made walk over the protobuf, and a table of series by the hash of their labels.
 *
 * For each series a window of the last 64 places on its time grid is kept as bits. A sample newer
 * than all moves the window and counts the places between as missing; an older one either fills a
 * place (late: out of order, no longer missing) or finds it taken (doubled). After a staleness
 * marker a gap is no loss.
 */
#include "books.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_CELLS = 1 << 16, WINDOW = 64 };

#define STALE_BITS UINT64_C(0x7ff0000000000002)

struct series {
	uint64_t hash; /* 0 = empty cell */
	int64_t last_ms;
	uint64_t window; /* bit i: the place i spacings before last_ms is taken */
	uint32_t spacing_ms;
	bool ended;
};

struct books {
	struct books_totals totals;
	int64_t interval_ms;
	bool cheap;
	struct series *cells;
	size_t n_cells;
};

struct books *books_new(int64_t interval_ms, bool cheap)
{
	struct books *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->interval_ms = interval_ms;
	b->cheap = cheap;
	b->n_cells = FIRST_CELLS;
	b->cells = cheap ? NULL : calloc(b->n_cells, sizeof *b->cells);
	if (!cheap && !b->cells) {
		free(b);
		return NULL;
	}
	return b;
}

void books_free(struct books *b)
{
	if (!b)
		return;
	free(b->cells);
	free(b);
}

void books_totals(const struct books *b, struct books_totals *out)
{
	*out = b->totals;
}

/* ---- series ---- */

static struct series *find(struct series *cells, size_t n_cells, uint64_t hash)
{
	size_t at = hash & (n_cells - 1);
	while (cells[at].hash != 0 && cells[at].hash != hash)
		at = (at + 1) & (n_cells - 1);
	return &cells[at];
}

static int grow(struct books *b)
{
	size_t n = b->n_cells * 2;
	struct series *cells = calloc(n, sizeof *cells);
	if (!cells)
		return 1;
	for (size_t i = 0; i < b->n_cells; i++)
		if (b->cells[i].hash)
			*find(cells, n, b->cells[i].hash) = b->cells[i];
	free(b->cells);
	b->cells = cells;
	b->n_cells = n;
	return 0;
}

static struct series *series_of(struct books *b, uint64_t hash)
{
	if (hash == 0)
		hash = 1;
	struct series *s = find(b->cells, b->n_cells, hash);
	if (s->hash)
		return s;
	if (b->totals.series >= b->n_cells / 2) {
		if (grow(b) != 0)
			return NULL;
		s = find(b->cells, b->n_cells, hash);
	}
	b->totals.series++;
	*s = (struct series){.hash = hash, .spacing_ms = (uint32_t)b->interval_ms};
	return s;
}

static uint64_t places(const struct series *s, int64_t distance_ms)
{
	uint64_t spacing = s->spacing_ms ? s->spacing_ms : 1;
	return ((uint64_t)distance_ms + spacing / 2) / spacing;
}

static void move_on(struct books *b, struct series *s, int64_t t_ms)
{
	int64_t distance = t_ms - s->last_ms;
	if (s->spacing_ms == 0)
		s->spacing_ms = (uint32_t)distance;
	uint64_t n = places(s, distance);
	n = n ? n : 1;
	if (!s->ended)
		b->totals.missing += n - 1;
	/* What lay before a staleness marker is not waited for either. */
	uint64_t passed = s->ended ? ~UINT64_C(0) : 0;
	s->window = n < WINDOW ? s->window << n | (passed & ((UINT64_C(1) << n) - 1)) : passed;
	s->window |= 1;
	s->last_ms = t_ms;
	s->ended = false;
}

static void note(struct books *b, struct series *s, int64_t t_ms, bool stale)
{
	if (s->window == 0) {
		s->window = 1;
		s->last_ms = t_ms;
	} else if (t_ms > s->last_ms) {
		move_on(b, s, t_ms);
	} else if (t_ms == s->last_ms) {
		b->totals.doubled++;
	} else {
		uint64_t n = places(s, s->last_ms - t_ms);
		bool taken = n >= WINDOW || n == 0 || (s->window >> n & 1);
		b->totals.doubled += taken;
		b->totals.out_of_order += !taken;
		if (!taken && b->totals.missing > 0)
			b->totals.missing--;
		if (n < WINDOW)
			s->window |= UINT64_C(1) << n;
		return;
	}
	s->ended = stale;
}

/* ---- protobuf ---- */

struct reader {
	const uint8_t *p, *end;
	bool broken;
};

static bool varint(struct reader *r, uint64_t *out)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
		uint8_t byte = *r->p++;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*out = v;
			return true;
		}
	}
	return false;
}

struct field {
	uint32_t number, wire;
	uint64_t value;    /* varints, fixed64 */
	struct reader sub; /* length-delimited */
};

static bool read_field(struct reader *r, struct field *f)
{
	uint64_t key, len;
	if (!varint(r, &key))
		return false;
	f->number = (uint32_t)(key >> 3);
	f->wire = (uint32_t)(key & 7);
	if (f->wire == 0)
		return varint(r, &f->value);
	if (f->wire == 1 && r->end - r->p >= 8) {
		memcpy(&f->value, r->p, 8);
		r->p += 8;
		return true;
	}
	if (f->wire != 2 || !varint(r, &len) || len > (uint64_t)(r->end - r->p))
		return false;
	f->sub = (struct reader){.p = r->p, .end = r->p + len};
	r->p += len;
	return true;
}

/* False at the end, and when the message is broken. */
static bool next_field(struct reader *r, struct field *f)
{
	if (r->p == r->end)
		return false;
	r->broken = !read_field(r, f);
	return !r->broken;
}

static bool take_sample(struct books *b, struct series *s, struct reader r)
{
	uint64_t bits = 0;
	int64_t t_ms = 0;
	struct field f = {0};
	while (next_field(&r, &f)) {
		if (f.number == 1 && f.wire == 1)
			bits = f.value;
		if (f.number == 2 && f.wire == 0)
			t_ms = (int64_t)f.value;
	}
	bool stale = bits == STALE_BITS;
	b->totals.stale += stale;
	b->totals.samples += !stale;
	if (t_ms > b->totals.newest_ms)
		b->totals.newest_ms = t_ms;
	if (s)
		note(b, s, t_ms, stale);
	return !r.broken;
}

/* Whether a Label is the name of a series that the scraper makes itself. */
static bool names_report(const uint8_t *p, size_t n)
{
	static const char head[] = "\n\010__name__\022";
	const size_t at = sizeof head; /* behind the value's length, which is one byte */
	if (n < at || memcmp(p, head, sizeof head - 1) != 0)
		return false;
	return (n == at + 2 && memcmp(p + at, "up", 2) == 0) ||
	       (n > at + 7 && memcmp(p + at, "scrape_", 7) == 0);
}

/* Labels come before samples in every sender's order, so one pass is enough. */
static bool take_series(struct books *b, struct reader r)
{
	uint64_t hash = 0;
	struct series *s = NULL;
	struct field f = {0};
	bool ok = true, report = false;
	uint64_t samples_before = b->totals.samples;
	b->totals.timeseries++;
	while (ok && next_field(&r, &f)) {
		if (f.wire != 2)
			continue;
		size_t n = (size_t)(f.sub.end - f.sub.p);
		if (f.number == 1)
			report |= names_report(f.sub.p, n);
		if (f.number == 1 && !b->cheap) {
			hash = XXH3_64bits_withSeed(f.sub.p, n, hash);
			continue;
		}
		if ((f.number == 2 || f.number == 4) && !s && !b->cheap)
			s = series_of(b, hash);
		if (f.number == 2)
			ok = take_sample(b, s, f.sub);
		b->totals.exemplars += f.number == 3;
		b->totals.histograms += f.number == 4;
	}
	if (report)
		b->totals.reports += b->totals.samples - samples_before;
	return ok && !r.broken;
}

int books_take(struct books *b, const char *raw, size_t len)
{
	struct reader r = {.p = (const uint8_t *)raw, .end = (const uint8_t *)raw + len};
	struct field f = {0};
	bool ok = true;
	while (ok && next_field(&r, &f)) {
		if (f.number == 1 && f.wire == 2)
			ok = take_series(b, f.sub);
		b->totals.metadata += f.number == 3;
	}
	return !ok || r.broken;
}
