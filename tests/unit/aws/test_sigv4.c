/* Published vectors at each stage, then tables for the parts of the canonical request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/sigv4.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SUITE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SUITE_TIME_S 1440938160 /* 2015-08-30T12:36:00Z */
#define SUITE_TOKEN "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"

static const struct aws_keys suite_keys = {
	{"AKIDEXAMPLE", 11}, {SUITE_SECRET, sizeof SUITE_SECRET - 1}, {NULL, 0}};

/* Everything of one signature; strings are terminated. */
struct signing {
	struct sigv4_result result;
	char *canonical;
	char *string_to_sign;
};

static void sign(struct signing *s, const struct sigv4_request *req, const struct aws_keys *keys,
		 struct sigv4_cache *cache)
{
	struct buf canonical, string_to_sign;
	buf_init(&canonical, MiB(1));
	buf_init(&string_to_sign, MiB(1));
	assert_int_equal(sigv4_sign(req, keys, cache, &s->result, &canonical, &string_to_sign), 0);
	s->canonical = buf_take(&canonical);
	s->string_to_sign = buf_take(&string_to_sign);
	assert_non_null(s->canonical);
	assert_non_null(s->string_to_sign);
}

static void signing_deinit(struct signing *s)
{
	free(s->canonical);
	free(s->string_to_sign);
}

static struct sigv4_request suite_get(const char *path, const char *query)
{
	return (struct sigv4_request){
		.method = SV("GET"),
		.host = SV("example.amazonaws.com"),
		.path = sv_of(path),
		.query = sv_of(query),
		.payload_hash = SV(EMPTY_SHA256),
		.region = SV("us-east-1"),
		.service = SV("service"),
		.time_s = SUITE_TIME_S,
	};
}

static void assert_signature(const struct signing *s, const char *want)
{
	const char *at = strstr(s->result.authorization, ", Signature=");
	assert_non_null(at);
	assert_string_equal(at + strlen(", Signature="), want);
}

static void assert_canonical_hash(const struct signing *s, const char *want)
{
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	crypto_sha256(digest, s->canonical, strlen(s->canonical));
	hex_encode(hex, digest, sizeof digest);
	assert_string_equal(hex, want);
	assert_non_null(strstr(s->string_to_sign, want));
}

static void assert_key(const struct sigv4_cache *cache, const char *want)
{
	char hex[2 * SHA256_BYTES + 1];
	assert_true(cache->valid);
	hex_encode(hex, cache->key, sizeof cache->key);
	assert_string_equal(hex, want);
}

static void test_get_vanilla(void **state)
{
	struct sigv4_request req = suite_get("/", "");
	struct signing s;
	sign(&s, &req, &suite_keys, NULL);
	assert_string_equal(s.result.amz_date, "20150830T123600Z");
	assert_string_equal(s.canonical, "GET\n/\n\n"
					 "host:example.amazonaws.com\n"
					 "x-amz-date:20150830T123600Z\n\n"
					 "host;x-amz-date\n" EMPTY_SHA256);
	assert_string_equal(s.string_to_sign,
			    "AWS4-HMAC-SHA256\n20150830T123600Z\n"
			    "20150830/us-east-1/service/aws4_request\n"
			    "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
	assert_string_equal(
		s.result.authorization,
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
		"SignedHeaders=host;x-amz-date, "
		"Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
	signing_deinit(&s);
}

static void test_session_token(void **state)
{
	struct sigv4_request req = suite_get("", "");
	struct aws_keys keys = suite_keys;
	struct signing s;
	keys.session_token = SV(SUITE_TOKEN);
	sign(&s, &req, &keys, NULL);
	assert_string_equal(s.canonical, "GET\n/\n\n"
					 "host:example.amazonaws.com\n"
					 "x-amz-date:20150830T123600Z\n"
					 "x-amz-security-token:" SUITE_TOKEN "\n\n"
					 "host;x-amz-date;x-amz-security-token\n" EMPTY_SHA256);
	assert_signature(&s, "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8");
	signing_deinit(&s);
}

static void test_iam_list_users(void **state)
{
	const struct http_header headers[] = {
		{SV("Content-Type"), SV("application/x-www-form-urlencoded; charset=utf-8")}};
	struct sigv4_request req = suite_get("/", "Action=ListUsers&Version=2010-05-08");
	struct sigv4_cache cache = {0};
	struct signing s;
	req.host = SV("iam.amazonaws.com");
	req.service = SV("iam");
	req.headers = headers;
	req.n_headers = 1;
	sign(&s, &req, &suite_keys, &cache);
	assert_canonical_hash(&s,
			      "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
	assert_key(&cache, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
	assert_signature(&s, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
	signing_deinit(&s);
}

static void test_iam_signing_key_of_another_day(void **state)
{
	struct sigv4_request req = suite_get("/", "");
	struct sigv4_cache cache = {0};
	struct signing s;
	req.service = SV("iam");
	req.time_s = 1329264000; /* 2012-02-15 */
	sign(&s, &req, &suite_keys, &cache);
	assert_key(&cache, "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d");
	sigv4_cache_wipe(&cache);
	assert_false(cache.valid);
	for (size_t i = 0; i < sizeof cache.key; i++)
		assert_int_equal(cache.key[i], 0);
	signing_deinit(&s);
}

static void test_s3_range(void **state)
{
	const struct http_header headers[] = {{SV("Range"), SV("bytes=0-9")},
					      {SV("x-amz-content-sha256"), SV(EMPTY_SHA256)}};
	const struct aws_keys keys = {SV("AKIAIOSFODNN7EXAMPLE"),
				      SV("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), SV_NULL};
	struct sigv4_request req = suite_get("/test.txt", "");
	struct signing s;
	req.host = SV("examplebucket.s3.amazonaws.com");
	req.service = SV("s3");
	req.headers = headers;
	req.n_headers = 2;
	req.time_s = 1369353600; /* 2013-05-24 */
	sign(&s, &req, &keys, NULL);
	assert_canonical_hash(&s,
			      "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
	assert_signature(&s, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	signing_deinit(&s);
}

static void test_remote_write(void **state)
{
	const struct http_header headers[] = {
		{SV("User-Agent"), SV("ampagent/0.1.0")},
		{SV("X-Prometheus-Remote-Write-Version"), SV("0.1.0")},
		{SV("Content-Type"), SV("application/x-protobuf")},
		{SV("Content-Encoding"), SV("snappy")},
	};
	struct sigv4_request req = suite_get(
		"/workspaces/ws-b226cc2a-a446-46a9-933a-ac50479a5568/api/v1/remote_write", "");
	struct sigv4_cache cache = {0};
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];
	struct signing s;
	crypto_sha256(digest, "\0", 1); /* an empty snappy block */
	hex_encode(hex, digest, sizeof digest);
	req.method = SV("POST");
	req.host = SV("aps-workspaces.us-west-2.amazonaws.com");
	req.region = SV("us-west-2");
	req.service = SV("aps");
	req.payload_hash = sv_of(hex);
	req.headers = headers;
	req.n_headers = sizeof headers / sizeof headers[0];
	sign(&s, &req, &suite_keys, &cache);
	assert_canonical_hash(&s,
			      "11a920d4e3ca369a2d6a8ca555bb00877955ec30bb5c243a7bb6327b82340138");
	assert_key(&cache, "5def126a1ced5118c264066999834ed3e02825a0d68980bec9e6cb569857c545");
	assert_signature(&s, "1cf9e01824c22e97378f2b9642225e79612bf8d6bd7b6a6a9b7793a59b6f1846");
	signing_deinit(&s);
}

/* The text between the n-th and the next line end of the canonical request. */
static void assert_line(const char *canonical, size_t n, const char *want)
{
	for (; n > 0; n--) {
		canonical = strchr(canonical, '\n');
		assert_non_null(canonical);
		canonical++;
	}
	size_t len = strcspn(canonical, "\n");
	assert_int_equal(len, strlen(want));
	assert_memory_equal(canonical, want, len);
}

static void test_paths(void **state)
{
	static const struct {
		const char *wire, *clean, *canonical;
	} cases[] = {
		{"", "/", "/"},
		{"/", "/", "/"},
		{"//", "/", "/"},
		{"/./", "/", "/"},
		{"/example/..", "/", "/"},
		{"/example1/example2/../..", "/", "/"},
		{"/../../x", "/x", "/x"},
		{"/./example", "/example", "/example"},
		{"//example//", "/example/", "/example/"},
		{"/a/b/..", "/a", "/a"},
		{"/a/b/../", "/a/", "/a/"},
		{"/a/./b//c/", "/a/b/c/", "/a/b/c/"},
		{"/...", "/...", "/..."},
		{"/.a/..b", "/.a/..b", "/.a/..b"},
		{"a/b", "/a/b", "/a/b"},
		{"/example%20space/", "/example%20space/", "/example%2520space/"},
		{"/%E1%88%B4", "/%E1%88%B4", "/%25E1%2588%25B4"},
		{"/\xe1\x88\xb4 x", "/\xe1\x88\xb4 x", "/%E1%88%B4%20x"},
		{"/-._~0aZ", "/-._~0aZ", "/-._~0aZ"},
		{"/a+b=c:d@e,f;g", "/a+b=c:d@e,f;g", "/a%2Bb%3Dc%3Ad%40e%2Cf%3Bg"},
		{"/a%2Fb", "/a%2Fb", "/a%252Fb"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sigv4_request req = suite_get(cases[i].wire, "");
		struct signing s;
		struct buf clean;
		buf_init(&clean, 4096);
		buf_char(&clean, '>'); /* what stands before is left alone */
		assert_int_equal(sigv4_clean_path(&clean, req.path), 0);
		assert_int_equal(clean.len, 1 + strlen(cases[i].clean));
		assert_memory_equal(clean.ptr + 1, cases[i].clean, clean.len - 1);
		buf_deinit(&clean);
		sign(&s, &req, &suite_keys, NULL);
		assert_line(s.canonical, 1, cases[i].canonical);
		signing_deinit(&s);
	}
}

static void test_hosts(void **state)
{
	static const struct {
		const char *url, *host;
	} cases[] = {
		{"https://APS-workspaces.eu-west-1.amazonaws.com/x",
		 "aps-workspaces.eu-west-1.amazonaws.com"},
		{"https://a:443/", "a"},
		{"https://a:80/", "a:80"},
		{"HTTP://a:80/", "a"},
		{"http://a:443", "a:443"},
		{"http://[FD00:ec2::23]:80/v1", "[fd00:ec2::23]"},
		{"https://user@[::1]:8443/", "[::1]:8443"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct url_parts u;
		_cleanup_(buf_deinit) struct buf host = BUF_NULL;
		buf_init(&host, 4096);
		assert_int_equal(url_split(sv_of(cases[i].url), &u), 0);
		sigv4_put_host(&host, &u);
		buf_char(&host, '\0');
		assert_string_equal(host.ptr, cases[i].host);
	}
}

static void test_s3_path_stands_as_sent(void **state)
{
	static const char *const paths[] = {"/", "//a/../b/./%20c", "/a%2Fb"};
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct sigv4_request req = suite_get(paths[i], "");
		struct signing s;
		req.service = SV("s3");
		sign(&s, &req, &suite_keys, NULL);
		assert_line(s.canonical, 1, paths[i]);
		signing_deinit(&s);
	}
}

static void test_queries(void **state)
{
	static const struct {
		const char *wire, *canonical;
	} cases[] = {
		{"", ""},
		{"&", ""},
		{"a", "a="},
		{"a=", "a="},
		{"=b", "=b"},
		{"=", "="},
		{"a=1&&b=2&", "a=1&b=2"},
		{"Param2=value2&Param1=value1", "Param1=value1&Param2=value2"},
		{"Param1=value2&Param1=Value1", "Param1=Value1&Param1=value2"},
		/* By name, not by the text "name=value": '-' sorts before '='. */
		{"a-b=1&a=2", "a=2&a-b=1"},
		{"a=c=d", "a=c%3Dd"},
		{"q=a+b", "q=a%20b"},
		{"q=a%20b", "q=a%20b"},
		{"q=a%2Bb", "q=a%2Bb"},
		{"q=%7e%41", "q=~A"},
		{"match[]=up{job=\"x\"}", "match%5B%5D=up%7Bjob%3D%22x%22%7D"},
		{"q=\xe1\x88\xb4", "q=%E1%88%B4"},
		{"q=%e1%88%b4", "q=%E1%88%B4"},
		{"q=100%", "q=100%25"},
		{"q=%zz", "q=%25zz"},
		/* Encoded names are what is sorted: "%C3" comes before "a". */
		{"a=1&\xc3\xa9=2", "%C3%A9=2&a=1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sigv4_request req = suite_get("/", cases[i].wire);
		struct signing s;
		sign(&s, &req, &suite_keys, NULL);
		assert_line(s.canonical, 2, cases[i].canonical);
		signing_deinit(&s);
	}
}

static void test_headers(void **state)
{
	const struct http_header headers[] = {
		{SV("My-Header2"), SV("  \"a   b   c\"  ")},
		{SV("My-Header1"), SV("value4")},
		{SV("my-header1"), SV(" value1\r\n  value2\r\n     value3 ")},
		{SV("MY-HEADER1"), SV("")},
		{SV("My-Header1"), SV("value2")},
		{SV("Zz"), SV("\t \v")},
	};
	struct sigv4_request req = suite_get("/", "");
	struct signing s;
	req.headers = headers;
	req.n_headers = sizeof headers / sizeof headers[0];
	sign(&s, &req, &suite_keys, NULL);
	assert_string_equal(s.canonical, "GET\n/\n\n"
					 "host:example.amazonaws.com\n"
					 "my-header1:value4,value1 value2 value3,,value2\n"
					 "my-header2:\"a b c\"\n"
					 "x-amz-date:20150830T123600Z\n"
					 "zz:\n\n"
					 "host;my-header1;my-header2;x-amz-date;zz\n" EMPTY_SHA256);
	signing_deinit(&s);
}

static void test_never_signed(void **state)
{
	static const char *const names[] = {
		"Connection",
		"Expect",
		"Keep-Alive",
		"Proxy-Authenticate",
		"Proxy-Authorization",
		"TE",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
		"User-Agent",
		"X-Amzn-Trace-Id",
		"Uber-Trace-Id",
		"Sec-WebSocket-Key",
		"Authorization",
		"HOST",
		"X-Amz-Date",
		"X-Amz-Security-Token",
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct http_header header = {sv_of(names[i]), SV("changes on the way")};
		struct sigv4_request req = suite_get("/", "");
		struct signing s;
		req.headers = &header;
		req.n_headers = 1;
		sign(&s, &req, &suite_keys, NULL);
		assert_signature(
			&s, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
		signing_deinit(&s);
	}
}

/* With one cache, each request signs as it does without. */
static void test_cache_follows_its_key(void **state)
{
	static const struct {
		const char *secret, *region, *service;
		int64_t time_s;
	} steps[] = {
		{"s1", "us-east-1", "aps", SUITE_TIME_S},
		{"s1", "us-east-1", "aps", SUITE_TIME_S + 60},
		{"s1", "us-east-1", "aps", SUITE_TIME_S + 86400},
		{"s2", "us-east-1", "aps", SUITE_TIME_S + 86400},
		{"s2", "us-east-1a", "ps", SUITE_TIME_S + 86400},
		{"s2", "us-east-1", "sts", SUITE_TIME_S + 86400},
		{"s1", "us-east-1", "aps", SUITE_TIME_S},
	};
	struct sigv4_cache cache = {0};
	uint8_t last_id[SHA256_BYTES] = {0};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct aws_keys keys = {SV("AK"), sv_of(steps[i].secret), SV_NULL};
		struct sigv4_request req = suite_get("/", "");
		struct signing cached, fresh;
		req.region = sv_of(steps[i].region);
		req.service = sv_of(steps[i].service);
		req.time_s = steps[i].time_s;
		sign(&cached, &req, &keys, &cache);
		sign(&fresh, &req, &keys, NULL);
		assert_string_equal(cached.result.authorization, fresh.result.authorization);
		/* Only the second step belongs to the key before it. */
		assert_int_equal(memcmp(last_id, cache.id, sizeof last_id) == 0, i == 1);
		memcpy(last_id, cache.id, sizeof last_id);
		signing_deinit(&cached);
		signing_deinit(&fresh);
	}
}

static void test_refusals(void **state)
{
	static char long_text[KiB(300)];
	struct sigv4_result out;
	memset(long_text, 'a', sizeof long_text);
	struct sv too_long = sv_make(long_text, sizeof long_text);
	struct http_header headers[] = {{SV("x"), too_long}};

	struct sigv4_request req = suite_get("/", "");
	req.time_s = -1;
	assert_int_equal(sigv4_sign(&req, &suite_keys, NULL, &out, NULL, NULL), 1);
	req.time_s = INT64_C(253402300800); /* the year 10000 */
	assert_int_equal(sigv4_sign(&req, &suite_keys, NULL, &out, NULL, NULL), 1);
	req.time_s = INT64_C(253402300799);
	assert_int_equal(sigv4_sign(&req, &suite_keys, NULL, &out, NULL, NULL), 0);
	assert_string_equal(out.amz_date, "99991231T235959Z");
	req.path = too_long;
	assert_int_equal(sigv4_sign(&req, &suite_keys, NULL, &out, NULL, NULL), 1);
	req.path = SV("/");
	req.query = too_long;
	assert_int_equal(sigv4_sign(&req, &suite_keys, NULL, &out, NULL, NULL), 1);
	req.query = SV("");
	req.headers = headers;
	req.n_headers = 1;
	assert_int_equal(sigv4_sign(&req, &suite_keys, NULL, &out, NULL, NULL), 1);
	/* Fits the canonical request, but not the Authorization header. */
	headers[0] = (struct http_header){sv_make(long_text, SIGV4_AUTH_MAX), SV("v")};
	assert_int_equal(sigv4_sign(&req, &suite_keys, NULL, &out, NULL, NULL), 1);
	req.n_headers = 0;
	struct aws_keys keys = suite_keys;
	keys.secret_key = too_long;
	assert_int_equal(sigv4_sign(&req, &keys, NULL, &out, NULL, NULL), 1);
}

static int setup(void **state)
{
	return crypto_init();
}

static int teardown(void **state)
{
	crypto_deinit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_vanilla),
		cmocka_unit_test(test_session_token),
		cmocka_unit_test(test_iam_list_users),
		cmocka_unit_test(test_iam_signing_key_of_another_day),
		cmocka_unit_test(test_s3_range),
		cmocka_unit_test(test_remote_write),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_s3_path_stands_as_sent),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_never_signed),
		cmocka_unit_test(test_cache_follows_its_key),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
