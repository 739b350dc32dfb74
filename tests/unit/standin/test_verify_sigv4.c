/* The signature check against published signatures, and against every way of changing a signed
 * request. */
#include "check.h"

#include "../../../src/standin/canonical.h"

#include <ampagent/base/crypto.h>

#define EXAMPLE_KEY "AKIDEXAMPLE"
#define EXAMPLE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define AUTH(key, scope, headers, signature)                                                       \
	"AWS4-HMAC-SHA256 Credential=" key "/" scope ", SignedHeaders=" headers                    \
	", Signature=" signature

enum { HEADERS_MAX = 8 };
/* 2015-08-30T12:36:00Z and 2013-05-24T00:00:00Z. */
static const int64_t t_2015 = 1440938160, t_2013 = 1369353600;

struct vector {
	const char *name, *method, *path, *query;
	struct sv body;
	const char *headers[HEADERS_MAX][2];
	const char *signed_headers, *canonical_sha256;
	const char *secret, *token, *access_key, *region, *service;
	int64_t now_s;
};

#define AMP_PATH "/workspaces/ws-b226cc2a-a446-46a9-933a-ac50479a5568/api/v1/remote_write"
#define AMP_HEADERS                                                                                \
	"content-encoding;content-type;host;x-amz-date;x-prometheus-remote-write-version"

static const struct vector vectors[] = {
	{
		.name = "get-vanilla",
		.method = "GET",
		.path = "/",
		.headers = {{"Host", "example.amazonaws.com"},
			    {"X-Amz-Date", "20150830T123600Z"},
			    {"Authorization",
			     AUTH(EXAMPLE_KEY, "20150830/us-east-1/service/aws4_request",
				  "host;x-amz-date",
				  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf"
				  "31")}},
		.signed_headers = "host;x-amz-date",
		.canonical_sha256 =
			"bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
		.service = "service",
	},
	{
		.name = "get-vanilla-with-session-token",
		.method = "GET",
		.path = "/",
		.headers = {{"Host", "example.amazonaws.com"},
			    {"X-Amz-Date", "20150830T123600Z"},
			    {"X-Amz-Security-Token",
			     "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"},
			    {"Authorization",
			     AUTH(EXAMPLE_KEY, "20150830/us-east-1/service/aws4_request",
				  "host;x-amz-date;x-amz-security-token",
				  "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7"
				  "f8")}},
		.signed_headers = "host;x-amz-date;x-amz-security-token",
		.token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
		.service = "service",
	},
	{
		.name = "iam-list-users",
		.method = "GET",
		.path = "/",
		.query = "Action=ListUsers&Version=2010-05-08",
		.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
			    {"Host", "iam.amazonaws.com"},
			    {"X-Amz-Date", "20150830T123600Z"},
			    {"Authorization",
			     AUTH(EXAMPLE_KEY, "20150830/us-east-1/iam/aws4_request",
				  "content-type;host;x-amz-date",
				  "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5"
				  "d7")}},
		.signed_headers = "content-type;host;x-amz-date",
		.canonical_sha256 =
			"f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59",
		.service = "iam",
	},
	{
		.name = "s3-get-range",
		.method = "GET",
		.path = "/test.txt",
		.headers = {{"Host", "examplebucket.s3.amazonaws.com"},
			    {"Range", "bytes=0-9"},
			    {"x-amz-content-sha256", EMPTY_SHA256},
			    {"x-amz-date", "20130524T000000Z"},
			    {"Authorization",
			     AUTH("AKIAIOSFODNN7EXAMPLE", "20130524/us-east-1/s3/aws4_request",
				  "host;range;x-amz-content-sha256;x-amz-date",
				  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb"
				  "41")}},
		.signed_headers = "host;range;x-amz-content-sha256;x-amz-date",
		.canonical_sha256 =
			"7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
		.secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		.access_key = "AKIAIOSFODNN7EXAMPLE",
		.service = "s3",
		.now_s = 1369353600,
	},
	{
		.name = "amp-remote-write",
		.method = "POST",
		.path = AMP_PATH,
		.body = SV("\0"),
		.headers = {{"Host", "aps-workspaces.us-west-2.amazonaws.com"},
			    {"Content-Encoding", "snappy"},
			    {"Content-Type", "application/x-protobuf"},
			    {"X-Prometheus-Remote-Write-Version", "0.1.0"},
			    {"X-Amz-Date", "20150830T123600Z"},
			    {"Authorization",
			     AUTH(EXAMPLE_KEY, "20150830/us-west-2/aps/aws4_request", AMP_HEADERS,
				  "1cf9e01824c22e97378f2b9642225e79612bf8d6bd7b6a6a9b7793a59b6f18"
				  "46")}},
		.signed_headers = AMP_HEADERS,
		.canonical_sha256 =
			"11a920d4e3ca369a2d6a8ca555bb00877955ec30bb5c243a7bb6327b82340138",
		.region = "us-west-2",
		.service = "aps",
	},
};

enum { N_VECTORS = N_OF(vectors), AMP = N_VECTORS - 1 };

/* A vector's request with its own, changeable copies of every text. */
struct signed_request {
	struct sigv4_header headers[HEADERS_MAX];
	struct sigv4_received received;
	struct sigv4_expected expected;
	int64_t now_s;
};

static struct sv text(const char *s, const char *otherwise)
{
	return sv_of(s ? s : otherwise);
}

static void build(struct signed_request *r, const struct vector *v)
{
	size_t n = 0;
	for (; n < HEADERS_MAX && v->headers[n][0]; n++)
		r->headers[n] =
			(struct sigv4_header){sv_of(v->headers[n][0]), sv_of(v->headers[n][1])};
	r->received = (struct sigv4_received){
		.method = sv_of(v->method),
		.raw_path = sv_of(v->path),
		.query = text(v->query, ""),
		.body = v->body,
		.headers = r->headers,
		.n_headers = n,
	};
	r->expected = (struct sigv4_expected){
		.access_key = text(v->access_key, EXAMPLE_KEY),
		.secret_key = text(v->secret, EXAMPLE_SECRET),
		.session_token = text(v->token, ""),
		.region = text(v->region, "us-east-1"),
		.service = sv_of(v->service),
		.clock_window_s = 300,
	};
	r->now_s = v->now_s ? v->now_s : t_2015;
}

static int verify(const struct signed_request *r)
{
	_cleanup_(sigv4_refusal_deinit) struct sigv4_refusal refusal;
	sigv4_refusal_init(&refusal);
	return verify_sigv4(&r->received, &r->expected, r->now_s, &refusal);
}

static void expect_refusal(const struct signed_request *r, const char *type, const char *words)
{
	_cleanup_(sigv4_refusal_deinit) struct sigv4_refusal refusal;
	sigv4_refusal_init(&refusal);
	assert_int_equal(verify_sigv4(&r->received, &r->expected, r->now_s, &refusal), 1);
	assert_string_equal(refusal.type, type);
	assert_says(buf_view(&refusal.text), words);
}

static void test_vectors(void **state)
{
	for (size_t i = 0; i < N_VECTORS; i++) {
		struct signed_request r;
		build(&r, &vectors[i]);
		_cleanup_(buf_deinit) struct buf canonical = BUF_NULL, hex = BUF_NULL;
		buf_init(&canonical, 4096);
		buf_init(&hex, 64);
		assert_int_equal(sigv4_canonical_request(&canonical, &r.received,
							 sv_of(vectors[i].signed_headers)),
				 0);
		sigv4_append_sha256(&hex, buf_view(&canonical));
		if (vectors[i].canonical_sha256 &&
		    !sv_eq(buf_view(&hex), sv_of(vectors[i].canonical_sha256)))
			fail_msg("%s: canonical request is\n%.*s", vectors[i].name,
				 SV_ARG(buf_view(&canonical)));
		if (verify(&r) != 0)
			fail_msg("%s was refused", vectors[i].name);
	}
	assert_int_equal(t_2013, vectors[3].now_s);
}

/* --- nothing may change --- */

static bool is_signed(const struct vector *v, const char *header)
{
	struct sv names = sv_of(v->signed_headers), one;
	while (sigv4_take_part(&names, ';', &one))
		if (sv_eq_nocase(one, sv_of(header)))
			return true;
	return false;
}

/* Changes each byte of *what in turn; every change must be refused. Bit 0 makes another letter of
 * a letter, never only another case of it. */
static void flip_each(struct signed_request *r, struct sv *what, const char *vector,
		      const char *part)
{
	struct sv original = *what;
	_cleanup_(freep) char *copy = malloc(original.len + 1);
	assert_non_null(copy);
	*what = sv_make(copy, original.len);
	for (size_t i = 0; i < original.len; i++) {
		memcpy(copy, original.ptr, original.len);
		copy[i] ^= 1;
		if (verify(r) == 0)
			fail_msg("%s: byte %zu of %s may be changed", vector, i, part);
	}
	*what = original;
	assert_int_equal(verify(r), 0);
}

static void test_each_byte_counts(void **state)
{
	for (size_t i = 0; i < N_VECTORS; i++) {
		const struct vector *v = &vectors[i];
		struct signed_request r;
		build(&r, v);
		flip_each(&r, &r.received.method, v->name, "the method");
		flip_each(&r, &r.received.raw_path, v->name, "the path");
		flip_each(&r, &r.received.query, v->name, "the query");
		flip_each(&r, &r.received.body, v->name, "the body");
		for (size_t h = 0; h < r.received.n_headers; h++) {
			const char *name = v->headers[h][0];
			if (!is_signed(v, name) && strcmp(name, "Authorization") != 0)
				continue;
			flip_each(&r, &r.headers[h].name, v->name, name);
			flip_each(&r, &r.headers[h].value, v->name, name);
		}
		flip_each(&r, &r.expected.secret_key, v->name, "the secret key");
		flip_each(&r, &r.expected.access_key, v->name, "the access key");
		flip_each(&r, &r.expected.region, v->name, "the region");
		flip_each(&r, &r.expected.service, v->name, "the service");
	}
}

static void test_upper_case_signature_is_another(void **state)
{
	struct signed_request r;
	build(&r, &vectors[AMP]);
	struct sv *value = &r.headers[5].value;
	_cleanup_(freep) char *copy = sv_dup(*value);
	size_t at = sv_find_sv(*value, SV("Signature=")) + strlen("Signature=") + 1;
	assert_int_equal(copy[at], 'c');
	copy[at] = 'C';
	*value = sv_of(copy);
	expect_refusal(&r, "InvalidSignatureException", "does not match");
}

static void test_body_longer_or_shorter(void **state)
{
	struct signed_request r;
	build(&r, &vectors[AMP]);
	r.received.body = SV("");
	assert_int_equal(verify(&r), 1);
	r.received.body = SV("\0\0");
	assert_int_equal(verify(&r), 1);
}

/* --- the clock --- */

static void test_clock_window(void **state)
{
	static const struct {
		int64_t shift_s;
		const char *words; /* NULL: accepted */
	} cases[] = {
		{0, NULL},
		{300, NULL},
		{-300, NULL},
		{301, "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z "
		      "(20150830T124101Z - 5 min.)"},
		{-301, "Signature not yet current: 20150830T123600Z is still later than "
		       "20150830T123559Z (20150830T123059Z + 5 min.)"},
		{86400 * 365, "Signature expired: "},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct signed_request r;
		build(&r, &vectors[AMP]);
		r.now_s += cases[i].shift_s;
		if (cases[i].words)
			expect_refusal(&r, "InvalidSignatureException", cases[i].words);
		else
			assert_int_equal(verify(&r), 0);
	}
}

/* --- what can be wrong with the headers --- */

static void test_refusals_by_header(void **state)
{
	static const struct {
		const char *header, *value; /* NULL value: the header is not sent */
		const char *type, *words;
	} cases[] = {
		{"Authorization", NULL, "MissingAuthenticationTokenException",
		 "Missing Authentication Token"},
		{"Authorization", "", "IncompleteSignatureException", "algorithm"},
		{"Authorization", "Basic dXNlcjpwYXNz", "IncompleteSignatureException", "'Basic'"},
		{"Authorization", "AWS4-HMAC-SHA256 x", "IncompleteSignatureException",
		 "key=value"},
		{"Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host",
		 "IncompleteSignatureException", "requires 'Signature'"},
		{"Authorization", "AWS4-HMAC-SHA256 Credential=a, Signature=b, Credential=c",
		 "IncompleteSignatureException", "repeated"},
		{"Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=h, Signature=b",
		 "IncompleteSignatureException", "5 slash-delimited"},
		{"Authorization",
		 "AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f, SignedHeaders=h, Signature=b",
		 "IncompleteSignatureException", "5 slash-delimited"},
		{"Authorization",
		 AUTH("AKIDOTHER", "20150830/us-west-2/aps/aws4_request", AMP_HEADERS, "00"),
		 "UnrecognizedClientException",
		 "The security token included in the request is invalid."},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-east-1/aps/aws4_request", AMP_HEADERS, "00"),
		 "InvalidSignatureException", "scoped to a valid region, not 'us-east-1'"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-west-2/s3/aws4_request", AMP_HEADERS, "00"),
		 "InvalidSignatureException", "scoped to correct service: 'aps'"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-west-2/aps/aws5_request", AMP_HEADERS, "00"),
		 "InvalidSignatureException", "valid terminator"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150829/us-west-2/aps/aws4_request", AMP_HEADERS, "00"),
		 "InvalidSignatureException", "'20150829' != '20150830'"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-west-2/aps/aws4_request", "x-amz-date", "00"),
		 "InvalidSignatureException", "'Host'"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-west-2/aps/aws4_request", "host", "00"),
		 "InvalidSignatureException", "'X-Amz-Date' must be a 'SignedHeader'"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-west-2/aps/aws4_request", "x-amz-date;host", "00"),
		 "InvalidSignatureException", "ascending"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-west-2/aps/aws4_request", "host;host;x-amz-date",
		      "00"),
		 "InvalidSignatureException", "unique"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-west-2/aps/aws4_request", "Host;x-amz-date", "00"),
		 "InvalidSignatureException", "lower-case"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-west-2/aps/aws4_request", "accept;host;x-amz-date",
		      "00"),
		 "InvalidSignatureException", "'accept' was not sent"},
		{"Authorization",
		 AUTH(EXAMPLE_KEY, "20150830/us-west-2/aps/aws4_request", "host;x-amz-date", "00"),
		 "InvalidSignatureException",
		 "should have been\n'POST\n" AMP_PATH
		 "\n\nhost:aps-workspaces.us-west-2.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
		 "host;x-amz-date\n"
		 "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'"},
		{"X-Amz-Date", NULL, "IncompleteSignatureException", "requires existence"},
		{"X-Amz-Date", "20150830T126000Z", "IncompleteSignatureException", "ISO-8601"},
		{"X-Amz-Date", "20150231T123600Z", "IncompleteSignatureException", "ISO-8601"},
		{"X-Amz-Date", "2015-08-30T12:36:00Z", "IncompleteSignatureException", "ISO-8601"},
		{"Host", NULL, "InvalidSignatureException", "'Host'"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct signed_request r;
		build(&r, &vectors[AMP]);
		size_t h = 0;
		while (!sv_eq(r.headers[h].name, sv_of(cases[i].header)))
			h++;
		if (cases[i].value)
			r.headers[h].value = sv_of(cases[i].value);
		else
			r.headers[h] = r.headers[--r.received.n_headers];
		expect_refusal(&r, cases[i].type, cases[i].words);
	}
}

static void add_header(struct signed_request *r, struct sv name, struct sv value)
{
	r->headers[r->received.n_headers++] = (struct sigv4_header){name, value};
}

static void test_refusals_by_extra_header(void **state)
{
	static const struct {
		const char *name, *value, *type, *words;
	} cases[] = {
		{"authorization", "x", "IncompleteSignatureException", "more than once"},
		{"x-amz-date", "20150830T123600Z", "IncompleteSignatureException",
		 "more than once"},
		{"HOST", "elsewhere", "InvalidSignatureException", "'Host'"},
		{"x-amz-meta", "1", "InvalidSignatureException", "'x-amz-meta' must be"},
		{"x-amz-security-token", "t", "UnrecognizedClientException", "invalid"},
		{"content-type", "text/plain", "InvalidSignatureException",
		 "content-type:application/x-protobuf,text/plain\n"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct signed_request r;
		build(&r, &vectors[AMP]);
		add_header(&r, sv_of(cases[i].name), sv_of(cases[i].value));
		expect_refusal(&r, cases[i].type, cases[i].words);
	}
}

static void test_session_token(void **state)
{
	struct signed_request r;
	build(&r, &vectors[AMP]);
	r.expected.session_token = SV("token");
	expect_refusal(&r, "UnrecognizedClientException", "invalid");
	/* The service takes an unsigned token, as long as it is the right one. */
	add_header(&r, SV("X-Amz-Security-Token"), SV("token"));
	assert_int_equal(verify(&r), 0);
	r.headers[r.received.n_headers - 1].value = SV("tokem");
	expect_refusal(&r, "UnrecognizedClientException", "invalid");
}

static void test_unsigned_headers_may_change(void **state)
{
	struct signed_request r;
	build(&r, &vectors[AMP]);
	add_header(&r, SV("User-Agent"), SV("anything"));
	assert_int_equal(verify(&r), 0);
}

/* --- the canonical form --- */

static void expect_line(const struct sigv4_received *q, struct sv names, size_t line,
			const char *want)
{
	_cleanup_(buf_deinit) struct buf canonical = BUF_NULL;
	buf_init(&canonical, 4096);
	assert_int_equal(sigv4_canonical_request(&canonical, q, names), 0);
	struct sv rest = buf_view(&canonical), one = SV_NULL;
	for (size_t i = 0; i <= line; i++)
		assert_true(sigv4_take_part(&rest, '\n', &one));
	assert_sv(one, want);
}

static void test_canonical_path(void **state)
{
	static const char *const cases[][2] = {
		{"", "/"},
		{".", "."},
		{"a/", "a%2F"},
		{"/", "/"},
		{"//", "/"},
		{"/a/b", "/a/b"},
		{"/a//b/", "/a/b/"},
		{"/a/./b", "/a/b"},
		{"/a/../b", "/b"},
		{"/a/..", "/"},
		{"/../a", "/a"},
		{"/a/b/..", "/a/"},
		{"/a/.", "/a/"},
		{"/~a-b_c.d", "/~a-b_c.d"},
		{"/a%20b", "/a%2520b"},
		{"/\xe1\x88\xb4", "/%E1%88%B4"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct sigv4_received q = {.method = SV("GET"), .raw_path = sv_of(cases[i][0])};
		expect_line(&q, SV("host"), 1, cases[i][1]);
	}
}

static void test_canonical_query(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"b=2&a=1", "a=1&b=2"},
		{"a=2&a=1", "a=1&a=2"},
		{"a", "a="},
		{"&a=1&", "a=1"},
		{"a=b=c", "a=b%3Dc"},
		{"a=%7e", "a=~"},
		{"a=%2f", "a=%2F"},
		{"a=x%20y", "a=x%20y"},
		{"a=%zz", "a=%25zz"},
		{"a=%2", "a=%252"},
		{"A=1&a=2&B=3", "A=1&B=3&a=2"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct sigv4_received q = {.method = SV("GET"), .query = sv_of(cases[i][0])};
		expect_line(&q, SV("host"), 2, cases[i][1]);
	}
}

static void test_canonical_headers(void **state)
{
	struct sigv4_header headers[] = {
		{SV("Host"), SV("  h  ")},
		{SV("My-Header"), SV(" b   c \t d ")},
		{SV("Other"), SV("skipped")},
		{SV("my-header"), SV("\"a  b\"")},
	};
	struct sigv4_received q = {.method = SV("GET"), .headers = headers, .n_headers = 4};
	struct sv names = SV("host;my-header");
	expect_line(&q, names, 3, "host:h");
	expect_line(&q, names, 4, "my-header:b c d,\"a b\"");
	expect_line(&q, names, 5, "");
	expect_line(&q, names, 6, "host;my-header");
	expect_line(&q, names, 7, EMPTY_SHA256);
}

static void test_too_many_parameters(void **state)
{
	_cleanup_(buf_deinit) struct buf query = BUF_NULL, canonical = BUF_NULL;
	buf_init(&query, 4096);
	buf_init(&canonical, 4096);
	for (int i = 0; i < 65; i++)
		buf_printf(&query, "a%d=1&", i);
	struct sigv4_received q = {.method = SV("GET"), .query = buf_view(&query)};
	assert_int_equal(sigv4_canonical_request(&canonical, &q, SV("host")), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_each_byte_counts),
		cmocka_unit_test(test_upper_case_signature_is_another),
		cmocka_unit_test(test_body_longer_or_shorter),
		cmocka_unit_test(test_clock_window),
		cmocka_unit_test(test_refusals_by_header),
		cmocka_unit_test(test_refusals_by_extra_header),
		cmocka_unit_test(test_session_token),
		cmocka_unit_test(test_unsigned_headers_may_change),
		cmocka_unit_test(test_canonical_path),
		cmocka_unit_test(test_canonical_query),
		cmocka_unit_test(test_canonical_headers),
		cmocka_unit_test(test_too_many_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
