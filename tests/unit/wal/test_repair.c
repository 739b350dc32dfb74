/* Opening what another process left: torn ends, kill -9, locks, versions. */
#include "fixture.h"

#include "../../../src/wal/codec.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

enum { SLOTS = 20 };

static size_t slurp(const char *path, char *dst, size_t max)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(dst, 1, max, f);
	fclose(f);
	return n;
}

static void spit(const char *path, const char *src, size_t n)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(src, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void remove_segments(struct fixture *fx, unsigned from)
{
	for (unsigned i = from; i < from + 4; i++) {
		char name[32], path[128];
		snprintf(name, sizeof name, "seg-%016u", i);
		fx_path(fx, path, sizeof path, name);
		remove(path);
	}
}

/* Counts batches from the log's start; each must be whole. */
static unsigned count_batches(struct fixture *fx)
{
	struct wal_cursor *c;
	struct batch *b;
	uint64_t skipped;
	unsigned n = 0;
	assert_int_equal(wal_cursor_new(fx->w, wal_tail(fx->w), &c, &skipped), 0);
	while (wal_cursor_next(c, &b, &skipped) == 0) {
		assert_int_equal(skipped, 0);
		assert_int_equal(b->t_ms, 1000 + n);
		assert_int_equal(b->n_samples, SLOTS);
		for (unsigned s = 0; s < SLOTS; s++)
			assert_true(b->columns[0].values[s] == bits_of_double(n + s));
		batch_unref(b);
		n++;
	}
	wal_cursor_free(c);
	return n;
}

/* Cut or filled with rubbish anywhere in the last record, the log loses that record and no more. */
static void a_torn_end_is_cut(void **state)
{
	struct fixture fx;
	char path[128];
	static char bytes[1 << 16];
	fx_init(&fx);
	fx_open(&fx);
	for (unsigned n = 0; n < 5; n++)
		fx_write(&fx, n, SLOTS);
	size_t last = (size_t)wal_head(fx.w).offset;
	fx_write(&fx, 5, SLOTS);
	fx_close(&fx);
	/* A killed process does not tell how far it went. */
	remove_segments(&fx, 2);
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	size_t n = slurp(path, bytes, sizeof bytes);
	assert_true(n > last);
	for (size_t cut = last; cut <= n; cut++) {
		for (unsigned zeros = 0; zeros < 2; zeros++) {
			static char torn[1 << 16];
			memset(torn, 0, sizeof torn);
			memcpy(torn, bytes, cut);
			spit(path, torn, zeros ? n + 1000 : cut);
			unsigned want = cut == n ? 6 : 5;
			fx_open(&fx);
			struct wal_stats st;
			wal_stats_get(fx.w, &st);
			assert_int_equal(st.repaired_bytes,
					 (zeros ? n + 1000 : cut) - (want == 6 ? n : last));
			assert_int_equal(wal_head(fx.w).sequence, want * SLOTS);
			assert_int_equal(count_batches(&fx), want);
			/* The next one goes where it belongs. */
			fx_write(&fx, want, SLOTS);
			assert_int_equal(count_batches(&fx), want + 1);
			/* Cut once, it is whole. */
			fx_reopen(&fx);
			wal_stats_get(fx.w, &st);
			assert_int_equal(st.repaired_bytes, 0);
			fx_close(&fx);
			remove_segments(&fx, 2);
		}
	}
	fx_deinit(&fx);
}

static void ignore(void *cls, uint16_t slot, struct labels labels)
{
}

/* The same for the definitions: what is torn there is defined again. */
static void a_torn_definition_is_cut(void **state)
{
	struct fixture fx;
	char path[128];
	static char bytes[1 << 16];
	fx_init(&fx);
	fx_open(&fx);
	struct batch *b = fx_empty(1, 1);
	fx_define_owner(b);
	fx_define(b, 1, 0, 5);
	fx_put(&fx, b);
	assert_int_equal(wal_flush(fx.w, true), 0);
	fx_path(&fx, path, sizeof path, "def-0000000000000001");
	size_t first = slurp(path, bytes, sizeof bytes);
	b = fx_empty(1, 2);
	fx_define(b, 1, 5, 5);
	fx_put(&fx, b);
	fx_close(&fx);
	size_t n = slurp(path, bytes, sizeof bytes);
	assert_true(n > first);
	for (size_t cut = first; cut < n; cut++) {
		spit(path, bytes, cut);
		fx_open(&fx);
		assert_int_equal(wal_next_frame(fx.w), 2);
		assert_int_equal(wal_next_owner(fx.w), 2);
		assert_int_equal(wal_frame_labels(fx.w, 1, 0, ignore, NULL), 5);
		assert_int_equal(wal_frame_labels(fx.w, 1, 5, ignore, NULL), 5);
		fx_close(&fx);
	}
	fx_deinit(&fx);
}

static void an_empty_segment_is_no_trouble(void **state)
{
	struct fixture fx;
	char path[128];
	fx_init(&fx);
	fx_open(&fx);
	for (unsigned n = 0; n < 3; n++)
		fx_write(&fx, n, SLOTS);
	fx_close(&fx);
	/* A killed process made the name, no more. */
	fx_path(&fx, path, sizeof path, "seg-0000000000000002");
	spit(path, "", 0);
	fx_open(&fx);
	assert_int_equal(wal_head(fx.w).segment, 3);
	assert_int_equal(wal_head(fx.w).sequence, 3 * SLOTS);
	assert_int_equal(count_batches(&fx), 3);
	/* Restarts without batches leave nothing behind. */
	for (unsigned i = 0; i < 10; i++)
		fx_reopen(&fx);
	struct wal_stats st;
	wal_stats_get(fx.w, &st);
	assert_int_equal(st.segments, 2);
	assert_int_equal(wal_head(fx.w).sequence, 3 * SLOTS);
	fx_deinit(&fx);
}

static void one_process_at_a_time(void **state)
{
	struct fixture fx;
	struct err err = ERR_NULL;
	struct wal *other = NULL;
	fx_init(&fx);
	fx_open(&fx);
	assert_int_equal(wal_open(&fx.opt, &other, &err), WAL_E_LOCKED);
	char pid[32];
	snprintf(pid, sizeof pid, "pid %d", (int)getpid());
	assert_non_null(strstr(err.msg, pid));
	fx_close(&fx);
	fx_open(&fx);
	fx_deinit(&fx);
}

static void other_versions_are_refused(void **state)
{
	struct fixture fx;
	struct err err = ERR_NULL;
	char path[128];
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, SLOTS);
	fx_close(&fx);
	fx_path(&fx, path, sizeof path, "FORMAT");
	spit(path, "ampagent log 2\n", 15);
	/* The newest segment is of another version too; then there is none. */
	char newer[128];
	fx_path(&fx, newer, sizeof newer, "seg-0000000000000002");
	static const char other[FILE_HEADER_BYTES] = "AMPL\1\2 something else";
	spit(newer, other, sizeof other);
	assert_int_equal(wal_open(&fx.opt, &fx.w, &err), WAL_E_FORMAT);
	assert_true(strlen(err.msg) > 0);
	remove_segments(&fx, 1);
	assert_int_equal(wal_open(&fx.opt, &fx.w, &err), WAL_E_FORMAT);
	fx_deinit(&fx);
}

/* One bit of FORMAT must not cost the log. */
static void a_damaged_format_is_written_anew(void **state)
{
	struct fixture fx;
	char path[128], text[32];
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, SLOTS);
	fx_close(&fx);
	fx_path(&fx, path, sizeof path, "FORMAT");
	spit(path, "ampagent log 3\n", 15);
	fx_open(&fx);
	assert_int_equal(count_batches(&fx), 1);
	assert_int_equal(slurp(path, text, sizeof text), 15);
	assert_memory_equal(text, "ampagent log 1\n", 15);
	fx_deinit(&fx);
}

static void a_place_that_cannot_be_written_is_told(void **state)
{
	struct fixture fx;
	struct err err = ERR_NULL;
	char path[128];
	fx_init(&fx);
	snprintf(path, sizeof path, "%s/file", fx.dir);
	spit(path, "x", 1);
	fx.opt.dir = sv_of(path);
	assert_int_equal(wal_open(&fx.opt, &fx.w, &err), WAL_E_UNWRITABLE);
	assert_non_null(strstr(err.msg, path));
	fx_deinit(&fx);
}

static void the_neighbours_are_left_alone(void **state)
{
	struct fixture fx;
	char path[128], got[8];
	fx_init(&fx);
	snprintf(path, sizeof path, "%s/wal", fx.dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof path, "%s/wal/00000000", fx.dir);
	spit(path, "prom", 4);
	fx_open(&fx);
	fx_write(&fx, 0, SLOTS);
	fx_close(&fx);
	assert_int_equal(slurp(path, got, sizeof got), 4);
	assert_memory_equal(got, "prom", 4);
	fx_deinit(&fx);
}

/* Writes until it is killed; tells after each flush how far it came. */
static void write_for_ever(struct fixture *fx, unsigned k, int report)
{
	fx_open(fx);
	for (;; k++) {
		struct batch *b = fx_empty(1, 1000 + k);
		if (k == 0) {
			fx_define_owner(b);
			fx_define(b, 1, 0, SLOTS);
		}
		fx_column(b, 1, SLOTS, k);
		fx_put(fx, b);
		if (k % 5 == 0 && wal_flush(fx->w, false) == 0 &&
		    write(report, &k, sizeof k) != sizeof k)
			_exit(1);
	}
}

static void killed_at_any_moment_nothing_told_is_lost(void **state)
{
	struct fixture fx;
	uint64_t seed = 99;
	unsigned written = 0;
	fx_init(&fx);
	fx.opt.segment_bytes = 5000;
	for (unsigned round = 0; round < 25; round++) {
		int report[2];
		assert_int_equal(pipe(report), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			write_for_ever(&fx, written, report[1]);
		close(report[1]);
		unsigned told = 0, got;
		size_t reports = 1 + fx_random(&seed) % 30;
		for (size_t i = 0; i < reports; i++)
			assert_int_equal(read(report[0], &told, sizeof told), sizeof told);
		usleep((useconds_t)(fx_random(&seed) % 3000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(report[0], &got, sizeof got) == sizeof got)
			told = got;
		close(report[0]);

		fx_open(&fx);
		wal_hold(fx.w, SV("d"), wal_tail(fx.w));
		struct wal_cursor *c;
		struct batch *b;
		uint64_t skipped, first = wal_tail(fx.w).sequence / SLOTS, n = first;
		assert_int_equal(wal_cursor_new(fx.w, wal_tail(fx.w), &c, &skipped), 0);
		while (wal_cursor_next(c, &b, &skipped) == 0) {
			assert_int_equal(skipped, 0);
			assert_int_equal(b->t_ms, 1000 + (int64_t)n);
			assert_int_equal(b->pos.sequence, n * SLOTS);
			assert_true(b->columns[0].values[7] == bits_of_double((double)n + 7));
			batch_unref(b);
			n++;
		}
		wal_cursor_free(c);
		assert_true(n > told);
		assert_int_equal(wal_head(fx.w).sequence, n * SLOTS);
		written = (unsigned)n;
		fx_close(&fx);
	}
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_torn_end_is_cut),
		cmocka_unit_test(a_torn_definition_is_cut),
		cmocka_unit_test(an_empty_segment_is_no_trouble),
		cmocka_unit_test(one_process_at_a_time),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(a_damaged_format_is_written_anew),
		cmocka_unit_test(a_place_that_cannot_be_written_is_told),
		cmocka_unit_test(the_neighbours_are_left_alone),
		cmocka_unit_test(killed_at_any_moment_nothing_told_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
