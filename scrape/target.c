#include "target.h"

#include "identity.h"

#include <ampagent/base/text.h>

#define INTERVAL SV("__scrape_interval__")
#define TIMEOUT SV("__scrape_timeout__")
#define CONVERT_TO_NHCB SV("__convert_classic_histograms_to_nhcb__")
#define ALWAYS_CLASSIC SV("__always_scrape_classic_histograms__")
#define NATIVE_HISTOGRAMS SV("__scrape_native_histograms__")
#define LOCAL SV("__ampagent_local__")

static int labels_dup(struct labels in, struct labels *out)
{
	char *p = malloc(in.len ? in.len : 1);
	if (!p)
		return ERR_NOMEM;
	if (in.len)
		memcpy(p, in.ptr, in.len);
	*out = (struct labels){p, in.len};
	return 0;
}

void target_free(struct target *t)
{
	free((char *)(uintptr_t)t->discovered.ptr);
	free((char *)(uintptr_t)t->all.ptr);
	free((char *)(uintptr_t)t->labels.ptr);
	free(t->url);
	free(t);
}

static void set_default(struct label_builder *b, struct sv name, struct sv value)
{
	if (label_builder_get(b, name).len == 0)
		label_builder_set(b, name, value);
}

static struct sv prefixed(struct arena *arena, struct sv prefix, struct sv name)
{
	char *p = arena_alloc(arena, prefix.len + name.len);
	if (!p)
		return SV_NULL;
	memcpy(p, prefix.ptr, prefix.len);
	memcpy(p + prefix.len, name.ptr, name.len);
	return sv_make(p, prefix.len + name.len);
}

static struct sv truth(bool v)
{
	return v ? SV("true") : SV("false");
}

/* Labels before relabeling: the target's own win over the group's, those over the defaults. */
static void populate(const struct scrape_options *opt, struct labels group, struct labels entry,
		     struct label_builder *b)
{
	char text[DURATION_MAX];
	label_builder_load(b, group);
	label_builder_load(b, entry);
	set_default(b, SV("job"), opt->job_name);
	duration_format(text, opt->interval_ms);
	set_default(b, INTERVAL, arena_dup(b->arena, sv_of(text)));
	duration_format(text, opt->timeout_ms);
	set_default(b, TIMEOUT, arena_dup(b->arena, sv_of(text)));
	set_default(b, SV("__metrics_path__"), opt->metrics_path);
	set_default(b, SV("__scheme__"), opt->scheme);
	set_default(b, CONVERT_TO_NHCB, truth(opt->convert_to_nhcb));
	set_default(b, ALWAYS_CLASSIC, truth(opt->always_classic_histograms));
	set_default(b, NATIVE_HISTOGRAMS, truth(opt->native_histograms));
	for (size_t i = 0; i < opt->n_params; i++) {
		if (opt->params[i].n_values > 0)
			set_default(b, prefixed(b->arena, SV("__param_"), opt->params[i].name),
				    opt->params[i].values[0]);
	}
}

static int check_duration(const struct label_builder *b, struct sv name, int64_t *ms,
			  struct err *err)
{
	struct sv text = label_builder_get(b, name);
	if (duration_parse(text, ms) != 0)
		return err_set(err, 1, "%.*s is not a duration: \"%.*s\"", SV_ARG(name),
			       SV_ARG(text));
	if (*ms == 0)
		return err_set(err, 1, "%.*s cannot be 0", SV_ARG(name));
	return 0;
}

static int check_boolean(const struct label_builder *b, struct sv name, bool *out, struct err *err)
{
	/* As Go reads them: the first half is true. */
	static const char *const good[] = {"1", "t", "T", "TRUE",  "true",  "True",
					   "0", "f", "F", "FALSE", "false", "False"};
	enum { GOOD = sizeof good / sizeof good[0] };
	struct sv text = label_builder_get(b, name);
	for (size_t i = 0; i < GOOD; i++) {
		if (sv_eq(text, sv_of(good[i]))) {
			*out = i < GOOD / 2;
			return 0;
		}
	}
	return err_set(err, 1, "%.*s is not a boolean: \"%.*s\"", SV_ARG(name), SV_ARG(text));
}

/* What a target is made of beside its own labels. */
struct making {
	const struct scrape_options *opt;
	const struct identity *identity; /* NULL: it is none of the task's, or nothing is asked */
	struct sv *values;               /* of the identity's labels */
};

/* local is what relabeling says, else whether the address is this machine's or task's own. Only
 * what is local may need an identity; an address that is local in every task always does. */
static int check_local(struct target *t, const struct label_builder *b, struct making *m,
		       struct err *err)
{
	struct sv host, port;
	bool own = address_split(label_builder_get(b, SV("__address__")), &host, &port) &&
		   identity_owns(m->identity, host);
	t->local = own;
	if (label_builder_get(b, LOCAL).len > 0 && check_boolean(b, LOCAL, &t->local, err) != 0)
		return 1;
	if (!identity_is_on(m->identity) || (!own && !t->local))
		m->identity = NULL;
	return 0;
}

static int check(struct target *t, struct label_builder *b, struct making *m, struct err *err)
{
	struct sv address = label_builder_get(b, SV("__address__"));
	if (address.len == 0)
		return err_set(err, 1, "no address");
	/* Not shown: what stands before the '@' may be a password. */
	if (sv_find(address, '@') != address.len)
		return err_set(err, 1,
			       "an address with a user name or password in it cannot be scraped; "
			       "use basic_auth");
	if (sv_find(address, '/') != address.len)
		return err_set(err, 1, "\"%.*s\" is not a valid hostname", SV_ARG(address));
	if (check_duration(b, INTERVAL, &t->interval_ms, err) != 0 ||
	    check_duration(b, TIMEOUT, &t->timeout_ms, err) != 0)
		return 1;
	if (t->timeout_ms > t->interval_ms)
		return err_set(err, 1, "scrape timeout cannot be greater than scrape interval");
	if (check_boolean(b, CONVERT_TO_NHCB, &t->convert_to_nhcb, err) != 0 ||
	    check_boolean(b, ALWAYS_CLASSIC, &t->always_classic_histograms, err) != 0 ||
	    check_boolean(b, NATIVE_HISTOGRAMS, &t->native_histograms, err) != 0 ||
	    check_local(t, b, m, err) != 0)
		return 1;
	return 0;
}

static int check_values(const struct label_builder *b, struct err *err)
{
	for (size_t i = 0; i < b->n; i++) {
		if (!utf8_valid(b->v[i].value))
			return err_set(err, 1, "label \"%.*s\" has a value that is not UTF-8",
				       SV_ARG(b->v[i].name));
	}
	return 0;
}

/* What discovery told goes; what the identity takes of it is read first. */
static int drop_meta(struct label_builder *b, struct making *m)
{
	if (m->identity && identity_values(m->identity, b, &m->values) != 0)
		return ERR_NOMEM;
	for (size_t i = b->n; i > 0; i--) {
		if (sv_starts_with(b->v[i - 1].name, SV("__meta_")))
			label_builder_del(b, b->v[i - 1].name);
	}
	set_default(b, SV("instance"), label_builder_get(b, SV("__address__")));
	return 0;
}

/* As Go's url.URL escapes a path. */
static void escape_path(struct buf *out, struct sv path)
{
	if (path.len > 0 && path.ptr[0] != '/')
		buf_char(out, '/');
	for (size_t i = 0; i < path.len; i++) {
		if (path.ptr[i] != '\0' && strchr("$&+,/:;=@", path.ptr[i]))
			buf_char(out, path.ptr[i]);
		else
			url_encode(out, sv_make(path.ptr + i, 1), false);
	}
}

static void add_query(struct buf *out, char *separator, struct sv name, struct sv value)
{
	buf_char(out, *separator);
	*separator = '&';
	url_query_escape(out, name);
	buf_char(out, '=');
	url_query_escape(out, value);
}

struct param {
	struct sv name;
	struct sv first; /* from __param_<name>; ptr NULL when that label is gone */
	const struct scrape_param *more;
};

static int param_cmp(const void *a, const void *b)
{
	const struct param *x = a, *y = b;
	return sv_cmp(x->name, y->name);
}

/* Query: config params with __param_<name> in place of the first value, sorted by name. */
static int write_query(const struct scrape_options *opt, const struct label_builder *b,
		       struct buf *out)
{
	struct param *v = arena_calloc(b->arena, opt->n_params + b->n + 1, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	size_t n = 0;
	for (; n < opt->n_params; n++)
		v[n] = (struct param){.name = opt->params[n].name, .more = &opt->params[n]};
	for (size_t i = 0; i < b->n; i++) {
		if (!sv_starts_with(b->v[i].name, SV("__param_")))
			continue;
		struct sv name = sv_from(b->v[i].name, 8);
		struct param *p = NULL;
		for (size_t k = 0; k < n && !p; k++)
			p = sv_eq(v[k].name, name) ? &v[k] : NULL;
		if (!p) {
			p = &v[n++];
			p->name = name;
		}
		p->first = b->v[i].value;
	}
	qsort(v, n, sizeof *v, param_cmp);
	char separator = '?';
	for (size_t k = 0; k < n; k++) {
		size_t n_values = v[k].more ? v[k].more->n_values : 0;
		if (v[k].first.ptr)
			add_query(out, &separator, v[k].name, v[k].first);
		for (size_t i = v[k].first.ptr ? 1 : 0; i < n_values; i++)
			add_query(out, &separator, v[k].name, v[k].more->values[i]);
	}
	return 0;
}

static int write_url(struct target *t, const struct scrape_options *opt,
		     const struct label_builder *b)
{
	_cleanup_(buf_deinit) struct buf url = BUF_NULL;
	buf_init(&url, KiB(64));
	buf_sv(&url, label_builder_get(b, SV("__scheme__")));
	buf_sv(&url, SV("://"));
	buf_sv(&url, label_builder_get(b, SV("__address__")));
	escape_path(&url, label_builder_get(b, SV("__metrics_path__")));
	int r = write_query(opt, b, &url);
	t->url = r == 0 ? buf_take(&url) : NULL;
	return t->url ? 0 : ERR_NOMEM;
}

static bool is_timing(struct sv name)
{
	return sv_eq(name, INTERVAL) || sv_eq(name, TIMEOUT);
}

/* FNV-1a over the xxhash of the labels, as sixteen decimal digits, and the URL. */
static int hash_target(struct labels all, const char *target_url, bool with_timing,
		       struct arena *scratch, uint64_t *out)
{
	char *bytes = arena_alloc(scratch, (size_t)all.len * 2 + 16);
	if (!bytes)
		return ERR_NOMEM;
	size_t n = 0;
	struct label l;
	for (size_t at = 0; labels_next(all, &at, &l);) {
		if (!with_timing && is_timing(l.name))
			continue;
		memcpy(bytes + n, l.name.ptr, l.name.len);
		n += l.name.len;
		bytes[n++] = '\xff';
		memcpy(bytes + n, l.value.ptr, l.value.len);
		n += l.value.len;
		bytes[n++] = '\xff';
	}
	char text[32];
	int len = snprintf(text, sizeof text, "%016llu", (unsigned long long)hash_xxh64(bytes, n));
	uint64_t h = hash_fnv1a(HASH_FNV1A_INIT, text, (size_t)len);
	*out = hash_fnv1a(h, target_url, strlen(target_url));
	return 0;
}

static int keep_labels(struct label_builder *b, struct arena *scratch, struct labels *all,
		       struct labels *public_)
{
	struct labels set;
	if (label_builder_finish(b, scratch, &set) != 0 || labels_dup(set, all) != 0)
		return ERR_NOMEM;
	for (size_t i = b->n; i > 0; i--) {
		if (sv_starts_with(b->v[i - 1].name, SV("__")))
			label_builder_del(b, b->v[i - 1].name);
	}
	if (label_builder_finish(b, scratch, &set) != 0 || labels_dup(set, public_) != 0)
		return ERR_NOMEM;
	return 0;
}

/* What makes it distinct: TARGET_MADE when it goes on. */
static enum target_verdict identify(struct target *t, const struct making *m,
				    struct label_builder *b, struct err *err)
{
	struct labels plain;
	if (label_builder_finish(b, b->arena, &plain) != 0 ||
	    hash_target(plain, t->url, true, b->arena, &t->plain_hash) != 0)
		return TARGET_NOMEM;
	if (!m->identity)
		return TARGET_MADE;
	if (!m->identity->known)
		return TARGET_WAITS;
	bool honor = m->opt->honor_labels;
	if (m->identity->mode == IDENTITY_STRICT)
		return identity_check(m->identity, honor, b, err) == 0 ? TARGET_MADE
								       : TARGET_REFUSED;
	return identity_add(m->identity, m->values, honor, b) == 0 ? TARGET_MADE : TARGET_NOMEM;
}

/* From its labels after relabeling on. */
static enum target_verdict finish(struct target *t, struct making *m, struct label_builder *b,
				  struct arena *scratch, struct err *err)
{
	if (check(t, b, m, err) != 0)
		return TARGET_REFUSED;
	if (drop_meta(b, m) != 0)
		return TARGET_NOMEM;
	if (b->failed || write_url(t, m->opt, b) != 0)
		return TARGET_NOMEM;
	enum target_verdict verdict = identify(t, m, b, err);
	if (verdict != TARGET_MADE)
		return verdict;
	if (check_values(b, err) != 0)
		return TARGET_REFUSED;
	if (b->failed || keep_labels(b, scratch, &t->all, &t->labels) != 0 ||
	    hash_target(t->all, t->url, true, scratch, &t->hash) != 0 ||
	    hash_target(t->all, t->url, false, scratch, &t->page_hash) != 0)
		return TARGET_NOMEM;
	t->page_hash |= 1;
	return TARGET_MADE;
}

enum target_verdict target_make(const struct scrape_options *opt, const struct identity *identity,
				struct labels group, struct labels entry, struct arena *scratch,
				struct target **out, struct err *err)
{
	arena_reset(scratch);
	struct label_builder b;
	label_builder_init(&b, scratch);
	_cleanup_(target_freep) struct target *t = calloc(1, sizeof *t);
	if (!t)
		return TARGET_NOMEM;
	populate(opt, group, entry, &b);
	struct labels set;
	if (b.failed || label_builder_finish(&b, scratch, &set) != 0 ||
	    labels_dup(set, &t->discovered) != 0)
		return TARGET_NOMEM;
	if (!relabel_apply(opt->relabel, &b)) {
		if (b.failed)
			return TARGET_NOMEM;
		*out = take_ptr(t);
		return TARGET_DROPPED;
	}
	struct making m = {.opt = opt, .identity = identity};
	enum target_verdict verdict = finish(t, &m, &b, scratch, err);
	if (verdict == TARGET_MADE || verdict == TARGET_WAITS)
		*out = take_ptr(t);
	return verdict;
}

int64_t target_offset_ms(const struct target *t, uint64_t seed, int64_t wall_ms)
{
	int64_t phase = (int64_t)((t->hash ^ seed) % (uint64_t)t->interval_ms);
	int64_t next = t->interval_ms - wall_ms % t->interval_ms + phase;
	return next > t->interval_ms ? next - t->interval_ms : next;
}
