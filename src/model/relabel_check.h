/* What Prometheus refuses in a relabel rule, regex apart. */
#pragma once

#include <ampagent/model/relabel.h>

/* 0, or 1 with the reason. */
int relabel_rule_check(const struct relabel_rule *rule, enum name_scheme scheme, struct err *err);
bool label_name_valid(struct sv name, enum name_scheme scheme);
