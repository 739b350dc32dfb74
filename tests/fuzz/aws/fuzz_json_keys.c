/* Answers of credential sources: any bytes. What is taken has only bytes that keys have and lies in
 * the arena; what is said of a refusal is one line and repeats no string of the answer but those
 * that are meant for people.
 *
 * The first byte chooses the form; the rest is the answer.
 */
#include "../../../src/aws/json_keys.h"
#include <ampagent/base/limits.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_part(struct sv part, bool needed)
{
	require(part.len > 0 || !needed);
	require(part.len <= LIMIT_SECRET_BYTES);
	for (size_t i = 0; i < part.len; i++)
		require(part.ptr[i] > ' ' && part.ptr[i] < 0x7f);
}

static void check_line(const char *line)
{
	for (; *line; line++)
		require((unsigned char)*line >= ' ' && (unsigned char)*line < 0x7f);
}

/* Of a secret of at least eight bytes nothing may be left: shorter ones stand in many texts by
 * chance, and the marks in it could be those of the cleaning. */
static void check_hidden(const char *line, struct sv secret)
{
	for (size_t i = 0; i < secret.len; i++)
		if (secret.ptr[i] <= ' ' || secret.ptr[i] >= 0x7f || strchr("*?.:", secret.ptr[i]))
			return;
	if (secret.len >= 8)
		require(sv_find_sv(sv_of(line), secret) == strlen(line));
}

static void check_keys(enum json_keys_form form, struct sv text)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct aws_got got;
	struct err err = ERR_NULL;
	arena_init(&arena, 8 * LIMIT_SECRET_BYTES);
	int code = json_keys_read(&arena, form, text, &got, &err);
	if (code != 0) {
		require(code == 1 && err.msg[0] != '\0');
		check_line(err.msg);
		return;
	}
	check_part(got.keys.access_key, true);
	check_part(got.keys.secret_key, true);
	check_part(got.keys.session_token, false);
	require(got.account.len < 16);
	require(got.expires_ms >= 0);
	require(got.expires_ms > 0 || form == JSON_KEYS_CONTAINER || form == JSON_KEYS_PROCESS);
}

static void check_error(struct sv text)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct sv code, message;
	char line[64];
	arena_init(&arena, LIMIT_SECRET_BYTES);
	json_keys_error(&arena, text, &code, &message);
	struct sv secret = sv_make(message.ptr, message.len < 12 ? message.len : 12);
	aws_said(line, sizeof line, code, message, secret);
	require(strlen(line) < sizeof line);
	check_line(line);
	check_hidden(line, secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct sv text = sv_make((const char *)data + 1, size - 1);
	check_keys((enum json_keys_form)(data[0] % 4), text);
	check_error(text);
	return 0;
}
