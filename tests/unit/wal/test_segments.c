/* What a wall clock that leaps does to the age of segments. */
#include "fixture.h"

#include <ampagent/base/clock.h>
#include <stdatomic.h>
#include <unistd.h>

enum { HOUR_MS = 3600 * 1000, MAX_AGE_MS = 600 * 1000, SLOTS = 200 };

static atomic_llong leap_ms;

int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void)
{
	return __real_clock_wall_ms() + atomic_load(&leap_ms);
}

static struct wal_stats stats_of(struct fixture *fx)
{
	struct wal_stats st;
	wal_stats_get(fx->w, &st);
	return st;
}

static void start(struct fixture *fx)
{
	atomic_store(&leap_ms, 0);
	fx_init(fx);
	fx->opt.max_age_ms = MAX_AGE_MS;
	fx->opt.segment_bytes = 2000;
	fx_open(fx);
	wal_hold(fx->w, SV("slow"), wal_head(fx->w));
	for (unsigned n = 0; n < 50; n++)
		fx_write(fx, n, SLOTS);
	assert_true(stats_of(fx).segments > 3);
}

/* Nothing of what waits is older for it, as long as the log is open. */
static void a_leap_drops_nothing(void **state)
{
	struct fixture fx;
	start(&fx);
	size_t segments = stats_of(&fx).segments;
	atomic_store(&leap_ms, HOUR_MS);
	for (unsigned n = 50; n < 100; n++)
		fx_write(&fx, n, SLOTS);
	atomic_store(&leap_ms, -HOUR_MS);
	for (unsigned n = 100; n < 150; n++)
		fx_write(&fx, n, SLOTS);
	struct wal_stats st = stats_of(&fx);
	assert_int_equal(st.dropped_bounds, 0);
	assert_int_equal(st.tail.sequence, 0);
	assert_true(st.segments > segments);
	fx_deinit(&fx);
}

/* Across a restart there is only the wall clock to go by. */
static void age_counts_over_a_restart(void **state)
{
	struct fixture fx;
	start(&fx);
	uint64_t head = wal_head(fx.w).sequence;
	fx_close(&fx);
	atomic_store(&leap_ms, HOUR_MS);
	fx_open(&fx);
	wal_hold(fx.w, SV("slow"), (struct wal_pos){1, 0, 0});
	for (unsigned n = 50; n < 52; n++)
		fx_write(&fx, n, SLOTS);
	struct wal_stats st = stats_of(&fx);
	assert_true(st.tail.sequence > 0 && st.tail.sequence <= head);
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leap_drops_nothing),
		cmocka_unit_test(age_counts_over_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
