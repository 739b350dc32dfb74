/* ampagent: dispatch to a subcommand. */
#include "commands.h"

#include <ampagent/base/crypto.h>
#include <ampagent/net/http_client.h>

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"run", cmd_run, "scrape and deliver (the default without a subcommand)"},
	{"demo", cmd_demo, "show the whole flow on this machine, with made-up keys"},
	{"receive", cmd_receive, "a stand-in for an AMP workspace, for trials and tests"},
	{"wal", cmd_wal, "print or check what is in a log directory"},
	{"check-config", cmd_check_config,
	 "check configuration files, as promtool check config does"},
	{"check-metrics", cmd_check_metrics,
	 "check metrics on stdin, as promtool check metrics does"},
	{"doctor", cmd_doctor, "find out why nothing arrives: each step to the workspace, tried"},
	{"health", cmd_health, "ask the running agent whether it is healthy: for container checks"},
	{"docs", cmd_docs, "print a generated page: config, metrics"},
};

static int usage(void)
{
	printf("usage: ampagent [subcommand] [flags]\n\n");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		printf("  %-13s  %s\n", commands[i].name, commands[i].help);
	printf("  version        print the version\n\n"
	       "Start with: ampagent --config.file=prometheus.yml\n"
	       "Flags of a subcommand: ampagent <subcommand> --help\n");
	return 0;
}

int main(int argc, char **argv)
{
	/* Few threads, few arenas: memory goes back instead of lying in pools. */
	mallopt(M_ARENA_MAX, 2);
	/* Above what libsnappy takes and gives back with every request, or each would map it anew.
	 */
	mallopt(M_MMAP_THRESHOLD, 192 * 1024);
	mallopt(M_TRIM_THRESHOLD, 256 * 1024);
	signal(SIGPIPE, SIG_IGN);
	/* A file at its size limit is a full disk: the write fails, and the log tries again. */
	signal(SIGXFSZ, SIG_IGN);

	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "help") == 0)
		return usage();
	char version_flag[] = "--version";
	char *version_argv[] = {argv[0], version_flag, NULL};
	if (strcmp(name, "version") == 0)
		return cmd_run(2, version_argv);
	/* Every few seconds: without what it does not need. */
	if (strcmp(name, "health") == 0)
		return cmd_health(argc - 1, argv + 1);
	if (crypto_init() != 0 || http_client_global_init() != 0) {
		fprintf(stderr, "ampagent: OpenSSL or libcurl cannot be started\n");
		return 1;
	}
	if (name[0] == '-' || name[0] == '\0')
		return cmd_run(argc, argv);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "ampagent: unknown subcommand \"%s\"; see ampagent help\n", name);
	return 2;
}
