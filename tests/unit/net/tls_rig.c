#include "tls_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void tls_write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char tls_dir[] = "/tmp/nettlsXXXXXX";
bool tls_ready;

static const char tls_server[] =
	"import hashlib, ssl, sys, threading\n"
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
	"        cert = not plain and self.connection.getpeercert() or {}\n"
	"        peer = dict(x[0] for x in cert.get('subject', ())).get('commonName')\n"
	"        b = ('conn=%d sni=%s host=%s version=%s peer=%s' % (self.number,\n"
	"            names.get(self.connection), self.headers['Host'],\n"
	"            not plain and self.connection.version(), peer)).encode()\n"
	"        if self.path.startswith('/secret'):\n"
	"            b = hashlib.sha256(self.path.encode()).hexdigest().encode()\n"
	"            b += b' ' * 9000\n"
	"        self.send_response(200)\n"
	"        self.send_header('Content-Length', str(len(b)))\n"
	"        self.end_headers()\n"
	"        self.wfile.write(b)\n"
	"    def log_message(self, *a): pass\n"
	"class S(ThreadingHTTPServer):\n"
	"    daemon_threads = True\n"
	"    def handle_error(self, *a): pass\n"
	"d = sys.argv[1]\n"
	"plain = sys.argv[2] == 'http'\n"
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
	"if not plain: s.socket = c.wrap_socket(s.socket, server_side=True, "
	"do_handshake_on_connect=False)\n"
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
	tls_write_file(names, "subjectAltName=DNS:localhost\n");
	snprintf(sign, sizeof(sign),
		 "openssl x509 -req -days -1 -in %s/expired.csr -CA %s/ca.pem -CAkey %s/ca.key "
		 "-set_serial 7 -extfile %s -out %s/expired.pem",
		 tls_dir, tls_dir, tls_dir, names, tls_dir);
	return run_openssl(request) && run_openssl(sign);
}

const char *tls_path(const char *name)
{
	static char paths[8][96];
	static int next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", tls_dir, name);
	return path;
}

int tls_make_files(void **state)
{
	assert_non_null(mkdtemp(tls_dir));
	tls_ready = make_ca("ca") && make_ca("other") && make_signed("server") &&
		    make_signed("client") && make_expired();
	tls_write_file(tls_path("server.py"), tls_server);
	return 0;
}

int tls_remove_files(void **state)
{
	static const char *const names[] = {
		"ca.pem",      "ca.key",      "other.pem",   "other.key", "server.pem",
		"server.key",  "client.pem",  "client.key",  "used.pem",  "server.py",
		"expired.pem", "expired.key", "expired.csr", "names"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(tls_path(names[i]));
	return rmdir(tls_dir);
}

void tls_start(struct tls_peer *p, const char *mode)
{
	char script[96], how[16], line[16] = "";
	char python[] = "python3", *argv[] = {python, script, tls_dir, how, NULL};
	int out;
	if (!tls_ready)
		skip(); /* no openssl tool */
	snprintf(script, sizeof(script), "%s", tls_path("server.py"));
	snprintf(how, sizeof(how), "%s", mode);
	p->pid = spawn(argv, &out);
	if (read(out, line, sizeof(line) - 1) <= 0)
		skip(); /* no python3 */
	close(out);
	p->port = (int)strtol(line, NULL, 10);
	snprintf(p->url, sizeof(p->url), "%s://localhost:%d/",
		 strcmp(mode, "http") == 0 ? "http" : "https", p->port);
}

void tls_stop(struct tls_peer *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}
