/* Copies of the configuration that a destination lives on: snapshots come and go with reloads, an
 * unchanged destination stays. */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/remotewrite_options.h>

/* Deep copy into arena; the relabel set is shared by reference (unref it). 0 or ERR_NOMEM. */
int options_copy(struct arena *arena, const struct remotewrite_options *from,
		 struct remotewrite_options *to);
/* Equal but for write_relabel. */
bool options_equal(const struct remotewrite_options *a, const struct remotewrite_options *b);
/* The same rules in the same order, whether or not the same object. */
bool options_same_relabel(const struct relabel_set *a, const struct relabel_set *b);
/* sample_age_limit as given, else what fits the service that the URL names; 0 = no limit. */
int64_t options_age_limit_ms(const struct remotewrite_options *opt);
/* The URL without user info, in arena. */
struct sv options_public_url(struct arena *arena, struct sv url);
/* Names the position file: the explicit name, else the URL; nth tells later ones of the same apart.
 */
struct sv options_key(struct arena *arena, const struct remotewrite_options *opt, unsigned nth);
