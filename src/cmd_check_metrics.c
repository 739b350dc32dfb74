/* `ampagent check-metrics`: a page of metrics against the rules of `promtool check metrics`. */
#include "commands.h"
#include "flags.h"

#include <ampagent/base/arena.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/scrape_lint.h>

/* promtool's exit codes. */
enum { EXIT_BROKEN = 1, EXIT_PROBLEMS = 3 };
enum { COLUMNS = 3, COLUMN_GAP = 4 };

struct row {
	struct sv cells[COLUMNS];
	uint64_t series;
};

/* What the calls fill: problems go straight to stderr. */
struct check {
	bool lint, failed;
	size_t problems;
	struct arena arena;
	struct row *rows;
	size_t n, cap;
	uint64_t total;
};

static void check_deinit(struct check *c)
{
	arena_deinit(&c->arena);
	free(c->rows);
}
DEFINE_CLEANUP(struct check, check_deinit)

static void on_problem(void *userdata, struct sv metric, struct sv text)
{
	struct check *c = userdata;
	if (!c->lint)
		return;
	c->problems++;
	fprintf(stderr, "%.*s %.*s\n", SV_ARG(metric), SV_ARG(text));
}

static struct sv keep(struct check *c, struct sv text)
{
	struct sv copy = arena_dup(&c->arena, text);
	c->failed |= !copy.ptr;
	return copy;
}

static void add_row(struct check *c, struct sv name, uint64_t series, const char *share)
{
	char number[24];
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct row *rows = realloc(c->rows, cap * sizeof *rows);
		if (!rows) {
			c->failed = true;
			return;
		}
		c->rows = rows;
		c->cap = cap;
	}
	snprintf(number, sizeof number, "%llu", (unsigned long long)series);
	struct row *row = &c->rows[c->n++];
	*row = (struct row){{keep(c, name), keep(c, sv_of(number)), keep(c, sv_of(share))}, series};
}

static void on_family(void *userdata, struct sv name, uint64_t series)
{
	struct check *c = userdata;
	c->total += series;
	add_row(c, name, series, "");
}

static size_t runes(struct sv s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += (s.ptr[i] & 0xc0) != 0x80;
	return n;
}

/* Cells padded to the widest of their column, the last one too, as promtool does. */
static void print_table(struct check *c)
{
	static const struct row head = {{SV("Metric"), SV("Cardinality"), SV("Percentage")}, 0};
	size_t widths[COLUMNS] = {0};
	char share[32];
	for (size_t i = 0; i < c->n; i++) {
		double part = (double)c->rows[i].series / (double)c->total;
		snprintf(share, sizeof share, "%.2f%%", part * 100);
		c->rows[i].cells[COLUMNS - 1] = keep(c, sv_of(share));
	}
	add_row(c, SV("Total"), c->total, "100%");
	if (c->failed)
		return;
	for (size_t i = 0; i <= c->n; i++)
		for (int k = 0; k < COLUMNS; k++) {
			size_t n = runes((i ? &c->rows[i - 1] : &head)->cells[k]);
			widths[k] = n > widths[k] ? n : widths[k];
		}
	for (size_t i = 0; i <= c->n; i++) {
		const struct row *row = i ? &c->rows[i - 1] : &head;
		for (int k = 0; k < COLUMNS; k++)
			printf("%.*s%*s", SV_ARG(row->cells[k]),
			       (int)(widths[k] - runes(row->cells[k])) + COLUMN_GAP, "");
		putchar('\n');
	}
}

/* 0, or 1 with the reason. */
static int read_input(const char *path, struct buf *page, struct err *err)
{
	if (path)
		return file_read(path, page, err);
	size_t n;
	do {
		if (buf_reserve(page, KiB(64)))
			return err_set(err, 1, "more than %zu bytes", (size_t)LIMIT_PAGE_BYTES);
		n = fread(page->ptr + page->len, 1, KiB(64), stdin);
		page->len += n;
	} while (n > 0);
	return ferror(stdin) ? err_set(err, 1, "cannot be read") : 0;
}

static int check_page(const char *path, bool lint, bool extended)
{
	_cleanup_(buf_deinit) struct buf page;
	_cleanup_(check_deinit) struct check c = {.lint = lint};
	struct err err = ERR_NULL;
	buf_init(&page, LIMIT_PAGE_BYTES);
	arena_init(&c.arena, SIZE_MAX);
	const struct scrape_lint_calls calls = {&c, on_problem, extended ? on_family : NULL};
	int r = read_input(path, &page, &err);
	if (r == 0)
		r = scrape_lint(buf_view(&page), &calls, &err);
	if (r == 0 && extended)
		print_table(&c);
	if (r < 0 || c.failed) {
		fprintf(stderr, "ampagent check-metrics: out of memory\n");
		return EXIT_BROKEN;
	}
	if (r > 0) {
		const char *name = path ? path : "stdin";
		if (err.line > 0)
			fprintf(stderr, "ampagent check-metrics: %s:%d:%d: %s\n", name, err.line,
				err.col, err.msg);
		else
			fprintf(stderr, "ampagent check-metrics: %s: %s\n", name, err.msg);
		return EXIT_BROKEN;
	}
	if (fflush(stdout) != 0)
		return EXIT_BROKEN;
	return c.problems > 0 ? EXIT_PROBLEMS : 0;
}

int cmd_check_metrics(int argc, char **argv)
{
	bool extended = false;
	struct sv lint = SV("all"), path = SV_NULL;
	const struct flag flags[] = {
		{"extended", FLAG_BOOL, &extended,
		 "Print how many series each metric has, and their part of all."},
		{"lint", FLAG_STRING, &lint, "Rules to apply: all, none."},
		{0},
	};
	const char *synopsis =
		"ampagent check-metrics [--extended] [--lint=all|none] [FILE]\n\n"
		"Checks metrics in the text format, as promtool check metrics does:\n"
		"curl -s http://localhost:9100/metrics | ampagent check-metrics\n\n"
		"Reads stdin without FILE. Problems go to stderr. Exit code 0: none,\n"
		"1: cannot be read, 3: problems.";
	size_t n = 0;
	struct err err = ERR_NULL;
	int r = flags_parse(argc, argv, flags, &path, 1, &n, &err);
	if (r == FLAGS_E_HELP) {
		flags_usage(stdout, synopsis, flags);
		return 0;
	}
	bool none = sv_eq(lint, SV("none"));
	if (r == 0 && !none && !sv_eq(lint, SV("all")))
		r = err_set(&err, 2, "--lint is all or none");
	if (r != 0) {
		fprintf(stderr, "ampagent check-metrics: %s\n", err.msg);
		flags_usage(stderr, synopsis, flags);
		return 2;
	}
	if (none && !extended) {
		fprintf(stderr, "ampagent check-metrics: with --lint=none there is nothing to do "
				"but --extended\n");
		return EXIT_BROKEN;
	}
	_cleanup_(freep) char *file = n > 0 ? sv_dup(path) : NULL;
	if (n > 0 && !file) {
		fprintf(stderr, "ampagent check-metrics: out of memory\n");
		return EXIT_BROKEN;
	}
	return check_page(file, !none, extended);
}
