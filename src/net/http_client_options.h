/* What curl is told for one call: URL, header lines, TLS, proxy. */
#pragma once

#include "http_pool.h"

/* Once, after curl's own. */
void http_client_options_init(void);
/* Sets all of call->easy but its callbacks: a CURLcode. */
int http_client_options_set(struct http_call *call);
/* Frees what was made for that, wiped. */
void http_client_options_drop(struct http_call *call);
