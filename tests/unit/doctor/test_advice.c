/* What to do about credentials, identity, names, connections, certificates and clocks. */
#include "advice.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct buf out;

static int setup(void **state)
{
	buf_init(&out, 65536);
	return 0;
}

static int teardown(void **state)
{
	buf_deinit(&out);
	return 0;
}

/* Each word, apart by '|', stands in what was advised; "!word": it does not. Empties it. */
static void assert_advised(const char *words, const char *about)
{
	struct sv rest = sv_of(words);
	assert_false(buf_failed(&out));
	assert_true(out.len > 0);
	while (rest.len > 0) {
		struct sv word = sv_make(rest.ptr, sv_find(rest, '|'));
		bool not = word.len > 0 && word.ptr[0] == '!';
		struct sv look = sv_from(word, not ? 1 : 0);
		if ((sv_find_sv(buf_view(&out), look) < out.len) == not )
			fail_msg("%s: \"%.*s\" in: %.*s", about, SV_ARG(word),
				 SV_ARG(buf_view(&out)));
		rest = sv_from(rest, word.len + 1);
	}
	buf_reset(&out);
}

static void spans(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "0 ms"},
		{999, "999 ms"},
		{-1500, "1 s"},
		{119999, "119 s"},
		{120000, "2 min"},
		{-7169999, "119 min"},
		{-7199999, "2 h 0 min"},
		{659500, "11 min"},
		{7200000, "2 h 0 min"},
		{71 * 3600000LL + 59 * 60000, "71 h 59 min"},
		{72 * 3600000LL, "3 days"},
		{INT64_MAX, "106751991167 days"},
	};
	char text[ADVICE_SPAN_MAX];
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(advice_span(text, cases[i].ms), cases[i].text);
}

static void pages_for_people(void **state)
{
	static const struct {
		const char *body;
		bool html;
	} cases[] = {
		{"<html>", true},
		{"\r\n <!DOCTYPE HTML PUBLIC ...", true},
		{"<!-- x --><HTML lang=en>", true},
		{"<head><title>Sign in</title>", true},
		{"", false},
		{"{\"message\":\"<html>\"}", false},
		{"<ErrorResponse><Error>", false},
		{"user=1: <html>", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (advice_is_html(sv_of(cases[i].body)) != cases[i].html)
			fail_msg("\"%s\"", cases[i].body);
}

static void no_source_at_all(void **state)
{
	static const struct {
		struct advice_place place;
		const char *words;
	} cases[] = {
		{{.ecs = true}, "taskRoleArn|!Fargate"},
		{{.ecs = true, .fargate = true}, "taskRoleArn|Fargate"},
		{{.kubernetes = true}, "Pod Identity|eks.amazonaws.com/role-arn"},
		{{.kubernetes = true, .web_identity = true},
		 "AWS_ACCESS_KEY_ID|!Pod Identity assoc"},
		{{.imds_off = true}, "AWS_EC2_METADATA_DISABLED|instance profile"},
		{{.ecs = true, .first_has = true}, "/proc/1/environ|!taskRoleArn"},
		{{0}, "AWS_ACCESS_KEY_ID|instance profile|!AWS_EC2_METADATA_DISABLED"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		advice_credentials(&out, SV("no AWS credentials: nothing"), &cases[i].place);
		assert_advised(cases[i].words, "no source");
	}
}

static void broken_sources(void **state)
{
	static const struct {
		const char *source, *why;
		bool ecs, kubernetes, proxy;
		const char *words;
	} cases[] = {
		{"environment", "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not", false,
		 false, false, "both parts"},
		{"explicit keys", "access_key has a blank", false, false, false, "without blanks"},
		{"web identity", "cannot open /x/token: Permission denied", false, true, false,
		 "fsGroup"},
		{"web identity", "cannot open /x/token: No such file or directory", false, true,
		 false, "mounted"},
		{"web identity", "r by web identity: sts at h: AccessDenied: no (HTTP 403)", false,
		 true, false, "trust policy|audience"},
		{"web identity", "r by web identity: sts at h: Connection refused", false, true,
		 false, "VPC endpoint|!NO_PROXY"},
		{"web identity", "r by web identity: sts at h: Connection refused", false, true,
		 true, "NO_PROXY|VPC endpoint"},
		{"environment", "role arn:aws:iam::1:role/r: sts at h: AccessDenied: (HTTP 403)",
		 false, false, false, "sts:AssumeRole"},
		{"environment", "role arn:aws:iam::1:role/r: sts at h: timeout of 5 ms exceeded",
		 false, false, false, "VPC endpoint"},
		{"container", "container at http://x: status 403", true, false, false,
		 "ecs-tasks.amazonaws.com"},
		{"container", "container at http://x: status 403", false, true, false,
		 "pods.eks.amazonaws.com"},
		{"container", "container at http://x: no answer", false, false, false,
		 "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
		{"container",
		 "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: cannot open /x: "
		 "Permission denied",
		 false, true, false, "fsGroup"},
		{"instance", "this is what a container sees when the instance's hop limit is 1",
		 false, false, false, "HttpPutResponseHopLimit to 2"},
		{"instance", "the instance has no role: attach", false, false, false,
		 "associate-iam-instance-profile"},
		{"instance", "keys of the instance's role r: AssumeRoleUnauthorizedAccess", false,
		 false, false, "ec2.amazonaws.com"},
		{"web identity", "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not",
		 false, true, false, "eks.amazonaws.com/role-arn|!audience"},
		{"instance", "instance metadata at x refuses: status 403", false, false, false,
		 "--http-endpoint enabled"},
		{"instance", "instance metadata at x gives no answer", true, false, false,
		 "taskRoleArn"},
		{"profile", "credential_process /bin/x failed with code 3", false, false, false,
		 "by hand"},
		{"profile", "no SSO session: run aws sso login", false, false, false,
		 "aws sso login"},
		{"profile", "source_profile leads back: a loop", false, false, false,
		 "source_profile end"},
		{"", "AWS_PROFILE names the profile \"x\", which is in none", false, false, false,
		 "AWS_PROFILE|AWS_CONFIG_FILE"},
		{"", "/home/x/.aws/config:3: what is this", false, false, false, "Correct that"},
		{"", "AWS_CA_BUNDLE names a file that cannot be read: /x", false, false, false,
		 "PEM"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct advice_place place = {.source = sv_of(cases[i].source),
						   .ecs = cases[i].ecs,
						   .task_role = false,
						   .kubernetes = cases[i].kubernetes,
						   .proxy = cases[i].proxy};
		advice_credentials(&out, sv_of(cases[i].why), &place);
		assert_advised(cases[i].words, cases[i].why);
	}
}

static void identity(void **state)
{
	static const struct {
		enum aws_verdict verdict;
		const char *why;
		bool written;
		const char *words;
	} cases[] = {
		{AWS_CALL_EXPIRED, "ExpiredToken", false, "session token|!Writing works"},
		{AWS_CALL_REFUSED, "SignatureDoesNotMatch: x", false, "secret key"},
		{AWS_CALL_REFUSED, "ValidationError", false, "STS refuses"},
		{AWS_CALL_UNREACHABLE, "no route", true, "VPC endpoint|Writing works"},
		{AWS_CALL_DENIED, "AccessDenied", true, "does not need it"},
		{AWS_CALL_CLOCK, "skewed", false, "NTP"},
		{AWS_CALL_NO_KEYS, "no region", false, "setting"},
		{AWS_CALL_TRANSIENT, "500", true, "Try again"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		advice_identity(&out, cases[i].verdict, sv_of(cases[i].why), cases[i].written);
		assert_advised(cases[i].words, cases[i].why);
	}
}

static const struct advice_host amp = {.amp = true,
				       .host = {"aps-workspaces.eu-west-9.amazonaws.com", 38},
				       .region = {"eu-west-9", 9}};

static void names(void **state)
{
	struct advice_host h = amp;
	advice_dns(&out, NET_NO_SUCH_HOST, &h);
	assert_advised("eu-west-9|spelling", "AMP's host");
	advice_dns(&out, NET_TRY_AGAIN, &h);
	assert_advised("resolv.conf|!eu-west-9", "no name server");
	h.vpce = true;
	advice_dns(&out, NET_NO_SUCH_HOST, &h);
	assert_advised("describe-vpc-endpoints", "a VPC endpoint");
	h.proxied = true;
	advice_dns(&out, NET_NO_SUCH_HOST, &h);
	assert_advised("proxy_url|!describe-vpc-endpoints", "a proxy");
	h = (struct advice_host){.host = SV("workspaces.eu-west-1.amazonaws.com")};
	advice_dns(&out, NET_NO_SUCH_HOST, &h);
	assert_advised("aps-workspaces.REGION", "almost AMP's host");
}

static void connections(void **state)
{
	struct advice_host h = amp;
	advice_tcp(&out, NET_TIMED_OUT, &h);
	assert_advised("security group|com.amazonaws.eu-west-9.aps-workspaces", "no answer");
	advice_tcp(&out, NET_UNREACHABLE, &h);
	assert_advised("route|com.amazonaws.eu-west-9.aps-workspaces", "no route");
	advice_tcp(&out, NET_REFUSED, &h);
	assert_advised("listens|!com.amazonaws", "refused");
	h.proxied = true;
	advice_tcp(&out, NET_TIMED_OUT, &h);
	assert_advised("HTTPS_PROXY|!com.amazonaws.eu-west-9", "a proxy");
}

static void certificates(void **state)
{
	static const struct {
		const char *issuer;
		bool untrusted, other, old, own_ca, amp;
		const char *words;
	} cases[] = {
		{"O=Corp, CN=Corp CA", true, false, false, false, true,
		 "interception|AWS_CA_BUNDLE|ca_file"},
		{"O=Amazon, CN=Amazon RSA 2048 M02", true, false, false, false, true,
		 "ca-certificates|!interception"},
		{"O=Amazon, CN=Amazon RSA 2048 M02", true, false, false, true, true,
		 "does not hold it"},
		{"CN=mine", true, false, false, false, false, "AWS_CA_BUNDLE|!interception"},
		{"CN=mine", false, true, false, false, false, "server_name|aps-workspaces"},
		{"CN=mine", false, false, true, false, false, "expired|renew"},
		{"CN=mine", true, true, true, false, false, "expired|server_name|AWS_CA_BUNDLE"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct http_peer peer = {.not_before_s = 1000,
					 .not_after_s = 2000,
					 .untrusted = cases[i].untrusted,
					 .other_name = cases[i].other,
					 .out_of_date = cases[i].old};
		snprintf(peer.issuer, sizeof peer.issuer, "%s", cases[i].issuer);
		struct advice_tls t = {.phase = HTTP_PHASE_TLS,
				       .peer = &peer,
				       .error = "x",
				       .host = amp,
				       .own_ca = cases[i].own_ca,
				       .now_s = 3000};
		t.host.amp = cases[i].amp;
		advice_tls(&out, &t);
		assert_advised(cases[i].words, cases[i].issuer);
	}
}

static void handshakes(void **state)
{
	struct http_peer peer = {.not_before_s = 1000, .not_after_s = 2000, .out_of_date = true};
	struct advice_tls t = {
		.phase = HTTP_PHASE_TLS, .peer = &peer, .error = "x", .host = amp, .now_s = 500};
	advice_tls(&out, &t);
	assert_advised("not valid yet|NTP|!renew", "too early");
	t.peer = NULL;
	advice_tls(&out, &t);
	assert_advised("no TLS at this port", "no certificate");
	t.late = true;
	advice_tls(&out, &t);
	assert_advised("MTU|!no TLS", "no answer");
	t.phase = HTTP_PHASE_PROXY;
	advice_tls(&out, &t);
	assert_advised("CONNECT|aps-workspaces", "a proxy");
	t.phase = HTTP_PHASE_SETUP;
	advice_tls(&out, &t);
	assert_advised("tls_config", "files");
	t.phase = HTTP_PHASE_CONNECT;
	advice_tls(&out, &t);
	assert_advised("again", "gone");
}

static void issuers(void **state)
{
	assert_true(advice_issuer_known(SV("C=US, O=Amazon, CN=Amazon RSA 2048 M02")));
	assert_true(advice_issuer_known(SV("O=\"Starfield Technologies, Inc.\"")));
	assert_true(advice_issuer_known(SV("C=US, O=DigiCert Inc")));
	assert_false(advice_issuer_known(SV("O=Corp IT, CN=Inspection")));
	assert_false(advice_issuer_known(SV("")));
}

static void clocks(void **state)
{
	advice_clock(&out, 11 * 60000);
	assert_advised("too new|10 minutes|NTP|!too old", "far ahead");
	advice_clock(&out, -2 * 3600000);
	assert_advised("too old|an hour|!too new", "far behind");
	advice_clock(&out, -2 * 60000);
	assert_advised("wrong time|!too new", "a little");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans),
		cmocka_unit_test(pages_for_people),
		cmocka_unit_test(no_source_at_all),
		cmocka_unit_test(broken_sources),
		cmocka_unit_test(identity),
		cmocka_unit_test(names),
		cmocka_unit_test(connections),
		cmocka_unit_test(certificates),
		cmocka_unit_test(handshakes),
		cmocka_unit_test(issuers),
		cmocka_unit_test(clocks),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
