/* From yaml nodes to C structs by the schema; strict about types and keys as go-yaml v2 is. */
#pragma once

#include <ampagent/base/yaml.h>
#include <ampagent/config.h>

#include "schema.h"

struct decode_warning {
	struct decode_warning *next;
	struct config_warning warning;
};

enum { DECODE_ONCE_MAX = 128 }; /* more than there are keys without effect */

/* A file that a key names and that has to be there when it is used. */
struct decode_file {
	struct decode_file *next;
	const char *key;
	struct sv name;   /* the very view that the options hold */
	const char *path; /* of the file that names it, with the place */
	int line, col;
};

/* One reading of one file and those it includes. */
struct decode {
	const char *path;   /* for messages: the file being read now */
	struct sv dir;      /* relative file names are joined to it */
	struct arena *keep; /* what the snapshot owns */
	struct arena *temp; /* what is forgotten after reading */
	struct err *err;
	struct decode_warning *first_warning;
	struct decode_warning **last_warning;
	size_t n_warnings;
	const void *once[DECODE_ONCE_MAX]; /* what has been warned of */
	size_t n_once;
	struct decode_file *first_file;
	struct decode_file **last_file;
};

/* Sets "path:line:col: message" and the place; returns 1. */
int decode_fail(struct decode *d, const struct yaml_node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The message for arenas that are full; returns 1. */
int decode_fail_memory(struct decode *d, const struct yaml_node *at);
/* Adds a warning; only the first one for each `once` that is not NULL. 0 or 1. */
int decode_warn(struct decode *d, const struct yaml_node *at, const void *once, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));

/* Sets the defaults of a zeroed struct, nested and inlined blocks included. */
void decode_defaults(const struct schema_block *block, void *out);
/* Decodes a mapping (NULL or null: all defaults) into out, which has its defaults already. 0 or 1.
 */
int decode_block(struct decode *d, const struct schema_block *block, const struct yaml_node *node,
		 void *out);

/* decode_value.c: one scalar, or a list or map of them. field is where the value goes. 0 or 1. */
int decode_scalar(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		  void *field);
int decode_strings(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		   struct sv **out, size_t *n);
int decode_ports(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		 uint64_t **out, size_t *n);
int decode_map(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
	       void *out, size_t *n);
int decode_lists(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		 void *out, size_t *n);
int decode_secret_lists(struct decode *d, const struct schema_entry *e,
			const struct yaml_node *node, void *out, size_t *n);
int decode_json_map(struct decode *d, const struct schema_entry *e, const struct yaml_node *node,
		    void *out, size_t *n);
/* Sets field to the entry's default as the schema has it. */
void decode_fallback(const struct schema_entry *e, void *field);

/* Where something is said about key: its value's place, else the block's. */
const struct yaml_node *decode_place(const struct yaml_node *block, const char *key);
