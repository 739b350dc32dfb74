/* The rules between keys, and the step from raw structs to the rooms' options. Each returns 0, or 1
 * with the place set by decode_fail(). What is handed out lives in d->keep. */
#pragma once

#include "decode.h"
#include "raw.h"

typedef const char *(*env_getter)(const char *name);

/* The checks also make raw what is in effect: defaults, inherited values, folded keys.
 *
 * Fills in global's own defaults; external labels with variables expanded. features may be NULL. */
int check_global(struct decode *d, struct raw_global *g, const struct config_features *features,
		 env_getter env, struct labels *out);
/* What a server's blocks may say. */
int check_server(struct decode *d, const struct raw_config *raw);
/* Fills in what it leaves open. */
int check_agent(struct decode *d, struct raw_agent *raw);
/* A job: what it leaves open comes from g. On failure the sets that were compiled stay in out. */
int check_scrape(struct decode *d, const struct raw_global *g, struct raw_scrape *raw,
		 struct scrape_options *out);
/* An element of ecs_sd_configs, and of aws_sd_configs. */
int check_ecs_sd(struct decode *d, struct raw_ecs_sd *raw, struct ecs_sd_options *out);
int check_aws_sd(struct decode *d, struct raw_ecs_sd *raw, struct ecs_sd_options *out);
int check_discovery(struct decode *d, const struct raw_scrape *raw, struct discovery_options *out);
int check_write(struct decode *d, const struct raw_global *g, struct raw_write *raw,
		struct remotewrite_options *out);
/* No two destinations may have one name. */
int check_names(struct decode *d, const struct raw_config *raw,
		const struct remotewrite_options *writes);

/* Names of jobs over all files, with where each stands. */
struct check_jobs;
int check_jobs_new(struct check_jobs **out);
void check_jobs_free(struct check_jobs *j);
DEFINE_CLEANUP_PTR(struct check_jobs, check_jobs_free)
/* Refuses a job whose name is there already. name and d->path must stay valid. */
int check_jobs_add(struct check_jobs *j, struct decode *d, const struct raw_scrape *raw);

/* Formats by their names in files; PROTO_NONE and NULL where there is none. */
enum scrape_protocol check_protocol_named(struct sv name);
const char *check_protocol_name(enum scrape_protocol protocol);
/* shared's list; out holds one for each format there is. block is the mapping that has the list.
 * Refuses an empty list, unknown names, repeated ones. */
int check_protocol_list(struct decode *d, const struct yaml_node *block,
			const struct raw_shared *shared, enum scrape_protocol *out, size_t *n_out);
/* Prometheus's list where there is none, into shared. */
int check_default_protocols(struct decode *d, bool proto_first, struct raw_shared *shared);
/* What a job offers and falls back on. */
int check_protocols(struct decode *d, const struct raw_global *g, struct raw_scrape *raw,
		    struct scrape_options *out);
/* HTTP client keys of the mapping node; folds the old bearer keys into authorization. */
int check_http(struct decode *d, const struct yaml_node *node, struct raw_http *raw);
/* Their parts: raw->oauth2 into raw->opt.oauth2; the tls_config of node; the proxy keys of block.
 */
int check_oauth2(struct decode *d, const struct yaml_node *node, struct raw_http *raw);
int check_tls(struct decode *d, const struct yaml_node *node, const struct tls_options *tls);
int check_proxy(struct decode *d, const struct yaml_node *block, const struct proxy_options *p,
		bool url_set);
/* At most one of key and key_file. */
int check_one_source(struct decode *d, const struct yaml_node *block, const char *key,
		     struct sv value, struct sv file);
int check_header_token(struct decode *d, const struct yaml_node *at, const char *what,
		       struct sv name);
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
