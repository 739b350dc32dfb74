/* How a source that asks STS ended, and an error of STS. */
#pragma once

#include "source.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

#define STS_ERROR(code, message)                                                                   \
	"<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" message          \
	"</Message></Error><RequestId>id-1</RequestId></ErrorResponse>"

struct keys_end {
	unsigned n;
	bool got;
	char access_key[64], secret_key[64], session_token[1024], account[32];
	int64_t expires_ms, peer_now_ms;
	char why[ERR_MSG_MAX];
};

static void keys_end_copy(char *dst, size_t size, struct sv s)
{
	snprintf(dst, size, "%.*s", SV_ARG(s));
}

/* A source_done; cls is the end. */
static void keys_end_done(void *cls, const struct aws_got *got, const struct err *why)
{
	struct keys_end *e = cls;
	e->n++;
	e->got = got != NULL;
	if (!got) {
		snprintf(e->why, sizeof e->why, "%s", why->msg);
		return;
	}
	keys_end_copy(e->access_key, sizeof e->access_key, got->keys.access_key);
	keys_end_copy(e->secret_key, sizeof e->secret_key, got->keys.secret_key);
	keys_end_copy(e->session_token, sizeof e->session_token, got->keys.session_token);
	keys_end_copy(e->account, sizeof e->account, got->account);
	e->expires_ms = got->expires_ms;
	e->peer_now_ms = got->peer_now_ms;
}
