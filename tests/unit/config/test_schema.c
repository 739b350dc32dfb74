/* schema: the tables are sound, and say what they must of each key. */
#include "parse.h"

#include "decode.h"
#include "schema.h"

#include <ampagent/base/text.h>

static bool is_nested(const struct schema_entry *e)
{
	return e->kind == SCHEMA_BLOCK || e->kind == SCHEMA_BLOCKS ||
	       e->kind == SCHEMA_NAMED_BLOCKS;
}

static bool documented(const struct schema_block *block)
{
	for (size_t i = 0; schema_documented[i]; i++)
		if (schema_documented[i] == block)
			return true;
	return false;
}

static void check_fallback(const struct schema_entry *e)
{
	int64_t duration;
	uint64_t number;
	struct sv text = sv_of(e->fallback);
	if (e->kind == SCHEMA_DURATION)
		assert_int_equal(duration_parse(text, &duration), 0);
	else if (e->kind == SCHEMA_SIZE)
		assert_int_equal(size_parse(text, &number), 0);
	else if (e->kind == SCHEMA_UINT)
		assert_int_equal(sv_to_u64(text, &number), 0);
	else if (e->kind == SCHEMA_INT)
		assert_int_equal(sv_to_i64(text, &duration), 0);
	else if (e->kind == SCHEMA_BOOL)
		assert_true(sv_eq(text, SV("true")) || sv_eq(text, SV("false")));
	else
		assert_true(e->kind == SCHEMA_STRING || e->kind == SCHEMA_WORD);
}

static void check_word_fallback(const struct schema_entry *e)
{
	int index = -1;
	for (int i = 0; e->words[i]; i++)
		if (strcmp(e->words[i], e->fallback) == 0)
			index = i;
	assert_int_not_equal(index, -1);
}

static void check_entry(const struct schema_block *block, const struct schema_entry *e)
{
	assert_non_null(e->help);
	assert_true(strlen(e->help) > 3);
	for (const struct schema_entry *o = block->entries; o != e; o++)
		assert_string_not_equal(o->key, e->key);
	bool kept = e->status == SCHEMA_BUILT || e->status == SCHEMA_NO_EFFECT;
	if (e->block != &schema_alerting)
		assert_int_equal(kept, e->offset != SCHEMA_NOWHERE);
	if (is_nested(e) && kept) {
		assert_non_null(e->block);
		assert_int_equal(e->status == SCHEMA_BUILT, documented(e->block));
	}
	assert_int_equal(e->kind == SCHEMA_WORD, e->words != NULL);
	if (e->fallback)
		check_fallback(e);
	if (e->fallback && e->words)
		check_word_fallback(e);
}

static void test_tables(void **state)
{
	for (size_t i = 0; schema_documented[i]; i++) {
		const struct schema_block *b = schema_documented[i];
		assert_non_null(b->title);
		for (const struct schema_entry *e = b->entries; e->key; e++)
			check_entry(b, e);
	}
}

/* An inlined block's keys must not hide behind the block's own. */
static void test_inlined(void **state)
{
	static const struct schema_block *const blocks[] = {&schema_scrape, &schema_write};
	for (size_t i = 0; i < LEN(blocks); i++)
		for (const struct schema_entry *a = blocks[i]->entries; a->key; a++)
			for (const struct schema_entry *b = blocks[i]->inlined->entries; b->key;
			     b++)
				assert_string_not_equal(a->key, b->key);
}

static void test_kind_text(void **state)
{
	for (int k = 0; k <= SCHEMA_ANY; k++)
		assert_non_null(schema_kind_text((enum schema_kind)k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_inlined),
		cmocka_unit_test(test_kind_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
