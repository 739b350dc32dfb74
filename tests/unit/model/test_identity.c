/* identity: copies are whole and equal, and every part counts when two are compared. */
#include <ampagent/model/identity.h>

#include <ampagent/base/err.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct sv unique[] = {{"abc", 3}, {"10.0.0.1", 8}};
static const struct sv hosts[] = {{"10.0.0.1", 8}};
static const struct identity_label labels[] = {
	{{"ecs_cluster", 11}, {"prod", 4}, {NULL, 0}},
	{{"ecs_container", 13}, {NULL, 0}, {"__meta_ecs_container_name", 25}},
};
static const char external[] = "\x01"
			       "a"
			       "\x01"
			       "b";

static struct identity whole(void)
{
	return (struct identity){
		.mode = IDENTITY_STRICT,
		.known = true,
		.task_id = SV("abc"),
		.unique = unique,
		.n_unique = 2,
		.hosts = hosts,
		.n_hosts = 1,
		.labels = labels,
		.n_labels = 2,
		.external = {external, 4},
	};
}

static void a_copy_is_its_own(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	const struct identity in = whole();
	struct identity out;
	arena_init(&arena, KiB(64));
	assert_int_equal(identity_copy(&arena, &in, &out), 0);
	assert_true(identity_eq(&in, &out));
	assert_ptr_not_equal(out.unique, in.unique);
	assert_ptr_not_equal(out.unique[0].ptr, in.unique[0].ptr);
	assert_ptr_not_equal(out.hosts[0].ptr, in.hosts[0].ptr);
	assert_ptr_not_equal(out.labels[1].from.ptr, in.labels[1].from.ptr);
	assert_ptr_not_equal(out.external.ptr, in.external.ptr);

	const struct identity none = {.mode = IDENTITY_OFF};
	assert_int_equal(identity_copy(&arena, &none, &out), 0);
	assert_true(identity_eq(&none, &out));
	assert_false(identity_eq(&in, &out));
}

static void no_memory_is_told(void **state)
{
	const struct identity in = whole();
	struct identity out;
	size_t full = 0;
	for (size_t max = 16; full == 0 && max < KiB(64); max += 16) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		arena_init(&arena, max);
		if (identity_copy(&arena, &in, &out) == 0)
			full = max;
	}
	assert_true(full > 64);
}

static void every_part_counts(void **state)
{
	static const struct sv other[] = {{"abd", 3}, {"10.0.0.1", 8}};
	static const struct identity_label names[] = {{{"ecs_service", 11}, {"prod", 4}},
						      {{"ecs_container", 13}}};
	static const struct identity_label values[] = {
		{{"ecs_cluster", 11}, {"test", 4}},
		{{"ecs_container", 13}, {NULL, 0}, {"__meta_ecs_container_name", 25}}};
	static const struct identity_label froms[] = {
		{{"ecs_cluster", 11}, {"prod", 4}},
		{{"ecs_container", 13}, {NULL, 0}, {"__meta_x", 8}}};
	struct identity v[11];
	for (size_t i = 0; i < 11; i++)
		v[i] = whole();
	v[0].mode = IDENTITY_AUTO;
	v[1].known = false;
	v[2].task_id = SV("abd");
	v[3].unique = other;
	v[4].n_unique = 1;
	v[5].hosts = other;
	v[6].n_hosts = 0;
	v[7].labels = names;
	v[8].labels = values;
	v[9].labels = froms;
	v[10].external.len = 0;
	const struct identity in = whole();
	for (size_t i = 0; i < 11; i++) {
		if (identity_eq(&in, &v[i]) || !identity_eq(&v[i], &v[i]))
			fail_msg("case %zu", i);
	}
}

/* They become label names as they are. */
static void the_names_are_label_names(void **state)
{
	size_t n = 0;
	for (; identity_label_names[n]; n++)
		assert_true(label_name_legacy_valid(sv_of(identity_label_names[n])));
	assert_int_equal(n, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_is_its_own),
		cmocka_unit_test(no_memory_is_told),
		cmocka_unit_test(every_part_counts),
		cmocka_unit_test(the_names_are_label_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
