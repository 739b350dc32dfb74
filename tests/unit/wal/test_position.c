/* Durable positions: whole, by key, in both kinds of log. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>

#include "../../../src/wal/log.h"

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

/* A disk that stands still, or fails. */
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;
static int disk_error;
static unsigned syncs;

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	pthread_mutex_lock(&disk);
	int error = disk_error;
	syncs++;
	pthread_mutex_unlock(&disk);
	errno = error;
	return error ? -1 : 0;
}

static void check_unreadable(struct fixture *fx, const char *key)
{
	_cleanup_(buf_deinit) struct buf out;
	struct err err = ERR_NULL;
	buf_init(&out, 1 << 16);
	assert_int_equal(wal_position_load(fx->w, sv_of(key), &out, &err), 2);
	assert_true(strstr(err.msg, "damaged") || strstr(err.msg, "another destination"));
}

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
		check_unreadable(&fx, "plain");
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

static struct wal_pos hold_of(struct fixture *fx, const char *key)
{
	struct wal_pos pos = {0};
	pthread_mutex_lock(&fx->w->mutex);
	for (size_t i = 0; i < fx->w->n_holds; i++)
		if (strcmp(fx->w->holds[i].key, key) == 0)
			pos = fx->w->holds[i].pos;
	pthread_mutex_unlock(&fx->w->mutex);
	return pos;
}

static void put(struct fixture *fx, const char *content, int want)
{
	struct err err = ERR_NULL;
	assert_int_equal(wal_position_put(fx->w, SV("plain"), sv_of(content), &err), want);
	assert_int_equal(err.msg[0] != '\0', want != 0);
}

/* On a disk that stands still nobody waits, the newest content wins, and what a position lets go
 * stays until that is stored. */
static void a_slow_disk_holds_up_nobody(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	wal_hold(fx.w, SV("plain"), (struct wal_pos){1, 48, 0});
	/* The first is waited for: without it the next run would begin at the log's end. */
	put(&fx, "first", 0);
	assert_true(syncs > 0);
	pthread_mutex_lock(&disk);
	syncs = 0;
	for (unsigned i = 1; i < 50; i++) {
		put(&fx, "older", 0);
		wal_hold(fx.w, SV("plain"), (struct wal_pos){1, 48 + i, i});
		assert_int_equal(hold_of(&fx, "plain").offset, 48);
	}
	put(&fx, "newest", 0);
	wal_hold(fx.w, SV("plain"), (struct wal_pos){1, 1000, 100});
	pthread_mutex_unlock(&disk);
	check(&fx, "plain", "newest");
	assert_int_equal(hold_of(&fx, "plain").offset, 1000);
	assert_true(syncs <= 3);
	fx_deinit(&fx);
}

static void what_waits_is_stored_at_the_end(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	put(&fx, "first words", 0);
	put(&fx, "last words", 0);
	fx_reopen(&fx);
	check(&fx, "plain", "last words");
	/* Dropped is dropped, whatever waits. */
	put(&fx, "in time", 0);
	pthread_mutex_lock(&disk);
	put(&fx, "too late", 0);
	pthread_mutex_unlock(&disk);
	wal_position_drop(fx.w, SV("plain"));
	check(&fx, "plain", NULL);
	fx_reopen(&fx);
	check(&fx, "plain", NULL);
	fx_deinit(&fx);
}

/* The next one says so; what the position lets go stays, but on a full disk. */
static void a_failure_is_told_later(void **state)
{
	const int errors[] = {EIO, ENOSPC};
	for (size_t i = 0; i < 2; i++) {
		struct fixture fx;
		fx_init(&fx);
		fx_open(&fx);
		store(&fx, "plain", "good");
		wal_hold(fx.w, SV("plain"), (struct wal_pos){1, 48, 0});
		disk_error = errors[i];
		put(&fx, "bad", 0);
		check(&fx, "plain", "good");
		wal_hold(fx.w, SV("plain"), (struct wal_pos){1, 99, 9});
		assert_int_equal(hold_of(&fx, "plain").offset, errors[i] == EIO ? 48 : 99);
		put(&fx, "bad too", 1);
		check(&fx, "plain", "good");
		pthread_mutex_lock(&disk);
		disk_error = 0;
		pthread_mutex_unlock(&disk);
		put(&fx, "better", 1);
		check(&fx, "plain", "better");
		assert_int_equal(hold_of(&fx, "plain").offset, 99);
		put(&fx, "best", 0);
		check(&fx, "plain", "best");
		fx_deinit(&fx);
	}
}

/* The one before takes the place of one that is damaged or gone. */
static void the_old_one_serves(void **state)
{
	struct fixture fx;
	char dir[200], path[400] = "", old[410];
	unsigned seen[N_KEYS] = {0};
	fx_init(&fx);
	fx_open(&fx);
	store(&fx, "plain", "one");
	store(&fx, "plain", "two");
	fx_path(&fx, dir, sizeof dir, "");
	DIR *d = opendir(dir);
	for (struct dirent *e; (e = readdir(d));)
		if (strncmp(e->d_name, "pos-plain", 9) == 0 && !strstr(e->d_name, ".old"))
			fx_path(&fx, path, sizeof path, e->d_name);
	closedir(d);
	assert_int_equal(truncate(path, 11), 0);
	check(&fx, "plain", "one");
	assert_int_equal(remove(path), 0);
	check(&fx, "plain", "one");
	wal_position_each(fx.w, mark, seen);
	assert_int_equal(seen[0], 1);
	store(&fx, "plain", "three");
	check(&fx, "plain", "three");
	/* Where neither can be read, that is something else than none. */
	assert_int_equal(truncate(path, 11), 0);
	snprintf(old, sizeof old, "%s.old", path);
	assert_int_equal(truncate(old, 0), 0);
	check_unreadable(&fx, "plain");
	wal_position_drop(fx.w, SV("plain"));
	check(&fx, "plain", NULL);
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positions_are_kept_by_key),
		cmocka_unit_test(a_damaged_one_is_not_believed),
		cmocka_unit_test(leftovers_go),
		cmocka_unit_test(a_slow_disk_holds_up_nobody),
		cmocka_unit_test(what_waits_is_stored_at_the_end),
		cmocka_unit_test(a_failure_is_told_later),
		cmocka_unit_test(the_old_one_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
