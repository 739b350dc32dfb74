/* Requests over TLS: a python peer that tells what it saw, certificates made by the openssl tool.
 */
#include "fixture.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

struct tls_peer {
	pid_t pid;
	int port;
	char url[64];
};

static char tls_dir[] = "/tmp/nettlsXXXXXX";
static bool tls_ready;

static const char tls_server[] =
	"import ssl, sys, threading\n"
	"from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n"
	"names = {}\n"
	"count = [0]\n"
	"class H(BaseHTTPRequestHandler):\n"
	"    protocol_version = 'HTTP/1.1'\n"
	"    def setup(self):\n"
	"        super().setup()\n"
	"        count[0] += 1\n"
	"        self.number = count[0]\n"
	"    def do_GET(self):\n"
	"        cert = self.connection.getpeercert() or {}\n"
	"        peer = dict(x[0] for x in cert.get('subject', ())).get('commonName')\n"
	"        b = ('conn=%d sni=%s host=%s version=%s peer=%s' % (self.number,\n"
	"            names.get(self.connection), self.headers['Host'],\n"
	"            self.connection.version(), peer)).encode()\n"
	"        self.send_response(200)\n"
	"        self.send_header('Content-Length', str(len(b)))\n"
	"        self.end_headers()\n"
	"        self.wfile.write(b)\n"
	"    def log_message(self, *a): pass\n"
	"class S(ThreadingHTTPServer):\n"
	"    daemon_threads = True\n"
	"    def handle_error(self, *a): pass\n"
	"d = sys.argv[1]\n"
	"c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
	"n = 'expired' if sys.argv[2] == 'expired' else 'server'\n"
	"c.load_cert_chain(d + '/' + n + '.pem', d + '/' + n + '.key')\n"
	"c.sni_callback = lambda s, name, ctx: names.__setitem__(s, name)\n"
	"if sys.argv[2] == 'mutual':\n"
	"    c.verify_mode = ssl.CERT_REQUIRED\n"
	"    c.load_verify_locations(d + '/ca.pem')\n"
	"if sys.argv[2].startswith('TLSv'):\n"
	"    v = getattr(ssl.TLSVersion, sys.argv[2])\n"
	"    c.set_ciphers('DEFAULT:@SECLEVEL=0')\n"
	"    c.minimum_version = c.maximum_version = v\n"
	"s = S(('127.0.0.1', 0), H)\n"
	"s.socket = c.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)\n"
	"print(s.server_address[1], flush=True)\n"
	"s.serve_forever()\n";

/* argv ends with NULL. The child's standard output is *out when given. */
static pid_t spawn(char *const argv[], int *out)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(fds[1], 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	if (out)
		*out = fds[0];
	else
		close(fds[0]);
	return pid;
}

static bool run_openssl(const char *args)
{
	char text[1024], *argv[40];
	int n = 0, status;
	snprintf(text, sizeof(text), "%s", args);
	char *rest = text;
	while (n < 39 && (argv[n] = strsep(&rest, " ")))
		n++;
	argv[n] = NULL;
	pid_t pid = spawn(argv, NULL);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define NEW_KEY "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 "

static bool make_ca(const char *name)
{
	char args[512];
	snprintf(args, sizeof(args), NEW_KEY "-subj /CN=%s -keyout %s/%s.key -out %s/%s.pem", name,
		 tls_dir, name, tls_dir, name);
	return run_openssl(args);
}

static bool make_signed(const char *name)
{
	char args[768];
	snprintf(args, sizeof(args),
		 NEW_KEY "-subj /CN=%s -addext subjectAltName=DNS:srv.test,DNS:localhost "
			 "-addext basicConstraints=critical,CA:FALSE "
			 "-CA %s/ca.pem -CAkey %s/ca.key -keyout %s/%s.key -out %s/%s.pem",
		 name, tls_dir, tls_dir, tls_dir, name, tls_dir, name);
	return run_openssl(args);
}

/* Of the same names, but it ended yesterday: that needs a request and a second step. */
static bool make_expired(void)
{
	char request[512], sign[512], names[96];
	snprintf(request, sizeof(request),
		 "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
		 "-subj /CN=expired -keyout %s/expired.key -out %s/expired.csr",
		 tls_dir, tls_dir);
	snprintf(names, sizeof(names), "%s/names", tls_dir);
	write_file(names, "subjectAltName=DNS:localhost\n");
	snprintf(sign, sizeof(sign),
		 "openssl x509 -req -days -1 -in %s/expired.csr -CA %s/ca.pem -CAkey %s/ca.key "
		 "-set_serial 7 -extfile %s -out %s/expired.pem",
		 tls_dir, tls_dir, tls_dir, names, tls_dir);
	return run_openssl(request) && run_openssl(sign);
}

static const char *in_dir(const char *name)
{
	static char paths[8][96];
	static int next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", tls_dir, name);
	return path;
}

static int make_certificates(void **state)
{
	assert_non_null(mkdtemp(tls_dir));
	tls_ready = make_ca("ca") && make_ca("other") && make_signed("server") &&
		    make_signed("client") && make_expired();
	write_file(in_dir("server.py"), tls_server);
	return 0;
}

static int remove_certificates(void **state)
{
	static const char *const names[] = {
		"ca.pem",      "ca.key",      "other.pem",   "other.key", "server.pem",
		"server.key",  "client.pem",  "client.key",  "used.pem",  "server.py",
		"expired.pem", "expired.key", "expired.csr", "names"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_dir(names[i]));
	return rmdir(tls_dir);
}

static void tls_start(struct tls_peer *p, const char *mode)
{
	char script[96], how[16], line[16] = "";
	char python[] = "python3", *argv[] = {python, script, tls_dir, how, NULL};
	int out;
	if (!tls_ready)
		skip(); /* no openssl tool */
	snprintf(script, sizeof(script), "%s", in_dir("server.py"));
	snprintf(how, sizeof(how), "%s", mode);
	p->pid = spawn(argv, &out);
	if (read(out, line, sizeof(line) - 1) <= 0)
		skip(); /* no python3 */
	close(out);
	p->port = (int)strtol(line, NULL, 10);
	snprintf(p->url, sizeof(p->url), "https://localhost:%d/", p->port);
}

static void tls_stop(struct tls_peer *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}

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
	struct sv ca = sv_of(in_dir("ca.pem"));

	tls_get(f, p.url, (struct tls_options){0});
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	assert_non_null(strstr(f->reply.error, "certificate"));
	tls_get(f, p.url, (struct tls_options){.ca_file = sv_of(in_dir("other.pem"))});
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
	struct sv ca = sv_of(in_dir("ca.pem"));
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
	struct tls_options files = {.ca_file = sv_of(in_dir("ca.pem")),
				    .cert_file = sv_of(in_dir("client.pem")),
				    .key_file = sv_of(in_dir("client.key"))};
	struct tls_options inline_pem = {.ca = file_text(in_dir("ca.pem"), &ca),
					 .cert = file_text(in_dir("client.pem"), &cert),
					 .key = file_text(in_dir("client.key"), &key)};
	tls_get(f, p.url, (struct tls_options){.ca_file = files.ca_file});
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	struct tls_options wrong = files;
	wrong.key_file = sv_of(in_dir("other.key")); /* not the certificate's */
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
	struct http_options o = {.tls = {.ca_file = sv_of(in_dir("other.pem"))},
				 .proxy = {.url = sv_of(p.url)}};
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get("http://nowhere.test/"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	http_client_free(c);
	o.tls.ca_file = sv_of(in_dir("ca.pem"));
	c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get("http://nowhere.test/"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK); /* it wants a certificate */
	http_client_free(c);
	o.tls.cert_file = sv_of(in_dir("client.pem"));
	o.tls.key_file = sv_of(in_dir("client.key"));
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
	copy_file(in_dir("ca.pem"), in_dir("used.pem"));
	char used[96];
	snprintf(used, sizeof(used), "%s", in_dir("used.pem"));
	struct http_options o = {.tls = {.ca_file = sv_of(used)}};
	struct http_client *c = rig_client(f->pool, &o);
	for (int i = 0; i < 3; i++) {
		rig_fetch(c, rig_get(p.url), &f->reply);
		assert_body(f, "conn=1 ");
	}
	copy_file(in_dir("other.pem"), used);
	rig_fetch(c, rig_get(p.url), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	copy_file(in_dir("ca.pem"), used);
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
	write_file(in_dir("used.pem"), "not a certificate");
	struct tls_options bad = {.ca_file = sv_of(in_dir("used.pem"))};
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
	struct sv ca = sv_of(in_dir("ca.pem"));

	ask_peer(f, p.url, (struct tls_options){.ca_file = sv_of(in_dir("other.pem"))});
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
	struct tls_options tls = {.ca_file = sv_of(in_dir("ca.pem"))};
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
	ask_peer(f, p.url, (struct tls_options){.ca_file = sv_of(in_dir("ca.pem"))});
	assert_refused(f, false, false, true);
	assert_server(f, p.port, "CN=expired");
	assert_true(f->reply.peer.not_after_s < time(NULL));
	ask_peer(f, p.url, (struct tls_options){.ca_file = sv_of(in_dir("other.pem"))});
	assert_refused(f, true, false, true);
	tls_stop(&p);
}

static void tls_peer_is_a_proxy(void **state)
{
	struct fixture *f = *state;
	struct tls_peer p;
	tls_start(&p, "plain");
	struct http_options o = {.tls = {.ca_file = sv_of(in_dir("ca.pem"))},
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
	int failed = cmocka_run_group_tests(tests, make_certificates, remove_certificates);
	http_client_global_deinit();
	return failed;
}
