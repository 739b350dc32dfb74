/* Durable positions: whole, by key, in both kinds of log. */
#include "fixture.h"

#include <dirent.h>

static const char *const keys[] = {
	"plain",
	"https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
	"https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-2/api/v1/remote_write",
	"../../etc/passwd",
	"a/b",
	"a_b",
	"",
	"\xff\n\t \"quoted\"",
};
enum { N_KEYS = sizeof keys / sizeof keys[0] };

static void check(struct fixture *fx, const char *key, const char *want)
{
	_cleanup_(buf_deinit) struct buf out;
	struct err err = ERR_NULL;
	buf_init(&out, 1 << 16);
	assert_int_equal(wal_position_load(fx->w, sv_of(key), &out, &err), want ? 0 : 1);
	if (want)
		assert_true(sv_eq(buf_view(&out), sv_of(want)));
}

static void store(struct fixture *fx, const char *key, const char *content)
{
	struct err err = ERR_NULL;
	assert_int_equal(wal_position_store(fx->w, sv_of(key), sv_of(content), &err), 0);
}

static void mark(void *cls, struct sv key)
{
	unsigned *seen = cls;
	for (size_t i = 0; i < N_KEYS; i++)
		if (sv_eq(key, sv_of(keys[i])))
			seen[i]++;
}

static void positions_are_kept_by_key(void **state)
{
	for (unsigned memory = 0; memory < 2; memory++) {
		struct fixture fx;
		char content[64];
		unsigned seen[N_KEYS] = {0};
		fx_init(&fx);
		fx.opt.memory = memory;
		fx_open(&fx);
		for (size_t round = 0; round < 3; round++)
			for (size_t i = 0; i < N_KEYS; i++) {
				snprintf(content, sizeof content, "round %zu of %zu", round, i);
				check(&fx, keys[i], round ? "" : NULL);
				store(&fx, keys[i], content);
				check(&fx, keys[i], content);
				store(&fx, keys[i], "");
			}
		if (!memory)
			fx_reopen(&fx);
		wal_position_each(fx.w, mark, seen);
		for (size_t i = 0; i < N_KEYS; i++)
			assert_int_equal(seen[i], 1);
		wal_position_drop(fx.w, sv_of(keys[1]));
		check(&fx, keys[1], NULL);
		check(&fx, keys[2], "");
		fx_deinit(&fx);
	}
}

static void a_damaged_one_is_not_believed(void **state)
{
	struct fixture fx;
	char path[400], found[400] = "";
	fx_init(&fx);
	fx_open(&fx);
	store(&fx, "plain", "content");
	/* The only file of that kind. */
	fx_path(&fx, path, sizeof path, "");
	DIR *d = opendir(path);
	for (struct dirent *e; (e = readdir(d));)
		if (strncmp(e->d_name, "pos-plain", 9) == 0)
			fx_path(&fx, found, sizeof found, e->d_name);
	closedir(d);
	FILE *f = fopen(found, "r+b");
	assert_non_null(f);
	for (long at = 0; at < 20; at++) {
		int c;
		fseek(f, at, SEEK_SET);
		c = fgetc(f);
		assert_true(c != EOF);
		fseek(f, at, SEEK_SET);
		fputc(c ^ 1, f);
		fflush(f);
		check(&fx, "plain", NULL);
		fseek(f, at, SEEK_SET);
		fputc(c, f);
		fflush(f);
	}
	check(&fx, "plain", "content");
	fclose(f);
	fx_deinit(&fx);
}

/* A file half-made by a killed process is no position, and goes. */
static void leftovers_go(void **state)
{
	struct fixture fx;
	char path[200];
	fx_init(&fx);
	fx_open(&fx);
	store(&fx, "plain", "content");
	fx_close(&fx);
	fx_path(&fx, path, sizeof path, "pos-other-0000000000000000.tmp");
	FILE *f = fopen(path, "wb");
	fputs("half", f);
	fclose(f);
	fx_open(&fx);
	assert_int_not_equal(access(path, F_OK), 0);
	check(&fx, "plain", "content");
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positions_are_kept_by_key),
		cmocka_unit_test(a_damaged_one_is_not_believed),
		cmocka_unit_test(leftovers_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
