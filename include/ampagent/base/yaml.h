/* YAML documents as trees with places, read with libyaml's events and YAML 1.1 scalar rules as
 * go-yaml v2 has them: yes/no/on/off/y/n are booleans, 010 0o10 0x1f 0b1 1_000 are integers,
 * sexagesimal numbers and dates stay text, !!binary is decoded, other core tags are enforced.
 *
 * Merges (<<) act at the place where they stand, as go-yaml's do: a key of the same mapping further
 * down overrides what a merge gave, a merge overrides a key above it; in a list of merged mappings
 * the earlier one wins. A key written twice in one mapping is refused with its place, and so are
 * keys that are not scalars, aliases inside their own anchor, and documents deeper than
 * LIMIT_YAML_DEPTH or with more than LIMIT_YAML_NODES nodes once aliases are followed. Only the
 * first document counts.
 *
 * Nodes live in the arena given; an alias is the anchored node itself, so the tree may share
 * parts. Columns count characters, not bytes.
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
	bool negative;            /* YAML_INT: the sign of integer */
	uint64_t integer;         /* YAML_INT: the magnitude */
	double number;            /* YAML_FLOAT */
	struct sv text;           /* scalar as written (unescaped; !!binary decoded) */
	size_t n;                 /* items or pairs */
	struct yaml_node **items; /* YAML_SEQ */
	struct yaml_pair *pairs;  /* YAML_MAP, in file order, merges expanded */
};

struct yaml_pair {
	struct yaml_node *key; /* always a scalar */
	struct yaml_node *value;
};

/* Parses the first document: 0 and *root (NULL when the document is empty or null); 1 with place in
 * err (also for text above LIMIT_CONFIG_BYTES). ERR_NOMEM when the arena is full. */
int yaml_parse(struct arena *arena, struct sv text, struct yaml_node **root, struct err *err);
/* The value of key, or NULL. map may be NULL or no mapping. */
struct yaml_node *yaml_get(const struct yaml_node *map, struct sv key);
/* "a string", "a mapping", ...: for messages. */
const char *yaml_kind_name(enum yaml_kind kind);
