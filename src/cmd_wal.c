/* `ampagent wal DIR`: what is in a log directory. Reads only; works beside a running agent. */
#include "commands.h"
#include "flags.h"

#include <ampagent/wal.h>

int cmd_wal(int argc, char **argv)
{
	bool verbose = false;
	const struct flag flags[] = {
		{"verbose", FLAG_BOOL, &verbose, "Print every sample with its labels."},
		{0},
	};
	const char *synopsis = "ampagent wal [--verbose] DIR\n\n"
			       "Prints segments, batches, definitions and damage of a log.\n"
			       "DIR is the storage path or the ampagent directory in it.";
	struct sv dir = SV_NULL;
	size_t n = 0;
	struct err err = ERR_NULL;
	int r = flags_parse(argc, argv, flags, &dir, 1, &n, &err);
	if (r == FLAGS_E_HELP) {
		flags_usage(stdout, synopsis, flags);
		return 0;
	}
	if (r != 0 || n != 1) {
		fprintf(stderr, "ampagent wal: %s\n", r ? err.msg : "DIR is missing");
		flags_usage(stderr, synopsis, flags);
		return 2;
	}
	_cleanup_(freep) char *path = sv_dup(dir);
	if (!path || wal_print(path, verbose, stdout, &err) != 0) {
		fprintf(stderr, "ampagent wal: %s\n", path ? err.msg : "out of memory");
		return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
