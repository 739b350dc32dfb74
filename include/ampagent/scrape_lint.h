/* What is wrong with a page of the text format, by the rules of `promtool check metrics`
 * (prometheus/client_golang promlint), and how many series its families have. Pure: nothing is read
 * but the page.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/sv.h>

struct scrape_lint_calls {
	void *userdata;
	/* One problem; sorted by metric and text, the same one as often as it is there. */
	void (*problem)(void *userdata, struct sv metric, struct sv text);
	/* One family with samples; most series first, then by name. */
	void (*family)(void *userdata, struct sv name, uint64_t series);
};

/* Either call may be NULL. 0; 1 when the page is broken, with line, column and reason in err and
 * nothing called: a scrape would fail (or, at a NUL, end early), or promtool would refuse it as
 * contradicting itself; or ERR_NOMEM. */
int scrape_lint(struct sv page, const struct scrape_lint_calls *calls, struct err *err);
