/* Requests over TLS: a python peer that tells what it saw, certificates made by the openssl tool.
 */
#include "tls_rig.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void assert_body(struct fixture *f, const char *part)
{
	if (f->reply.result != HTTP_OK)
		fail_msg("%s", f->reply.error);
	if (sv_find_sv(buf_view(&f->reply.body), sv_of(part)) == f->reply.body.len)
		fail_msg("\"%s\" is not in: %.*s", part, SV_ARG(buf_view(&f->reply.body)));
}

static void tls_get(struct fixture *f, const char *url, struct tls_options tls)
{
	struct http_options o = {.tls = tls};
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get(url), &f->reply);
	http_client_free(c);
}

static void tls_verifies(void **state)
{
	struct fixture *f = *state;
	struct tls_peer p;
	char text[96], by_address[64];
	tls_start(&p, "plain");
	snprintf(by_address, sizeof(by_address), "https://127.0.0.1:%d/", p.port);
	struct sv ca = sv_of(tls_path("ca.pem"));

	tls_get(f, p.url, (struct tls_options){0});
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	assert_non_null(strstr(f->reply.error, "certificate"));
	tls_get(f, p.url, (struct tls_options){.ca_file = sv_of(tls_path("other.pem"))});
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	tls_get(f, p.url, (struct tls_options){.ca_file = ca});
	assert_body(f, "sni=localhost");
	tls_get(f, by_address, (struct tls_options){.ca_file = ca});
	assert_int_equal(f->reply.result, HTTP_NETWORK); /* the certificate is for names */
	tls_get(f, by_address, (struct tls_options){.insecure_skip_verify = true});
	assert_body(f, "peer=None");
	tls_get(f, by_address, (struct tls_options){.ca_file = ca, .server_name = SV("srv.test")});
	snprintf(text, sizeof(text), "sni=srv.test host=127.0.0.1:%d ", p.port);
	assert_body(f, text);
	tls_get(f, p.url, (struct tls_options){.ca_file = ca, .server_name = SV("bad.test")});
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	tls_get(f, p.url, (struct tls_options){.ca_file = ca, .max_version = TLS_12});
	assert_body(f, "version=TLSv1.2");
	tls_get(f, p.url, (struct tls_options){.ca_file = ca, .min_version = TLS_13});
	assert_body(f, "version=TLSv1.3");
	tls_stop(&p);
}

/* A server of each version alone, asked with each pair of limits, and what Go makes of it: versions
 * before 1.2 only when min_version says so. */
static void tls_versions_alone(void **state)
{
	static const struct {
		const char *mode, *version;
		enum tls_version has;
	} servers[] = {{"TLSv1", "version=TLSv1 ", TLS_10},
		       {"TLSv1_1", "version=TLSv1.1 ", TLS_11},
		       {"TLSv1_2", "version=TLSv1.2 ", TLS_12},
		       {"TLSv1_3", "version=TLSv1.3 ", TLS_13}};
	struct fixture *f = *state;
	struct sv ca = sv_of(tls_path("ca.pem"));
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct tls_peer p;
		tls_start(&p, servers[i].mode);
		for (int pair = 0; pair < 25; pair++) {
			enum tls_version min = (enum tls_version)(pair / 5);
			enum tls_version max = (enum tls_version)(pair % 5);
			enum tls_version least = min ? min : TLS_12, most = max ? max : TLS_13;
			if (max != TLS_ANY && max < min)
				continue;
			tls_get(f, p.url,
				(struct tls_options){
					.ca_file = ca, .min_version = min, .max_version = max});
			if (servers[i].has >= least && servers[i].has <= most)
				assert_body(f, servers[i].version);
			else if (f->reply.result != HTTP_NETWORK)
				fail_msg("%s, %d to %d: %d", servers[i].mode, min, max,
					 f->reply.result);
		}
		tls_stop(&p);
	}
}

static struct sv file_text(const char *path, struct buf *b)
{
	buf_init(b, 1 << 16);
	assert_int_equal(file_read(path, b, NULL), 0);
	return buf_view(b);
}

static void tls_with_client_certificate(void **state)
{
	struct fixture *f = *state;
	struct tls_peer p;
	_cleanup_(buf_deinit) struct buf ca = BUF_NULL, cert = BUF_NULL, key = BUF_NULL;
	tls_start(&p, "mutual");
	struct tls_options files = {.ca_file = sv_of(tls_path("ca.pem")),
				    .cert_file = sv_of(tls_path("client.pem")),
				    .key_file = sv_of(tls_path("client.key"))};
	struct tls_options inline_pem = {.ca = file_text(tls_path("ca.pem"), &ca),
					 .cert = file_text(tls_path("client.pem"), &cert),
					 .key = file_text(tls_path("client.key"), &key)};
	tls_get(f, p.url, (struct tls_options){.ca_file = files.ca_file});
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	struct tls_options wrong = files;
	wrong.key_file = sv_of(tls_path("other.key")); /* not the certificate's */
	tls_get(f, p.url, wrong);
	assert_int_equal(f->reply.result, HTTP_LOCAL);
	tls_get(f, p.url, files);
	assert_body(f, "peer=client");
	tls_get(f, p.url, inline_pem);
	assert_body(f, "peer=client");
	tls_stop(&p);
}

/* The client's TLS settings are for an https proxy too. */
static void tls_to_a_proxy(void **state)
{
	struct fixture *f = *state;
	struct tls_peer p;
	tls_start(&p, "mutual");
	struct http_options o = {.tls = {.ca_file = sv_of(tls_path("other.pem"))},
				 .proxy = {.url = sv_of(p.url)}};
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get("http://nowhere.test/"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	http_client_free(c);
	o.tls.ca_file = sv_of(tls_path("ca.pem"));
	c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get("http://nowhere.test/"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK); /* it wants a certificate */
	http_client_free(c);
	o.tls.cert_file = sv_of(tls_path("client.pem"));
	o.tls.key_file = sv_of(tls_path("client.key"));
	c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get("http://nowhere.test/"), &f->reply);
	assert_body(f, "host=nowhere.test ");
	assert_body(f, "peer=client");
	http_client_free(c);
	tls_stop(&p);
}

static void copy_file(const char *from, const char *to)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	file_text(from, &b);
	assert_int_equal(file_replace(to, buf_view(&b), NULL), 0);
}

/* A kept connection was verified by the old file: it must not serve after the change. */
static void tls_files_that_change(void **state)
{
	struct fixture *f = *state;
	struct tls_peer p;
	tls_start(&p, "plain");
	copy_file(tls_path("ca.pem"), tls_path("used.pem"));
	char used[96];
	snprintf(used, sizeof(used), "%s", tls_path("used.pem"));
	struct http_options o = {.tls = {.ca_file = sv_of(used)}};
	struct http_client *c = rig_client(f->pool, &o);
	for (int i = 0; i < 3; i++) {
		rig_fetch(c, rig_get(p.url), &f->reply);
		assert_body(f, "conn=1 ");
	}
	copy_file(tls_path("other.pem"), used);
	rig_fetch(c, rig_get(p.url), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	copy_file(tls_path("ca.pem"), used);
	rig_fetch(c, rig_get(p.url), &f->reply);
	assert_int_equal(f->reply.result, HTTP_OK);
	unlink(used);
	struct http_request req = rig_get(p.url);
	struct err err = ERR_NULL;
	assert_int_equal(http_start(c, &req, reply_done, &f->reply, NULL, &err), 1);
	assert_non_null(strstr(err.msg, used));
	http_client_free(c);
	tls_stop(&p);
}

static void broken_material(void **state)
{
	struct fixture *f = *state;
	if (!tls_ready)
		skip();
	struct http_options o = {.tls = {.min_version = TLS_13, .max_version = TLS_12}};
	struct http_client *c;
	struct err err = ERR_NULL;
	assert_int_equal(http_client_new(f->pool, &o, &c, &err), 1);
	assert_non_null(strstr(err.msg, "max_version"));
	tls_write_file(tls_path("used.pem"), "not a certificate");
	struct tls_options bad = {.ca_file = sv_of(tls_path("used.pem"))};
	struct tls_peer p;
	tls_start(&p, "plain");
	tls_get(f, p.url, bad);
	assert_int_equal(f->reply.result, HTTP_LOCAL);
	assert_int_equal(f->reply.phase, HTTP_PHASE_SETUP);
	tls_stop(&p);
}

/* --- what is told of the peer --- */

static void ask_peer(struct fixture *f, const char *url, struct tls_options tls)
{
	struct http_options o = {.tls = tls};
	struct http_client *c = rig_client(f->pool, &o);
	struct http_request req = rig_get(url);
	req.want_peer = true;
	rig_fetch(c, req, &f->reply);
	http_client_free(c);
	assert_true(f->reply.told);
}

static void assert_refused(const struct fixture *f, bool untrusted, bool other_name,
			   bool out_of_date)
{
	const struct http_peer *p = &f->reply.peer;
	assert_int_equal(p->untrusted, untrusted);
	assert_int_equal(p->other_name, other_name);
	assert_int_equal(p->out_of_date, out_of_date);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	assert_int_equal(f->reply.phase, HTTP_PHASE_TLS);
}

static void assert_server(const struct fixture *f, int port, const char *subject)
{
	const struct http_peer *p = &f->reply.peer;
	char v4[32], v6[32];
	snprintf(v4, sizeof(v4), "127.0.0.1:%d", port);
	snprintf(v6, sizeof(v6), "[::1]:%d", port);
	if (strcmp(p->address, v6) != 0)
		assert_string_equal(p->address, v4);
	assert_string_equal(p->subject, subject);
	assert_string_equal(p->issuer, "CN=ca");
	assert_false(p->proxied);
}

static void tls_peer_is_told(void **state)
{
	struct fixture *f = *state;
	struct tls_peer p;
	char by_address[64];
	time_t now = time(NULL);
	tls_start(&p, "plain");
	snprintf(by_address, sizeof(by_address), "https://127.0.0.1:%d/", p.port);
	struct sv ca = sv_of(tls_path("ca.pem"));

	ask_peer(f, p.url, (struct tls_options){.ca_file = sv_of(tls_path("other.pem"))});
	assert_refused(f, true, false, false);
	assert_server(f, p.port, "CN=server");
	ask_peer(f, by_address, (struct tls_options){.ca_file = ca});
	assert_refused(f, false, true, false);
	assert_server(f, p.port, "CN=server");
	assert_true(f->reply.peer.not_before_s <= now && now < f->reply.peer.not_after_s);
	assert_true(f->reply.peer.not_after_s - f->reply.peer.not_before_s == 9 * 86400);

	/* Refused by nobody, but told all the same. */
	ask_peer(f, by_address, (struct tls_options){.insecure_skip_verify = true});
	assert_int_equal(f->reply.result, HTTP_OK);
	assert_true(f->reply.peer.untrusted);
	ask_peer(f, p.url, (struct tls_options){.ca_file = ca});
	assert_body(f, "sni=localhost");
	assert_server(f, p.port, "CN=server");
	assert_int_equal(f->reply.phase, HTTP_PHASE_EXCHANGE);
	assert_false(f->reply.peer.untrusted || f->reply.peer.other_name ||
		     f->reply.peer.out_of_date);
	tls_stop(&p);
}

/* A kept connection shows no certificate, so it is not taken; one that was watched is kept, and may
 * end long after who watched it. */
static void tls_peer_of_kept_connections(void **state)
{
	struct fixture *f = *state;
	struct tls_peer p;
	tls_start(&p, "plain");
	struct tls_options tls = {.ca_file = sv_of(tls_path("ca.pem"))};
	tls_get(f, p.url, tls);
	assert_body(f, "conn=1 ");
	assert_false(f->reply.told);
	ask_peer(f, p.url, tls);
	assert_body(f, "conn=2 ");
	assert_server(f, p.port, "CN=server");
	tls_get(f, p.url, tls);
	assert_int_equal(f->reply.result, HTTP_OK);
	if (sv_find_sv(buf_view(&f->reply.body), SV("conn=3")) < f->reply.body.len)
		fail_msg("the connection was not kept");
	tls_stop(&p);
}

static void tls_peer_out_of_date(void **state)
{
	struct fixture *f = *state;
	struct tls_peer p;
	tls_start(&p, "expired");
	ask_peer(f, p.url, (struct tls_options){.ca_file = sv_of(tls_path("ca.pem"))});
	assert_refused(f, false, false, true);
	assert_server(f, p.port, "CN=expired");
	assert_true(f->reply.peer.not_after_s < time(NULL));
	ask_peer(f, p.url, (struct tls_options){.ca_file = sv_of(tls_path("other.pem"))});
	assert_refused(f, true, false, true);
	tls_stop(&p);
}

static void tls_peer_is_a_proxy(void **state)
{
	struct fixture *f = *state;
	struct tls_peer p;
	tls_start(&p, "plain");
	struct http_options o = {.tls = {.ca_file = sv_of(tls_path("ca.pem"))},
				 .proxy = {.url = sv_of(p.url)}};
	struct http_client *c = rig_client(f->pool, &o);
	struct http_request req = rig_get("http://nowhere.test/");
	req.want_peer = true;
	rig_fetch(c, req, &f->reply);
	assert_body(f, "host=nowhere.test ");
	assert_true(f->reply.peer.proxied);
	assert_string_equal(f->reply.peer.subject, "CN=server");
	http_client_free(c);
	tls_stop(&p);
}

/* It speaks, but no TLS. */
static void tls_where_there_is_none(void **state)
{
	struct fixture *f = *state;
	char url[64];
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", http_server_port(f->server));
	ask_peer(f, url, (struct tls_options){0});
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	assert_int_equal(f->reply.phase, HTTP_PHASE_TLS);
	assert_string_equal(f->reply.peer.subject, "");
	assert_false(f->reply.peer.untrusted || f->reply.peer.other_name);
}

int main(void)
{
	http_client_global_init();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(tls_verifies),
		TEST(tls_versions_alone),
		TEST(tls_with_client_certificate),
		TEST(tls_to_a_proxy),
		TEST(tls_files_that_change),
		TEST(broken_material),
		TEST(tls_peer_is_told),
		TEST(tls_peer_of_kept_connections),
		TEST(tls_peer_out_of_date),
		TEST(tls_peer_is_a_proxy),
		TEST(tls_where_there_is_none),
	};
	int failed = cmocka_run_group_tests(tests, tls_make_files, tls_remove_files);
	http_client_global_deinit();
	return failed;
}
