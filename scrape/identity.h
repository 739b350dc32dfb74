/* Targets that are the task's own, and what they get so that no other task writes their series. */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/model/identity.h>

/* "host:port", "[::1]:port", or without a port: then port is empty. False: neither. */
bool address_split(struct sv address, struct sv *host, struct sv *port);
/* Whether the host is this machine to whoever is on it, or the task's; identity may be NULL. */
bool identity_owns(const struct identity *id, struct sv host);

/* Whether it asks for anything; NULL: no. */
bool identity_is_on(const struct identity *id);
/* The values of its labels for this target, in their order, while it still has its __meta_ labels;
 * empty = not known. In the builder's arena: 0 or ERR_NOMEM. */
int identity_values(const struct identity *id, const struct label_builder *b, struct sv **out);
/* Adds what the target needs: values is of identity_values(). honor_labels: pages may say
 * `instance` and `job` themselves, so those name no task. 0 or ERR_NOMEM. */
int identity_add(const struct identity *id, const struct sv *values, bool honor_labels,
		 struct label_builder *b);
/* Whether a label of the target or an external one names the task: 0, or 1 with what to do. */
int identity_check(const struct identity *id, bool honor_labels, const struct label_builder *b,
		   struct err *err);
