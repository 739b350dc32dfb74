/* The schema: every key that a configuration file may have, one table a block.
 *
 * The same entries parse (decode.c), print (render.c) and document (docs.c). An entry says where
 * its value goes in the block's C struct; the kinds of values and their C types:
 *
 *   SCHEMA_STRING, SECRET, PATH, URL   struct sv        PATH is joined to the file's directory
 *   SCHEMA_BOOL                        bool
 *   SCHEMA_DURATION                    int64_t          milliseconds
 *   SCHEMA_SIZE, SCHEMA_UINT           uint64_t
 *   SCHEMA_INT                         int64_t
 *   SCHEMA_FLOAT                       double
 *   SCHEMA_WORD                        int              index into words
 *   SCHEMA_STRINGS, SECRETS, PATHS     struct sv *      and a count
 *   SCHEMA_PORTS                       uint64_t *       and a count: 1 to 65535 each
 *   SCHEMA_MAP                         struct raw_pair * and a count
 *   SCHEMA_LISTS                       struct scrape_param * and a count (name to list of strings)
 *   SCHEMA_SECRET_LISTS                struct http_header_option * and a count, secrets set
 *   SCHEMA_JSON_MAP                    struct http_pair * and a count, each value as JSON
 *   SCHEMA_BLOCK                       the block's fields, offsets counted from this one
 *   SCHEMA_BLOCKS                      an array of the block's struct and a count
 *   SCHEMA_NAMED_BLOCKS                the same from a mapping: each begins with a struct sv name
 *   SCHEMA_ANY                         nothing: only for what is not decoded
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum schema_kind {
	SCHEMA_STRING,
	SCHEMA_SECRET,
	SCHEMA_PATH,
	SCHEMA_URL,
	SCHEMA_BOOL,
	SCHEMA_DURATION,
	SCHEMA_SIZE,
	SCHEMA_UINT,
	SCHEMA_INT,
	SCHEMA_FLOAT,
	SCHEMA_WORD,
	SCHEMA_STRINGS,
	SCHEMA_SECRETS,
	SCHEMA_PATHS,
	SCHEMA_PORTS,
	SCHEMA_MAP,
	SCHEMA_LISTS,
	SCHEMA_SECRET_LISTS,
	SCHEMA_JSON_MAP,
	SCHEMA_BLOCK,
	SCHEMA_BLOCKS,
	SCHEMA_NAMED_BLOCKS,
	SCHEMA_ANY,
};

enum schema_status {
	SCHEMA_BUILT,
	SCHEMA_NO_EFFECT, /* accepted with one warning; kept where it has a place */
	SCHEMA_NOT_BUILT, /* refused unless empty, zero or false */
	SCHEMA_SERVER,    /* refused likewise: what Prometheus refuses in agent mode */
	SCHEMA_REF,       /* refused likewise: names a secret of a secret manager */
};

#define SCHEMA_NOWHERE ((size_t)-1)

struct schema_block;

struct schema_entry {
	const char *key;
	enum schema_kind kind;
	enum schema_status status;
	size_t offset;                    /* SCHEMA_NOWHERE: checked, not kept */
	size_t count;                     /* offset of the size_t count of arrays */
	size_t given;                     /* offset of a bool set when the key is there */
	bool has_given;                   /* given means something */
	bool any_case;                    /* SCHEMA_WORD: letter case does not matter */
	const char *fallback;             /* default as written in a file; NULL = zero */
	const char *fallback_text;        /* default in words, where it depends on something */
	const char *const *words;         /* SCHEMA_WORD: NULL-ended; index 0 is the zero value */
	const struct schema_block *block; /* nested kinds */
	bool positive;                    /* numbers: zero and below are refused */
	bool no_empty;                    /* SCHEMA_WORD: "" is refused, null is not */
	bool is_read;                     /* SCHEMA_PATH, PATHS: a file that has to be there */
	bool required;                    /* for the documentation: its check has the message */
	const char *help;
};

struct schema_block {
	const char *name;  /* as shown in messages: "scrape_configs[]" */
	const char *title; /* heading in the documentation */
	const char *help;
	size_t size;                        /* of the struct of SCHEMA_BLOCKS */
	size_t node;                        /* where its yaml node goes, or SCHEMA_NOWHERE */
	const struct schema_entry *entries; /* ends with a NULL key */
	const struct schema_block *inlined; /* further keys of the same mapping, or NULL */
	size_t inlined_offset;
};

/* Names for documentation and messages. */
const char *schema_kind_text(enum schema_kind kind);

/* The file itself; and all blocks with a heading, in the order of the documentation, NULL-ended. */
extern const struct schema_block schema_file;
extern const struct schema_block *const schema_documented[];

extern const struct schema_block schema_global;
extern const struct schema_block schema_scrape;
extern const struct schema_block schema_static;
extern const struct schema_block schema_file_sd;
extern const struct schema_block schema_ecs_task_sd;
extern const struct schema_block schema_ecs_sd;
extern const struct schema_block schema_aws_sd;
extern const struct schema_block schema_ecs_service;
extern const struct schema_block schema_ecs_definition;
extern const struct schema_block schema_ecs_docker_label;
extern const struct schema_block schema_relabel;
extern const struct schema_block schema_write;
extern const struct schema_block schema_queue;
extern const struct schema_block schema_metadata;
extern const struct schema_block schema_sigv4;
extern const struct schema_block schema_http;
extern const struct schema_block schema_http_write;
extern const struct schema_block schema_http_aws;
extern const struct schema_block schema_basic_auth;
extern const struct schema_block schema_authorization;
extern const struct schema_block schema_tls;
extern const struct schema_block schema_header;
extern const struct schema_block schema_oauth2;
extern const struct schema_block schema_included;
extern const struct schema_block schema_alerting;
extern const struct schema_block schema_runtime;
extern const struct schema_block schema_storage;
extern const struct schema_block schema_tracing;
extern const struct schema_block schema_otlp;
extern const struct schema_block schema_agent;
extern const struct schema_block schema_agent_wal;

/* Words of aws_sd_configs.role. */
extern const char *const schema_aws_roles[];

/* Shorthand of the tables: where a field lies, and where an array and its count lie. */
#define AT(type, field) .offset = offsetof(type, field)
#define LIST_AT(type, field, n_field)                                                              \
	.offset = offsetof(type, field), .count = offsetof(type, n_field)
#define GIVEN_AT(type, field) .has_given = true, .given = offsetof(type, field)
#define NOWHERE .offset = SCHEMA_NOWHERE
/* A known key that is not built yet. */
#define NOT_BUILT(name, its_kind, its_help)                                                        \
	{                                                                                          \
		.key = name, .kind = its_kind, .status = SCHEMA_NOT_BUILT, NOWHERE,                \
		.help = its_help                                                                   \
	}
/* A key that names a secret of a secret manager, of which there is none. */
#define SECRET_REF(name)                                                                           \
	{                                                                                          \
		.key = name, .kind = SCHEMA_STRING, .status = SCHEMA_REF, NOWHERE,                 \
		.help = "Name of a secret in a secret manager."                                    \
	}
/* A key that only Prometheus's server mode allows. */
#define SERVER_ONLY(name, its_kind, its_help)                                                      \
	{                                                                                          \
		.key = name, .kind = its_kind, .status = SCHEMA_SERVER, NOWHERE, .help = its_help  \
	}
/* A known key that means nothing to an agent. */
#define NO_EFFECT(name, its_kind, its_help)                                                        \
	{                                                                                          \
		.key = name, .kind = its_kind, .status = SCHEMA_NO_EFFECT, NOWHERE,                \
		.help = its_help                                                                   \
	}
