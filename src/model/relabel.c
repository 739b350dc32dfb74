/* Compiling and applying relabel rules. A compiled set is never written again but for its
 * reference count, so threads share it freely. */
#include "relabel_check.h"
#include "relabel_regex.h"
#include "unicode.h"
#include <ampagent/base/crypto.h>
#include <inttypes.h>

enum { SPANS_ON_STACK = 16 };

struct compiled_rule {
	struct relabel_rule rule;
	struct regex regex;
	struct template target, replacement;
	bool target_fixed; /* no '$' in it, so it was checked when compiling */
	enum name_scheme scheme;
};

struct relabel_set {
	int refs; /* atomic */
	size_t n;
	struct compiled_rule *rules;
	struct arena arena; /* the rules and their texts */
};

static const char *const action_names[] = {
	[RELABEL_REPLACE] = "replace",     [RELABEL_KEEP] = "keep",
	[RELABEL_DROP] = "drop",           [RELABEL_KEEPEQUAL] = "keepequal",
	[RELABEL_DROPEQUAL] = "dropequal", [RELABEL_HASHMOD] = "hashmod",
	[RELABEL_LOWERCASE] = "lowercase", [RELABEL_UPPERCASE] = "uppercase",
	[RELABEL_LABELMAP] = "labelmap",   [RELABEL_LABELDROP] = "labeldrop",
	[RELABEL_LABELKEEP] = "labelkeep",
};

enum { ACTIONS = sizeof action_names / sizeof *action_names };

struct relabel_rule relabel_rule_default(void)
{
	return (struct relabel_rule){
		.action = RELABEL_REPLACE,
		.separator = SV(";"),
		.regex = SV("(.*)"),
		.replacement = SV("$1"),
	};
}

int relabel_action_parse(struct sv s, enum relabel_action *out)
{
	for (unsigned i = 0; i < ACTIONS; i++) {
		if (sv_eq_nocase(s, sv_of(action_names[i]))) {
			*out = (enum relabel_action)i;
			return 0;
		}
	}
	return 1;
}

const char *relabel_action_name(enum relabel_action a)
{
	return action_names[a];
}

static int copy(struct arena *a, struct sv *s)
{
	*s = arena_dup(a, *s);
	return s->ptr ? 0 : ERR_NOMEM;
}

/* Makes the rule's views point into the set. */
static int own_texts(struct arena *a, struct relabel_rule *r)
{
	struct sv *sources = arena_calloc(a, r->n_source_labels + 1, sizeof *sources);
	if (!sources)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->n_source_labels; i++) {
		sources[i] = r->source_labels[i];
		if (copy(a, &sources[i]) != 0)
			return ERR_NOMEM;
	}
	r->source_labels = sources;
	if (copy(a, &r->separator) != 0 || copy(a, &r->regex) != 0 ||
	    copy(a, &r->target_label) != 0 || copy(a, &r->replacement) != 0)
		return ERR_NOMEM;
	return 0;
}

static int compile_rule(struct arena *a, const struct relabel_rule *rule, enum name_scheme scheme,
			struct compiled_rule *out, struct err *err)
{
	int r = relabel_rule_check(rule, scheme, err);
	if (r != 0)
		return r;
	out->rule = *rule;
	out->scheme = scheme;
	r = own_texts(a, &out->rule);
	if (r == 0)
		r = regex_init(&out->regex, out->rule.regex, err);
	if (r == 0)
		r = template_init(&out->target, out->rule.target_label, &out->regex);
	if (r == 0)
		r = template_init(&out->replacement, out->rule.replacement, &out->regex);
	out->target_fixed = sv_find(out->rule.target_label, '$') == out->rule.target_label.len;
	return r;
}

static void set_free(struct relabel_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		regex_deinit(&set->rules[i].regex);
		template_deinit(&set->rules[i].target);
		template_deinit(&set->rules[i].replacement);
	}
	arena_deinit(&set->arena);
	free(set);
}

int relabel_compile(const struct relabel_rule *rules, size_t n, enum name_scheme scheme,
		    struct relabel_set **out, size_t *bad_rule, struct err *err)
{
	*out = NULL;
	if (n == 0)
		return 0;
	_cleanup_(relabel_unrefp) struct relabel_set *set = calloc(1, sizeof *set);
	if (!set)
		return ERR_NOMEM;
	set->refs = 1;
	arena_init(&set->arena, SIZE_MAX);
	set->rules = arena_calloc(&set->arena, n, sizeof *set->rules);
	if (!set->rules)
		return ERR_NOMEM;
	set->n = n;
	for (size_t i = 0; i < n; i++) {
		int r = compile_rule(&set->arena, &rules[i], scheme, &set->rules[i], err);
		if (r == 0)
			continue;
		if (bad_rule)
			*bad_rule = i;
		return r;
	}
	*out = take_ptr(set);
	return 0;
}

struct relabel_set *relabel_ref(struct relabel_set *set)
{
	if (set)
		__atomic_fetch_add(&set->refs, 1, __ATOMIC_RELAXED);
	return set;
}

void relabel_unref(struct relabel_set *set)
{
	if (set && __atomic_sub_fetch(&set->refs, 1, __ATOMIC_ACQ_REL) == 0)
		set_free(set);
}

size_t relabel_count(const struct relabel_set *set)
{
	return set ? set->n : 0;
}

const struct relabel_rule *relabel_rule_at(const struct relabel_set *set, size_t i)
{
	return &set->rules[i].rule;
}

int relabel_regex_check(struct sv text, struct err *err)
{
	struct regex re;
	int r = regex_init(&re, text, err);
	regex_deinit(&re);
	return r;
}

/* The source labels' values with the separator between them; sets b->failed without memory. */
static struct sv input_of(const struct relabel_rule *rule, struct label_builder *b)
{
	if (rule->n_source_labels == 0)
		return SV_NULL;
	if (rule->n_source_labels == 1)
		return label_builder_get(b, rule->source_labels[0]);
	size_t bytes = (rule->n_source_labels - 1) * rule->separator.len;
	for (size_t i = 0; i < rule->n_source_labels; i++)
		bytes += label_builder_get(b, rule->source_labels[i]).len;
	char *start = arena_alloc(b->arena, bytes), *p = start;
	if (!start) {
		b->failed = true;
		return SV_NULL;
	}
	for (size_t i = 0; i < rule->n_source_labels; i++) {
		struct sv value = label_builder_get(b, rule->source_labels[i]);
		struct sv between = i > 0 ? rule->separator : SV_NULL;
		if (between.len > 0)
			memcpy(p, between.ptr, between.len);
		p += between.len;
		if (value.len > 0)
			memcpy(p, value.ptr, value.len);
		p += value.len;
	}
	return sv_make(start, bytes);
}

static bool matches(const struct compiled_rule *c, struct sv s, struct label_builder *b)
{
	int r = regex_find(&c->regex, s, 0, NULL, 0);
	if (r < 0)
		b->failed = true;
	return r > 0;
}

/* Room for n places: the caller's small array, or the arena. */
static struct re2_span *spans_of(struct re2_span *small, size_t n, struct label_builder *b)
{
	if (n <= SPANS_ON_STACK)
		return small;
	struct re2_span *spans = arena_alloc(b->arena, n * sizeof *spans);
	if (!spans)
		b->failed = true;
	return spans;
}

static void replace(const struct compiled_rule *c, struct sv input, struct label_builder *b)
{
	struct re2_span small[SPANS_ON_STACK];
	size_t n = c->target.spans > c->replacement.spans ? c->target.spans : c->replacement.spans;
	struct re2_span *spans = spans_of(small, n, b);
	if (!spans)
		return;
	int r = regex_find(&c->regex, input, 0, spans, n);
	if (r < 0)
		b->failed = true;
	if (r <= 0)
		return;
	struct sv name = c->rule.target_label, value;
	if (!c->target_fixed) {
		if (template_fill(&c->target, input, spans, b->arena, &name) != 0) {
			b->failed = true;
			return;
		}
		if (!label_name_valid(name, c->scheme))
			return;
	}
	if (template_fill(&c->replacement, input, spans, b->arena, &value) != 0)
		b->failed = true;
	else
		label_builder_set(b, name, value);
}

static void hashmod(const struct compiled_rule *c, struct sv input, struct label_builder *b)
{
	uint8_t digest[MD5_BYTES];
	char text[24];
	uint64_t hash = 0;
	if (crypto_md5(digest, input) != 0) {
		b->failed = true;
		return;
	}
	for (int i = MD5_BYTES - 8; i < MD5_BYTES; i++)
		hash = hash << 8 | digest[i];
	snprintf(text, sizeof text, "%" PRIu64, hash % c->rule.modulus);
	struct sv value = arena_dup(b->arena, sv_of(text));
	if (!value.ptr)
		b->failed = true;
	else
		label_builder_set(b, c->rule.target_label, value);
}

/* Maps every rune of s; writes to dst when it is not NULL. Returns the length. */
static size_t map_runes(struct sv s, uint32_t (*to)(uint32_t), char *dst)
{
	size_t n = 0;
	while (s.len > 0) {
		char bytes[RUNE_MAX_BYTES];
		uint32_t rune;
		s = sv_from(s, rune_decode(s, &rune));
		size_t len = rune_encode(bytes, to(rune));
		if (dst)
			memcpy(dst + n, bytes, len);
		n += len;
	}
	return n;
}

static void change_case(const struct compiled_rule *c, struct sv input, struct label_builder *b)
{
	uint32_t (*to)(uint32_t) =
		c->rule.action == RELABEL_LOWERCASE ? rune_to_lower : rune_to_upper;
	size_t n = map_runes(input, to, NULL);
	char *text = arena_alloc(b->arena, n);
	if (!text) {
		b->failed = true;
		return;
	}
	map_runes(input, to, text);
	label_builder_set(b, c->rule.target_label, sv_make(text, n));
}

/* Where Go's ReplaceAll looks for the next match after one that ended at end: at least one rune
 * on. */
static size_t next_search(struct sv s, size_t from, size_t end)
{
	uint32_t rune;
	size_t width = from < s.len ? rune_decode(sv_from(s, from), &rune) : 1;
	return from + width > end ? from + width : end;
}

/* Go's ReplaceAllString. A pattern with a stray parenthesis pair, a)|(b, is not anchored at both
 * ends, so that there can be several matches. */
static int replace_all(const struct compiled_rule *c, struct sv s, struct re2_span *spans, size_t n,
		       struct arena *arena, struct sv *out)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	size_t copied = 0, from = 0;
	buf_init(&text, LIMIT_LABELS_BYTES);
	while (from <= s.len) {
		int r = regex_find(&c->regex, s, from, spans, n);
		if (r < 0)
			return 1;
		if (r == 0)
			break;
		struct sv filled = SV_NULL;
		if (template_fill(&c->replacement, s, spans, arena, &filled) != 0)
			return 1;
		if (spans[0].start > copied)
			buf_append(&text, s.ptr + copied, spans[0].start - copied);
		if (spans[0].end > copied || spans[0].start == 0)
			buf_sv(&text, filled);
		copied = spans[0].end;
		from = next_search(s, from, copied);
	}
	buf_sv(&text, sv_from(s, copied));
	if (buf_failed(&text))
		return 1;
	*out = arena_dup(arena, buf_view(&text));
	return out->ptr ? 0 : 1;
}

/* The new name for a label that matched. A match of the whole name, the usual case, is just the
 * filled template. */
static int mapped_name(const struct compiled_rule *c, struct sv name, struct re2_span *spans,
		       size_t n, struct arena *arena, struct sv *out)
{
	bool whole = c->regex.shape != REGEX_ENGINE;
	if (!whole)
		return replace_all(c, name, spans, n, arena, out);
	regex_find(&c->regex, name, 0, spans, n);
	return template_fill(&c->replacement, name, spans, arena, out);
}

/* Works on the labels as they were when the rule began. */
static void labelmap(const struct compiled_rule *c, struct label_builder *b)
{
	struct re2_span small[SPANS_ON_STACK];
	size_t n = c->replacement.spans > 0 ? c->replacement.spans : 1, n_labels = b->n;
	struct re2_span *spans = spans_of(small, n, b);
	struct label *v = arena_alloc(b->arena, n_labels * sizeof *v);
	if (!spans || !v) {
		b->failed = true;
		return;
	}
	if (n_labels > 0)
		memcpy(v, b->v, n_labels * sizeof *v);
	for (size_t i = 0; i < n_labels && !b->failed; i++) {
		struct sv name;
		if (v[i].value.len == 0 || !matches(c, v[i].name, b))
			continue;
		if (mapped_name(c, v[i].name, spans, n, b->arena, &name) != 0)
			b->failed = true;
		else
			label_builder_set(b, name, v[i].value);
	}
}

static void filter_labels(const struct compiled_rule *c, struct label_builder *b)
{
	bool keep = c->rule.action == RELABEL_LABELKEEP;
	size_t n = 0, n_base = 0;
	for (size_t i = 0; i < b->n; i++) {
		if (matches(c, b->v[i].name, b) != keep)
			continue;
		n_base += i < b->n_base;
		b->v[n++] = b->v[i];
	}
	b->n = n;
	b->n_base = n_base;
}

static bool apply_rule(const struct compiled_rule *c, struct label_builder *b)
{
	struct sv input = input_of(&c->rule, b);
	switch (c->rule.action) {
	case RELABEL_REPLACE:
		replace(c, input, b);
		return true;
	case RELABEL_KEEP:
		return matches(c, input, b);
	case RELABEL_DROP:
		return !matches(c, input, b);
	case RELABEL_KEEPEQUAL:
		return sv_eq(label_builder_get(b, c->rule.target_label), input);
	case RELABEL_DROPEQUAL:
		return !sv_eq(label_builder_get(b, c->rule.target_label), input);
	case RELABEL_HASHMOD:
		hashmod(c, input, b);
		return true;
	case RELABEL_LOWERCASE:
	case RELABEL_UPPERCASE:
		change_case(c, input, b);
		return true;
	case RELABEL_LABELMAP:
		labelmap(c, b);
		return true;
	case RELABEL_LABELDROP:
	case RELABEL_LABELKEEP:
		filter_labels(c, b);
		return true;
	}
	return true;
}

bool relabel_apply_one(const struct relabel_set *set, size_t i, struct label_builder *b)
{
	bool keep = apply_rule(&set->rules[i], b);
	/* A verdict reached without memory is none. */
	return keep || b->failed;
}

bool relabel_apply(const struct relabel_set *set, struct label_builder *b)
{
	for (size_t i = 0; set && i < set->n && !b->failed; i++) {
		if (!relabel_apply_one(set, i, b))
			return false;
	}
	return true;
}
