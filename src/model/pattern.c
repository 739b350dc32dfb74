/* The engine that relabel rules have, without their anchors. */
#include "relabel_regex.h"
#include <ampagent/model/pattern.h>

struct pattern {
	struct regex regex;
};

int pattern_new(struct sv text, struct pattern **out, struct err *err)
{
	_cleanup_(pattern_freep) struct pattern *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	int r = regex_init_search(&p->regex, text, err);
	if (r != 0)
		return r;
	*out = take_ptr(p);
	return 0;
}

void pattern_free(struct pattern *p)
{
	if (p)
		regex_deinit(&p->regex);
	free(p);
}

bool pattern_found(const struct pattern *p, struct sv subject)
{
	return regex_find(&p->regex, subject, 0, NULL, 0) > 0;
}
