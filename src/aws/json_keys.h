/* Credentials as JSON, as container endpoints, IMDS, credential_process and the SSO portal write
 * them: pure. */
#pragma once

#include "source.h"

enum json_keys_form {
	JSON_KEYS_CONTAINER, /* AccessKeyId, SecretAccessKey, Token, Expiration, AccountId */
	JSON_KEYS_IMDS,      /* the same, with Code: Success or an error with Message */
	JSON_KEYS_PROCESS,   /* Version 1, SessionToken; Expiration may be missing */
	JSON_KEYS_SSO,       /* roleCredentials: accessKeyId, ..., expiration in ms */
};

/* Views into arena, which the caller wipes. 0; ERR_NOMEM; 1 with the reason (not JSON, a part is
 * missing or has bytes no key has, an error that the source tells; never with a secret in it). */
int json_keys_read(struct arena *arena, enum json_keys_form form, struct sv text,
		   struct aws_got *out, struct err *err);
/* code and message of an error answer ({code|Code, message|Message}), or "". */
void json_keys_error(struct arena *arena, struct sv text, struct sv *code, struct sv *message);

/* "code: message" as one line of printable ASCII, cut to fit; secret (may be empty) is starred out.
 * size is at least 8. */
void aws_said(char *dst, size_t size, struct sv code, struct sv message, struct sv secret);
