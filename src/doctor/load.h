/* What is to be checked: a configuration file's destinations, or a URL as if it stood in one. */
#pragma once

#include "report.h"

#include <ampagent/config.h>

/* The step config is decided. 0 and *out (one reference); 1: it failed; or url cannot stand in a
 * configuration: the step url has failed then. */
int doctor_load(const struct doctor_options *opt, struct report *report, struct config **out);
