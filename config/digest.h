/* Digests by which a reload sees what has changed. */
#pragma once

#include <ampagent/config.h>

/* Both hashes of a job, over every field before them. */
void config_digest_scrape(struct scrape_options *opt);
/* The hash of what discovery is told of a job. */
void config_digest_discovery(struct discovery_options *opt);
