/* A document that somebody puts: what is JSON is cut into views that lie inside it, in order, and
 * whose text is JSON again; the account takes it whole or not at all, and gives back what it takes
 * once more. */
#include "../../../src/standin/aws_account.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWER_MAX = 1 << 20 };

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_views(struct sv text)
{
	struct aws_slices it = aws_slices_of(text);
	struct sv key, value;
	const char *from = text.ptr;
	while (aws_slice_next(&it, &key, &value)) {
		must(value.len > 0 && value.ptr > from);
		must(value.ptr + value.len < text.ptr + text.len);
		must(!it.members || (key.ptr > from && key.ptr + key.len < value.ptr));
		must(aws_json_check(value, NULL) == 0);
		from = value.ptr + value.len - 1;
	}
	must(sv_trim(it.rest).len == 0);
}

static void check_without(struct sv text)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, ANSWER_MAX);
	if (!aws_slices_of(text).members)
		return;
	aws_put_without(&out, text, SV("tags"));
	must(aws_json_check(buf_view(&out), NULL) == 0);
	must(!aws_member(buf_view(&out), SV("tags")).ptr);
}

static void check_account(struct sv text)
{
	struct aws_account a = {.next_seq = 0}, b = {.next_seq = 0};
	_cleanup_(buf_deinit) struct buf once = BUF_NULL;
	_cleanup_(buf_deinit) struct buf twice = BUF_NULL;
	buf_init(&once, ANSWER_MAX);
	buf_init(&twice, ANSWER_MAX);
	bool taken = aws_account_apply(&a, text, NULL) == 0;
	aws_account_json(&a, &once);
	must(aws_account_apply(&b, buf_view(&once), NULL) == 0);
	aws_account_json(&b, &twice);
	must(sv_eq(buf_view(&once), buf_view(&twice)));
	for (int i = 0; i < AWS_KINDS_; i++)
		must(taken || a.kinds[i].live == 0);
	aws_account_deinit(&a);
	aws_account_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv text = sv_make((const char *)data, size);
	if (aws_json_check(text, NULL) == 0) {
		check_views(text);
		check_without(text);
	}
	check_account(text);
	return 0;
}
