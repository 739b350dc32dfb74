/* The dialect of the AWS SDKs' shared files. */
#include "ini.h"
#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/map.h>

enum { NO_PAIR = -1 };

struct ini {
	struct arena *arena;
	struct aws_ini *out;
	struct map by_name;
	struct err *err;
	int line;
	ptrdiff_t pair; /* the key that indented lines belong to, of the last section */
	size_t section; /* valid when the first heading was seen */
	char *join;     /* the pair's value while lines are added to it */
	size_t join_cap;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int fault(struct ini *p, const char *what)
{
	return err_at(p->err, 1, p->line, 0, "%s", what);
}

static int no_memory(struct ini *p)
{
	return err_set(p->err, ERR_NOMEM, "out of memory");
}

/* An array in the arena with room for one more; what it grew out of stays there. */
static void *grown(struct arena *arena, void *items, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return items;
	size_t wanted = *cap ? *cap * 2 : 8;
	void *larger = arena_calloc(arena, wanted, size);
	if (!larger)
		return NULL;
	if (n > 0)
		memcpy(larger, items, n * size);
	*cap = wanted;
	return larger;
}

static uint64_t name_hash(struct sv type, struct sv name)
{
	return hash_keyed(name.ptr, name.len) * 31 + hash_keyed(type.ptr, type.len);
}

static uint64_t section_hash(uint32_t value, void *cls)
{
	const struct aws_ini *ini = cls;
	return name_hash(ini->sections[value].type, ini->sections[value].name);
}

static struct aws_ini_section *section_add(struct ini *p, struct sv type, struct sv name)
{
	struct aws_ini *out = p->out;
	struct aws_ini_section *sections = grown(p->arena, out->sections, out->n_sections,
						 &out->cap_sections, sizeof *sections);
	if (!sections)
		return NULL;
	out->sections = sections;
	struct aws_ini_section *s = &sections[out->n_sections];
	*s = (struct aws_ini_section){.type = arena_dup(p->arena, type),
				      .name = arena_dup(p->arena, name),
				      .line = p->line};
	if (!s->type.ptr || !s->name.ptr)
		return NULL;
	if (map_insert(&p->by_name, name_hash(type, name), (uint32_t)out->n_sections, section_hash,
		       out) != 0)
		return NULL;
	out->n_sections++;
	return s;
}

static int section_enter(struct ini *p, struct sv type, struct sv name)
{
	p->pair = NO_PAIR;
	struct map_iter it = map_find(&p->by_name, name_hash(type, name));
	while (map_next(&p->by_name, &it)) {
		const struct aws_ini_section *s = &p->out->sections[it.value];
		if (sv_eq(s->type, type) && sv_eq(s->name, name)) {
			p->section = it.value;
			return 0;
		}
	}
	if (p->out->n_sections == LIMIT_AWS_INI_SECTIONS)
		return fault(p, "too many sections");
	if (!section_add(p, type, name))
		return no_memory(p);
	p->section = p->out->n_sections - 1;
	return 0;
}

static struct sv unquoted(struct sv s)
{
	if (s.len >= 2 && (s.ptr[0] == '"' || s.ptr[0] == '\'') && s.ptr[s.len - 1] == s.ptr[0])
		return sv_make(s.ptr + 1, s.len - 2);
	return s;
}

/* "[type name] ; comment" */
static int heading(struct ini *p, struct sv line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] == '#' || line.ptr[i] == ';')
			line.len = i;
	line = sv_trim(line);
	if (line.ptr[line.len - 1] != ']')
		return fault(p, "a section's heading is expected to end with ']'");
	struct sv name = sv_trim(sv_make(line.ptr + 1, line.len - 2));
	size_t blank = 0;
	while (blank < name.len && !is_blank(name.ptr[blank]))
		blank++;
	struct sv type = SV_NULL;
	if (blank < name.len) {
		type = sv_make(name.ptr, blank);
		name = unquoted(sv_trim(sv_from(name, blank)));
	}
	if (name.len == 0)
		return fault(p, "a section's name is missing between the brackets");
	return section_enter(p, type, name);
}

/* Behind a value a comment has a blank or tab before it. */
static struct sv without_comment(struct sv s)
{
	for (size_t i = 1; i < s.len; i++)
		if ((s.ptr[i] == '#' || s.ptr[i] == ';') && is_blank(s.ptr[i - 1]))
			return sv_make(s.ptr, i - 1);
	return s;
}

/* At the first '=' or ':'. */
static bool split(struct sv s, struct sv *key, struct sv *value)
{
	size_t at = 0;
	while (at < s.len && s.ptr[at] != '=' && s.ptr[at] != ':')
		at++;
	if (at == s.len)
		return false;
	*key = sv_trim(sv_make(s.ptr, at));
	*value = sv_trim(sv_from(s, at + 1));
	return true;
}

/* "parent.key" or "key", in lower case. */
static struct sv make_key(struct arena *arena, struct sv parent, struct sv key)
{
	size_t prefix = parent.len ? parent.len + 1 : 0;
	char *text = arena_alloc(arena, prefix + key.len + 1);
	if (!text)
		return SV_NULL;
	if (parent.len) {
		memcpy(text, parent.ptr, parent.len);
		text[parent.len] = '.';
	}
	for (size_t i = 0; i < key.len; i++) {
		char c = key.ptr[i];
		text[prefix + i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return sv_make(text, prefix + key.len);
}

static bool within(struct sv key, struct sv parent)
{
	return key.len > parent.len && key.ptr[parent.len] == '.' && sv_starts_with(key, parent);
}

/* A key that comes again starts anew: its value and its block go. */
static void forget(struct aws_ini_section *s, struct sv key)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n_pairs; i++)
		if (!sv_eq(s->pairs[i].key, key) && !within(s->pairs[i].key, key))
			s->pairs[kept++] = s->pairs[i];
	s->n_pairs = kept;
}

static int pair_set(struct ini *p, struct sv parent, struct sv key, struct sv value)
{
	if (key.len == 0)
		return fault(p, "the key before '=' is missing");
	struct aws_ini_section *s = &p->out->sections[p->section];
	key = make_key(p->arena, parent, key);
	value = arena_dup(p->arena, value);
	if (!key.ptr || !value.ptr)
		return no_memory(p);
	forget(s, key);
	if (s->n_pairs == LIMIT_AWS_INI_KEYS)
		return fault(p, "too many keys in this section");
	struct aws_pair *pairs =
		grown(p->arena, s->pairs, s->n_pairs, &s->cap_pairs, sizeof *pairs);
	if (!pairs)
		return no_memory(p);
	s->pairs = pairs;
	pairs[s->n_pairs++] = (struct aws_pair){.key = key, .value = value, .line = p->line};
	return 0;
}

static int property(struct ini *p, struct sv line)
{
	struct sv key, value;
	if (!split(without_comment(line), &key, &value))
		return fault(p, "neither a heading nor a key with '='");
	int r = pair_set(p, SV_NULL, key, unquoted(value));
	if (r == 0) {
		p->pair = (ptrdiff_t)p->out->sections[p->section].n_pairs - 1;
		p->join_cap = 0;
	}
	return r;
}

/* Adds a line end and text; room doubles, so that many lines cost no more than their length. */
static int value_continue(struct ini *p, struct sv *value, struct sv text)
{
	size_t len = value->len + 1 + text.len;
	if (len > LIMIT_AWS_INI_LINE)
		return fault(p, "the value that goes on here is too long");
	if (len > p->join_cap) {
		p->join_cap = len * 2;
		p->join = arena_alloc(p->arena, p->join_cap);
		if (!p->join)
			return no_memory(p);
		memcpy(p->join, value->ptr, value->len);
	}
	p->join[value->len] = '\n';
	memcpy(p->join + value->len + 1, text.ptr, text.len);
	*value = sv_make(p->join, len);
	return 0;
}

/* The block's keys come behind their parent, whose place so stays. */
static int indented(struct ini *p, struct sv line)
{
	struct aws_ini_section *s = &p->out->sections[p->section];
	struct sv text = sv_trim(line), key, value;
	bool is_pair = split(text, &key, &value);
	if (p->pair == NO_PAIR)
		return is_pair ? property(p, text)
			       : fault(p, "an indented line that goes on with nothing");
	struct aws_pair *parent = &s->pairs[p->pair];
	if (is_pair && parent->value.len == 0)
		return pair_set(p, parent->key, key, unquoted(value));
	if (is_pair)
		return property(p, text);
	if (parent->value.len == 0)
		return fault(p, "an indented line below a key without value is expected to be "
				"a key with '='");
	return value_continue(p, &parent->value, text);
}

static int one_line(struct ini *p, struct sv line)
{
	struct sv text = sv_trim(line);
	if (text.len == 0 || text.ptr[0] == '#' || text.ptr[0] == ';')
		return 0;
	if (line.len > LIMIT_AWS_INI_LINE)
		return fault(p, "the line is too long");
	if (memchr(line.ptr, '\0', line.len))
		return fault(p, "a zero byte: this is no text in UTF-8");
	if (text.ptr[0] == '[')
		return heading(p, text);
	if (p->out->n_sections == 0)
		return fault(p, "a line before the first section, which nothing would read");
	return is_blank(line.ptr[0]) ? indented(p, line) : property(p, line);
}

int aws_ini_parse(struct arena *arena, struct sv text, struct aws_ini *out, struct err *err)
{
	struct ini p = {.arena = arena, .out = out, .err = err, .pair = NO_PAIR};
	*out = (struct aws_ini){NULL, 0, 0};
	if (sv_starts_with(text, SV("\xef\xbb\xbf")))
		text = sv_from(text, 3);
	int r = 0;
	while (r == 0 && text.len > 0) {
		size_t end = sv_find(text, '\n');
		p.line++;
		r = one_line(&p, sv_make(text.ptr, end));
		text = sv_from(text, end + 1);
	}
	map_deinit(&p.by_name);
	return r;
}
