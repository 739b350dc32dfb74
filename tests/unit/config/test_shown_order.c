/* shown_order: every key that is named exists, and every key that is built is named. */
#include "parse.h"

#include "schema.h"
#include "shown.h"

static bool has_key(const struct schema_block *block, const char *key)
{
	for (; block; block = block->inlined)
		for (const struct schema_entry *e = block->entries; e->key; e++)
			if (strcmp(e->key, key) == 0)
				return true;
	return false;
}

static bool is_named(const char *const *order, const char *key)
{
	for (; *order; order++)
		if (strcmp(*order + strspn(*order, "!?"), key) == 0)
			return true;
	return false;
}

static void test_orders(void **state)
{
	size_t checked = 0;
	for (size_t i = 0; schema_documented[i]; i++) {
		const struct schema_block *block = schema_documented[i];
		const char *const *order = shown_order(block);
		for (const char *const *key = order; key && *key; key++) {
			if (!has_key(block, *key + strspn(*key, "!?")))
				fail_msg("%s has no key %s", block->name, *key);
			for (const char *const *other = order; other != key; other++)
				assert_string_not_equal(*other + strspn(*other, "!?"),
							*key + strspn(*key, "!?"));
			checked++;
		}
		for (const struct schema_entry *e = block->entries; order && e->key; e++)
			if (e->status == SCHEMA_BUILT && e->offset != SCHEMA_NOWHERE &&
			    !is_named(order, e->key))
				/* oauth2's proxy keys follow in the schema's order, as they do in
				   Prometheus. */
				if (block != &schema_oauth2 || !strstr(e->key, "proxy"))
					fail_msg("%s %s", block->name, e->key);
	}
	assert_true(checked > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
