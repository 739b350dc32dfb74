/* Answers of a token endpoint. The first byte says which kind, the second the status. */
#include "../../../src/net/http_oauth2_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_oauth2_answer a;
	struct err err = ERR_NULL;
	if (size < 2)
		return 0;
	/* A copy of its own: a byte too far is seen. */
	char *body = malloc(size - 2 ? size - 2 : 1);
	if (!body)
		return 0;
	memcpy(body, data + 2, size - 2);
	struct sv type = data[0] & 1 ? SV("text/plain; charset=utf-8") : SV("application/json");
	int status = data[1] & 1 ? 400 : 200;
	http_oauth2_answer_init(&a);
	int r = http_oauth2_answer_parse(&a, status, type, sv_make(body, size - 2),
					 (data[0] & 2) != 0, &err);
	if (r == 0 && (status != 200 || a.token.len == 0 || a.expires_s > INT32_MAX))
		abort();
	if (r != 0 && (r != 1 || err.msg[0] == '\0'))
		abort();
	http_oauth2_answer_deinit(&a);
	free(body);
	return 0;
}
