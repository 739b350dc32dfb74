/* The configuration: prometheus.yml as a typed snapshot.
 *
 * One schema table (config/schema.c) parses, checks and documents. A snapshot is immutable and
 * ref-counted; every view in it lives as long as the snapshot.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/discovery_options.h>
#include <ampagent/model/identity.h>
#include <ampagent/remotewrite_options.h>
#include <ampagent/scrape_options.h>

/* Our own settings: the top-level `ampagent:` block. */
struct agent_options {
	uint64_t wal_max_bytes;       /* ampagent.wal.max_bytes */
	int64_t wal_max_age_ms;       /* ampagent.wal.max_age */
	int64_t wal_sync_interval_ms; /* ampagent.wal.sync_interval */
	int wal_durability;           /* ampagent.wal.durability: as enum wal_durability */
	uint64_t wal_memory_bytes;    /* ampagent.wal.memory_bytes: bound without a writable disk */
	int identity;                 /* ampagent.identity: enum identity_mode */
	struct sv *identity_labels;   /* ampagent.identity_labels: of identity_label_names */
	size_t n_identity_labels;
};

/* What --enable-feature changes in the meaning of a file. */
struct config_features {
	bool native_histograms;    /* global scrape_native_histograms is true by default */
	bool extra_scrape_metrics; /* global extra_scrape_metrics is true by default */
	bool start_zero;  /* created-timestamp-zero-ingestion: protobuf is asked for first */
	bool start_times; /* st-storage: the same */
};

struct config_warning {
	int line, col;
	struct sv path; /* the file: the configuration's own, or one of scrape_config_files */
	struct sv text; /* whole sentence, NUL-terminated, without the place; never a secret */
};

struct config {
	struct sv path;
	struct labels external_labels;
	struct scrape_options *scrapes;
	size_t n_scrapes;
	struct discovery_options *discoveries; /* same order and count as scrapes */
	struct remotewrite_options *writes;
	size_t n_writes;
	struct agent_options agent;
	struct config_warning *warnings;
	size_t n_warnings;
	struct sv shown;   /* for pages: the effective configuration as YAML, defaults filled
			      in, secrets masked */
	uint64_t checksum; /* of the file and the files of scrape_config_files */
};

/* Reads and checks a file and those it includes (scrape_config_files): 0 and *out (one reference);
 * 1 with "path:line:col: ..." in err->msg (and the place in err), or with the reason why a file
 * cannot be read. Relative file names are joined to the directory of the file they stand in.
 * features NULL = none. */
int config_load(const char *path, const struct config_features *features, struct config **out,
		struct err *err);
/* The same from memory; path is for messages and relative names. getenv_fn expands external label
 * values (NULL = the environment). */
int config_parse(struct sv text, const char *path, const struct config_features *features,
		 const char *(*getenv_fn)(const char *), struct config **out, struct err *err);
/* The checksum that a load of path would give now: 0, or 1 when a file cannot be read. For
 * --config.auto-reload. */
int config_checksum(const char *path, uint64_t *out, struct err *err);

/* `ampagent check-config`: what `promtool check config` looks at beyond loading, but for targets.
 * Prints to out and errors to errors; syntax_only leaves files that the configuration names alone,
 * included ones too. 0 and *checked (one reference; NULL = not wanted); 1 when something is wrong.
 */
int config_check(const char *path, const struct config_features *features, bool syntax_only,
		 FILE *out, FILE *errors, struct config **checked);
/* The same from memory, as config_parse(). */
int config_check_text(struct sv text, const char *path, const struct config_features *features,
		      bool syntax_only, FILE *out, FILE *errors, struct config **checked);
struct config *config_ref(struct config *c);
void config_unref(struct config *c);
/* docs/CONFIG.md from the schema. */
int config_print_docs(struct buf *out);

static inline void config_unrefp_cleanup(struct config **p)
{
	if (*p)
		config_unref(*p);
}
