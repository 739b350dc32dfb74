/* $-templates: cut into parts once, filled for every match. */
#include "relabel_regex.h"
#include "unicode.h"

/* The name at the start of s: its letters, digits and underscores. */
static struct sv take_name(struct sv s)
{
	size_t n = 0;
	while (n < s.len) {
		uint32_t rune;
		size_t len = rune_decode(sv_from(s, n), &rune);
		if (!rune_is_word(rune))
			break;
		n += len;
	}
	return sv_make(s.ptr, n);
}

/* The group that name means; RE2_SHIM_NONE when there is none. Up to nine digits are a number
 * unless the first of them is a zero; else it is a name like any other. */
static size_t group_of(struct sv name, const struct regex *re)
{
	uint64_t number;
	bool zero_led = name.ptr[0] == '0' && name.len > 1;
	if (!zero_led && name.len <= 9 && sv_to_u64(name, &number) == 0)
		return number <= re->groups ? (size_t)number : RE2_SHIM_NONE;
	size_t group = regex_group(re, name);
	return group > 0 ? group : RE2_SHIM_NONE;
}

static void add_literal(struct template *t, struct sv s)
{
	if (s.len > 0)
		t->parts[t->n++] = (struct template_part){.literal = s};
}

static void add_group(struct template *t, size_t group)
{
	if (group == RE2_SHIM_NONE)
		return;
	t->parts[t->n++] = (struct template_part){.literal = SV_NULL, .group = group};
	if (group >= t->spans)
		t->spans = group + 1;
}

/* What follows a '$': the reference's length without the dollar, 0 when it is not one. */
static size_t reference(struct sv s, struct sv *name)
{
	bool brace = s.len > 0 && s.ptr[0] == '{';
	*name = take_name(sv_from(s, brace));
	size_t end = brace + name->len;
	if (name->len == 0 || !brace)
		return name->len;
	return end < s.len && s.ptr[end] == '}' ? end + 1 : 0;
}

int template_init(struct template *t, struct sv text, const struct regex *re)
{
	size_t dollars = 0;
	for (size_t i = 0; i < text.len; i++)
		dollars += text.ptr[i] == '$';
	*t = (struct template){.spans = 0};
	t->parts = calloc(2 * dollars + 1, sizeof *t->parts);
	if (!t->parts)
		return ERR_NOMEM;
	for (;;) {
		size_t at = sv_find(text, '$');
		add_literal(t, sv_make(text.ptr, at));
		if (at == text.len)
			return 0;
		struct sv dollar = sv_make(text.ptr + at, 1), name;
		text = sv_from(text, at + 1);
		bool twice = text.len > 0 && text.ptr[0] == '$';
		size_t n = twice ? 0 : reference(text, &name);
		if (n > 0)
			add_group(t, group_of(name, re));
		else
			add_literal(t, dollar);
		text = sv_from(text, twice ? 1 : n);
	}
}

void template_deinit(struct template *t)
{
	free(t->parts);
	*t = (struct template){.spans = 0};
}

static struct sv part_text(const struct template_part *p, struct sv subject,
			   const struct re2_span *spans)
{
	if (p->literal.ptr)
		return p->literal;
	/* An empty group is no part either; the subject may be NULL then. */
	struct re2_span at = spans[p->group];
	return at.start < at.end ? sv_make(subject.ptr + at.start, at.end - at.start) : SV_NULL;
}

int template_fill(const struct template *t, struct sv subject, const struct re2_span *spans,
		  struct arena *arena, struct sv *out)
{
	*out = SV_NULL;
	if (t->n == 1)
		*out = part_text(&t->parts[0], subject, spans);
	if (t->n < 2)
		return 0;
	size_t bytes = 0;
	for (size_t i = 0; i < t->n; i++)
		bytes += part_text(&t->parts[i], subject, spans).len;
	char *p = arena_alloc(arena, bytes);
	if (!p)
		return 1;
	*out = sv_make(p, bytes);
	for (size_t i = 0; i < t->n; i++) {
		struct sv part = part_text(&t->parts[i], subject, spans);
		if (part.len > 0)
			memcpy(p, part.ptr, part.len);
		p += part.len;
	}
	return 0;
}
