/* `ampagent check-config`: configuration files, what they name, and their targets, as `promtool
 * check config` looks at them. */
#include "commands.h"
#include "config_source.h"
#include "flags.h"

#include <ampagent/base/arena.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>
#include <ampagent/config.h>
#include <ampagent/discovery.h>
#include <ampagent/scrape.h>

#include <glob.h>

/* promtool's exit codes. */
enum { EXIT_BROKEN = 1, EXIT_LINT = 3 };
enum { FILES_MAX = 256, SHOWN_MAX = 200 };
#define TARGET_BYTES KiB(256)

struct check {
	bool syntax_only, lint_intervals;
	int64_t lookback_ms;
	const char *path;                   /* the file, or what messages call it */
	const struct config_source *source; /* when it is no file */
	const struct scrape_options *job;   /* whose targets are looked at */
	struct err err;
};

/* The address that somebody finds in a file, cut. */
static struct sv address_of(struct labels entry)
{
	struct sv address = labels_get(entry, SV("__address__"));
	return sv_make(address.ptr, address.len < SHOWN_MAX ? address.len : SHOWN_MAX);
}

static int check_group(void *cls, const struct target_group *g)
{
	struct check *c = cls;
	for (size_t i = 0; i < g->n_targets; i++) {
		if (scrape_check_target(c->job, NULL, g->labels, g->targets[i], &c->err) == 0)
			continue;
		err_prefix(&c->err, "%s: job \"%.*s\": target \"%.*s\"", c->path,
			   SV_ARG(c->job->job_name), SV_ARG(address_of(g->targets[i])));
		return EXIT_BROKEN;
	}
	return 0;
}

/* A target's only label is its address. */
static int check_static(struct check *c, const struct static_group_options *opt)
{
	for (size_t i = 0; i < opt->n_targets; i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct label_builder b;
		struct labels entry = LABELS_NULL;
		arena_init(&arena, TARGET_BYTES);
		label_builder_init(&b, &arena);
		label_builder_set(&b, SV("__address__"), opt->targets[i]);
		if (b.failed || label_builder_finish(&b, &arena, &entry) != 0)
			return err_set(&c->err, EXIT_BROKEN,
				       "%s: job \"%.*s\": a target is too long", c->path,
				       SV_ARG(c->job->job_name));
		const struct target_group group = {
			.labels = opt->labels, .targets = &entry, .n_targets = 1};
		int r = check_group(c, &group);
		if (r != 0)
			return r;
	}
	return 0;
}

static void globfree_cleanup(glob_t *found)
{
	globfree(found);
}

static int check_files(struct check *c, const struct file_sd_options *opt)
{
	for (size_t i = 0; i < opt->n_files; i++) {
		_cleanup_(globfree) glob_t found = {.gl_pathc = 0};
		/* As the agent looks for them. */
		if (glob(opt->files[i].ptr, GLOB_PERIOD, NULL, &found) != 0) {
			printf("  WARNING: file \"%.*s\" for file_sd in scrape job \"%.*s\" does "
			       "not exist\n",
			       SV_ARG(opt->files[i]), SV_ARG(c->job->job_name));
			continue;
		}
		for (size_t k = 0; k < found.gl_pathc; k++) {
			int r = discovery_check_file(found.gl_pathv[k], check_group, c, &c->err);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

static int check_targets(struct check *c, const struct config *config)
{
	for (size_t i = 0; i < config->n_scrapes; i++) {
		const struct discovery_options *d = &config->discoveries[i];
		int r = 0;
		c->job = &config->scrapes[i];
		for (size_t k = 0; r == 0 && k < d->n_statics; k++)
			r = check_static(c, &d->statics[k]);
		for (size_t k = 0; r == 0 && !c->syntax_only && k < d->n_file_sds; k++)
			r = check_files(c, &d->file_sds[k]);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Series of such a job would be taken for gone between two scrapes. */
static bool has_long_interval(const struct check *c, const struct config *config)
{
	char text[DURATION_MAX];
	for (size_t i = 0; c->lint_intervals && i < config->n_scrapes; i++) {
		const struct scrape_options *s = &config->scrapes[i];
		if (s->interval_ms < c->lookback_ms)
			continue;
		fprintf(stderr,
			"  FAILED: too long scrape interval found, data point will be marked as "
			"stale - job: %.*s, interval: %s\n",
			SV_ARG(s->job_name), duration_format(text, s->interval_ms));
		return true;
	}
	return false;
}

static int load(struct check *c, struct config **out)
{
	if (!c->source)
		return config_check(c->path, NULL, c->syntax_only, stdout, stderr, out);
	return config_check_text(buf_view(&c->source->text), c->path, NULL, c->syntax_only, stdout,
				 stderr, out);
}

/* One file. *linted: a check beyond errors failed. */
static int check_file(struct check *c, bool *linted)
{
	_cleanup_(config_unrefp) struct config *config = NULL;
	int r = load(c, &config);
	if (r == 0) {
		r = check_targets(c, config);
		if (r != 0)
			fprintf(stderr, "  FAILED: %s\n", c->err.msg);
	}
	if (r == 0)
		printf(" SUCCESS: %s is valid prometheus config file syntax\n", c->path);
	printf("\n");
	if (r == 0 && !c->syntax_only && has_long_interval(c, config))
		*linted = true;
	fflush(stdout);
	return r;
}

/* The names of promtool's --lint, of which an agent's file has one. */
static void take_lint(struct check *c, struct sv list)
{
	bool none = false;
	while (list.len > 0) {
		size_t end = sv_find(list, ',');
		struct sv name = sv_make(list.ptr, end);
		if (sv_eq(name, SV("all")) || sv_eq(name, SV("too-long-scrape-interval")))
			c->lint_intervals = true;
		else if (sv_eq(name, SV("none")))
			none = true;
		else if (!sv_eq(name, SV("duplicate-rules")))
			printf("WARNING: unknown lint option: \"%.*s\"\n", SV_ARG(name));
		list = sv_from(list, end + 1);
	}
	if (none)
		c->lint_intervals = false;
}

static int run_all(struct check *c, bool lint_fatal, const struct sv *files, size_t n)
{
	bool broken = false, linted = false;
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *path = sv_dup(files[i]);
		if (!path) {
			fprintf(stderr, "ampagent check-config: out of memory\n");
			return EXIT_BROKEN;
		}
		c->path = path;
		broken |= check_file(c, &linted) != 0;
	}
	if (broken)
		return EXIT_BROKEN;
	return linted && lint_fatal ? EXIT_LINT : 0;
}

/* What the environment makes, as it was made: nothing in it is secret. Else as pages show it. */
static int print(const struct config_source *s, const struct config *config)
{
	struct sv text = s->by_environment ? buf_view(&s->text) : config->shown;
	fwrite(text.ptr, 1, text.len, stdout);
	return fflush(stdout) == 0 ? 0 : EXIT_BROKEN;
}

/* Without a file: what the agent would start with here. */
static int run_found(struct check *c, bool print_only, bool lint_fatal)
{
	_cleanup_(config_source_deinit) struct config_source s = {.is_file = false};
	_cleanup_(config_unrefp) struct config *config = NULL;
	struct err err = ERR_NULL;
	bool linted = false;
	int r = config_source_find(environment_process, SV_NULL, SV_NULL, &s, &err);
	if (r != 0 && !environment_asks(environment_process)) {
		fprintf(stderr, "ampagent check-config: %s\nSee ampagent check-config --help.\n",
			err.msg);
		return 2;
	}
	/* For its messages, which name the variable. */
	if (r == 0 && (print_only || !s.is_file))
		r = config_source_load(&s, NULL, &config, &err);
	if (r != 0) {
		fprintf(stderr, "  FAILED: %s\n", err.msg);
		return EXIT_BROKEN;
	}
	if (print_only)
		return print(&s, config);
	c->path = s.path;
	c->source = s.is_file ? NULL : &s;
	r = check_file(c, &linted);
	c->source = NULL;
	return r != 0 ? EXIT_BROKEN : linted && lint_fatal ? EXIT_LINT : 0;
}

int cmd_check_config(int argc, char **argv)
{
	struct check c = {.lookback_ms = 5 * 60 * 1000};
	bool lint_fatal = false, print_only = false;
	struct sv lint = SV("duplicate-rules"), files[FILES_MAX];
	const struct flag flags[] = {
		{"syntax-only", FLAG_BOOL, &c.syntax_only,
		 "Only the files themselves: nothing that they name is looked at."},
		{"lint", FLAG_STRING, &lint,
		 "Checks beyond errors, with commas between them: all, duplicate-rules, "
		 "too-long-scrape-interval, none."},
		{"lint-fatal", FLAG_BOOL, &lint_fatal, "Exit with 3 when one of these fails."},
		{"query.lookback-delta", FLAG_DURATION, &c.lookback_ms,
		 "The shortest interval that is too long."},
		{"print", FLAG_BOOL, &print_only,
		 "Only print the configuration that the agent would start with here."},
		{"agent", FLAG_NO_EFFECT, NULL, "The only mode."},
		{"ignore-unknown-fields", FLAG_NO_EFFECT, NULL, "About rules: there are none."},
		{0},
	};
	const char *synopsis =
		"ampagent check-config [flags] [FILE...]\n\n"
		"Checks configuration files as promtool check config does: strictly, with the\n"
		"place of what is wrong; whether certificates and credentials are there; files of\n"
		"file_sd; and every target of static_configs and file_sd_configs after "
		"relabeling. Without a file: what the agent would start with here (see ampagent\n"
		"run --help).\n"
		"Exit code 0: all are good, 1: errors, 3: see --lint-fatal.";
	size_t n = 0;
	struct err err = ERR_NULL;
	int r = flags_parse(argc, argv, flags, files, FILES_MAX, &n, &err);
	if (r == FLAGS_E_HELP) {
		flags_usage(stdout, synopsis, flags);
		return 0;
	}
	if (r == 0 && n > 0 && print_only)
		r = err_set(&err, 2, "--print shows what the environment gives; it takes no file");
	if (r != 0) {
		fprintf(stderr, "ampagent check-config: %s\n", err.msg);
		flags_usage(stderr, synopsis, flags);
		return 2;
	}
	take_lint(&c, lint);
	return n > 0 ? run_all(&c, lint_fatal, files, n) : run_found(&c, print_only, lint_fatal);
}
