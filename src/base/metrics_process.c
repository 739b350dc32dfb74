/* metrics_process: the process_* families, from /proc/self. */
#include <ampagent/base/clock.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/metrics.h>

#include <dirent.h>
#include <sys/resource.h>

enum {
	STAT_BYTES = 4096,
	/* Fields of /proc/self/stat, counted from 1 as proc(5) does. */
	FIELD_AFTER_NAME = 3,
	FIELD_START_TICKS = 22,
	FIELD_VIRTUAL_BYTES = 23,
	FIELD_RESIDENT_PAGES = 24,
	FIELD_LAST = FIELD_RESIDENT_PAGES,
};

/* The name, field 2, may hold anything, so counting starts after its last parenthesis. */
static int read_stat(uint64_t fields[FIELD_LAST + 1])
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, STAT_BYTES);
	if (file_read("/proc/self/stat", &text, NULL) != 0)
		return 1;
	const char *name_end = memrchr(text.ptr, ')', text.len);
	if (!name_end)
		return 1;
	struct sv rest = sv_trim(sv_from(buf_view(&text), (size_t)(name_end + 1 - text.ptr)));
	for (int i = FIELD_AFTER_NAME; i <= FIELD_LAST; i++) {
		size_t n = sv_find(rest, ' ');
		if (sv_to_u64(sv_make(rest.ptr, n), &fields[i]) != 0)
			fields[i] = 0;
		rest = sv_from(rest, n + 1);
	}
	return 0;
}

/* Seconds since 1970 when the machine started. */
static int boot_time(double *out)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, MiB(1));
	if (file_read("/proc/stat", &text, NULL) != 0)
		return 1;
	struct sv s = buf_view(&text);
	size_t at = sv_find_sv(s, SV("\nbtime "));
	s = sv_from(s, at + sizeof "\nbtime " - 1);
	uint64_t seconds;
	if (sv_to_u64(sv_make(s.ptr, sv_find(s, '\n')), &seconds) != 0)
		return 1;
	*out = (double)seconds;
	return 0;
}

static int count_fds(size_t *out)
{
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return 1;
	size_t n = 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(dir);
	*out = n - 1; /* the directory's own */
	return 0;
}

void metrics_emit_process(struct metrics_writer *w)
{
	metrics_emit(w, M_PROCESS_CPU_SECONDS, NULL, 0, (double)clock_process_cpu_ns() / 1e9);
	uint64_t fields[FIELD_LAST + 1] = {0};
	double boot;
	if (read_stat(fields) == 0) {
		metrics_emit(w, M_PROCESS_VIRTUAL_MEMORY, NULL, 0,
			     (double)fields[FIELD_VIRTUAL_BYTES]);
		metrics_emit(w, M_PROCESS_RESIDENT_MEMORY, NULL, 0,
			     (double)fields[FIELD_RESIDENT_PAGES] * (double)sysconf(_SC_PAGESIZE));
		if (boot_time(&boot) == 0)
			metrics_emit(w, M_PROCESS_START_TIME, NULL, 0,
				     boot + (double)fields[FIELD_START_TICKS] /
						     (double)sysconf(_SC_CLK_TCK));
	}
	size_t fds;
	if (count_fds(&fds) == 0)
		metrics_emit(w, M_PROCESS_OPEN_FDS, NULL, 0, (double)fds);
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		metrics_emit(w, M_PROCESS_MAX_FDS, NULL, 0, (double)limit.rlim_cur);
}
