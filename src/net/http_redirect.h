/* Redirects, decided apart from the transfer. */
#pragma once

#include <ampagent/base/sv.h>
#include <ampagent/net/http_client.h>

enum { REDIRECT_MAX_REQUESTS = 10 }; /* in one chain, the first included */

/* 301, 302, 303, 307, 308 */
bool redirect_status(int status);
/* The method of the next request; the body goes along only when *keep_body. */
struct sv redirect_method(int status, struct sv method, bool *keep_body);
/* May credentials meant for `from` be shown to `to`: the same host or a subdomain of it, and not in
 * the clear when they were not before. */
bool redirect_keeps_credentials(const struct url_parts *from, const struct url_parts *to);
