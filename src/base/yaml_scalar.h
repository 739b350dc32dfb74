/* YAML 1.1 scalars as go-yaml v2 resolves them; no libyaml here. */
#pragma once

#include <ampagent/base/yaml.h>

#define YAML_TAG_PREFIX "tag:yaml.org,2002:"

/* Sets node->kind and its value from node->text. tag is the full tag, empty when none was written;
 * plain says that the scalar had neither quotes nor a tag. text may be replaced (!!binary) by bytes
 * in arena. 0; 1 with the place when the text does not fit the tag; ERR_NOMEM. */
int yaml_scalar_resolve(struct arena *arena, struct yaml_node *node, struct sv tag, bool plain,
			struct err *err);
