/* `ampagent wal [print|verify] DIR`: a log directory as text, or checked. Reads only; works beside
 * a running agent.
 */
#include "commands.h"
#include "flags.h"

#include <ampagent/remotewrite.h>
#include <ampagent/wal.h>
#include <string.h>

/* The directory of the command line. -1, or the exit code. */
static int parse(int argc, char **argv, const struct flag *flags, const char *synopsis, char **path)
{
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
	*path = sv_dup(dir);
	if (*path)
		return -1;
	fprintf(stderr, "ampagent wal: out of memory\n");
	return 2;
}

static int print(int argc, char **argv)
{
	bool verbose = false;
	const struct flag flags[] = {
		{"verbose", FLAG_BOOL, &verbose, "Print every sample with its labels."},
		{0},
	};
	const char *synopsis =
		"ampagent wal [print] [--verbose] DIR | ampagent wal verify [--json] DIR\n\n"
		"Prints segments, batches, definitions and damage of a log, or checks it.\n"
		"DIR is the storage path or the ampagent directory in it.";
	_cleanup_(freep) char *path = NULL;
	struct err err = ERR_NULL;
	int r = parse(argc, argv, flags, synopsis, &path);
	if (r >= 0)
		return r;
	if (wal_print(path, verbose, stdout, &err) != 0) {
		fprintf(stderr, "ampagent wal: %s\n", err.msg);
		return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

static int verify(int argc, char **argv)
{
	bool json = false;
	const struct flag flags[] = {
		{"json", FLAG_BOOL, &json, "Print JSON."},
		{0},
	};
	const char *synopsis =
		"ampagent wal verify [--json] DIR\n\n"
		"Recomputes the books of a log from its files alone: checksums, sequences without\n"
		"gaps, labels, what was refused, and for each destination base + sent + dropped +\n"
		"queued = head. One line for each finding, and a summary.\n"
		"Exit code: 0 when all agrees, 1 when something does not, 2 when DIR cannot be "
		"read.\n"
		"DIR is the storage path or the ampagent directory in it.";
	_cleanup_(freep) char *path = NULL;
	struct err err = ERR_NULL;
	int r = parse(argc, argv, flags, synopsis, &path);
	if (r >= 0)
		return r;
	r = wal_verify(path, &remotewrite_position_reader, json, stdout, &err);
	if (r == WAL_VERIFY_UNREADABLE)
		fprintf(stderr, "ampagent wal: %s\n", err.msg);
	return fflush(stdout) == 0 ? r : 2;
}

/* A directory of such a name is ./print. */
int cmd_wal(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "verify") == 0)
		return verify(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "print") == 0)
		return print(argc - 1, argv + 1);
	return print(argc, argv);
}
