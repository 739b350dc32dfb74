/* A python peer over TLS or plain HTTP that tells what it saw, in a process of its own, and files
 * for it made by the openssl tool: ca, other (another one), server and client by ca, expired by ca.
 */
#pragma once

#include "fixture.h"

#include <sys/types.h>

struct tls_peer {
	pid_t pid;
	int port;
	char url[64];
};

extern bool tls_ready; /* there is an openssl tool */

/* Set-up and tear-down of the group. */
int tls_make_files(void **state);
int tls_remove_files(void **state);
void tls_write_file(const char *path, const char *text);
/* Below the group's directory; valid for eight more calls. */
const char *tls_path(const char *name);
/* mode: plain, mutual (wants client's certificate), expired, TLSv1 ... (that version alone), or
 * http for none. /secret... answers with the SHA-256 of the path in hexadecimal digits and blanks.
 */
void tls_start(struct tls_peer *p, const char *mode);
void tls_stop(struct tls_peer *p);
