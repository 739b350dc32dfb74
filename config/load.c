/* The snapshot: reading a file into one, sharing and freeing it.
 *
 * Two arenas: `temp` holds the YAML tree and the raw structs and ends with the reading, `arena` is
 * the snapshot's own. Both hold secrets and are wiped. The relabel sets have references of their
 * own, one for each pointer to them.
 */
#include "check.h"
#include "render.h"

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

/* Jobs and destinations of raw into the snapshot. Counts grow only after the element's sets are
 * in place, so that the snapshot can be freed at any time. */
static int check_all(struct decode *d, struct raw_config *raw, env_getter env, struct config *c)
{
	c->scrapes = arena_calloc(d->keep, raw->n_scrapes + 1, sizeof *c->scrapes);
	c->discoveries = arena_calloc(d->keep, raw->n_scrapes + 1, sizeof *c->discoveries);
	c->writes = arena_calloc(d->keep, raw->n_writes + 1, sizeof *c->writes);
	if (!c->scrapes || !c->discoveries || !c->writes)
		return no_memory(d->err, d->path);
	int r = check_global(d, &raw->global, env, &c->external_labels);
	while (r == 0 && c->n_scrapes < raw->n_scrapes) {
		size_t i = c->n_scrapes++;
		r = check_scrape(d, &raw->global, &raw->scrapes[i], &c->scrapes[i]);
		if (r == 0)
			r = check_discovery(d, &raw->scrapes[i], &c->discoveries[i]);
	}
	while (r == 0 && c->n_writes < raw->n_writes) {
		size_t i = c->n_writes++;
		r = check_write(d, &raw->global, &raw->writes[i], &c->writes[i]);
	}
	c->agent = raw->agent;
	return r != 0 ? r : check_names(d, raw, c->writes);
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

/* The page's text, before defaults are inherited: it says what the file says. */
static int render_shown(struct decode *d, const struct raw_config *raw, struct config *c)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, SNAPSHOT_BYTES);
	render_block(&text, &schema_file, raw);
	c->shown = arena_dup(d->keep, buf_view(&text));
	return c->shown.ptr && !buf_failed(&text) ? 0 : no_memory(d->err, d->path);
}

static int fill(struct decode *d, struct sv text, env_getter env, struct config *c)
{
	struct yaml_node *root;
	struct raw_config *raw = arena_calloc(d->temp, 1, sizeof *raw);
	c->path = arena_dup(d->keep, sv_of(d->path));
	if (!raw || !c->path.ptr)
		return no_memory(d->err, d->path);
	int r = parse_tree(d, text, &root);
	if (r != 0)
		return r;
	decode_defaults(&schema_file, raw);
	r = decode_block(d, &schema_file, root, raw);
	if (r == 0)
		r = render_shown(d, raw, c);
	if (r == 0)
		r = check_all(d, raw, env, c);
	return r != 0 ? r : collect_warnings(d, c);
}

int config_parse(struct sv text, const char *path, const struct config_features *features,
		 const char *(*getenv_fn)(const char *), struct config **out, struct err *err)
{
	_cleanup_(snapshot_freep) struct snapshot *s = calloc(1, sizeof *s);
	_cleanup_(arena_wipe) struct arena temp = ARENA_NULL;
	if (!s)
		return no_memory(err, path);
	arena_init(&s->arena, SNAPSHOT_BYTES);
	arena_init(&temp, TEMP_BYTES);
	atomic_init(&s->refs, 1);

	struct decode d = {
		.path = path,
		.dir = path_dir(sv_of(path)),
		.keep = &s->arena,
		.temp = &temp,
		.err = err,
	};
	d.last_warning = &d.first_warning;
	int r = fill(&d, text, getenv_fn ? getenv_fn : environment, &s->pub);
	if (r == 0)
		*out = &take_ptr(s)->pub;
	return r;
}

int config_load(const char *path, const struct config_features *features, struct config **out,
		struct err *err)
{
	_cleanup_(buf_wipe) struct buf text = BUF_NULL; /* it may hold secrets */
	buf_init(&text, LIMIT_CONFIG_BYTES);
	if (file_read(path, &text, err) != 0)
		return 1;
	return config_parse(buf_view(&text), path, features, NULL, out, err);
}
