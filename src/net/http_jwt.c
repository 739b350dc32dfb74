#include "http_jwt.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#include <stdlib.h>

enum { VALID_S = 600, OWN_CLAIMS = 7, ID_BYTES = 16 };
#define JWT_BYTES KiB(256)

/* value is JSON when raw, else text. */
struct claim {
	struct sv name, value;
	bool raw;
};

static void put_base64url(struct buf *out, struct sv in)
{
	size_t start = out->len;
	if (base64_encode(out, in) != 0)
		return;
	while (out->len > start && out->ptr[out->len - 1] == '=')
		out->len--;
	for (size_t i = start; i < out->len; i++) {
		char c = out->ptr[i];
		out->ptr[i] = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
	}
}

/* A random UUID; dst holds 37 bytes. */
static void make_id(char *dst)
{
	uint8_t b[ID_BYTES];
	char hex[2 * ID_BYTES + 1];
	crypto_random(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	hex_encode(hex, b, sizeof(b));
	snprintf(dst, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static int by_name(const void *a, const void *b)
{
	return sv_cmp(((const struct claim *)a)->name, ((const struct claim *)b)->name);
}

/* One claim of a name, the last one given. */
static void put(struct claim *claims, size_t *n, struct claim c)
{
	size_t i = 0;
	while (i < *n && !sv_eq(claims[i].name, c.name))
		i++;
	claims[i] = c;
	*n += i == *n;
}

static void put_object(struct buf *out, struct claim *claims, size_t n)
{
	qsort(claims, n, sizeof(*claims), by_name);
	for (size_t i = 0; i < n; i++) {
		buf_char(out, i == 0 ? '{' : ',');
		json_quote(out, claims[i].name);
		buf_char(out, ':');
		if (claims[i].raw)
			buf_sv(out, claims[i].value);
		else
			json_quote(out, claims[i].value);
	}
	buf_char(out, '}');
}

static int put_claims(struct buf *out, const struct oauth2_options *opt, int64_t now_s)
{
	_cleanup_(freep) struct claim *claims = calloc(OWN_CLAIMS + opt->n_claims, sizeof(*claims));
	_cleanup_(buf_deinit) struct buf scope = BUF_NULL;
	char id[40], iat[24], exp[24];
	size_t n = 0;
	if (!claims)
		return 1;
	make_id(id);
	snprintf(iat, sizeof(iat), "%lld", (long long)now_s);
	snprintf(exp, sizeof(exp), "%lld", (long long)now_s + VALID_S);
	buf_init(&scope, JWT_BYTES);
	for (size_t i = 0; i < opt->n_scopes; i++) {
		buf_sv(&scope, i ? SV(" ") : SV_NULL);
		buf_sv(&scope, opt->scopes[i]);
	}
	struct sv iss = opt->iss.len ? opt->iss : opt->client_id;
	struct sv audience = opt->audience.len ? opt->audience : opt->token_url;
	put(claims, &n, (struct claim){SV("iss"), iss, false});
	put(claims, &n, (struct claim){SV("sub"), opt->client_id, false});
	put(claims, &n, (struct claim){SV("jti"), sv_of(id), false});
	put(claims, &n, (struct claim){SV("aud"), audience, false});
	put(claims, &n, (struct claim){SV("iat"), sv_of(iat), true});
	put(claims, &n, (struct claim){SV("exp"), sv_of(exp), true});
	if (scope.len)
		put(claims, &n, (struct claim){SV("scope"), buf_view(&scope), false});
	for (size_t i = 0; i < opt->n_claims; i++)
		put(claims, &n, (struct claim){opt->claims[i].name, opt->claims[i].value, true});
	put_object(out, claims, n);
	return buf_failed(&scope) || buf_failed(out);
}

static void put_header(struct buf *out, const struct oauth2_options *opt, struct sv algorithm)
{
	struct claim fields[3];
	size_t n = 0;
	put(fields, &n, (struct claim){SV("alg"), algorithm, false});
	put(fields, &n, (struct claim){SV("typ"), SV("JWT"), false});
	if (opt->certificate_key_id.len)
		put(fields, &n, (struct claim){SV("kid"), opt->certificate_key_id, false});
	put_object(out, fields, n);
}

int http_jwt_make(struct buf *out, const struct oauth2_options *opt, struct sv key, int64_t now_s,
		  struct err *err)
{
	_cleanup_(buf_deinit) struct buf header = BUF_NULL, claims = BUF_NULL;
	struct sv algorithm = opt->signature_algorithm.len ? opt->signature_algorithm : SV("RS256");
	uint8_t signature[CRYPTO_RSA_MAX_BYTES];
	size_t start = out->len, len;
	unsigned bits = sv_eq(algorithm, SV("RS512"))   ? 512
			: sv_eq(algorithm, SV("RS384")) ? 384
							: 256;
	buf_init(&header, JWT_BYTES);
	buf_init(&claims, JWT_BYTES);
	put_header(&header, opt, algorithm);
	if (buf_failed(&header) || put_claims(&claims, opt, now_s) != 0)
		return err_set(err, 1, "the claims are too large");
	put_base64url(out, buf_view(&header));
	buf_char(out, '.');
	put_base64url(out, buf_view(&claims));
	if (buf_failed(out))
		return err_set(err, 1, "the claims are too large");
	struct sv text = sv_make(out->ptr + start, out->len - start);
	if (crypto_rsa_sign(signature, &len, key, bits, text) != 0)
		return err_set(err, 1, "client_certificate_key is not an RSA private key in PEM");
	buf_char(out, '.');
	put_base64url(out, sv_make((const char *)signature, len));
	return buf_failed(out) ? err_set(err, 1, "the claims are too large") : 0;
}
