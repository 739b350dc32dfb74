/* The configuration: prometheus.yml as a typed snapshot.
 *
 * One schema table (config/schema.c) parses, checks and documents. A snapshot is immutable and
 * ref-counted; every view in it lives as long as the snapshot.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/discovery_options.h>
#include <ampagent/remotewrite_options.h>
#include <ampagent/scrape_options.h>

/* Our own settings: the top-level `ampagent:` block. */
struct agent_options {
	uint64_t wal_max_bytes;       /* ampagent.wal.max_bytes */
	int64_t wal_max_age_ms;       /* ampagent.wal.max_age */
	int64_t wal_sync_interval_ms; /* ampagent.wal.sync_interval */
	uint64_t wal_memory_bytes;    /* ampagent.wal.memory_bytes: bound without a writable disk */
};

struct config_warning {
	int line, col;
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
	struct sv shown; /* for pages: YAML of what differs from the defaults, secrets
			    masked */
};

/* Reads and checks a file: 0 and *out (one reference); 1 with "path:line:col: ..." in err->msg (and
 * the place in err), or with the reason why the file cannot be read. Relative file names are joined
 * to the file's directory. */
int config_load(const char *path, struct config **out, struct err *err);
/* The same from memory; path is for messages and relative names. getenv_fn expands external label
 * values (NULL = the environment). */
int config_parse(struct sv text, const char *path, const char *(*getenv_fn)(const char *),
		 struct config **out, struct err *err);
struct config *config_ref(struct config *c);
void config_unref(struct config *c);
/* docs/CONFIG.md from the schema. */
int config_print_docs(struct buf *out);

static inline void config_unrefp_cleanup(struct config **p)
{
	if (*p)
		config_unref(*p);
}
