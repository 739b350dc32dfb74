/* YAML documents as trees with places, read with libyaml's events and YAML 1.1 scalar rules as
 * go-yaml v2 has them (yes/no/on/off booleans, octal, sexagesimal left alone, !!binary, merges <<).
 *
 * Duplicate keys of a mapping are refused here with their place. Only the first document counts.
 * Nodes live in the arena given; text views point into it.
 */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/err.h>

enum yaml_kind { YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT, YAML_STRING, YAML_SEQ, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind; /* scalars: as resolved by YAML 1.1 */
	int line, col;       /* 1-based */
	bool quoted;         /* scalar written with quotes or as a block */
	bool boolean;
	struct sv text;           /* scalar as written (unescaped) */
	size_t n;                 /* items or pairs */
	struct yaml_node **items; /* YAML_SEQ */
	struct yaml_pair *pairs;  /* YAML_MAP, in file order, merges expanded */
};

struct yaml_pair {
	struct yaml_node *key; /* always a scalar */
	struct yaml_node *value;
};

/* Parses the first document: 0 and *root (NULL when the document is empty); 1 with place in err.
 * ERR_NOMEM when the arena is full. */
int yaml_parse(struct arena *arena, struct sv text, struct yaml_node **root, struct err *err);
/* The value of key, or NULL. */
struct yaml_node *yaml_get(const struct yaml_node *map, struct sv key);
