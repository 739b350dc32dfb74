/* The verify callback is called for each certificate of the chain and last with the verdict; the
 * note hangs on the context, which frees its share when its last connection is gone.
 */
#include <ampagent/base/clock.h>
#include <ampagent/base/crypto_tls.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct crypto_tls_note {
	struct crypto_tls_peer peer;
	unsigned refs;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int note_index = -1; /* of the context's extra data */

struct crypto_tls_note *crypto_tls_note_new(void)
{
	struct crypto_tls_note *n = calloc(1, sizeof(*n));
	if (n)
		n->refs = 1;
	return n;
}

void crypto_tls_note_unref(struct crypto_tls_note *n)
{
	if (n && --n->refs == 0)
		free(n);
}

const struct crypto_tls_peer *crypto_tls_note_peer(const struct crypto_tls_note *n)
{
	return &n->peer;
}

static void context_gone(void *ctx, void *note, CRYPTO_EX_DATA *data, int index, long argl,
			 void *argp)
{
	crypto_tls_note_unref(note);
}

static void make_index(void)
{
	note_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, context_gone);
}

/* "CN = x, O = y"; control bytes are escaped. */
static void print_name(char *dst, size_t size, const X509_NAME *name)
{
	const unsigned long flags = XN_FLAG_SEP_CPLUS_SPC | ASN1_STRFLGS_UTF8_CONVERT |
				    ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_DUMP_UNKNOWN;
	BIO *out = BIO_new(BIO_s_mem());
	int n = 0;
	if (out && name && X509_NAME_print_ex(out, name, 0, flags) >= 0)
		n = BIO_read(out, dst, (int)size - 1);
	dst[n > 0 ? n : 0] = '\0';
	BIO_free(out);
}

static int64_t seconds(const ASN1_TIME *t)
{
	struct tm tm = {0};
	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void note_certificate(struct crypto_tls_peer *p, const X509 *cert)
{
	int64_t now = clock_wall_ms() / 1000;
	print_name(p->subject, sizeof(p->subject), X509_get_subject_name(cert));
	print_name(p->issuer, sizeof(p->issuer), X509_get_issuer_name(cert));
	p->not_before_s = seconds(X509_get0_notBefore(cert));
	p->not_after_s = seconds(X509_get0_notAfter(cert));
	p->out_of_date = now < p->not_before_s || now > p->not_after_s;
	p->seen = true;
}

static void note_error(struct crypto_tls_peer *p, int error)
{
	p->refused = true;
	if (error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID)
		p->out_of_date = true;
	else
		p->untrusted = true;
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	SSL_CTX *ctx = ssl ? SSL_get_SSL_CTX(ssl) : NULL;
	struct crypto_tls_note *n = ctx ? SSL_CTX_get_ex_data(ctx, note_index) : NULL;
	const X509 *leaf = X509_STORE_CTX_get0_cert(store);
	if (!n || !leaf)
		return ok;
	if (!n->peer.seen)
		note_certificate(&n->peer, leaf);
	if (!ok)
		note_error(&n->peer, X509_STORE_CTX_get_error(store));
	return ok;
}

static void on_info(const SSL *ssl, int where, int ret)
{
	struct crypto_tls_note *n = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), note_index);
	if (n && (where & SSL_CB_HANDSHAKE_START))
		n->peer = (struct crypto_tls_peer){0};
}

void crypto_tls_cleanse(void *ssl_ctx)
{
	SSL_CTX_set_options(ssl_ctx, SSL_OP_CLEANSE_PLAINTEXT);
}

int crypto_tls_watch(void *ssl_ctx, struct crypto_tls_note *n)
{
	pthread_once(&once, make_index);
	if (note_index < 0 || SSL_CTX_set_ex_data(ssl_ctx, note_index, n) != 1)
		return 1;
	n->refs++;
	SSL_CTX_set_verify(ssl_ctx, SSL_CTX_get_verify_mode(ssl_ctx), on_verify);
	SSL_CTX_set_info_callback(ssl_ctx, on_info);
	return 0;
}
