/* --web.cors.origin: from which origins scripts may read the API.
 */
#pragma once

#include <ampagent/model/relabel.h>

/* A whole-string regular expression: 0; 1 with the reason. */
int cors_compile(struct sv regex, struct relabel_set **out, struct err *err);
bool cors_allows(const struct relabel_set *cors, struct sv origin);
