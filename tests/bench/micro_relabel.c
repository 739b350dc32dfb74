/* Relabel expressions at their worst: a round matches one subject, another each time, so that no
 * state of the last one helps. Bytes a second (ns an item: a byte) must not depend on the length.
 */
#include "micro.h"

#include "../../src/model/relabel_regex.h"

#include <stdlib.h>

enum { SHORT = 1024, LONG = LIMIT_LABELS_BYTES, GROUPS_MAX = 128 };

struct worst {
	const char *unit; /* the pattern is unit `times` times, then end */
	int times;
	const char *end;
	const char *letters; /* the subject is made of */
	bool captures;       /* all groups, as replace does with the last one in its replacement */
};

static void fill(char *text, size_t len, const char *letters, uint64_t *seed)
{
	size_t n = strlen(letters);
	for (size_t i = 0; i < len; i++)
		text[i] = letters[micro_random(seed) % n];
}

static void compile(struct regex *re, const struct worst *w)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, MiB(1));
	for (int i = 0; i < w->times; i++)
		buf_sv(&text, sv_of(w->unit));
	buf_sv(&text, sv_of(w->end));
	if (regex_init_engine(re, buf_view(&text), NULL) != 0)
		abort();
}

static void match(struct micro_run *run, const struct worst *w, size_t len)
{
	static char subject[LONG];
	struct re2_span spans[GROUPS_MAX];
	struct regex re;
	uint64_t seed = 42;
	compile(&re, w);
	size_t n = w->captures ? re.groups + 1 : 0;
	for (uint64_t k = 0; k < run->rounds; k++) {
		fill(subject, len, w->letters, &seed);
		int r = regex_find(&re, sv_make(subject, len), 0, spans, n);
		if (r < 0)
			abort();
		micro_sink += (uint64_t)r;
	}
	regex_deinit(&re);
	run->items_per_round = len;
	run->bytes_per_round = len;
}

static const char ab[] = "ab", az[] = "abcdefghijklmnopqrstuvwxyz";

static const struct worst nested = {"((((a*)*)*)*)*", 1, "b", "a", true};
static const struct worst wild_miss = {"(.*)", 20, "x", "abc", true};
static const struct worst wild_hit = {"(.*)", 100, "", az, true};
static const struct worst states = {"[ab]*a[ab]{100}", 1, "", ab, false};
static const struct worst many_states = {"[ab]*a[ab]{999}", 1, "", ab, false};
static const struct worst letters = {"(.*)[a-q]([^u-z]{100})x(.*)", 1, "", az, true};
static const struct worst optional = {"(?:a?){1000}(?:a?){1000}a*", 1, "", "a", false};

#define CASES(name)                                                                                \
	static void name##_short(struct micro_run *run)                                            \
	{                                                                                          \
		match(run, &name, SHORT);                                                          \
	}                                                                                          \
	static void name##_long(struct micro_run *run)                                             \
	{                                                                                          \
		match(run, &name, LONG);                                                           \
	}

CASES(nested)
CASES(wild_miss)
CASES(wild_hit)
CASES(states)
CASES(many_states)
CASES(letters)
CASES(optional)

const struct micro_case micro_relabel[] = {
	{"relabel/((((a*)*)*)*)*b 1K", nested_short},
	{"relabel/((((a*)*)*)*)*b 64K", nested_long},
	{"relabel/(.*) x 20, no match 1K", wild_miss_short},
	{"relabel/(.*) x 20, no match 64K", wild_miss_long},
	{"relabel/(.*) x 100 1K", wild_hit_short},
	{"relabel/(.*) x 100 64K", wild_hit_long},
	{"relabel/[ab]*a[ab]{100} 1K", states_short},
	{"relabel/[ab]*a[ab]{100} 64K", states_long},
	{"relabel/[ab]*a[ab]{999} 1K", many_states_short},
	{"relabel/[ab]*a[ab]{999} 64K", many_states_long},
	{"relabel/(.*)[a-q]([^u-z]{100})x(.*) 1K", letters_short},
	{"relabel/(.*)[a-q]([^u-z]{100})x(.*) 64K", letters_long},
	{"relabel/a? x 2000 1K", optional_short},
	{"relabel/a? x 2000 64K", optional_long},
	{NULL, NULL},
};
