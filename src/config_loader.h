/* Loads a configuration off the loop: a large one takes longer than scrapes can wait.
 */
#pragma once

#include "config_source.h"

#include <ampagent/net/loop.h>

struct config_loader;

/* done is called once from the loop, with the result of config_source_load(): the configuration is
 * the callee's then. The loader is to be freed by the caller, from inside done at the earliest.
 * source outlives it. 0, or 1 with the reason: done is not called. */
int config_loader_new(struct loop *loop, const struct config_source *source,
		      const struct config_features *features,
		      void (*done)(void *cls, int result, struct config *c, struct err *err),
		      void *cls, struct config_loader **out, struct err *err);
/* Waits for the load to end. Before done was called: only when the loop does not run any more. NULL
 * is fine. */
void config_loader_free(struct config_loader *l);
