/* What targets of a task get, by address, labels and mode. */
#include "../../../scrape/identity.h"
#include "../../../scrape/target.h"

#include "target_parts.h"

#define TASK "4f2a8b0c9d1e4f2a8b0c9d1e4f2a8b0c"
#define DOCKER "8c1d2e3f4a5b8c1d2e3f4a5b8c1d2e3f4a5b8c1d2e3f4a5b8c1d2e3f4a5b8c1d"
#define NONE ((const char *const[]){NULL})

static const struct sv unique[] = {
	{TASK, sizeof TASK - 1}, {"10.0.1.7", 8}, {"fd00::17", 8}, {DOCKER, sizeof DOCKER - 1}};
static const struct sv hosts[] = {{"10.0.1.7", 8}, {"fd00::17", 8}, {"172.17.0.3", 10}};
static const struct identity_label all_labels[] = {
	{{"ecs_cluster", 11}, {"prod", 4}, {NULL, 0}},
	{{"ecs_service", 11}, {"web", 3}, {NULL, 0}},
	{{"ecs_task_id", 11}, {TASK, sizeof TASK - 1}, {NULL, 0}},
	{{"ecs_container", 13}, {NULL, 0}, {"__meta_ecs_container_name", 25}},
};

static struct identity make_identity(enum identity_mode mode)
{
	return (struct identity){
		.mode = mode,
		.known = true,
		.task_id = SV(TASK),
		.unique = unique,
		.n_unique = 4,
		.hosts = hosts,
		.n_hosts = 3,
		.labels = all_labels,
		.n_labels = 4,
	};
}

static enum target_verdict make_with(const struct scrape_options *opt, const struct identity *id,
				     const char *address, const char *const *pairs,
				     struct target **out, struct err *err)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	_cleanup_(arena_deinit) struct arena scratch = ARENA_NULL;
	arena_init(&arena, MiB(1));
	arena_init(&scratch, MiB(1));
	struct labels entry = make_labels(&arena, PAIRS("__address__", address));
	struct labels group = make_labels(&arena, pairs);
	return target_make(opt, id, group, entry, &scratch, out, err);
}

static enum target_verdict make(const struct identity *id, const char *address,
				const char *const *pairs, struct target **out, struct err *err)
{
	const struct scrape_options opt = options();
	return make_with(&opt, id, address, pairs, out, err);
}

static void assert_label(const struct target *t, const char *name, const char *value)
{
	struct sv v = labels_get(t->labels, sv_of(name));
	if (!sv_eq(v, sv_of(value)))
		fail_msg("%s: %s is \"%.*s\", not \"%s\"", t->url, name, SV_ARG(v), value);
}

/* Every form of an address: whether it is the task's own, and the instance that comes of it; port
 * NULL: it stays the address. */
static const struct {
	const char *address;
	bool own;
	const char *instance;
} addresses[] = {
	{"localhost:8080", true, TASK ":8080"},
	{"LOCALHOST:8080", true, TASK ":8080"},
	{"localhost.:8080", true, TASK ":8080"},
	{"localhost", true, TASK},
	{"127.0.0.1:8080", true, TASK ":8080"},
	{"127.0.0.1", true, TASK},
	{"127.1:8080", true, TASK ":8080"},
	{"127.9.8.7:1", true, "127.9.8.7:1"},
	{"[::ffff:127.0.0.2]:1", true, "[::ffff:127.0.0.2]:1"},
	{"0.0.0.0:8080", true, TASK ":8080"},
	{"0:8080", true, TASK ":8080"},
	{":8080", true, TASK ":8080"},
	{"[::1]:8080", true, TASK ":8080"},
	{"[::1]", true, TASK},
	{"::1", true, TASK},
	{"[::]:8080", true, TASK ":8080"},
	{"[::ffff:127.0.0.1]:80", true, TASK ":80"},
	{"[::ffff:0.0.0.0]:80", true, TASK ":80"},
	{"10.0.1.7:8080", true, TASK ":8080"},
	{"[::ffff:10.0.1.7]:8080", true, TASK ":8080"},
	{"[fd00::17]:8080", true, TASK ":8080"},
	{"[fd00:0::17]:8080", true, TASK ":8080"},
	/* Other containers may have the same port. */
	{"172.17.0.3:8080", true, "172.17.0.3:8080"},
	{"10.0.1.70:8080", false, "10.0.1.70:8080"},
	{"110.0.1.7:8080", false, "110.0.1.7:8080"},
	{"10.0.1.7.example:8080", false, "10.0.1.7.example:8080"},
	{"localhost.example:80", false, "localhost.example:80"},
	{"128.0.0.1:80", false, "128.0.0.1:80"},
	{"0.0.0.1:80", false, "0.0.0.1:80"},
	{"[fd00::18]:8080", false, "[fd00::18]:8080"},
	{"app:8080", false, "app:8080"},
	{"172.17.0.1:9100", false, "172.17.0.1:9100"},
	{"[::ffff:172.17.0.1]:9100", false, "[::ffff:172.17.0.1]:9100"},
	{"172.18.0.1:9100", false, "172.18.0.1:9100"},
	{"app.example:8080", false, "app.example:8080"},
	{"[", false, "["},
	{"[::1", false, "[::1"},
	{"[::1]x:80", false, "[::1]x:80"},
};
enum { ADDRESSES = sizeof addresses / sizeof addresses[0] };

static void addresses_by_default(void **state)
{
	const struct identity id = make_identity(IDENTITY_AUTO);
	for (size_t i = 0; i < ADDRESSES; i++) {
		_cleanup_(target_freep) struct target *t = NULL;
		struct err err = ERR_NULL;
		assert_int_equal(make(&id, addresses[i].address, NONE, &t, &err), TARGET_MADE);
		if (t->local != addresses[i].own)
			fail_msg("%s", addresses[i].address);
		assert_label(t, "instance", addresses[i].instance);
		assert_label(t, "ecs_cluster", addresses[i].own ? "prod" : "");
		assert_label(t, "ecs_service", addresses[i].own ? "web" : "");
		assert_label(t, "ecs_task_id", addresses[i].own ? TASK : "");
		assert_label(t, "ecs_container", "");
		assert_int_equal(labels_count(t->labels), addresses[i].own ? 5 : 2);
	}
}

/* As Prometheus: nothing asked, off, and outside of a task. Only who goes with the agent differs.
 */
static void addresses_as_they_are(void **state)
{
	const struct identity off = make_identity(IDENTITY_OFF);
	for (size_t i = 0; i < 2 * (size_t)ADDRESSES; i++) {
		const char *address = addresses[i / 2].address;
		_cleanup_(target_freep) struct target *t = NULL;
		struct err err = ERR_NULL;
		assert_int_equal(make(i % 2 ? &off : NULL, address, NONE, &t, &err), TARGET_MADE);
		assert_label(t, "instance", address);
		assert_int_equal(labels_count(t->labels), 2);
		assert_true(t->hash == t->plain_hash);
		if (i % 2 && t->local != addresses[i / 2].own)
			fail_msg("%s", address);
	}
}

static void addresses_in_strict_mode(void **state)
{
	const struct identity id = make_identity(IDENTITY_STRICT);
	for (size_t i = 0; i < ADDRESSES; i++) {
		_cleanup_(target_freep) struct target *t = NULL;
		struct err err = ERR_NULL;
		/* An address of the task that no other has says which task it is. */
		bool named = strstr(addresses[i].address, "10.0.1.7") ||
			     strcmp(addresses[i].address, "[fd00::17]:8080") == 0;
		bool good = !addresses[i].own || named;
		if (make(&id, addresses[i].address, NONE, &t, &err) !=
		    (good ? TARGET_MADE : TARGET_REFUSED))
			fail_msg("%s: %s", addresses[i].address, err.msg);
		if (good) {
			assert_label(t, "instance", addresses[i].address);
			assert_int_equal(labels_count(t->labels), 2);
		} else {
			assert_non_null(strstr(err.msg, addresses[i].address));
			assert_non_null(strstr(err.msg, "identity: auto"));
		}
	}
}

/* Who may be a container beside the agent, or a program of its host. */
static bool in_doubt(const char *address)
{
	static const char *const v[] = {"app:8080", "172.17.0.1:9100", "[::ffff:172.17.0.1]:9100"};
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		if (strcmp(v[i], address) == 0)
			return true;
	return false;
}

static void addresses_of_an_unknown_task(void **state)
{
	struct identity id = make_identity(IDENTITY_AUTO);
	id.known = false;
	for (size_t i = 0; i < 2 * (size_t)ADDRESSES; i++) {
		_cleanup_(target_freep) struct target *t = NULL;
		struct err err = ERR_NULL;
		id.mode = i % 2 ? IDENTITY_STRICT : IDENTITY_AUTO;
		enum target_verdict v = make(&id, addresses[i / 2].address, NONE, &t, &err);
		bool waits = addresses[i / 2].own || in_doubt(addresses[i / 2].address);
		if (v != (waits ? TARGET_WAITS : TARGET_MADE))
			fail_msg("%s: %d", addresses[i / 2].address, (int)v);
		/* The same as when it is made without. */
		_cleanup_(target_freep) struct target *plain = NULL;
		assert_int_equal(make(NULL, addresses[i / 2].address, NONE, &plain, &err),
				 TARGET_MADE);
		assert_true(t->plain_hash == plain->hash);
	}
}

static void its_own_labels_stay(void **state)
{
	const struct identity id = make_identity(IDENTITY_AUTO);
	_cleanup_(target_freep) struct target *t = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(make(&id, "localhost:1",
			      PAIRS("ecs_cluster", "mine", "instance", "app-1",
				    "__meta_ecs_container_name", "app"),
			      &t, &err),
			 TARGET_MADE);
	assert_label(t, "ecs_cluster", "mine");
	assert_label(t, "instance", "app-1");
	assert_label(t, "ecs_service", "web");
	assert_label(t, "ecs_container", "app");
	assert_int_equal(labels_get(t->all, SV("__meta_ecs_container_name")).len, 0);
}

/* An address that was made the instance by a rule is still the address. */
static void an_instance_that_is_the_address(void **state)
{
	const struct identity id = make_identity(IDENTITY_AUTO);
	_cleanup_(target_freep) struct target *t = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(make(&id, "localhost:1", PAIRS("instance", "localhost:1"), &t, &err),
			 TARGET_MADE);
	assert_label(t, "instance", TASK ":1");
}

/* Containers of a bridge: the port is told apart by the container's name. */
static void a_bridge(void **state)
{
	const struct identity id = make_identity(IDENTITY_AUTO);
	_cleanup_(target_freep) struct target *t = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(
		make(&id, "172.17.0.3:8080", PAIRS("__meta_ecs_container_name", "app"), &t, &err),
		TARGET_MADE);
	assert_label(t, "instance", TASK ":8080");
	assert_label(t, "ecs_container", "app");
}

/* Without ecs_task_id among the labels wanted: it is added where nothing else names the task. */
static const struct {
	const char *address;
	const char *pairs[7];
	bool honor_labels, external;
	const char *task_id;
} names[] = {
	{"localhost:1", {NULL}, false, false, ""},
	{"localhost:1", {"instance", "app", NULL}, false, false, TASK},
	{"localhost:1", {"instance", "app", NULL}, false, true, ""},
	{"localhost:1", {"instance", "app", "id", DOCKER, NULL}, false, false, ""},
	{"localhost:1", {"instance", "app", "arn", "x/prod/" TASK, NULL}, false, false, ""},
	{"localhost:1", {"instance", "app", "__x", TASK, NULL}, false, false, TASK},
	{"localhost:1", {"instance", "app", "__meta_x", TASK, NULL}, false, false, TASK},
	{"localhost:1", {"instance", "app", "ip", "10.0.1.7", NULL}, false, false, ""},
	{"localhost:1", {"instance", "app", "ip", "http://10.0.1.7:80/", NULL}, false, false, ""},
	{"localhost:1", {"instance", "app", "ip", "10.0.1.70", NULL}, false, false, TASK},
	{"localhost:1", {"instance", "app", "ip", "110.0.1.7", NULL}, false, false, TASK},
	{"localhost:1", {"instance", "app", "ip", "10.0.1.70,10.0.1.7", NULL}, false, false, ""},
	/* A page may say another instance. */
	{"localhost:1", {NULL}, true, false, TASK},
	{"localhost:1", {"job", TASK, NULL}, true, false, TASK},
	{"localhost:1", {"id", TASK, NULL}, true, false, ""},
	{"localhost:1", {NULL}, true, true, ""},
	/* Another name in that label is worth less than series that are their own. */
	{"localhost:1", {"instance", "app", "ecs_task_id", "x", NULL}, false, false, TASK},
	{"localhost:1", {"ecs_task_id", "x", NULL}, false, false, "x"},
	{"172.17.0.3:1", {NULL}, false, false, TASK},
	{"10.0.1.7:1", {NULL}, false, false, ""},
	{"app:1", {NULL}, false, false, ""},
};

static void what_names_the_task(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct identity id = make_identity(IDENTITY_AUTO);
	arena_init(&arena, MiB(1));
	id.n_labels = 2;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		_cleanup_(target_freep) struct target *t = NULL;
		struct scrape_options opt = options();
		struct err err = ERR_NULL;
		opt.honor_labels = names[i].honor_labels;
		id.external = names[i].external ? make_labels(&arena, PAIRS("replica", TASK))
						: LABELS_NULL;
		assert_int_equal(make_with(&opt, &id, names[i].address, names[i].pairs, &t, &err),
				 TARGET_MADE);
		struct sv got = labels_get(t->labels, SV("ecs_task_id"));
		if (!sv_eq(got, sv_of(names[i].task_id)))
			fail_msg("case %zu: \"%.*s\"", i, SV_ARG(got));
	}
}

/* The same is looked for in strict mode. */
static void what_strict_mode_takes(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct identity id = make_identity(IDENTITY_STRICT);
	arena_init(&arena, MiB(1));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		_cleanup_(target_freep) struct target *t = NULL;
		struct scrape_options opt = options();
		struct err err = ERR_NULL;
		/* With nothing added the instance is no help. */
		bool says = names[i].external || names[i].address[0] != 'l' ||
			    (names[i].pairs[0] && names[i].task_id[0] == '\0');
		says = says && strncmp(names[i].address, "172", 3) != 0;
		opt.honor_labels = names[i].honor_labels;
		id.external = names[i].external ? make_labels(&arena, PAIRS("replica", TASK))
						: LABELS_NULL;
		if (make_with(&opt, &id, names[i].address, names[i].pairs, &t, &err) !=
		    (says ? TARGET_MADE : TARGET_REFUSED))
			fail_msg("case %zu: %s", i, err.msg);
	}
}

/* An external label is added only where the target has none of that name. */
static void an_external_label_that_is_hidden(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct identity id = make_identity(IDENTITY_STRICT);
	struct target *t = NULL;
	struct err err = ERR_NULL;
	arena_init(&arena, MiB(1));
	id.external = make_labels(&arena, PAIRS("replica", TASK));
	assert_int_equal(make(&id, "localhost:1", PAIRS("replica", "a"), &t, &err), TARGET_REFUSED);
}

/* Relabeling may say that a target goes with the agent: then it is the task's. That it does not
 * says nothing of its address. */
static void what_relabeling_says(void **state)
{
	const struct identity id = make_identity(IDENTITY_AUTO);
	struct err err = ERR_NULL;
	_cleanup_(target_freep) struct target *yes = NULL, *no = NULL;
	assert_int_equal(make(&id, "app:1", PAIRS("__ampagent_local__", "true"), &yes, &err),
			 TARGET_MADE);
	assert_true(yes->local);
	assert_label(yes, "ecs_task_id", TASK);
	assert_label(yes, "instance", "app:1");
	assert_int_equal(make(&id, "localhost:1", PAIRS("__ampagent_local__", "false"), &no, &err),
			 TARGET_MADE);
	assert_false(no->local);
	assert_label(no, "ecs_task_id", TASK);
}

/* Its phase and its pages are those of this task. */
static void hashes(void **state)
{
	struct identity id = make_identity(IDENTITY_AUTO);
	struct err err = ERR_NULL;
	_cleanup_(target_freep) struct target *a = NULL, *b = NULL, *again = NULL;
	assert_int_equal(make(&id, "localhost:1", NONE, &a, &err), TARGET_MADE);
	assert_int_equal(make(&id, "localhost:1", NONE, &again, &err), TARGET_MADE);
	id.task_id = SV("other");
	assert_int_equal(make(&id, "localhost:1", NONE, &b, &err), TARGET_MADE);
	assert_true(a->hash == again->hash && a->page_hash == again->page_hash);
	assert_true(a->hash != b->hash);
	assert_true(a->page_hash != b->page_hash);
	assert_true(a->plain_hash == b->plain_hash && a->plain_hash != a->hash);
}

static void values_are_checked(void **state)
{
	struct identity id = make_identity(IDENTITY_AUTO);
	struct identity_label bad[] = {{SV("ecs_cluster"), SV("\xff"), SV_NULL}};
	struct target *t = NULL;
	struct err err = ERR_NULL;
	id.labels = bad;
	id.n_labels = 1;
	assert_int_equal(make(&id, "localhost:1", NONE, &t, &err), TARGET_REFUSED);
	assert_non_null(strstr(err.msg, "\"ecs_cluster\" has a value that is not UTF-8"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_by_default),
		cmocka_unit_test(addresses_as_they_are),
		cmocka_unit_test(addresses_in_strict_mode),
		cmocka_unit_test(addresses_of_an_unknown_task),
		cmocka_unit_test(its_own_labels_stay),
		cmocka_unit_test(an_instance_that_is_the_address),
		cmocka_unit_test(a_bridge),
		cmocka_unit_test(what_names_the_task),
		cmocka_unit_test(what_strict_mode_takes),
		cmocka_unit_test(an_external_label_that_is_hidden),
		cmocka_unit_test(what_relabeling_says),
		cmocka_unit_test(hashes),
		cmocka_unit_test(values_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
