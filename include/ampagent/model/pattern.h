/* A regular expression as Go's regexp takes it, searched for anywhere in a text. */
#pragma once

#include <ampagent/base/cleanup.h>
#include <ampagent/base/err.h>
#include <ampagent/base/sv.h>

struct pattern;

/* 0; 1 with the reason (see relabel_regex_check()); ERR_NOMEM. */
int pattern_new(struct sv text, struct pattern **out, struct err *err);
void pattern_free(struct pattern *p);
bool pattern_found(const struct pattern *p, struct sv subject);

DEFINE_CLEANUP_PTR(struct pattern, pattern_free)
