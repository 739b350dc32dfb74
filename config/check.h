/* The rules between keys, and the step from raw structs to the rooms' options. Each returns 0, or 1
 * with the place set by decode_fail(). What is handed out lives in d->keep. */
#pragma once

#include "decode.h"
#include "raw.h"

typedef const char *(*env_getter)(const char *name);

/* Fills in global's own defaults; external labels with variables expanded. */
int check_global(struct decode *d, struct raw_global *g, env_getter env, struct labels *out);
/* A job: what it leaves open comes from g. On failure the sets that were compiled stay in out. */
int check_scrape(struct decode *d, const struct raw_global *g, struct raw_scrape *raw,
		 struct scrape_options *out);
int check_discovery(struct decode *d, const struct raw_scrape *raw, struct discovery_options *out);
int check_write(struct decode *d, const struct raw_global *g, struct raw_write *raw,
		struct remotewrite_options *out);
/* No two jobs, and no two destinations, may have one name. */
int check_names(struct decode *d, const struct raw_config *raw,
		const struct remotewrite_options *writes);

/* The formats of shared's list that are built, in its order; out holds one for each format there
 * is. block is the mapping that has the list. Refuses an empty list, unknown names, repeated ones.
 */
int check_protocol_list(struct decode *d, const struct yaml_node *block,
			const struct raw_shared *shared, enum scrape_protocol *out, size_t *n_out);
/* HTTP client keys of the mapping node; folds the old bearer keys into authorization. */
int check_http(struct decode *d, const struct yaml_node *node, struct raw_http *raw);
/* A header name and value that a request may carry beside what the client sets itself. what is the
 * key for messages. */
int check_header_name(struct decode *d, const struct yaml_node *at, const char *what,
		      struct sv name);
int check_header_value(struct decode *d, const struct yaml_node *at, const char *what,
		       struct sv name, struct sv value);
int check_relabel(struct decode *d, const struct raw_relabel *rules, size_t n,
		  enum name_scheme scheme, struct relabel_set **out);
int check_labels(struct decode *d, const struct raw_pair *pairs, size_t n, enum name_scheme scheme,
		 struct labels *out);
/* What Go's url.Parse refuses: NULL, or the reason. */
const char *check_url(struct sv url);

enum name_scheme check_scheme(int validation);
