/* budget: counters and thresholds. */
#include <ampagent/base/budget.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <malloc.h>
#include <unistd.h>

enum {
	LEVEL_FIRST_PERCENT = 60,
	LEVEL_STEP_PERCENT = 10,
	LEVEL_BACK_PERCENT = 10,
	/* One part of so many is left to the allocator and to what the kernel holds for us. */
	SLACK_PART = 8,
	STATM_BYTES = 256,
	/* What nobody is refused: a usual page. */
	SMALL_BYTES = 256 << 10,
};

/* An idle agent has 2.4 MiB of its own and 11 MiB of mapped code, of which a few must stay. */
#define RESERVE_BYTES MiB(8)

static struct {
	uint64_t limit, total;
	uint64_t used[BUDGET_PARTS];
	uint64_t all; /* the sum of used */
	enum budget_level level;
} budget;

const char *budget_part_name(enum budget_part part)
{
	static const char *const names[BUDGET_PARTS] = {
		"none",   "pages",    "batches",   "tail",  "queues",
		"series", "metadata", "exemplars", "other",
	};
	return names[part];
}

uint64_t budget_of_limit(uint64_t limit)
{
	uint64_t reserve = RESERVE_BYTES + limit / SLACK_PART;
	uint64_t least = limit / 4;
	return limit > reserve + least ? limit - reserve : least;
}

void budget_set(uint64_t limit)
{
	budget.limit = limit;
	budget.total = limit ? budget_of_limit(limit) : 0;
	budget.level = BUDGET_CALM;
}

uint64_t budget_limit(void)
{
	return budget.limit;
}

uint64_t budget_total(void)
{
	return budget.total;
}

void budget_charge(enum budget_part part, size_t n)
{
	if (part == BUDGET_NONE)
		return;
	__atomic_add_fetch(&budget.used[part], n, __ATOMIC_RELAXED);
	__atomic_add_fetch(&budget.all, n, __ATOMIC_RELAXED);
}

void budget_release(enum budget_part part, size_t n)
{
	if (part == BUDGET_NONE)
		return;
	__atomic_sub_fetch(&budget.used[part], n, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&budget.all, n, __ATOMIC_RELAXED);
}

void budget_move(enum budget_part from, enum budget_part to, size_t n)
{
	budget_charge(to, n);
	budget_release(from, n);
}

/* Two threads' charges may be seen one without the other: below zero is zero. */
static uint64_t read_count(const uint64_t *count)
{
	uint64_t n = __atomic_load_n(count, __ATOMIC_RELAXED);
	return n > INT64_MAX ? 0 : n;
}

uint64_t budget_used(enum budget_part part)
{
	return read_count(&budget.used[part]);
}

uint64_t budget_used_all(void)
{
	return read_count(&budget.all);
}

size_t budget_room(void)
{
	if (budget.total == 0)
		return SIZE_MAX;
	uint64_t used = budget_used_all();
	return used < budget.total ? budget.total - used : 0;
}

size_t budget_fair(size_t own, size_t max)
{
	size_t room = budget_room();
	if (room == SIZE_MAX || own >= max)
		return max;
	/* n <= room - (n - own), resolved for n. */
	size_t n = own / 2 + room / 2;
	if (n < SMALL_BYTES)
		n = SMALL_BYTES;
	return n < max ? n : max;
}

size_t budget_bound(size_t max, unsigned n)
{
	return budget.total && budget.total / n < max ? budget.total / n : max;
}

enum budget_level budget_level_next(enum budget_level now, uint64_t used, uint64_t total)
{
	if (total == 0)
		return BUDGET_CALM;
	unsigned level = now;
	for (; level < BUDGET_SHED_TARGET; level++)
		if (used < total / 100 * (LEVEL_FIRST_PERCENT + level * LEVEL_STEP_PERCENT))
			break;
	for (; level > BUDGET_CALM; level--) {
		unsigned up = LEVEL_FIRST_PERCENT + (level - 1) * LEVEL_STEP_PERCENT;
		if (used >= total / 100 * (up - LEVEL_BACK_PERCENT))
			break;
	}
	return (enum budget_level)level;
}

enum budget_level budget_level(void)
{
	if (budget.total == 0)
		return BUDGET_CALM;
	uint64_t all = budget_used_all(), pages = budget_used(BUDGET_PAGES);
	uint64_t used = all > pages ? all - pages : 0;
	budget.level = budget_level_next(budget.level, used, budget.total);
	return budget.level;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* Shadow memory and what is kept of freed memory would drown everything. */
void budget_measure(void)
{
}
#else
/* Resident pages that are the process's own: 0 when the kernel does not tell. */
static uint64_t own_resident(void)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, STATM_BYTES);
	if (file_read("/proc/self/statm", &text, NULL) != 0)
		return 0;
	uint64_t v[3] = {0};
	struct sv rest = buf_view(&text);
	for (int i = 0; i < 3; i++) {
		size_t n = sv_find(rest, ' ');
		if (sv_to_u64(sv_make(rest.ptr, n), &v[i]) != 0)
			return 0;
		rest = sv_from(rest, n + 1);
	}
	return v[1] > v[2] ? (v[1] - v[2]) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t beyond(uint64_t resident)
{
	uint64_t known = budget_used_all() - budget_used(BUDGET_OTHER) + RESERVE_BYTES;
	return resident > known ? resident - known : 0;
}

void budget_measure(void)
{
	if (budget.total == 0)
		return;
	uint64_t other = beyond(own_resident());
	if (other > 0) {
		malloc_trim(0);
		other = beyond(own_resident());
	}
	uint64_t before = budget_used(BUDGET_OTHER);
	budget_charge(BUDGET_OTHER, other);
	budget_release(BUDGET_OTHER, before);
}
#endif
