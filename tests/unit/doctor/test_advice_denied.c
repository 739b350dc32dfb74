/* Who was denied what, and policies that are JSON whatever the names in them. */
#include "advice.h"

#include <ampagent/base/json.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_sv(struct sv got, const char *want)
{
	if (!sv_eq(got, sv_of(want)))
		fail_msg("\"%.*s\" is not \"%s\"", SV_ARG(got), want);
}

#define ROLE "arn:aws:sts::123456789012:assumed-role/agent/task"
#define WORKSPACE "arn:aws:aps:eu-west-1:123456789012:workspace/ws-1"
#define DENIED                                                                                     \
	"User: " ROLE " is not authorized to perform: aps:RemoteWrite on resource: " WORKSPACE

static void denials(void **state)
{
	static const struct {
		const char *text, *principal, *action, *resource;
		enum advice_reason reason;
	} cases[] = {
		{DENIED, ROLE, "aps:RemoteWrite", WORKSPACE, ADVICE_NOT_TOLD},
		{DENIED " because no identity-based policy allows the aps:RemoteWrite action", ROLE,
		 "aps:RemoteWrite", WORKSPACE, ADVICE_NO_POLICY},
		{"{\"message\":\"" DENIED "\"}", ROLE, "aps:RemoteWrite", WORKSPACE,
		 ADVICE_NOT_TOLD},
		{"{\"Message\":\"" DENIED " with an explicit deny in an identity-based policy\"}",
		 ROLE, "aps:RemoteWrite", WORKSPACE, ADVICE_EXPLICIT},
		{DENIED " with an explicit deny in a service control policy", ROLE,
		 "aps:RemoteWrite", WORKSPACE, ADVICE_ORGANIZATION},
		{DENIED " because no resource control policy allows it", ROLE, "aps:RemoteWrite",
		 WORKSPACE, ADVICE_ORGANIZATION},
		{DENIED " because no VPC endpoint policy allows the aps:RemoteWrite action", ROLE,
		 "aps:RemoteWrite", WORKSPACE, ADVICE_ENDPOINT},
		{DENIED " because no session policy allows the aps:RemoteWrite action", ROLE,
		 "aps:RemoteWrite", WORKSPACE, ADVICE_SESSION},
		{DENIED " because no permissions boundary allows the action.", ROLE,
		 "aps:RemoteWrite", WORKSPACE, ADVICE_BOUNDARY},
		{DENIED ".", ROLE, "aps:RemoteWrite", WORKSPACE, ADVICE_NOT_TOLD},
		{"User:  is not authorized to perform: ", "is", "", "", ADVICE_NOT_TOLD},
		{"Forbidden", "", "", "", ADVICE_NOT_TOLD},
		{"", "", "", "", ADVICE_NOT_TOLD},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct advice_denied d;
		advice_denied_read(sv_of(cases[i].text), &d);
		assert_sv(d.principal, cases[i].principal);
		assert_sv(d.action, cases[i].action);
		assert_sv(d.resource, cases[i].resource);
		assert_int_equal(d.reason, cases[i].reason);
	}
}

static void principals(void **state)
{
	static const struct {
		const char *arn, *account, *kind, *name;
	} cases[] = {
		{ROLE, "123456789012", "role", "agent"},
		{"arn:aws:sts::1:assumed-role/agent", "1", "role", "agent"},
		{"arn:aws-cn:iam::1:role/path/of/agent", "1", "role", "agent"},
		{"arn:aws:iam::1:user/team/me", "1", "user", "me"},
		{"arn:aws:iam::1:root", "1", "root", ""},
		{"arn:aws:sts::1:federated-user/me", "1", "federated-user", "me"},
		{WORKSPACE, "123456789012", "workspace", "ws-1"},
		{"arn:aws:iam::1", "", "", ""},
		{"urn:aws:iam::1:user/me", "", "", ""},
		{"is", "", "", ""},
		{"", "", "", ""},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct advice_principal p;
		advice_principal_read(sv_of(cases[i].arn), &p);
		assert_sv(p.account, cases[i].account);
		assert_sv(p.kind, cases[i].kind);
		assert_sv(p.name, cases[i].name);
	}
}

struct seen {
	char key[32];
	char resource[128], action[64];
	int depth;
};

static int on_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct seen *s = cls;
	if (event == JSON_KEY)
		snprintf(s->key, sizeof s->key, "%.*s", SV_ARG(text));
	else if (event == JSON_STRING && sv_eq(sv_of(s->key), SV("Resource")))
		snprintf(s->resource, sizeof s->resource, "%.*s", SV_ARG(text));
	else if (event == JSON_STRING && sv_eq(sv_of(s->key), SV("Action")))
		snprintf(s->action, sizeof s->action, "%.*s", SV_ARG(text));
	return 0;
}

/* As a JSON reader sees it, also where a stranger has written the resource. */
static void policies(void **state)
{
	static const char *const resources[] = {WORKSPACE, "*", "a\"}],\"Effect\":\"Allow", "a\\",
						"\x01\x02"};
	for (size_t i = 0; i < COUNT(resources); i++) {
		struct buf out;
		struct seen seen = {.depth = 0};
		_cleanup_(json_reader_deinit) struct json_reader r;
		buf_init(&out, 4096);
		advice_line(&out, "before");
		size_t at = out.len;
		advice_policy(&out, sv_of(resources[i]));
		json_reader_init(&r, on_event, &seen, 4096);
		assert_int_equal(json_feed(&r, sv_from(buf_view(&out), at), NULL), 0);
		assert_int_equal(json_finish(&r, NULL), 0);
		assert_string_equal(seen.resource, resources[i]);
		assert_string_equal(seen.action, "aps:RemoteWrite");
		buf_deinit(&out);
	}
}

static void arns(void **state)
{
	struct buf out;
	buf_init(&out, 4096);
	advice_workspace_arn(&out, SV("aws-cn"), SV("cn-north-1"), SV("1"), SV("ws-1"));
	assert_sv(buf_view(&out), "arn:aws-cn:aps:cn-north-1:1:workspace/ws-1");
	buf_reset(&out);
	advice_workspace_arn(&out, SV_NULL, SV_NULL, SV_NULL, SV_NULL);
	assert_sv(buf_view(&out), "arn:aws:aps:REGION:ACCOUNT:workspace/WORKSPACE");
	buf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(denials),
		cmocka_unit_test(principals),
		cmocka_unit_test(policies),
		cmocka_unit_test(arns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
