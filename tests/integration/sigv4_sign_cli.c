/* Signs what a test in another language asks for.
 *
 * Standard input is a row of netstrings ("5:hello,"), one request after the other:
 *   access key, secret key, session token, region, service, seconds since 1970, method, host, path,
 *   query, payload hash, number of headers, then each header's name and value.
 * For each request standard output gets three netstrings: the Authorization header, the canonical
 * request, the string to sign. One key cache serves all requests, as in the agent.
 */
#include <ampagent/aws/sigv4.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEADERS_MAX = 64 };

#define INPUT_MAX MiB(64)

static void die(const char *why)
{
	fprintf(stderr, "sigv4_sign_cli: %s\n", why);
	exit(2);
}

static struct sv next_string(struct sv *in)
{
	uint64_t len;
	size_t colon = sv_find(*in, ':');
	if (colon == in->len || sv_to_u64(sv_make(in->ptr, colon), &len) != 0)
		die("a length and ':' were expected");
	*in = sv_from(*in, colon + 1);
	if (len >= in->len || in->ptr[len] != ',')
		die("a string is cut short");
	struct sv s = sv_make(in->ptr, (size_t)len);
	*in = sv_from(*in, (size_t)len + 1);
	return s;
}

static uint64_t next_number(struct sv *in)
{
	uint64_t n;
	if (sv_to_u64(next_string(in), &n) != 0)
		die("a number was expected");
	return n;
}

static void put_string(struct sv s)
{
	printf("%zu:", s.len);
	fwrite(s.ptr, 1, s.len, stdout);
	putchar(',');
}

static void sign_one(struct sv *in, struct sigv4_cache *cache)
{
	struct http_header headers[HEADERS_MAX];
	struct aws_keys keys;
	struct sigv4_request req = {.headers = headers};
	keys.access_key = next_string(in);
	keys.secret_key = next_string(in);
	keys.session_token = next_string(in);
	req.region = next_string(in);
	req.service = next_string(in);
	req.time_s = (int64_t)next_number(in);
	req.method = next_string(in);
	req.host = next_string(in);
	req.path = next_string(in);
	req.query = next_string(in);
	req.payload_hash = next_string(in);
	req.n_headers = (size_t)next_number(in);
	if (req.n_headers > HEADERS_MAX)
		die("too many headers");
	for (size_t i = 0; i < req.n_headers; i++) {
		headers[i].name = next_string(in);
		headers[i].value = next_string(in);
	}

	_cleanup_(buf_deinit) struct buf canonical = BUF_NULL, string_to_sign = BUF_NULL;
	struct sigv4_result result;
	buf_init(&canonical, MiB(1));
	buf_init(&string_to_sign, MiB(1));
	if (sigv4_sign(&req, &keys, cache, &result, &canonical, &string_to_sign) != 0)
		die("the request is refused");
	put_string(sv_of(result.authorization));
	put_string(buf_view(&canonical));
	put_string(buf_view(&string_to_sign));
}

int main(void)
{
	_cleanup_(buf_deinit) struct buf input = BUF_NULL;
	struct sigv4_cache cache = {0};
	char chunk[65536];
	size_t n;

	if (crypto_init() != 0)
		die("no SHA-256");
	buf_init(&input, INPUT_MAX);
	while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
		if (buf_append(&input, chunk, n) != 0)
			die("the input is too long");
	for (struct sv in = buf_view(&input); in.len > 0;)
		sign_one(&in, &cache);
	sigv4_cache_wipe(&cache);
	crypto_deinit();
	return 0;
}
