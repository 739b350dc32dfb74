/* The signer with any bytes in any part of the request: what it writes has the shape of the
 * standard, and a key from the cache signs as a fresh one does.
 *
 * The input is cut at each '\1' into: host, path, query, region, service, session token, then
 * header names and values in turn.
 */
#include <ampagent/aws/sigv4.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <stdlib.h>

enum { HEADERS_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sv next_part(struct sv *in)
{
	size_t end = sv_find(*in, '\1');
	struct sv part = sv_make(in->ptr, end);
	*in = sv_from(*in, end + 1);
	return part;
}

static void require(bool ok)
{
	if (!ok)
		abort();
}

static struct sv line(struct sv text, size_t n)
{
	for (; n > 0; n--)
		text = sv_from(text, sv_find(text, '\n') + 1);
	return sv_make(text.ptr, sv_find(text, '\n'));
}

/* What went through the encoder has only unreserved bytes, escapes and the named separators. */
static void require_encoded(struct sv s, const char *separators)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') || (c && strchr("-._~", c));
		require(unreserved || c == '%' || (c && strchr(separators, c)));
	}
}

static void check_path(struct sv path)
{
	struct buf once, twice;
	buf_init(&once, MiB(1));
	buf_init(&twice, MiB(1));
	require(sigv4_clean_path(&once, path) == 0);
	require(sigv4_clean_path(&twice, buf_view(&once)) == 0);
	require(once.len > 0 && once.ptr[0] == '/');
	require(sv_eq(buf_view(&once), buf_view(&twice)));
	require(sv_find_sv(buf_view(&once), SV("//")) == once.len);
	buf_deinit(&once);
	buf_deinit(&twice);
}

static void check_signature(const struct sigv4_request *req, const struct aws_keys *keys)
{
	static struct sigv4_cache cache;
	struct sigv4_result fresh, cached;
	struct buf canonical, string_to_sign;
	buf_init(&canonical, MiB(1));
	buf_init(&string_to_sign, MiB(1));
	int r = sigv4_sign(req, keys, NULL, &fresh, &canonical, &string_to_sign);
	require(r == 0 || r == 1);
	require(sigv4_sign(req, keys, &cache, &cached, NULL, NULL) == r);
	if (r == 0) {
		require(strcmp(fresh.authorization, cached.authorization) == 0);
		require(sv_starts_with(buf_view(&string_to_sign), SV("AWS4-HMAC-SHA256\n")));
		require(sv_ends_with(buf_view(&canonical), req->payload_hash));
		if (!sv_eq(req->service, SV("s3")))
			require_encoded(line(buf_view(&canonical), 1), "/");
	}
	/* An S3 path stands as it came, line ends included: only then may the query be elsewhere.
	 */
	if (r == 0 && !sv_eq(req->service, SV("s3")))
		require_encoded(line(buf_view(&canonical), 2), "=&");
	buf_deinit(&canonical);
	buf_deinit(&string_to_sign);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv in = sv_make((const char *)data, size);
	struct aws_keys keys = {SV("AKIDEXAMPLE"), SV("secret"), SV_NULL};
	struct http_header headers[HEADERS_MAX];
	struct sigv4_request req = {.method = SV("POST"), .headers = headers};

	if (size > KiB(64) || crypto_init() != 0)
		return 0;
	req.host = next_part(&in);
	req.path = next_part(&in);
	req.query = next_part(&in);
	req.region = next_part(&in);
	req.service = next_part(&in);
	keys.session_token = next_part(&in);
	while (in.len > 0 && req.n_headers < HEADERS_MAX) {
		struct http_header *h = &headers[req.n_headers++];
		h->name = next_part(&in);
		h->value = next_part(&in);
	}
	req.payload_hash = SV("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	req.time_s = 1440938160;
	check_path(req.path);
	check_signature(&req, &keys);
	return 0;
}
