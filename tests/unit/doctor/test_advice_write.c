/* What each answer to a write means, in words that lead on. */
#include "../../../remotewrite/causes.h"
#include "advice.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HTML "<!DOCTYPE html><html>Sign in</html>"
#define DENIED(who, what)                                                                          \
	"User: " who " is not authorized to perform: aps:RemoteWrite on resource: " what
#define ROLE "arn:aws:sts::111111111111:assumed-role/agent/task"

static const struct advice_write base = {
	.status = 403,
	.result = HTTP_OK,
	.is_signed = true,
	.amp = true,
	.host = {"aps-workspaces.eu-west-1.amazonaws.com", 38},
	.partition = {"aws", 3},
	.region = {"eu-west-1", 9},
	.account = {"111111111111", 12},
	.workspace = {"ws-1", 4},
};

static void assert_words(const struct advice_write *w, const char *words)
{
	struct buf out;
	struct sv rest = sv_of(words);
	buf_init(&out, 16384);
	advice_write(&out, w);
	assert_false(buf_failed(&out));
	assert_true(out.len > 0);
	while (rest.len > 0) {
		struct sv word = sv_make(rest.ptr, sv_find(rest, '|'));
		bool not = word.len > 0 && word.ptr[0] == '!';
		if ((sv_find_sv(buf_view(&out), sv_from(word, not ? 1 : 0)) < out.len) == not )
			fail_msg("%.*s: \"%.*s\" in: %.*s", SV_ARG(w->cause), SV_ARG(word),
				 SV_ARG(buf_view(&out)));
		rest = sv_from(rest, word.len + 1);
	}
	buf_deinit(&out);
}

static void denied(void **state)
{
	static const struct {
		const char *body, *words;
	} cases[] = {
		{DENIED(ROLE, "arn:aws:aps:eu-west-1:111111111111:workspace/ws-2"),
		 "role agent of account 111111111111|workspace/ws-2\"|\"Effect\": \"Allow\""},
		{DENIED(ROLE, "arn:aws:aps:eu-west-1:222222222222:workspace/ws-2"),
		 "sigv4.role_arn|account 222222222222"},
		{DENIED(ROLE, "*") " because no VPC endpoint policy allows", "modify-vpc-endpoint"},
		{DENIED(ROLE, "*") " with an explicit deny in an identity-based policy",
		 "explicitly|!sigv4.role_arn"},
		{DENIED(ROLE, "*") " with an explicit deny in a service control policy",
		 "organization"},
		{DENIED(ROLE, "*") " because no session policy allows", "session"},
		{DENIED(ROLE, "*") " because no permissions boundary allows", "boundary"},
		{"", "step identity|arn:aws:aps:eu-west-1:111111111111:workspace/ws-1"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct advice_write w = base;
		w.cause = SV("access_denied");
		w.body = sv_of(cases[i].body);
		assert_words(&w, cases[i].words);
	}
}

static void pages(void **state)
{
	static const int statuses[] = {200, 302, 403, 404, 503};
	for (size_t i = 0; i < COUNT(statuses); i++) {
		struct advice_write w = base;
		w.cause = statuses[i] == 403 ? SV("access_denied") : SV("");
		w.status = statuses[i];
		w.body = SV(HTML);
		assert_words(&w, "page for people|proxy|!\"Effect\"");
	}
}

static void strangers(void **state)
{
	static const struct {
		const char *cause, *type, *body, *words;
		int status;
	} cases[] = {
		{"access_denied", "", "Request blocked.", "WAF|\"Effect\"", 403},
		{"access_denied", "AccessDeniedException", "", "!WAF|\"Effect\"", 403},
		{"access_denied", "OptInRequired", "", "enable-region|!\"Effect\"", 403},
		{"credentials", "", "{}", "AMP does not answer 401", 401},
		{"credentials", "UnrecognizedClientException", "", "unknown to AWS", 401},
		{"size", "", "<html>413</html>", "client_max_body_size", 413},
		{"", "", "Client sent an HTTP request to an HTTPS server.", "write https://", 400},
		{"", "", "<html>sent to HTTPS port</html>", "write https://", 400},
		{"signature", "InvalidSignatureException", "Credential should be scoped to a valid",
		 "eu-west-1|service_name|!secret key", 403},
		{"", "", "", "takes writes", 405},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct advice_write w = base;
		w.cause = sv_of(cases[i].cause);
		w.error_type = sv_of(cases[i].type);
		w.body = sv_of(cases[i].body);
		w.status = cases[i].status;
		assert_words(&w, cases[i].words);
	}
}

static void others(void **state)
{
	static const struct {
		const char *cause;
		int status;
		enum http_result result;
		bool is_signed;
		const char *words;
	} cases[] = {
		{"not_found", 404, HTTP_OK, true, "ws-1|eu-west-1|list-workspaces"},
		{"no_answer", 0, HTTP_TIMEOUT, true, "MTU"},
		{"no_answer", 0, HTTP_NETWORK, true, "without an answer"},
		{"credentials", 403, HTTP_OK, true, "session token"},
		{"credentials", 401, HTTP_OK, false, "basic_auth"},
		{"credentials", 407, HTTP_OK, false, "proxy_url"},
		{"redirect", 301, HTTP_OK, true, "redirect"},
		{"not_signed", 403, HTTP_OK, false, "sigv4: {}"},
		{"signature", 403, HTTP_OK, true, "secret key"},
		{"series_limit", 400, HTTP_OK, true, "quota"},
		{"request_rate", 429, HTTP_OK, true, "throttled"},
		{"something new", 418, HTTP_OK, true, "status and the text"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct advice_write w = base;
		w.cause = sv_of(cases[i].cause);
		w.status = cases[i].status;
		w.result = cases[i].result;
		w.is_signed = cases[i].is_signed;
		assert_words(&w, cases[i].words);
	}
}

/* Those that the sender knows and an empty write or a canary can meet have words of their own. */
static void all_causes(void **state)
{
	static const enum answer_cause seldom[] = {CAUSE_NONE,        CAUSE_HISTOGRAM_SERIES_LIMIT,
						   CAUSE_HA_CLUSTERS, CAUSE_OUT_OF_ORDER,
						   CAUSE_DUPLICATE,   CAUSE_LABEL_LIMITS,
						   CAUSE_INVALID,     CAUSE_HISTOGRAM,
						   CAUSE_EXEMPLAR,    CAUSE_METADATA,
						   CAUSE_NOT_NAMED,   CAUSE_REFUSED,
						   CAUSE_REPLICA};
	for (int c = 0; c < CAUSES_; c++) {
		bool rare = false;
		for (size_t i = 0; i < COUNT(seldom); i++)
			rare |= seldom[i] == (enum answer_cause)c;
		struct advice_write w = base;
		w.cause = sv_of(cause_name((enum answer_cause)c));
		w.status = 400;
		if (!rare)
			assert_words(&w, "!status and the text");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(denied), cmocka_unit_test(pages),      cmocka_unit_test(strangers),
		cmocka_unit_test(others), cmocka_unit_test(all_causes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
