/* What a request carries because of the client's settings: header lines made of secrets, and the
 * state of certificate files. No network library here. */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>
#include <ampagent/http_options.h>
#include <stdint.h>
#include <sys/stat.h>

/* Header lines: "Name: value", each ended by NUL, one after the other. */

/* Appends one line: 0, or 1 with the reason (a control character would end the line early). */
int material_line(struct buf *lines, struct sv name, struct sv value, struct err *err);
/* The inline value, or the trimmed content of the file, which scratch holds: 0, or 1 with the
 * reason. The caller wipes scratch. */
int material_secret(struct buf *scratch, struct sv value, struct sv file, struct sv *out,
		    struct err *err);
/* Appends the client's own lines: http_headers and, with_auth, Authorization. Secret files are read
 * now. 0, or 1 with the reason. The caller wipes lines. */
int material_client_lines(struct buf *lines, const struct http_options *opt, bool with_auth,
			  struct err *err);
/* True for request headers that must not reach another host. */
bool material_is_sensitive(struct sv name);

/* The system's CA bundle (SSL_CERT_FILE names another one), or NULL when none is known. */
const char *material_system_ca(void);

/* Certificate files of one client. A file is hashed again when its stat(2) data changed, or is so
 * fresh that a second change could hide behind equal data. */
enum { MATERIAL_CA, MATERIAL_CERT, MATERIAL_KEY, MATERIAL_FILES };

struct material_file {
	char *path; /* NULL: not given */
	bool known;
	uint64_t hash;
	struct stat stat;
};

struct material_tls {
	struct material_file files[MATERIAL_FILES];
	int64_t changed_ms; /* monotonic time at which a change was last seen; 0 = never */
};

int material_tls_init(struct material_tls *m, const struct tls_options *opt);
void material_tls_deinit(struct material_tls *m);
/* Looks at the files: 0, or 1 with the reason. Sets changed_ms to now_ms when one is not the same
 * as at the last look. */
int material_tls_check(struct material_tls *m, int64_t now_ms, int64_t wall_ms, struct err *err);
