/* Who was denied what, from the service's words, and the policy that would allow it. */
#include "advice.h"

#include <ampagent/base/json.h>

/* What follows `mark`, up to a blank, a quotation mark or the end. */
static struct sv word_after(struct sv text, struct sv mark)
{
	size_t at = sv_find_sv(text, mark);
	if (at == text.len)
		return SV_NULL;
	struct sv rest = sv_from(text, at + mark.len);
	while (rest.len > 0 && rest.ptr[0] == ' ')
		rest = sv_from(rest, 1);
	size_t n = 0;
	while (n < rest.len && (unsigned char)rest.ptr[n] > ' ' && !strchr("\"'<>\\", rest.ptr[n]))
		n++;
	while (n > 0 && strchr(".,;", rest.ptr[n - 1]))
		n--;
	return sv_make(rest.ptr, n);
}

static bool has(struct sv text, struct sv word)
{
	return sv_find_sv(text, word) < text.len;
}

static enum advice_reason reason_of(struct sv text)
{
	if (has(text, SV("VPC endpoint policy")))
		return ADVICE_ENDPOINT;
	if (has(text, SV("permissions boundary")))
		return ADVICE_BOUNDARY;
	if (has(text, SV("session policy")))
		return ADVICE_SESSION;
	if (has(text, SV("service control policy")) || has(text, SV("resource control policy")))
		return ADVICE_ORGANIZATION;
	if (has(text, SV("explicit deny")))
		return ADVICE_EXPLICIT;
	if (has(text, SV("policy allows")))
		return ADVICE_NO_POLICY;
	return ADVICE_NOT_TOLD;
}

void advice_denied_read(struct sv text, struct advice_denied *out)
{
	*out = (struct advice_denied){
		.principal = word_after(text, SV("User: ")),
		.action = word_after(text, SV("to perform: ")),
		.resource = word_after(text, SV("on resource: ")),
		.reason = reason_of(text),
	};
}

/* arn:PARTITION:SERVICE:REGION:ACCOUNT:KIND/NAME */
void advice_principal_read(struct sv arn, struct advice_principal *out)
{
	struct sv part[6];
	*out = (struct advice_principal){.account = SV_NULL};
	for (size_t i = 0; i < 6; i++) {
		size_t end = i < 5 ? sv_find(arn, ':') : arn.len;
		if (i < 5 && end == arn.len)
			return;
		part[i] = sv_make(arn.ptr, end);
		arn = sv_from(arn, end + 1);
	}
	if (!sv_eq(part[0], SV("arn")))
		return;
	out->account = part[4];
	size_t slash = sv_find(part[5], '/');
	out->kind = sv_make(part[5].ptr, slash);
	out->name = sv_from(part[5], slash + 1);
	if (sv_eq(out->kind, SV("assumed-role"))) {
		out->kind = SV("role");
		out->name.len = sv_find(out->name, '/'); /* what follows names the session */
		return;
	}
	while (sv_find(out->name, '/') < out->name.len)
		out->name = sv_from(out->name, sv_find(out->name, '/') + 1);
}

void advice_policy(struct buf *out, struct sv resource)
{
	advice_line(out, "{");
	advice_line(out, "  \"Version\": \"2012-10-17\",");
	advice_line(out, "  \"Statement\": [{");
	advice_line(out, "    \"Effect\": \"Allow\",");
	advice_line(out, "    \"Action\": \"aps:RemoteWrite\",");
	advice_line(out, "    \"Resource\": ");
	json_quote(out, resource);
	advice_line(out, "  }]");
	advice_line(out, "}");
}

static struct sv or_word(struct sv s, struct sv word)
{
	return s.len > 0 ? s : word;
}

void advice_workspace_arn(struct buf *out, struct sv partition, struct sv region, struct sv account,
			  struct sv workspace)
{
	buf_printf(out, "arn:%.*s:aps:%.*s:%.*s:workspace/%.*s",
		   SV_ARG(or_word(partition, SV("aws"))), SV_ARG(or_word(region, SV("REGION"))),
		   SV_ARG(or_word(account, SV("ACCOUNT"))),
		   SV_ARG(or_word(workspace, SV("WORKSPACE"))));
}
