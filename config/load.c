/* The snapshot: reading a file into one, sharing and freeing it.
 *
 * Two arenas: `temp` holds the YAML tree and the raw structs and ends with the reading, `arena` is
 * the snapshot's own. Both hold secrets and are wiped. The relabel sets have references of their
 * own, one for each pointer to them.
 */
#include "load.h"

#include "check.h"
#include "digest.h"
#include "include.h"
#include "shown.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <stdatomic.h>
#include <stdlib.h>

/* A node of the tree takes some hundred bytes and a file of the largest size can have
 * LIMIT_YAML_NODES of them; a real file needs a thousandth of this. */
#define TEMP_BYTES MiB(512)
#define SNAPSHOT_BYTES MiB(256)

struct snapshot {
	struct config pub; /* first: struct config * is struct snapshot * */
	struct arena arena;
	atomic_uint refs;
};

static void snapshot_free(struct snapshot *s)
{
	for (size_t i = 0; i < s->pub.n_scrapes; i++) {
		if (s->pub.scrapes[i].relabel)
			relabel_unref(s->pub.scrapes[i].relabel);
		if (s->pub.scrapes[i].metric_relabel)
			relabel_unref(s->pub.scrapes[i].metric_relabel);
	}
	for (size_t i = 0; i < s->pub.n_writes; i++)
		if (s->pub.writes[i].write_relabel)
			relabel_unref(s->pub.writes[i].write_relabel);
	arena_wipe(&s->arena);
	free(s);
}

DEFINE_CLEANUP_PTR(struct snapshot, snapshot_free)

struct config *config_ref(struct config *c)
{
	struct snapshot *s = (struct snapshot *)c;
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return c;
}

void config_unref(struct config *c)
{
	struct snapshot *s = (struct snapshot *)c;
	if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		snapshot_free(s);
}

static const char *environment(const char *name)
{
	return getenv(name);
}

static int no_memory(struct err *err, const char *path)
{
	return err_at(err, 1, 1, 1, "%s:1:1: no memory for a configuration as large as this", path);
}

static int parse_tree(struct decode *d, struct sv text, struct yaml_node **root)
{
	struct err why = ERR_NULL;
	int r = yaml_parse(d->temp, text, root, &why);
	if (r == 0)
		return 0;
	if (r < 0)
		return no_memory(d->err, d->path);
	return err_at(d->err, 1, why.line, why.col, "%s:%d:%d: %s", d->path, why.line, why.col,
		      why.msg);
}

/* One reading. */
struct reading {
	struct decode d;
	const struct load_options *opt;
	struct config *c;
	struct raw_config raw;
	struct check_jobs *jobs;
	struct included *first, **last;
	size_t n_included; /* jobs in files that are included */
};

/* A file of scrape_config_files. */
struct included {
	struct included *next;
	const char *path;
	struct sv dir;
	struct raw_config raw; /* scrapes only */
};

/* Jobs of one file into the snapshot, which has room for them. An element counts before it is
 * filled, so that the snapshot frees what a failed check leaves in it. */
static int add_jobs(struct reading *r, struct raw_config *from)
{
	struct config *c = r->c;
	for (size_t i = 0; i < from->n_scrapes; i++) {
		struct raw_scrape *raw = &from->scrapes[i];
		size_t at = c->n_scrapes++;
		int failed = check_scrape(&r->d, &r->raw.global, raw, &c->scrapes[at]);
		if (failed == 0)
			failed = check_discovery(&r->d, raw, &c->discoveries[at]);
		if (failed == 0)
			failed = check_jobs_add(r->jobs, &r->d, raw);
		if (failed != 0)
			return failed;
		config_digest_scrape(&c->scrapes[at]);
		config_digest_discovery(&c->discoveries[at]);
	}
	return 0;
}

/* Room for n jobs, with those that are there. */
static int make_room(struct reading *r, size_t n)
{
	struct config *c = r->c;
	struct scrape_options *scrapes = arena_calloc(r->d.keep, n + 1, sizeof *scrapes);
	struct discovery_options *discoveries = arena_calloc(r->d.keep, n + 1, sizeof *discoveries);
	if (!scrapes || !discoveries)
		return no_memory(r->d.err, r->d.path);
	if (c->n_scrapes > 0) {
		memcpy(scrapes, c->scrapes, c->n_scrapes * sizeof *scrapes);
		memcpy(discoveries, c->discoveries, c->n_scrapes * sizeof *discoveries);
	}
	c->scrapes = scrapes;
	c->discoveries = discoveries;
	return 0;
}

static int add_writes(struct reading *r)
{
	struct config *c = r->c;
	c->writes = arena_calloc(r->d.keep, r->raw.n_writes + 1, sizeof *c->writes);
	if (!c->writes)
		return no_memory(r->d.err, r->d.path);
	while (c->n_writes < r->raw.n_writes) {
		size_t i = c->n_writes++;
		int failed = check_write(&r->d, &r->raw.global, &r->raw.writes[i], &c->writes[i]);
		if (failed != 0)
			return failed;
	}
	return check_names(&r->d, &r->raw, c->writes);
}

/* What the file itself says. */
static int check_file(struct reading *r)
{
	int failed = check_server(&r->d, &r->raw);
	if (failed == 0)
		failed = check_global(&r->d, &r->raw.global, r->opt->features,
				      r->opt->getenv_fn ? r->opt->getenv_fn : environment,
				      &r->c->external_labels);
	if (failed == 0)
		failed = make_room(r, r->raw.n_scrapes);
	if (failed == 0)
		failed = add_jobs(r, &r->raw);
	if (failed == 0)
		failed = add_writes(r);
	if (failed == 0)
		failed = check_agent(&r->d, &r->raw.agent);
	r->c->agent = r->raw.agent.opt;
	return failed;
}

/* ---- files that are included ---- */

static int decode_included(void *cls, const char *path, struct sv text)
{
	struct reading *r = cls;
	struct yaml_node *root;
	struct included *inc = arena_calloc(r->d.temp, 1, sizeof *inc);
	const char *name = arena_strdup(r->d.keep, sv_of(path));
	if (!inc || !name)
		return no_memory(r->d.err, path);
	r->c->checksum = include_checksum_add(r->c->checksum, path, text);
	inc->path = r->d.path = name;
	inc->dir = r->d.dir = path_dir(sv_of(name));
	int failed = parse_tree(&r->d, text, &root);
	if (failed == 0)
		failed = decode_block(&r->d, &schema_included, root, &inc->raw);
	r->n_included += inc->raw.n_scrapes;
	*r->last = inc;
	r->last = &inc->next;
	return failed;
}

static int read_included(struct reading *r)
{
	const struct yaml_node *list = yaml_get(r->raw.node, SV("scrape_config_files"));
	const struct raw_config *raw = &r->raw;
	const char *path = r->d.path;
	struct err why = ERR_NULL;
	size_t at = raw->n_scrape_config_files;
	for (size_t i = 0; i < raw->n_scrape_config_files; i++)
		if (!include_pattern_valid(list->items[i]->text))
			return decode_fail(&r->d, list->items[i],
					   "\"scrape_config_files\": invalid scrape config file "
					   "path: \"*\" may stand in the last path element only");
	if (r->opt->leave_includes)
		return 0;
	int failed = include_each(raw->scrape_config_files, raw->n_scrape_config_files,
				  decode_included, r, &at, &why);
	if (failed == 0 || at == raw->n_scrape_config_files)
		return failed;
	r->d.path = path;
	return decode_fail(&r->d, list->items[at], "\"scrape_config_files\": %s", why.msg);
}

static int check_included(struct reading *r)
{
	const char *path = r->d.path;
	int failed = read_included(r);
	if (failed == 0 && r->n_included > 0)
		failed = make_room(r, r->c->n_scrapes + r->n_included);
	for (struct included *inc = r->first; failed == 0 && inc; inc = inc->next) {
		r->d.path = inc->path;
		r->d.dir = inc->dir;
		failed = add_jobs(r, &inc->raw);
	}
	if (failed == 0)
		r->d.path = path;
	return failed;
}

static int collect_warnings(struct decode *d, struct config *c)
{
	c->warnings = arena_alloc(d->keep, (d->n_warnings + 1) * sizeof *c->warnings);
	if (!c->warnings)
		return no_memory(d->err, d->path);
	for (const struct decode_warning *w = d->first_warning; w; w = w->next)
		c->warnings[c->n_warnings++] = w->warning;
	return 0;
}

static int show(struct reading *r)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, SNAPSHOT_BYTES);
	shown_config(&text, &r->raw);
	r->c->shown = arena_dup(r->d.keep, buf_view(&text));
	return r->c->shown.ptr && !buf_failed(&text) ? 0 : no_memory(r->d.err, r->d.path);
}

static int fill(struct reading *r, struct sv text)
{
	struct yaml_node *root;
	r->c->path = arena_dup(r->d.keep, sv_of(r->d.path));
	if (!r->c->path.ptr || check_jobs_new(&r->jobs) != 0)
		return no_memory(r->d.err, r->d.path);
	r->c->checksum = include_checksum(text);
	int failed = parse_tree(&r->d, text, &root);
	if (failed != 0)
		return failed;
	decode_defaults(&schema_file, &r->raw);
	failed = decode_block(&r->d, &schema_file, root, &r->raw);
	if (failed == 0)
		failed = check_file(r);
	if (failed == 0)
		failed = check_included(r);
	if (failed == 0)
		failed = show(r);
	if (failed == 0)
		failed = collect_warnings(&r->d, r->c);
	if (failed == 0 && r->opt->look)
		failed = r->opt->look(r->opt->cls, &r->d, r->c);
	return failed;
}

int load_parse(struct sv text, const char *path, const struct load_options *opt,
	       struct config **out, struct err *err)
{
	_cleanup_(snapshot_freep) struct snapshot *s = calloc(1, sizeof *s);
	_cleanup_(arena_wipe) struct arena temp = ARENA_NULL;
	if (!s)
		return no_memory(err, path);
	arena_init(&s->arena, SNAPSHOT_BYTES);
	arena_init(&temp, TEMP_BYTES);
	atomic_init(&s->refs, 1);

	struct reading r = {
		.d = {.path = path,
		      .dir = path_dir(sv_of(path)),
		      .keep = &s->arena,
		      .temp = &temp,
		      .err = err},
		.opt = opt,
		.c = &s->pub,
	};
	r.d.last_warning = &r.d.first_warning;
	r.d.last_file = &r.d.first_file;
	r.last = &r.first;
	int failed = fill(&r, text);
	check_jobs_free(r.jobs);
	if (failed == 0)
		*out = &take_ptr(s)->pub;
	return failed;
}

int load_file(const char *path, const struct load_options *opt, struct config **out,
	      struct err *err)
{
	_cleanup_(buf_wipe) struct buf text = BUF_NULL; /* it may hold secrets */
	buf_init(&text, LIMIT_CONFIG_BYTES);
	if (file_read(path, &text, err) != 0)
		return 1;
	return load_parse(buf_view(&text), path, opt, out, err);
}

int config_parse(struct sv text, const char *path, const struct config_features *features,
		 const char *(*getenv_fn)(const char *), struct config **out, struct err *err)
{
	const struct load_options opt = {.features = features, .getenv_fn = getenv_fn};
	return load_parse(text, path, &opt, out, err);
}

int config_load(const char *path, const struct config_features *features, struct config **out,
		struct err *err)
{
	const struct load_options opt = {.features = features};
	return load_file(path, &opt, out, err);
}
