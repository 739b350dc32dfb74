/* The body of a refusal of any bytes: what is read lies in it, the advice is fit to be shown, and
 * the policy in it is JSON that allows one thing. */
#include "../../../src/doctor/advice.h"
#include "../../../src/doctor/report.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct sv part, struct sv whole)
{
	if (part.len > 0 && (part.ptr < whole.ptr || part.ptr + part.len > whole.ptr + whole.len))
		abort();
	for (size_t i = 0; i < part.len; i++)
		if ((unsigned char)part.ptr[i] <= ' ')
			abort();
}

static int on_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	if (event == JSON_KEY)
		++*(int *)cls;
	return 0;
}

/* Version, Statement, Effect, Action, Resource. */
static void check_policy(struct sv advice)
{
	int keys = 0;
	size_t at = sv_find_sv(advice, SV("\n{\n"));
	if (at == advice.len)
		abort();
	_cleanup_(json_reader_deinit) struct json_reader r;
	json_reader_init(&r, on_event, &keys, 1 << 20);
	if (json_feed(&r, sv_from(advice, at), NULL) != 0 || json_finish(&r, NULL) != 0 ||
	    keys != 5)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv body = sv_make((const char *)data, size);
	struct advice_denied d;
	struct advice_principal p;
	advice_denied_read(body, &d);
	check_inside(d.principal, body);
	check_inside(d.action, body);
	check_inside(d.resource, body);
	advice_principal_read(body, &p);
	advice_principal_read(d.principal, &p);
	check_inside(p.account, body);
	check_inside(p.name, body);
	if (advice_is_html(body) || size > 4096)
		return 0;
	struct report r;
	report_init(&r);
	struct finding *f = &r.steps[DOCTOR_WRITE];
	const struct advice_write w = {.cause = SV("access_denied"),
				       .status = 403,
				       .result = HTTP_OK,
				       .is_signed = true,
				       .body = body,
				       .region = SV("eu-west-1"),
				       .workspace = SV("ws-1")};
	report_clean(&f->evidence, body, 1024);
	advice_write(&f->advice, &w);
	report_tidy(f);
	if (buf_failed(&f->advice) || buf_failed(&f->evidence))
		abort();
	check_policy(buf_view(&f->advice));
	report_deinit(&r);
	return 0;
}
