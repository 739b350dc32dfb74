/* Answers of STS and errors of AWS APIs: what is taken is whole, what is refused has a
 * reason. */
#include "../../../src/aws/call_private.h"
#include "../../../src/aws/sts_xml.h"

#include <ampagent/base/limits.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_part(struct sv s)
{
	require(s.len > 0);
	for (size_t i = 0; i < s.len; i++)
		require((unsigned char)s.ptr[i] > ' ' && (unsigned char)s.ptr[i] < 0x7f);
}

static void read_keys(struct sv body)
{
	_cleanup_(arena_wipe) struct arena arena;
	struct aws_got got;
	struct err err = ERR_NULL;
	arena_init(&arena, KiB(256));
	int r = sts_keys_read(&arena, body, &got, &err);
	require(r == 0 || r == 1 || r == ERR_NOMEM);
	if (r != 0) {
		require(err.msg[0] != '\0');
		return;
	}
	check_part(got.keys.access_key);
	check_part(got.keys.secret_key);
	check_part(got.keys.session_token);
}

static void read_identity(struct sv body)
{
	_cleanup_(arena_deinit) struct arena arena;
	struct aws_identity id;
	struct err err = ERR_NULL;
	arena_init(&arena, KiB(256));
	int r = sts_identity_read(&arena, body, &id, &err);
	require(r != 0 || (id.account.len > 0 && id.arn.len > 0));
	require(r == 0 || err.msg[0] != '\0');
}

static void read_error(struct sv body)
{
	_cleanup_(arena_wipe) struct arena arena;
	struct sv code, message, id;
	arena_init(&arena, KiB(256));
	int r = aws_error_read(&arena, body, &code, &message, &id);
	require(r == 0 ? code.len + message.len > 0 : code.len + message.len + id.len == 0);
	require(r == 0 || r == 1);
	aws_verdict_of(403, code);
	struct sv cut = aws_error_code(body);
	require(cut.len <= body.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own: a byte too far is seen. */
	char *text = malloc(size ? size : 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	struct sv body = sv_make(text, size);
	read_keys(body);
	read_identity(body);
	read_error(body);
	free(text);
	return 0;
}
