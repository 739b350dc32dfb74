/* Appending where writes and syncs fail: what was said to be synced was written after the last
 * failure. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "../../../src/wal/append.h"

static int sync_error; /* the next sync fails with it */
static unsigned writes, syncs;
static size_t short_write;      /* the next one writes so much, then fails */
static char disk[5 << 20];      /* what syncs saved, by writes since a failed one */
static char dirty[sizeof disk]; /* a byte that a sync would save */

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	syncs++;
	if (sync_error) {
		errno = sync_error;
		sync_error = 0;
		/* The kernel forgets what it could not write. */
		memset(dirty, 0, sizeof dirty);
		return -1;
	}
	static char all[sizeof disk];
	ssize_t n = pread(fd, all, sizeof all, 0);
	for (ssize_t i = 0; i < n; i++)
		if (dirty[i])
			disk[i] = all[i];
	memset(dirty, 0, sizeof dirty);
	return 0;
}

/* A disk that has room for so many segments. */
enum { FULL_SEGMENTS = 3 };
static const char *full_dir;

static unsigned count_segments(void)
{
	unsigned n = 0;
	DIR *d = opendir(full_dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strncmp(e->d_name, "seg-", 4) == 0;
	closedir(d);
	return n;
}

ssize_t __real_pwrite64(int fd, const void *src, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *src, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *src, size_t n, off_t at)
{
	writes++;
	if (full_dir && count_segments() > FULL_SEGMENTS) {
		errno = ENOSPC;
		return -1;
	}
	if (full_dir)
		return __real_pwrite64(fd, src, n, at);
	if (short_write == SIZE_MAX) {
		short_write = 0;
		errno = ENOSPC;
		return -1;
	}
	if (short_write > 0 && short_write < n) {
		n = short_write;
		short_write = SIZE_MAX;
	}
	memset(dirty + at, 1, n);
	return __real_pwrite64(fd, src, n, at);
}

struct out {
	struct append a;
	int fd;
	struct buf want;
};

static void out_init(struct out *o, bool keep)
{
	*o = (struct out){.a = APPEND_NULL, .fd = memfd_create("append", MFD_CLOEXEC)};
	assert_true(o->fd >= 0);
	buf_init(&o->want, sizeof disk);
	append_begin(&o->a, o->fd, 0, keep);
	memset(disk, 0, sizeof disk);
	memset(dirty, 0, sizeof dirty);
	writes = syncs = 0;
}

static void out_deinit(struct out *o)
{
	append_deinit(&o->a);
	buf_deinit(&o->want);
	close(o->fd);
}

/* Tries until it works; how many times it did not. */
static unsigned write_some(struct out *o, size_t n, char c)
{
	unsigned failed = 0;
	_cleanup_(freep) char *bytes = malloc(n);
	assert_non_null(bytes);
	memset(bytes, c, n);
	while (append_write(&o->a, sv_make(bytes, n), o->want.len))
		assert_true(++failed < 5);
	buf_append(&o->want, bytes, n);
	return failed;
}

static void check_synced(const struct out *o)
{
	assert_memory_equal(disk, o->want.ptr, o->want.len);
}

static void a_failed_sync_is_made_good(void **state)
{
	struct out o;
	out_init(&o, true);
	write_some(&o, 1000, 'a');
	assert_int_equal(append_sync(&o.a), 0);
	check_synced(&o);
	write_some(&o, 500, 'b');
	sync_error = EIO;
	assert_int_equal(append_sync(&o.a), -1);
	assert_int_equal(errno, EIO);
	/* More comes, and it fails once more. */
	write_some(&o, 300, 'c');
	sync_error = EIO;
	assert_int_equal(append_sync(&o.a), -1);
	assert_int_equal(append_sync(&o.a), 0);
	check_synced(&o);
	out_deinit(&o);
}

static void more_than_can_be_kept_is_synced_at_once(void **state)
{
	struct out o;
	out_init(&o, true);
	for (unsigned i = 0; i < 20; i++)
		write_some(&o, 100000, (char)('a' + i));
	assert_true(syncs > 0 && syncs < 3);
	/* One piece that is too large: its sync is part of it. */
	sync_error = EIO;
	assert_int_equal(write_some(&o, 1200000, 'x'), 1);
	check_synced(&o);
	sync_error = EIO;
	assert_int_equal(write_some(&o, 700000, 'y') + write_some(&o, 700000, 'z'), 1);
	assert_int_equal(append_sync(&o.a), 0);
	check_synced(&o);
	out_deinit(&o);
}

static void a_short_write_is_cut_off(void **state)
{
	struct out o;
	struct stat st;
	out_init(&o, true);
	write_some(&o, 1000, 'a');
	short_write = 17;
	assert_int_equal(append_write(&o.a, SV("0123456789012345678901234567890"), 1000), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(fstat(o.fd, &st), 0);
	assert_int_equal(st.st_size, 1000);
	short_write = 5;
	assert_int_equal(write_some(&o, 100, 'b'), 1);
	assert_int_equal(append_sync(&o.a), 0);
	check_synced(&o);
	out_deinit(&o);
}

/* What was written can be taken back until it is shown. */
static void the_end_can_be_written_again(void **state)
{
	struct out o;
	out_init(&o, true);
	write_some(&o, 100, 'a');
	assert_int_equal(append_write(&o.a, SV("not shown"), 100), 0);
	write_some(&o, 20, 'b');
	sync_error = EIO;
	assert_int_equal(append_sync(&o.a), -1);
	assert_int_equal(append_sync(&o.a), 0);
	check_synced(&o);
	assert_int_equal(append_write(&o.a, SV("synced, not shown"), 120), 0);
	assert_int_equal(append_sync(&o.a), 0);
	write_some(&o, 20, 'c');
	assert_int_equal(append_sync(&o.a), 0);
	check_synced(&o);
	out_deinit(&o);
}

static void without_promises_nothing_is_kept(void **state)
{
	struct out o;
	out_init(&o, false);
	for (unsigned i = 0; i < 30; i++)
		write_some(&o, 100000, 'a');
	assert_int_equal(syncs, 0);
	assert_int_equal(o.a.kept.cap, 0);
	assert_int_equal(append_sync(&o.a), 0);
	check_synced(&o);
	out_deinit(&o);
}

/* ---- the log as a whole: how often each mode syncs ---- */

static unsigned syncs_of(enum wal_durability durability, unsigned flushes)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.durability = durability;
	fx.opt.sync_interval_ms = 3600 * 1000;
	fx_open(&fx);
	fx_write(&fx, 0, 5);
	syncs = 0;
	for (unsigned k = 1; k <= flushes; k++) {
		fx_write(&fx, k, 5);
		wal_position_put(fx.w, SV("d"), SV("x"), NULL);
		assert_int_equal(wal_position_store(fx.w, SV("e"), SV("x"), NULL), 0);
	}
	unsigned n = syncs;
	fx_deinit(&fx);
	return n;
}

static void each_mode_syncs_what_it_promises(void **state)
{
	assert_int_equal(syncs_of(WAL_DURABILITY_NONE, 20), 0);
	/* Positions, those of one key that wait at the same time once. */
	unsigned n = syncs_of(WAL_DURABILITY_INTERVAL, 20);
	assert_true(n >= 20 && n <= 40);
	/* Those, and each batch before it is shown. */
	n = syncs_of(WAL_DURABILITY_ALWAYS, 20);
	assert_true(n >= 40 && n <= 60);
}

/* Nothing can be written, not even a position, until segments go that nobody needs. */
static void a_full_disk_gets_room(void **state)
{
	struct fixture fx;
	char dir[128];
	fx_init(&fx);
	fx.opt.segment_bytes = 500;
	fx.opt.durability = WAL_DURABILITY_NONE;
	fx_open(&fx);
	fx_path(&fx, dir, sizeof dir, "");
	full_dir = dir;
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	struct batch_sink sink = wal_sink(fx.w);
	unsigned k = 0;
	for (int r = 0; r == 0; k++) {
		struct batch *b = fx_empty(1, 1000 + k);
		fx_column(b, 1, 50, k);
		batch_seal(b);
		assert_int_equal(sink.put(sink.cls, b), 0);
		r = wal_flush(fx.w, false);
		assert_true(k < 100);
	}
	struct wal_pos head = wal_head(fx.w);
	assert_true(head.sequence > 0 && head.sequence < k * 50);
	wal_position_put(fx.w, SV("d"), SV("x"), NULL);
	wal_hold(fx.w, SV("d"), head);
	for (int i = 0; i < 50 && wal_flush(fx.w, false) != 0; i++)
		;
	assert_int_equal(wal_head(fx.w).sequence, k * 50);
	assert_true(wal_tail(fx.w).segment >= head.segment);
	full_dir = NULL;
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_sync_is_made_good),
		cmocka_unit_test(more_than_can_be_kept_is_synced_at_once),
		cmocka_unit_test(a_short_write_is_cut_off),
		cmocka_unit_test(the_end_can_be_written_again),
		cmocka_unit_test(without_promises_nothing_is_kept),
		cmocka_unit_test(each_mode_syncs_what_it_promises),
		cmocka_unit_test(a_full_disk_gets_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
