/* Any page through the linter: a broken one has a place on the page and nothing is called; one that
 * is taken says the same with blank lines and comments around it, and of all its families together
 * no less than one series each. */
#include <ampagent/base/buf.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>
#include <ampagent/scrape_lint.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct said {
	uint64_t hash;
	size_t problems, families;
};

static void on_problem(void *userdata, struct sv metric, struct sv text)
{
	struct said *s = userdata;
	assert(metric.len > 0 && text.len > 0);
	s->problems++;
	s->hash = hash_fnv1a(s->hash, metric.ptr, metric.len);
	s->hash = hash_fnv1a(s->hash, text.ptr, text.len);
}

static void on_family(void *userdata, struct sv name, uint64_t series)
{
	struct said *s = userdata;
	assert(name.len > 0 && series > 0);
	s->families++;
	s->hash = hash_fnv1a(s->hash, name.ptr, name.len);
	s->hash = hash_fnv1a(s->hash, &series, sizeof series);
}

static int lint(struct sv page, struct said *said, struct err *err)
{
	const struct scrape_lint_calls calls = {said, on_problem, on_family};
	*said = (struct said){.hash = HASH_FNV1A_INIT};
	*err = ERR_NULL;
	return scrape_lint(page, &calls, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct said said, again;
	struct err err;
	struct sv page = sv_make((const char *)data, size);
	int result = lint(page, &said, &err);
	assert(result == 0 || result == 1);
	if (result == 1) {
		assert(err.line > 0 && err.col > 0 && err.msg[0]);
		assert(said.problems + said.families == 0);
		return 0;
	}
	_cleanup_(buf_deinit) struct buf around;
	buf_init(&around, size + KiB(1));
	buf_sv(&around, SV("\n# around\n"));
	buf_sv(&around, page);
	buf_sv(&around, SV("\n \n#\n"));
	assert(!buf_failed(&around));
	assert(lint(buf_view(&around), &again, &err) == 0);
	assert(again.hash == said.hash && again.problems == said.problems);
	return 0;
}
