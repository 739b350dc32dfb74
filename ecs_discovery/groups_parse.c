/* file_sd files: a JSON or YAML list of groups.
 *
 * What is taken and refused follows Prometheus: in JSON field names match in any letter case, the
 * last of two equal fields counts and null stands for nothing; in YAML every scalar is taken as its
 * text. A null in the place of a group is refused in both.
 */
#include "groups.h"
#include <ampagent/base/json.h>
#include <ampagent/base/text.h>
#include <ampagent/base/yaml.h>

/* Where the reader stands; the transitions are in on_event(). */
enum where {
	AT_TOP,
	IN_LIST,
	IN_GROUP,
	AT_TARGETS, /* after the key: its value must come */
	IN_TARGETS,
	AT_LABELS,
	IN_LABELS,
	AT_VALUE, /* after a label's name */
};

struct parse {
	struct group_writer writer;
	struct sv file;
	enum where where;
	char *name; /* the label's name, for AT_VALUE */
	size_t name_len;
};

static int wrong(struct err *err, const char *want)
{
	return err_set(err, 1, "expected %s", want);
}

static int put_label(struct parse *p, struct sv name, struct sv value, struct err *err)
{
	if (name.len == 0 || !utf8_valid(name))
		return err_set(err, 1, "\"%.*s\" is not a valid label name", SV_ARG(name));
	return group_writer_label(&p->writer, name, value, err);
}

static int end_group(struct parse *p, struct err *err)
{
	_cleanup_(buf_deinit) struct buf source = BUF_NULL;
	buf_init(&source, LIMIT_LABELS_BYTES);
	buf_sv(&source, p->file);
	buf_printf(&source, ":%zu", p->writer.list.n);
	if (buf_failed(&source))
		return err_set(err, 1, "the file's name is too long");
	int r = put_label(p, SV("__meta_filepath"), p->file, err);
	return r != 0 ? r : group_writer_end(&p->writer, buf_view(&source), err);
}

/* ---- JSON ---- */

static int in_list(struct parse *p, enum json_event event, struct err *err)
{
	if (event == JSON_ARRAY_END) {
		p->where = AT_TOP;
		return 0;
	}
	if (event == JSON_NULL)
		return err_set(err, 1, "nil target group item found");
	if (event != JSON_OBJECT_BEGIN)
		return wrong(err, "a target group, an object");
	group_writer_begin(&p->writer);
	p->where = IN_GROUP;
	return 0;
}

static int in_group(struct parse *p, enum json_event event, struct sv text, struct err *err)
{
	if (event == JSON_OBJECT_END) {
		p->where = IN_LIST;
		return end_group(p, err);
	}
	if (sv_eq_nocase(text, SV("targets")))
		p->where = AT_TARGETS;
	else if (sv_eq_nocase(text, SV("labels")))
		p->where = AT_LABELS;
	else
		return err_set(err, 1, "unknown field \"%.*s\"", SV_ARG(text));
	return 0;
}

static int at_field(struct parse *p, enum json_event event, struct err *err)
{
	bool targets = p->where == AT_TARGETS;
	if (event == (targets ? JSON_ARRAY_BEGIN : JSON_OBJECT_BEGIN))
		p->where = targets ? IN_TARGETS : IN_LABELS;
	else if (event == JSON_NULL)
		p->where = IN_GROUP;
	else
		return wrong(err, targets ? "a list of targets" : "an object of labels");
	if (targets)
		group_writer_drop_targets(&p->writer);
	else
		group_writer_drop_labels(&p->writer);
	return 0;
}

static int in_targets(struct parse *p, enum json_event event, struct sv text, struct err *err)
{
	if (event == JSON_ARRAY_END) {
		p->where = IN_GROUP;
		return 0;
	}
	if (event != JSON_STRING && event != JSON_NULL)
		return wrong(err, "a target, a string");
	return group_writer_target(&p->writer, event == JSON_NULL ? SV_NULL : text, err);
}

static int in_labels(struct parse *p, enum json_event event, struct sv text, struct err *err)
{
	if (event == JSON_OBJECT_END) {
		p->where = IN_GROUP;
		return 0;
	}
	free(p->name);
	p->name = sv_dup(text);
	p->name_len = text.len;
	p->where = AT_VALUE;
	return p->name ? 0 : ERR_NOMEM;
}

static int at_value(struct parse *p, enum json_event event, struct sv text, struct err *err)
{
	if (event != JSON_STRING && event != JSON_NULL)
		return wrong(err, "a label's value, a string");
	p->where = IN_LABELS;
	return put_label(p, sv_make(p->name, p->name_len), event == JSON_NULL ? SV_NULL : text,
			 err);
}

static int on_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct parse *p = cls;
	switch (p->where) {
	case AT_TOP:
		if (event != JSON_ARRAY_BEGIN && event != JSON_NULL)
			return wrong(err, "a list of target groups");
		if (event == JSON_ARRAY_BEGIN)
			p->where = IN_LIST;
		return 0;
	case IN_LIST:
		return in_list(p, event, err);
	case IN_GROUP:
		return in_group(p, event, text, err);
	case AT_TARGETS:
	case AT_LABELS:
		return at_field(p, event, err);
	case IN_TARGETS:
		return in_targets(p, event, text, err);
	case IN_LABELS:
		return in_labels(p, event, text, err);
	case AT_VALUE:
		return at_value(p, event, text, err);
	}
	return ERR_FATAL;
}

static int parse_json(struct parse *p, struct sv text, struct err *err)
{
	_cleanup_(json_reader_deinit) struct json_reader reader;
	json_reader_init(&reader, on_event, p, LIMIT_LABELS_BYTES);
	int r = json_feed(&reader, text, err);
	if (r == 0)
		r = json_finish(&reader, err);
	if (r > 0 && err && err->line == 0)
		err->line = reader.line;
	free(p->name);
	return r;
}

/* ---- YAML ---- */

static int wrong_at(const struct yaml_node *node, const char *want, struct err *err)
{
	return err_at(err, 1, node->line, node->col, "expected %s, not %s", want,
		      yaml_kind_name(node->kind));
}

static bool is_scalar(const struct yaml_node *node)
{
	return node->kind != YAML_SEQ && node->kind != YAML_MAP;
}

static struct sv scalar_text(const struct yaml_node *node)
{
	return node->kind == YAML_NULL ? SV_NULL : node->text;
}

/* Gives a fault found further in its place, when it has none. */
static int at_node(int r, const struct yaml_node *node, struct err *err)
{
	if (r > 0 && err && err->line == 0) {
		err->line = node->line;
		err->col = node->col;
	}
	return r;
}

static int yaml_targets(struct parse *p, const struct yaml_node *node, struct err *err)
{
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_SEQ)
		return wrong_at(node, "a list of targets", err);
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *item = node->items[i];
		if (!is_scalar(item))
			return wrong_at(item, "a target, a string", err);
		int r = group_writer_target(&p->writer, scalar_text(item), err);
		if (r != 0)
			return at_node(r, item, err);
	}
	return 0;
}

static int yaml_labels(struct parse *p, const struct yaml_node *node, struct err *err)
{
	if (node->kind == YAML_NULL)
		return 0;
	if (node->kind != YAML_MAP)
		return wrong_at(node, "a mapping of labels", err);
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_pair *pair = &node->pairs[i];
		if (!is_scalar(pair->value))
			return wrong_at(pair->value, "a label's value, a string", err);
		int r = put_label(p, pair->key->text, scalar_text(pair->value), err);
		if (r != 0)
			return at_node(r, pair->key, err);
	}
	return 0;
}

static int yaml_group(struct parse *p, const struct yaml_node *node, struct err *err)
{
	if (node->kind == YAML_NULL)
		return err_at(err, 1, node->line, node->col, "nil target group item found");
	if (node->kind != YAML_MAP)
		return wrong_at(node, "a target group, a mapping", err);
	group_writer_begin(&p->writer);
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_pair *pair = &node->pairs[i];
		struct sv key = pair->key->text;
		int r;
		if (sv_eq(key, SV("targets")))
			r = yaml_targets(p, pair->value, err);
		else if (sv_eq(key, SV("labels")))
			r = yaml_labels(p, pair->value, err);
		else
			r = err_at(err, 1, pair->key->line, pair->key->col,
				   "unknown field \"%.*s\"", SV_ARG(key));
		if (r != 0)
			return r;
	}
	return at_node(end_group(p, err), node, err);
}

static int parse_yaml(struct parse *p, struct sv text, struct err *err)
{
	_cleanup_(arena_deinit) struct arena tree = ARENA_NULL;
	struct yaml_node *root = NULL;
	arena_init(&tree, GROUPS_MAX_BYTES);
	int r = yaml_parse(&tree, text, &root, err);
	if (r == ERR_NOMEM)
		return err_set(err, 1, "the file takes too much memory");
	if (r != 0 || !root)
		return r;
	if (root->kind != YAML_SEQ)
		return wrong_at(root, "a list of target groups", err);
	for (size_t i = 0; r == 0 && i < root->n; i++)
		r = yaml_group(p, root->items[i], err);
	return r;
}

int groups_parse(enum groups_form form, struct sv text, struct sv file, struct group_list *out,
		 struct err *err)
{
	struct parse p = {.file = file, .where = AT_TOP};
	struct err local = ERR_NULL;
	group_writer_init(&p.writer, GROUPS_MAX_BYTES);
	int r = form == GROUPS_JSON ? parse_json(&p, text, &local) : parse_yaml(&p, text, &local);
	if (r == 0)
		group_writer_finish(&p.writer, out);
	else if (err)
		*err = local;
	group_writer_deinit(&p.writer);
	return r;
}
