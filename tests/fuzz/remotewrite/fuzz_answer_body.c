/* Bodies of answers: what is found lies in them, and a cut one is no different. */
#include "../../../remotewrite/answer_body.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct sv part, struct sv of)
{
	return part.len == 0 || (part.ptr >= of.ptr && part.ptr + part.len <= of.ptr + of.len);
}

static void look(struct sv body)
{
	char scratch[LIMIT_ANSWER_BYTES];
	struct answer_said said;
	answer_body_read(body, scratch, &said);
	struct sv unescaped = sv_make(scratch, sizeof scratch);
	if (!inside(said.text, body) && !inside(said.text, unescaped))
		abort();
	if (!inside(said.subject, said.text) || !inside(said.type, body))
		abort();
	if (said.cause >= CAUSES_ || answer_type_cause(body) >= CAUSES_)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of exactly this size, so that a read beyond it is seen. */
	char *copy = malloc(size ? size : 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	look(sv_make(copy, size));
	look(sv_make(copy, size / 2));
	free(copy);
	return 0;
}
