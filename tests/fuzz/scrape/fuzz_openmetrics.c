/* An OpenMetrics page, piece by piece: every piece ends further on and inside the page, is the same
 * when read again, and its labels can be read. A page that is taken stays taken with one more
 * newline less or more where that may be, is refused with a second one, and gives the same samples
 * behind a comment. Start times are those that a plain look ahead finds. */
#include "../../../scrape/openmetrics_parser.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	const char *p, *end;
	struct arena *arena;
	struct sv family;
	enum metric_type type;
	struct openmetrics_starts starts;
	uint64_t digest; /* of all samples */
	bool with_starts;
};

static bool is_inside(const struct reading *r, struct sv s)
{
	return s.len == 0 || (s.ptr >= r->p && s.ptr + s.len <= r->end);
}

static void digest(struct reading *r, const void *ptr, size_t len)
{
	r->digest = hash_fnv1a(r->digest, ptr, len);
}

/* 0; 1 when the page is broken here; 2 at its end. */
static int read_comment(struct reading *r)
{
	struct text_meta m, again;
	struct err err = ERR_NULL;
	const char *next = openmetrics_comment(r->p, r->end, &m, &err);
	assert(openmetrics_comment(r->p, r->end, &again, NULL) == next);
	if (!next) {
		assert(err.msg[0]);
		return 1;
	}
	assert(m.kind != TEXT_META_NONE && again.kind == m.kind);
	assert(next > r->p && next <= r->end);
	if (m.kind == TEXT_META_END) {
		assert(next == r->end);
		return 2;
	}
	assert(is_inside(r, m.family) && is_inside(r, m.help) && is_inside(r, m.unit));
	r->family = m.family;
	if (m.kind == TEXT_META_TYPE)
		r->type = m.type;
	r->p = next;
	return 0;
}

/* Labels can be read, with the name first; nothing else has NULL for a value. */
static void read_labels(struct reading *r, struct sv series, struct sv exemplar)
{
	struct label_builder b;
	label_builder_init(&b, r->arena);
	assert(text_labels(series, r->type, &b) == 0);
	assert(b.n >= 1 && sv_eq(b.v[0].name, LABEL_NAME));
	if (exemplar.ptr) {
		assert(exemplar.ptr[0] == '{' && exemplar.ptr[exemplar.len - 1] == '}');
		assert(openmetrics_exemplar_labels(exemplar, &b) == 0);
	}
	for (size_t i = 1; i < b.n; i++) {
		assert(b.v[i].value.ptr);
		digest(r, b.v[i].name.ptr, b.v[i].name.len);
		digest(r, b.v[i].value.ptr, b.v[i].value.len);
	}
}

/* A fresh finder looks ahead from here; the page's own remembers. */
static void check_start(struct reading *r, struct sv series, const char *next)
{
	bool created = openmetrics_is_created(series, r->family, r->type);
	if (created)
		return;
	struct openmetrics_starts before = r->starts, fresh = {0};
	int64_t t = openmetrics_start_ms(&r->starts, series, next, r->end, r->family, r->type);
	assert(openmetrics_start_ms(&r->starts, series, next, r->end, r->family, r->type) == t);
	int64_t plain = openmetrics_start_ms(&fresh, series, next, r->end, r->family, r->type);
	bool remembered =
		before.valid && before.labels_hash == r->starts.labels_hash && before.start_ms == t;
	assert(plain == t || remembered);
	digest(r, &t, sizeof t);
}

static int read_series(struct reading *r)
{
	struct err err = ERR_NULL;
	const char *series_end = openmetrics_series(r->p, r->end, &err);
	assert(openmetrics_series(r->p, r->end, NULL) == series_end);
	struct text_sample sample;
	struct openmetrics_exemplar exemplar;
	const char *next =
		series_end ? openmetrics_sample(series_end, r->end, &sample, &exemplar, &err)
			   : NULL;
	if (!next) {
		assert(err.msg[0]);
		return 1;
	}
	assert(series_end > r->p && next > series_end && next <= r->end);
	if (exemplar.broken_behind) {
		assert(err.msg[0] && *next == ' ');
		return 1;
	}
	assert(next[-1] == '\n');
	assert(series_end[-1] == '}' || openmetrics_name_ends(series_end));
	/* The text format's own reading ends at the same place. */
	assert(text_series(r->p, r->end, NULL) == series_end);
	struct sv series = sv_make(r->p, (size_t)(series_end - r->p));
	struct sv ex = exemplar.present ? exemplar.labels : SV_NULL;
	assert(is_inside(r, ex));
	read_labels(r, series, ex);
	digest(r, series.ptr, series.len);
	digest(r, &sample.bits, sizeof sample.bits);
	if (sample.has_time)
		digest(r, &sample.t_ms, sizeof sample.t_ms);
	if (exemplar.present)
		digest(r, &exemplar.bits, sizeof exemplar.bits);
	if (exemplar.present && exemplar.has_time)
		digest(r, &exemplar.t_ms, sizeof exemplar.t_ms);
	if (r->with_starts)
		check_start(r, series, next);
	r->p = next;
	return 0;
}

/* Reads prefix + data + suffix and the newline that is always added: whether it is taken. */
static bool read_page(struct sv prefix, struct sv data, struct sv suffix, struct reading *r)
{
	size_t len = prefix.len + data.len + suffix.len;
	_cleanup_(freep) char *page = malloc(len + 1);
	_cleanup_(arena_deinit) struct arena arena;
	assert(page);
	memcpy(page, prefix.ptr, prefix.len);
	if (data.len)
		memcpy(page + prefix.len, data.ptr, data.len);
	memcpy(page + prefix.len + data.len, suffix.ptr, suffix.len);
	page[len] = '\n';
	arena_init(&arena, MiB(64));
	*r = (struct reading){.p = page,
			      .end = page + len + 1,
			      .arena = &arena,
			      .family = SV(""),
			      .digest = HASH_FNV1A_INIT,
			      /* The plain look ahead takes quadratic time. */
			      .with_starts = data.len < KiB(4)};
	int rc = 0;
	while (rc == 0) {
		arena_reset(&arena);
		rc = r->p < r->end && *r->p == '#' ? read_comment(r) : read_series(r);
	}
	return rc == 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv text = sv_make((const char *)data, size);
	struct reading r, other;
	bool taken = read_page(SV(""), text, SV(""), &r);
	size_t n = size; /* without NULs at the end, which may stand behind "# EOF" */
	while (n > 0 && data[n - 1] == 0)
		n--;
	bool ends_in_newline = n > 0 && data[n - 1] == '\n';
	bool with_newline = read_page(SV(""), text, SV("\n"), &other);
	assert(with_newline == (taken && !ends_in_newline));
	assert(!with_newline || other.digest == r.digest);
	assert(!read_page(SV(""), text, SV("\n\n"), &other));
	assert(!taken || !read_page(SV(""), text, SV("a 1\n"), &other));
	bool behind = read_page(SV("# HELP x y\n"), text, SV(""), &other);
	/* NULs at the start would become part of the comment. */
	if (size == 0 || data[0] != 0)
		assert(behind == taken && (!taken || other.digest == r.digest));
	return 0;
}
