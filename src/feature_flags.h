/* --enable-feature: Prometheus's names, and what each means for an agent.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/config.h>

struct feature_flags {
	struct config_features config;
	bool auto_reload;
	bool otlp_to_cumulative, otlp_native_delta; /* exclude each other */
};

/* Takes one flag's comma list. 0, or 2 with the reason when one of them is not built and would
 * change data. Names that mean nothing to an agent are accepted; unknown ones are warned of, as
 * Prometheus does. */
int feature_flags_take(struct feature_flags *f, struct sv list, struct err *err);
