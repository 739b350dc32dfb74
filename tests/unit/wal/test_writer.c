/* The writer: bounds, a full queue, a disk that refuses, what it tells. */
#include "fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { SLOTS = 100 };

static struct wal_stats stats_of(struct fixture *fx)
{
	struct wal_stats st;
	wal_stats_get(fx->w, &st);
	return st;
}

static void bytes_are_bounded(void **state)
{
	for (unsigned memory = 0; memory < 2; memory++) {
		struct fixture fx;
		fx_init(&fx);
		fx.opt.memory = memory;
		fx.opt.max_bytes = 200000;
		fx_open(&fx);
		wal_hold(fx.w, SV("d"), wal_head(fx.w));
		for (unsigned n = 0; n < 600; n++) {
			struct batch *b = fx_empty(1, 1000 + n);
			struct batch_column *c = fx_column(b, 1, SLOTS, 0);
			for (unsigned i = 0; i < SLOTS; i++)
				c->values[i] = n * UINT64_C(0x9e3779b97f4a7c15) + i;
			fx_put(&fx, b);
			assert_int_equal(wal_flush(fx.w, false), 0);
			assert_true(stats_of(&fx).bytes <= 200000 + 1000);
		}
		struct wal_stats st = stats_of(&fx);
		assert_true(st.dropped_bounds > 0);
		assert_int_equal(st.dropped_bounds, st.tail.sequence);
		assert_int_equal(st.head.sequence, 600 * SLOTS);
		assert_int_equal(st.samples_written, 600 * SLOTS);
		assert_int_equal(st.batches_written, 600);
		assert_int_equal(st.memory, memory);
		fx_deinit(&fx);
	}
}

static void what_was_delivered_is_not_counted(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.segment_bytes = 2000;
	fx.opt.max_bytes = 10000;
	fx_open(&fx);
	for (unsigned n = 0; n < 100; n++) {
		fx_write(&fx, n, SLOTS);
		wal_hold(fx.w, SV("near"), wal_head(fx.w));
	}
	assert_int_equal(stats_of(&fx).dropped_bounds, 0);
	fx_deinit(&fx);
}

static void old_segments_go(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.max_age_ms = 40;
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	for (unsigned n = 0; n < 200 && stats_of(&fx).tail.sequence == 0; n++) {
		fx_write(&fx, n, SLOTS);
		usleep(5000);
	}
	struct wal_stats st = stats_of(&fx);
	assert_true(st.tail.sequence > 0);
	assert_int_equal(st.dropped_bounds, st.tail.sequence);
	fx_deinit(&fx);
}

static void holds_keep_segments(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.segment_bytes = 2000;
	fx_open(&fx);
	struct wal_pos start = wal_head(fx.w);
	wal_hold(fx.w, SV("slow"), start);
	for (unsigned n = 0; n < 150; n++) {
		fx_write(&fx, n, SLOTS);
		wal_hold(fx.w, SV("fast"), wal_head(fx.w));
	}
	assert_int_equal(stats_of(&fx).tail.segment, start.segment);
	uint64_t before = stats_of(&fx).segments;
	assert_true(before > 5);
	wal_position_drop(fx.w, SV("slow"));
	for (unsigned n = 150; n < 300; n++) {
		fx_write(&fx, n, SLOTS);
		wal_hold(fx.w, SV("fast"), wal_head(fx.w));
	}
	assert_true(stats_of(&fx).segments <= 2);
	assert_int_equal(stats_of(&fx).dropped_bounds, 0);
	fx_deinit(&fx);
}

static void without_readers_little_is_kept(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.segment_bytes = 2000;
	fx_open(&fx);
	for (unsigned n = 0; n < 100; n++)
		fx_write(&fx, n, SLOTS);
	assert_int_equal(stats_of(&fx).segments, 2);
	fx_deinit(&fx);
}

static struct batch *small_batch(unsigned k)
{
	struct batch *b = fx_empty(1, 1000 + k);
	fx_column(b, 1, SLOTS, k);
	batch_seal(b);
	return b;
}

static void set_file_limit(rlim_t max)
{
	struct rlimit rl;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &rl), 0);
	rl.rlim_cur = max < rl.rlim_max ? max : rl.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
}

/* A disk that takes only a part: the half record is not left in the way, the queue fills and says
 * so, and when the disk is well again everything put is there. */
static void a_refusing_disk_is_waited_for(void **state)
{
	struct fixture fx;
	signal(SIGXFSZ, SIG_IGN);
	fx_init(&fx);
	fx_open(&fx);
	struct wal_pos start = wal_head(fx.w);
	wal_hold(fx.w, SV("d"), start);
	fx_write(&fx, 0, SLOTS);
	set_file_limit(wal_head(fx.w).offset + 100);
	struct batch_sink sink = wal_sink(fx.w);
	unsigned put = 1;
	/* More than the queue holds is refused while the writer cannot write. */
	for (; put < 100000; put++) {
		struct batch *b = small_batch(put);
		int r = sink.put(sink.cls, b);
		if (r) {
			assert_int_equal(r, 1);
			batch_unref(b);
			break;
		}
	}
	assert_true(put < 100000);
	assert_true(wal_flush(fx.w, false) < 0);
	assert_true(stats_of(&fx).failed);
	assert_true(stats_of(&fx).queue > 0);
	set_file_limit(RLIM_INFINITY);
	while (wal_flush(fx.w, true) != 0)
		;
	assert_false(stats_of(&fx).failed);
	assert_int_equal(stats_of(&fx).queue, 0);
	fx_reopen(&fx);
	assert_int_equal(stats_of(&fx).repaired_bytes, 0);
	assert_int_equal(wal_head(fx.w).sequence, put * SLOTS);
	struct wal_cursor *c;
	struct batch *b;
	uint64_t skipped;
	assert_int_equal(wal_cursor_new(fx.w, start, &c, &skipped), 0);
	unsigned n = 0;
	for (; wal_cursor_next(c, &b, &skipped) == 0; n++) {
		assert_int_equal(b->t_ms, 1000 + n);
		assert_int_equal(skipped, 0);
		batch_unref(b);
	}
	assert_int_equal(n, put);
	wal_cursor_free(c);
	fx_deinit(&fx);
}

/* Closing does not wait for a disk that refuses. */
static void closing_gives_up(void **state)
{
	struct fixture fx;
	signal(SIGXFSZ, SIG_IGN);
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, SLOTS);
	set_file_limit(wal_head(fx.w).offset + 10);
	fx_put(&fx, small_batch(1));
	assert_true(wal_flush(fx.w, false) < 0);
	fx_close(&fx);
	set_file_limit(RLIM_INFINITY);
	fx_open(&fx);
	assert_int_equal(wal_head(fx.w).sequence, SLOTS);
	fx_deinit(&fx);
}

static void count_call(void *cls)
{
	__atomic_add_fetch((int *)cls, 1, __ATOMIC_RELAXED);
}

static void it_tells_when_something_was_written(void **state)
{
	struct fixture fx;
	int calls = 0;
	fx_init(&fx);
	fx_open(&fx);
	wal_on_written(fx.w, count_call, &calls);
	fx_write(&fx, 0, SLOTS);
	assert_int_equal(__atomic_load_n(&calls, __ATOMIC_RELAXED), 1);
	/* Definitions alone are nothing to read. */
	struct batch *b = fx_empty(2, 1);
	fx_define_owner(b);
	fx_put(&fx, b);
	assert_int_equal(wal_flush(fx.w, false), 0);
	assert_int_equal(__atomic_load_n(&calls, __ATOMIC_RELAXED), 1);
	fx_deinit(&fx);
}

static void unsound_batches_are_refused(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	struct batch *b = fx_empty(1, 1);
	fx_column(b, 1, 10, 0)->n_slots = 300;
	struct batch_sink sink = wal_sink(fx.w);
	assert_true(sink.put(sink.cls, b) < 0);
	batch_unref(b);
	fx_deinit(&fx);
}

static void batches_too_large_for_a_record_are_refused(void **state)
{
	struct fixture fx;
	size_t n = WAL_RECORD_BYTES / sizeof(struct batch_row);
	fx_init(&fx);
	fx_open(&fx);
	struct batch *b = fx_empty(1, 1);
	b->rows = mmap(NULL, n * sizeof *b->rows, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(b->rows != MAP_FAILED);
	b->n_rows = n;
	batch_seal(b);
	struct batch_sink sink = wal_sink(fx.w);
	assert_int_equal(sink.put(sink.cls, b), 1);
	munmap(b->rows, n * sizeof *b->rows);
	batch_unref(b);
	fx_write(&fx, 0, SLOTS);
	assert_int_equal(stats_of(&fx).samples_written, SLOTS);
	fx_deinit(&fx);
}

static void it_shows_its_metrics(void **state)
{
	struct fixture fx;
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, 1 << 20);
	struct metrics_writer mw = {.out = &out};
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, SLOTS);
	assert_int_equal(wal_flush(fx.w, true), 0);
	wal_collect(fx.w, &mw);
	metrics_emit_cells(&mw);
	struct sv text = buf_view(&out);
	assert_true(sv_find_sv(text, SV("\nampagent_wal_samples_written_total 100\n")) < text.len);
	assert_true(sv_find_sv(text, SV("\nampagent_wal_head_sequence 100\n")) < text.len);
	assert_true(
		sv_find_sv(text, SV("ampagent_wal_fsync_duration_seconds_bucket{le=\"+Inf\"}")) <
		text.len);
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(what_was_delivered_is_not_counted),
		cmocka_unit_test(old_segments_go),
		cmocka_unit_test(holds_keep_segments),
		cmocka_unit_test(without_readers_little_is_kept),
		cmocka_unit_test(a_refusing_disk_is_waited_for),
		cmocka_unit_test(closing_gives_up),
		cmocka_unit_test(it_tells_when_something_was_written),
		cmocka_unit_test(unsound_batches_are_refused),
		cmocka_unit_test(batches_too_large_for_a_record_are_refused),
		cmocka_unit_test(it_shows_its_metrics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
