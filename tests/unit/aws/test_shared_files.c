/* Where the shared files are looked for, which sections count, and how two files become one. */
#include "shared_world.h"

#include "shared_files.h"
#include <ampagent/base/limits.h>

static int load(struct aws_settings *s, struct err *err)
{
	*s = (struct aws_settings){.n_sections = 0};
	arena_init(&s->arena, MiB(1));
	return aws_shared_files_load(world_env, s, err);
}

static void dump(const struct aws_settings *s, struct buf *out)
{
	for (size_t i = 0; i < s->n_sections; i++) {
		const struct aws_section *section = &s->sections[i];
		buf_printf(out, "[%.*s|%.*s]", SV_ARG(section->kind), SV_ARG(section->name));
		for (size_t k = 0; k < section->n_pairs; k++)
			buf_printf(out, "%.*s=%.*s%s;", SV_ARG(section->pairs[k].key),
				   SV_ARG(section->pairs[k].value),
				   section->pairs[k].in_credentials ? "(c)" : "");
	}
	buf_char(out, '\0');
}

static void test_merged(void **state)
{
	static const struct {
		const char *config, *credentials, *want;
	} cases[] = {
		{NULL, NULL, ""},
		{"", "", ""},
		{"[default]\nregion=r\n[profile x]\na=1\n[x]\nb=1\n[sso-session s]\nc=1\n"
		 "[services t]\nd=1\n[plugins]\ne=1\n[other y]\nf=1\n",
		 NULL,
		 "[profile|default]region=r;[profile|x]a=1;[sso-session|s]c=1;[services|t]d=1;"},
		/* [profile default] hides [default], wherever it stands. */
		{"[default]\na=1\n[profile default]\nb=2\n", NULL, "[profile|default]b=2;"},
		{"[profile default]\nb=2\n[default]\na=1\n", NULL, "[profile|default]b=2;"},
		{NULL, "[default]\na=1\n[x]\nb=1\n[profile y]\nc=1\n[my own]\nd=1\n",
		 "[profile|default]a=1(c);[profile|x]b=1(c);[profile|my own]d=1(c);"},
		/* The credentials file wins, key by key ... */
		{"[profile x]\na=1\nb=1\n", "[x]\nb=2\nc=2\n", "[profile|x]a=1;b=2(c);c=2(c);"},
		/* ... but what makes one key never comes from two files. */
		{"[profile x]\naws_access_key_id=A\naws_secret_access_key=S\n"
		 "aws_session_token=T\nregion=r\n",
		 "[x]\naws_access_key_id=B\naws_secret_access_key=U\n",
		 "[profile|x]region=r;aws_access_key_id=B(c);aws_secret_access_key=U(c);"},
		{"[profile x]\naws_access_key_id=A\n", "[x]\naws_secret_access_key=U\n",
		 "[profile|x]aws_secret_access_key=U(c);"},
		{"[profile x]\naws_access_key_id=A\naws_secret_access_key=S\n", "[x]\nregion=r\n",
		 "[profile|x]aws_access_key_id=A;aws_secret_access_key=S;region=r(c);"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(buf_deinit) struct buf got = BUF_NULL;
		struct aws_settings s;
		struct err err = ERR_NULL;
		buf_init(&got, MiB(1));
		world_begin(cases[i].config, cases[i].credentials);
		assert_int_equal(load(&s, &err), 0);
		dump(&s, &got);
		assert_string_equal(got.ptr, cases[i].want);
		assert_int_equal(s.config_there, cases[i].config != NULL);
		assert_int_equal(s.credentials_there, cases[i].credentials != NULL);
		assert_sv(s.config_path, world_path(".aws/config"));
		assert_sv(s.credentials_path, world_path(".aws/credentials"));
		arena_wipe(&s.arena);
		world_end();
	}
}

static void test_places(void **state)
{
	struct aws_settings s;
	struct err err = ERR_NULL;
	world_begin("[default]\na=1\n", NULL);
	world_write("other", "[profile o]\na=1\n");
	world_set("AWS_CONFIG_FILE", world_path("other"));
	world_set("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/none");
	assert_int_equal(load(&s, &err), 0);
	assert_int_equal(s.n_sections, 1);
	assert_sv(s.sections[0].name, "o");
	assert_sv(s.credentials_path, world_path(".aws/none"));
	assert_false(s.credentials_there);
	arena_wipe(&s.arena);
	/* A file in the place of a directory is no file there. */
	world_set("AWS_CONFIG_FILE", world_path("other/config"));
	assert_int_equal(load(&s, &err), 0);
	assert_false(s.config_there);
	arena_wipe(&s.arena);
	/* A directory in the place of a file is there, and cannot be read. */
	world_set("AWS_CONFIG_FILE", world.dir);
	assert_int_equal(load(&s, &err), 1);
	assert_non_null(strstr(err.msg, world.dir));
	arena_wipe(&s.arena);
	/* Without HOME the user's entry decides; either way there is an answer. */
	world_set("HOME", NULL);
	world_set("AWS_CONFIG_FILE", "/dev/null");
	world_set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
	assert_int_equal(load(&s, &err), 0);
	assert_int_equal(s.n_sections, 0);
	assert_true(s.config_there);
	arena_wipe(&s.arena);
	world_end();
}

static void test_refused(void **state)
{
	struct aws_settings s;
	struct err err = ERR_NULL;
	world_begin("[default]\na=1\nhidden\n", NULL);
	assert_int_equal(load(&s, &err), 1);
	char want[160];
	snprintf(want, sizeof want, "%s:3: ", world_path(".aws/config"));
	assert_ptr_equal(strstr(err.msg, want), err.msg);
	assert_null(strstr(err.msg, "hidden"));
	arena_wipe(&s.arena);
	world_end();

	/* The size that may be read. */
	char *large = malloc(LIMIT_AWS_INI_BYTES + 2);
	assert_non_null(large);
	memset(large, '\n', LIMIT_AWS_INI_BYTES + 1);
	large[LIMIT_AWS_INI_BYTES + 1] = '\0';
	world_begin(NULL, large);
	assert_int_equal(load(&s, &err), 1);
	assert_non_null(strstr(err.msg, "larger than"));
	arena_wipe(&s.arena);
	world_end();
	free(large);
}

/* Nobody may ever write to it: it is not waited for. */
static void test_pipe(void **state)
{
	struct aws_settings s;
	struct err err = ERR_NULL;
	world_begin("", NULL);
	const char *path = world_path(".aws/config");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load(&s, &err), 1);
	assert_non_null(strstr(err.msg, "is a pipe"));
	arena_wipe(&s.arena);
	world_end();
}

/* Not for root, who may read all. */
static void test_no_right_to_read(void **state)
{
	if (geteuid() == 0)
		skip();
	struct aws_settings s;
	struct err err = ERR_NULL;
	world_begin("[default]\na=1\n", NULL);
	assert_int_equal(chmod(world_path(".aws/config"), 0), 0);
	assert_int_equal(load(&s, &err), 1);
	assert_non_null(strstr(err.msg, "Permission denied"));
	arena_wipe(&s.arena);
	/* A home that may not be entered has no files for this user; a named path has to be read.
	 */
	assert_int_equal(chmod(world_path(".aws"), 0), 0);
	assert_int_equal(load(&s, &err), 0);
	assert_false(s.config_there);
	arena_wipe(&s.arena);
	world_set("AWS_CONFIG_FILE", world_path(".aws/config"));
	assert_int_equal(load(&s, &err), 1);
	arena_wipe(&s.arena);
	assert_int_equal(chmod(world_path(".aws"), 0700), 0);
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merged),           cmocka_unit_test(test_places),
		cmocka_unit_test(test_refused),          cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_no_right_to_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
