/* The signed assertion of RFC 7523 (a JSON Web Token). Pure but for its random id. */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>
#include <ampagent/http_options.h>

/* Appends the token, signed by the RSA key in PEM, valid for ten minutes. 0, or 1 with the
 * reason. */
int http_jwt_make(struct buf *out, const struct oauth2_options *opt, struct sv key, int64_t now_s,
		  struct err *err);
