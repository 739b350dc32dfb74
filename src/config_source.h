/* Where the configuration comes from: --config.file, else AMPAGENT_CONFIG_CONTENT, else
 * prometheus.yml in the working directory, else the environment (environment.h). `run`,
 * `check-config`, `doctor` and reloads all find it here.
 */
#pragma once

#include "environment.h"

#include <ampagent/config.h>

struct config_source {
	bool is_file;
	bool by_environment; /* made of variables */
	char *path;          /* of the file; else what messages call it: "AMPAGENT_CONFIG_CONTENT",
				"the environment" */
	struct buf text;     /* when it is no file; wiped when freed, as it may hold secrets */
};

/* file: of --config.file, or empty: AMPAGENT_CONFIG_FILE. listen: as in environment_config(). 0; 1
 * with the reason, which names every way to give one when there is none; ERR_NOMEM. */
int config_source_find(environment_get *env, struct sv file, struct sv listen,
		       struct config_source *out, struct err *err);
void config_source_deinit(struct config_source *s);
DEFINE_CLEANUP(struct config_source, config_source_deinit)

/* As config_load(). May be called from any thread. */
int config_source_load(const struct config_source *s, const struct config_features *features,
		       struct config **out, struct err *err);
/* As config_checksum(). */
int config_source_checksum(const struct config_source *s, uint64_t *out, struct err *err);
