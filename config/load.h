/* Loading with a look at what is read on the way. */
#pragma once

#include "decode.h"

/* Called once after everything else: the files that have to be there when they are used, in the
 * order in which they are named. 0, or 1 with the reason in d->err. */
typedef int (*load_look)(void *cls, struct decode *d, const struct config *c);

struct load_options {
	const struct config_features *features;
	const char *(*getenv_fn)(const char *);
	bool leave_includes; /* scrape_config_files are not read */
	load_look look;      /* NULL = none */
	void *cls;
};

/* config_parse() and config_load() with more to say. */
int load_parse(struct sv text, const char *path, const struct load_options *opt,
	       struct config **out, struct err *err);
int load_file(const char *path, const struct load_options *opt, struct config **out,
	      struct err *err);
