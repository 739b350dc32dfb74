/* The shared files' dialect with any bytes: what is told lies within bounds, a file that is
 * understood is told the same again, and an error names a line and shows nothing of it.
 */
#include "../../../src/aws/ini.h"
#include <ampagent/base/limits.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static bool same(const struct aws_ini *a, const struct aws_ini *b)
{
	if (a->n_sections != b->n_sections)
		return false;
	for (size_t i = 0; i < a->n_sections; i++) {
		const struct aws_ini_section *x = &a->sections[i], *y = &b->sections[i];
		if (x->n_pairs != y->n_pairs || !sv_eq(x->type, y->type) ||
		    !sv_eq(x->name, y->name))
			return false;
		for (size_t k = 0; k < x->n_pairs; k++)
			if (!sv_eq(x->pairs[k].key, y->pairs[k].key) ||
			    !sv_eq(x->pairs[k].value, y->pairs[k].value))
				return false;
	}
	return true;
}

static void check_key(const struct aws_ini_section *s, size_t at, int lines)
{
	const struct aws_pair *pair = &s->pairs[at];
	require(pair->key.len > 0 && pair->value.len <= LIMIT_AWS_INI_LINE);
	require(pair->line > 0 && pair->line <= lines);
	for (size_t i = 0; i < pair->key.len; i++)
		require(pair->key.ptr[i] < 'A' || pair->key.ptr[i] > 'Z');
	for (size_t i = 0; i < at; i++)
		require(!sv_eq(s->pairs[i].key, pair->key));
}

static void check(const struct aws_ini *ini, int lines)
{
	require(ini->n_sections <= LIMIT_AWS_INI_SECTIONS);
	for (size_t i = 0; i < ini->n_sections; i++) {
		const struct aws_ini_section *s = &ini->sections[i];
		require(s->name.len > 0 && s->n_pairs <= LIMIT_AWS_INI_KEYS);
		require(s->line > 0 && s->line <= lines);
		for (size_t k = 0; k < i; k++)
			require(!sv_eq(ini->sections[k].type, s->type) ||
				!sv_eq(ini->sections[k].name, s->name));
		for (size_t k = 0; k < s->n_pairs; k++)
			check_key(s, k, lines);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct sv text = sv_make((const char *)data, size);
	struct aws_ini ini, again;
	struct err err = ERR_NULL;
	int lines = 1;

	/* What is compared with all before it must stay few. */
	if (size > KiB(16))
		return 0;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	arena_init(&arena, MiB(16));
	int r = aws_ini_parse(&arena, text, &ini, &err);
	require(r == 0 || r == 1);
	check(&ini, lines);
	if (r == 1) {
		require(err.line > 0 && err.line <= lines && err.msg[0]);
	} else {
		require(aws_ini_parse(&arena, text, &again, &err) == 0);
		require(same(&ini, &again));
	}
	return 0;
}
