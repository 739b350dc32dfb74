/* Every pattern of a table, recorded from Go's regexp as Prometheus calls it, is accepted or
 * refused and matches here as it does there. */
#include "../../../src/model/relabel_regex.h"
#include <ampagent/base/file.h>
#include <ampagent/base/text.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { GROUPS_MAX = 20 };

static struct arena arena;

static bool cut(struct sv *rest, char sep, struct sv *out)
{
	if (rest->len == 0)
		return false;
	size_t at = sv_find(*rest, sep);
	*out = sv_make(rest->ptr, at);
	*rest = sv_from(*rest, at < rest->len ? at + 1 : at);
	return true;
}

static struct sv decoded(struct sv s)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	if (sv_eq(s, SV("-")))
		return SV("");
	assert_int_equal(url_decode(&out, s, false), 0);
	return arena_dup(&arena, buf_view(&out));
}

/* The places as the table has them: 0:3,x,1:2. */
static struct sv spans_text(const struct re2_span *spans, size_t n)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, KiB(4));
	for (size_t i = 0; i < n; i++) {
		if (spans[i].start == RE2_SHIM_NONE)
			buf_printf(&out, "%sx", i > 0 ? "," : "");
		else
			buf_printf(&out, "%s%zu:%zu", i > 0 ? "," : "", spans[i].start,
				   spans[i].end);
	}
	return arena_dup(&arena, buf_view(&out));
}

/* Returns how many answers differ. */
static size_t check_matches(const struct regex *re, struct sv pattern, struct sv rest, bool known)
{
	size_t n = re->groups + 1 < GROUPS_MAX ? re->groups + 1 : GROUPS_MAX, wrong = 0;
	struct sv one;
	while (cut(&rest, ' ', &one)) {
		struct re2_span spans[GROUPS_MAX];
		size_t at = one.len;
		while (one.ptr[at - 1] != '=')
			at--;
		struct sv subject = decoded(sv_make(one.ptr, at - 1)), want = sv_from(one, at);
		int found = regex_find(re, subject, 0, spans, n);
		struct sv got = found == 1 ? spans_text(spans, n) : SV("no");
		if (sv_eq(got, want) && regex_find(re, subject, 0, NULL, 0) == found)
			continue;
		if (!known)
			print_message("%.*s on %.*s: %.*s\n", SV_ARG(pattern), SV_ARG(one),
				      SV_ARG(got));
		wrong++;
	}
	return wrong;
}

/* Returns how much differs. */
static size_t check_line(struct sv line, bool known)
{
	struct regex re;
	struct err err = ERR_NULL;
	struct sv pattern, head;
	assert_true(cut(&line, ' ', &pattern) && cut(&line, ' ', &head));
	int r = regex_init(&re, decoded(pattern), &err);
	bool refused = sv_eq(head, SV("refused"));
	size_t wrong = 0;
	uint64_t groups;
	if ((r != 0) != refused) {
		if (!known)
			print_message("%.*s: %s\n", SV_ARG(pattern), r != 0 ? err.msg : "accepted");
		wrong = 1;
	} else if (r != 0) {
		assert_true(sv_starts_with(sv_of(err.msg), SV("error parsing regexp: ")));
	} else {
		assert_int_equal(sv_to_u64(head, &groups), 0);
		assert_int_equal(groups, re.groups);
		wrong = check_matches(&re, pattern, line, known);
	}
	regex_deinit(&re);
	return wrong;
}

static void test_as_go(void **state)
{
	_cleanup_(buf_deinit) struct buf file = BUF_NULL;
	struct sv rest, line;
	size_t n = 0, wrong = 0;
	arena_init(&arena, MiB(64));
	buf_init(&file, MiB(4));
	assert_int_equal(file_read(RELABEL_SYNTAX, &file, NULL), 0);
	rest = buf_view(&file);
	while (cut(&rest, '\n', &line)) {
		if (line.ptr[0] == '#')
			continue;
		bool known = sv_starts_with(line, SV("! "));
		size_t different = check_line(sv_from(line, known ? 2 : 0), known);
		if (known && different == 0)
			fail_msg("%.*s is no difference any more", SV_ARG(line));
		wrong += known ? 0 : different;
		n++;
	}
	arena_deinit(&arena);
	assert_true(n > 300);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
