/* Handshakes in memory: what a client's note says of the server, whether it accepts it or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ampagent/base/crypto_tls.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <time.h>

enum { DAY_S = 86400 };

static EVP_PKEY *key;

static int make_key(void **state)
{
	key = EVP_EC_gen("P-256");
	return key ? 0 : 1;
}

static int free_key(void **state)
{
	EVP_PKEY_free(key);
	return 0;
}

/* Signed by itself. */
static X509 *certificate(const char *name, long from_s, long to_s)
{
	X509 *c = X509_new();
	X509_NAME *n = X509_get_subject_name(c);
	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 7);
	X509_gmtime_adj(X509_getm_notBefore(c), from_s);
	X509_gmtime_adj(X509_getm_notAfter(c), to_s);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"Here", -1, -1, 0);
	X509_set_issuer_name(c, n);
	X509_set_pubkey(c, key);
	assert_true(X509_sign(c, key, EVP_sha256()) > 0);
	return c;
}

/* Hands over what one end has written to the other; false when neither has anything. */
static bool carry(SSL *from, SSL *to)
{
	char buf[16384];
	int n = BIO_read(SSL_get_wbio(from), buf, sizeof(buf));
	if (n > 0)
		BIO_write(SSL_get_rbio(to), buf, n);
	return n > 0;
}

static SSL *end_of(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	return ssl;
}

/* True when the client accepts the server. */
static bool handshake(SSL_CTX *client_ctx, X509 *cert)
{
	SSL_CTX *server_ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(server_ctx, cert);
	SSL_CTX_use_PrivateKey(server_ctx, key);
	SSL *client = end_of(client_ctx), *server = end_of(server_ctx);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	int r = -1;
	for (int i = 0; i < 10 && r <= 0; i++) {
		r = SSL_do_handshake(client);
		carry(client, server);
		SSL_do_handshake(server);
		if (!carry(server, client) && r <= 0)
			break;
	}
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(server_ctx);
	return r == 1;
}

static SSL_CTX *client(X509 *trusted, int mode, struct crypto_tls_note *note)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (trusted)
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), trusted);
	SSL_CTX_set_verify(ctx, mode, NULL);
	assert_int_equal(crypto_tls_watch(ctx, note), 0);
	assert_int_equal(SSL_CTX_get_verify_mode(ctx), mode);
	return ctx;
}

static void accepted(void **state)
{
	X509 *cert = certificate("server", -DAY_S, DAY_S);
	struct crypto_tls_note *note = crypto_tls_note_new();
	const struct crypto_tls_peer *p = crypto_tls_note_peer(note);
	SSL_CTX *ctx = client(cert, SSL_VERIFY_PEER, note);
	assert_false(p->seen);
	assert_true(handshake(ctx, cert));
	assert_true(p->seen);
	assert_false(p->refused || p->untrusted || p->out_of_date);
	assert_string_equal(p->subject, "CN=server, O=Here");
	assert_string_equal(p->issuer, "CN=server, O=Here");
	assert_int_equal(p->not_after_s - p->not_before_s, 2 * DAY_S);
	assert_true(llabs(p->not_after_s - DAY_S - time(NULL)) < 60);
	SSL_CTX_free(ctx);
	crypto_tls_note_unref(note);
	X509_free(cert);
}

static void refused(void **state)
{
	static const struct {
		long from_s, to_s;
		bool known, untrusted, out_of_date;
	} cases[] = {
		{-DAY_S, DAY_S, false, true, false},
		{-2 * DAY_S, -DAY_S, true, false, true},
		{DAY_S, 2 * DAY_S, true, false, true},
		{-2 * DAY_S, -DAY_S, false, true, true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		X509 *cert = certificate("x", cases[i].from_s, cases[i].to_s);
		struct crypto_tls_note *note = crypto_tls_note_new();
		const struct crypto_tls_peer *p = crypto_tls_note_peer(note);
		SSL_CTX *ctx = client(cases[i].known ? cert : NULL, SSL_VERIFY_PEER, note);
		assert_false(handshake(ctx, cert));
		assert_true(p->seen && p->refused);
		assert_int_equal(p->untrusted, cases[i].untrusted);
		assert_int_equal(p->out_of_date, cases[i].out_of_date);
		assert_string_equal(p->subject, "CN=x, O=Here");
		SSL_CTX_free(ctx);
		/* Who does not verify accepts it, and is told the same. */
		ctx = client(cases[i].known ? cert : NULL, SSL_VERIFY_NONE, note);
		assert_true(handshake(ctx, cert));
		assert_true(p->seen && p->refused);
		assert_int_equal(p->untrusted, cases[i].untrusted);
		SSL_CTX_free(ctx);
		crypto_tls_note_unref(note);
		X509_free(cert);
	}
}

/* The context goes on handshaking after its watcher has left, and the note tells the last one. */
static void shared(void **state)
{
	X509 *one = certificate("one", -DAY_S, DAY_S), *two = certificate("two", -DAY_S, DAY_S);
	struct crypto_tls_note *note = crypto_tls_note_new();
	SSL_CTX *ctx = client(one, SSL_VERIFY_PEER, note);
	assert_true(handshake(ctx, one));
	assert_false(handshake(ctx, two));
	assert_string_equal(crypto_tls_note_peer(note)->subject, "CN=two, O=Here");
	assert_true(crypto_tls_note_peer(note)->untrusted);
	assert_true(handshake(ctx, one));
	assert_false(crypto_tls_note_peer(note)->untrusted);
	crypto_tls_note_unref(note);
	assert_true(handshake(ctx, one));
	SSL_CTX_free(ctx);
	crypto_tls_note_unref(NULL);
	X509_free(one);
	X509_free(two);
}

static void odd_names(void **state)
{
	char long_name[65];
	memset(long_name, 'n', 64);
	long_name[64] = '\0';
	X509 *odd = certificate("a\nb\x1b[31m\xc3\xa9", -DAY_S, DAY_S);
	X509 *large = certificate(long_name, -DAY_S, DAY_S);
	for (int i = 0; i < 8; i++)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(large), "OU", MBSTRING_UTF8,
					   (const unsigned char *)long_name, -1, -1, 0);
	X509_sign(large, key, EVP_sha256());
	struct crypto_tls_note *note = crypto_tls_note_new();
	const struct crypto_tls_peer *p = crypto_tls_note_peer(note);
	SSL_CTX *ctx = client(odd, SSL_VERIFY_NONE, note);
	assert_true(handshake(ctx, odd));
	for (const char *c = p->subject; *c; c++)
		assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	assert_non_null(strstr(p->subject, "CN=a"));
	assert_true(handshake(ctx, large));
	assert_int_equal(strlen(p->subject), sizeof(p->subject) - 1);
	SSL_CTX_free(ctx);
	crypto_tls_note_unref(note);
	X509_free(odd);
	X509_free(large);
}

static void cleansing_is_an_option_of_the_context(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_get_options(ctx) & SSL_OP_CLEANSE_PLAINTEXT, 0);
	crypto_tls_cleanse(ctx);
	assert_true(SSL_CTX_get_options(ctx) & SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(shared),
		cmocka_unit_test(odd_names),
		cmocka_unit_test(cleansing_is_an_option_of_the_context),
	};
	return cmocka_run_group_tests(tests, make_key, free_key);
}
