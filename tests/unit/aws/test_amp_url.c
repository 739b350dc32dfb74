/* Each way in which a workspace's remote-write URL goes wrong has its name and its sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/endpoint.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HOST "aps-workspaces.us-west-2.amazonaws.com"
#define ID "ws-b226cc2a-a446-46a9-933a-ac50479a5568"
#define AMP "https://" HOST
#define WS AMP "/workspaces/" ID
#define END "/api/v1/remote_write"
#define PATH "/workspaces/" ID END

static const struct {
	const char *url;
	enum aws_url_fault fault;
} cases[] = {
	{WS END, AWS_URL_GOOD},
	{"HTTPS://APS-WORKSPACES.US-WEST-2.AMAZONAWS.COM" PATH, AWS_URL_GOOD},
	{AMP ":443" PATH, AWS_URL_GOOD},
	{AMP "." PATH, AWS_URL_GOOD},
	{"https://aps-workspaces-fips.us-gov-west-1.api.aws" PATH, AWS_URL_GOOD},
	{"https://vpce-0a-0b-us-east-1a.aps-workspaces.us-east-1.vpce.amazonaws.com" PATH,
	 AWS_URL_GOOD},

	{"", AWS_URL_NOT_ABSOLUTE},
	{HOST PATH, AWS_URL_NOT_ABSOLUTE},
	{"//" HOST PATH, AWS_URL_NOT_ABSOLUTE},
	{"https:/" HOST PATH, AWS_URL_NOT_ABSOLUTE},
	{"https://" PATH, AWS_URL_NOT_ABSOLUTE},
	{"ws://" HOST PATH, AWS_URL_NOT_ABSOLUTE},
	{ID, AWS_URL_NOT_ABSOLUTE},

	{"http://" HOST PATH, AWS_URL_NOT_TLS},
	{"http://aps.us-west-2.amazonaws.com" PATH, AWS_URL_NOT_TLS},
	{"https://user:pw@" HOST PATH, AWS_URL_USERINFO},
	{"https://user@" HOST PATH, AWS_URL_USERINFO},
	{"https://@" HOST PATH, AWS_URL_USERINFO},
	{AMP ":80" PATH, AWS_URL_PORT},
	{AMP ":9090" PATH, AWS_URL_PORT},
	{"https://aps.us-west-2.amazonaws.com" PATH, AWS_URL_CONTROL_PLANE},
	{"https://aps-fips.us-east-1.api.aws" PATH, AWS_URL_CONTROL_PLANE},
	{"https://vpce-0a-0b.aps.us-west-2.vpce.amazonaws.com" PATH, AWS_URL_CONTROL_PLANE},
	{"https://aps-workspaces-fips.eu-central-1.amazonaws.com" PATH, AWS_URL_NO_SUCH_FIPS},
	{"https://aps-workspaces-fips.eu-west-1.api.aws" PATH, AWS_URL_NO_SUCH_FIPS},

	{AMP, AWS_URL_NO_WORKSPACE},
	{AMP "/", AWS_URL_NO_WORKSPACE},
	{AMP "/workspaces", AWS_URL_NO_WORKSPACE},
	{AMP "/workspaces/", AWS_URL_NO_WORKSPACE},
	{AMP "/workspaces//" ID END, AWS_URL_NO_WORKSPACE},
	{AMP END, AWS_URL_NO_WORKSPACE},
	{AMP "/workspace/" ID END, AWS_URL_NO_WORKSPACE},
	{AMP "/" ID END, AWS_URL_NO_WORKSPACE},
	{AMP "/workspaces/my-alias" END, AWS_URL_WORKSPACE_ID},
	{AMP "/workspaces/b226cc2a-a446-46a9-933a-ac50479a5568" END, AWS_URL_WORKSPACE_ID},
	{AMP "/workspaces/ws-b226cc2a-a446-46a9-933a-ac50479a556" END, AWS_URL_WORKSPACE_ID},
	{AMP "/workspaces/" ID "0" END, AWS_URL_WORKSPACE_ID},
	{AMP "/workspaces/ws-b226cc2a-a446-46a9-933a-ac50479a556g" END, AWS_URL_WORKSPACE_ID},
	{AMP "/workspaces/ws-b226cc2aa446-46a9-933a-ac50479a55680" END, AWS_URL_WORKSPACE_ID},
	{AMP "/workspaces/ws-EXAMPLE", AWS_URL_WORKSPACE_ID},
	{AMP "/workspaces/<workspace-id>" END, AWS_URL_WORKSPACE_ID},

	{WS, AWS_URL_NO_PATH},
	{WS "/", AWS_URL_NO_PATH},
	{WS "//", AWS_URL_NO_PATH},
	{WS "/remote_write", AWS_URL_NO_API},
	{WS "/remote_write/", AWS_URL_NO_API},
	{WS "/v1/remote_write", AWS_URL_NO_API},
	{WS "/api/remote_write", AWS_URL_NO_API},
	{WS END "/", AWS_URL_TRAILING_SLASH},
	{WS END "//", AWS_URL_TRAILING_SLASH},
	{WS END "/?x=1", AWS_URL_TRAILING_SLASH},
	{WS "/api/v1/query", AWS_URL_QUERY_PATH},
	{WS "/api/v1/query_range", AWS_URL_QUERY_PATH},
	{WS "/api/v1/read", AWS_URL_QUERY_PATH},
	{WS "/api/v1/label/job/values", AWS_URL_QUERY_PATH},
	{WS "/api/v1/rules", AWS_URL_QUERY_PATH},
	{WS "/alertmanager/api/v2/alerts", AWS_URL_QUERY_PATH},
	{WS END "?x=1", AWS_URL_QUERY},
	{WS END "?", AWS_URL_QUERY},
	{WS END "#x", AWS_URL_QUERY},
	{WS "/" END, AWS_URL_PATH},
	{WS "//remote_write", AWS_URL_PATH},
	{WS "/api/v1", AWS_URL_PATH},
	{WS "/api/v1/", AWS_URL_PATH},
	{WS "/api/v1/write", AWS_URL_PATH},
	{WS "/api/v1/push", AWS_URL_PATH},
	{WS "/api/v1/remote-write", AWS_URL_PATH},
	{WS "/api/v1/remote_write/x", AWS_URL_PATH},
	{WS "/api/v2/remote_write", AWS_URL_PATH},
	{WS "/API/V1/REMOTE_WRITE", AWS_URL_PATH},

	{" " WS END, AWS_URL_SPACE},
	{WS END "\n", AWS_URL_SPACE},
	{WS END "\r", AWS_URL_SPACE},
	{"\"" WS END "\"", AWS_URL_SPACE},
	{"'" WS END, AWS_URL_SPACE},
	{WS "/ api/v1/remote_write", AWS_URL_SPACE},
	{WS END "\x7f", AWS_URL_SPACE},

	{WS END "\xc2\xa0", AWS_URL_SPACE},
	{AMP "/workspaces/ws\xe2\x80\x93" ID END, AWS_URL_SPACE},
	{"http://relay.example" PATH "\xc2\xa0", AWS_URL_PATH},

	{"https://aps-workspace.us-west-2.amazonaws.com" PATH, AWS_URL_HOST},
	{"https://aps-workspaces.amazonaws.com" PATH, AWS_URL_HOST},
	{"https://aps-workspaces.cn-north-1.amazonaws.com" PATH, AWS_URL_HOST},
	{"https://aps-workspaces.us-west-2.amazonaws.com.cn" PATH, AWS_URL_HOST},
	{"https://vpce-0a-0b.us-west-2.vpce.amazonaws.com" PATH, AWS_URL_HOST},
	{"https://vpce-0a-0b.execute-api.us-west-2.vpce.amazonaws.com" PATH, AWS_URL_GOOD},
	{"https://a.execute-api.us-west-2.amazonaws.com" PATH, AWS_URL_GOOD},
	{"https://lb-1.us-west-2.elb.amazonaws.com" PATH, AWS_URL_GOOD},
	{"https://aps-workspaces.us-west-2.example" PATH, AWS_URL_GOOD},

	{"https://aps-workspaces.us-west2.amazonaws.com" PATH, AWS_URL_REGION},
	{"https://aps-workspaces.us-west-2a.amazonaws.com" PATH, AWS_URL_REGION},
	{"https://aps-workspaces.REGION.amazonaws.com" PATH, AWS_URL_REGION},
	{"https://aps-workspaces.us-gov-west-1.amazonaws.com" PATH, AWS_URL_GOOD},

	/* A host of one's own: the path alone counts. */
	{"http://127.0.0.1:9090" PATH, AWS_URL_GOOD},
	{"http://user:pw@[::1]:9090" PATH, AWS_URL_GOOD},
	{"http://relay.example" PATH "/", AWS_URL_TRAILING_SLASH},
	{"http://relay.example/api/v1/write", AWS_URL_NO_WORKSPACE},
	{"https://sigv4-proxy:8005/workspaces/" ID, AWS_URL_NO_PATH},
};

static void faults(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum aws_url_fault got = aws_amp_url_check(sv_of(cases[i].url));
		if (got != cases[i].fault)
			fail_msg("%s: %d (%s)", cases[i].url, got, aws_url_fault_text(got));
	}
}

static void each_fault_has_cases_and_a_sentence_of_its_own(void **state)
{
	for (int fault = 0; fault < AWS_URL_FAULTS_; fault++) {
		const char *text = aws_url_fault_text((enum aws_url_fault)fault);
		size_t n = 0;
		for (size_t i = 0; i < COUNT(cases); i++)
			n += cases[i].fault == (enum aws_url_fault)fault;
		assert_true(n > 0);
		assert_true(strlen(text) > 20);
		assert_int_equal(text[strlen(text) - 1], '.');
		for (int other = 0; other < fault; other++)
			assert_string_not_equal(text,
						aws_url_fault_text((enum aws_url_fault)other));
	}
	assert_string_equal(aws_url_fault_text(AWS_URL_FAULTS_), "");
}

static void workspaces(void **state)
{
	static const struct {
		const char *url, *id;
	} urls[] = {
		{WS END, ID},
		{WS, ID},
		{WS "?x", ID},
		{"http://127.0.0.1:9/workspaces/ws-1/api/v1/remote_write", "ws-1"},
		{AMP "/workspaces/", ""},
		{AMP END, ""},
		{"https://x.test/a/workspaces/" ID, ""},
		{PATH, ""},
		{"", ""},
	};
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct sv id = aws_amp_workspace(sv_of(urls[i].url));
		if (!sv_eq(id, sv_of(urls[i].id)))
			fail_msg("%s: \"%.*s\"", urls[i].url, SV_ARG(id));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults),
		cmocka_unit_test(each_fault_has_cases_and_a_sentence_of_its_own),
		cmocka_unit_test(workspaces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
