/* `ampagent demo`: the whole flow on this machine, live.
 *
 * The stand-in endpoint runs on this process's loop; the agent and a node_exporter are children in
 * process groups of their own, so that Ctrl-C reaches them only through us and the agent can still
 * deliver what it has. Nothing is left behind: the directory is removed, the children are waited
 * for.
 *
 *  states:  running -> stopping (agent told to end, the stand-in still answers) -> ended
 */
#include "commands.h"
#include "flags.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/log.h>
#include <ampagent/base/number.h>
#include <ampagent/net/http_client.h>
#include <ampagent/standin.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { TICK_MS = 100, TICKS_A_PICTURE = 10, ASK_LIMIT_MS = 1000, STOP_LIMIT_MS = 15000 };

#define WORKSPACE "ws-00000000-0000-4000-8000-00000000demo"
#define REGION "eu-west-1"
#define ACCESS_KEY "AKIADEMODEMODEMODEMO"
#define SECRET_KEY "made-up-secret-for-the-demo-only"

/* What the agent says of itself. */
struct view {
	uint64_t scraped, logged, sent, queued, dropped;
	unsigned targets, up;
	char reasons[160]; /* of what was dropped: "name n, ..." */
};

struct demo {
	struct sv node_exporter;
	uint64_t seconds;
	char dir[64];
	struct loop *loop;
	struct standin *standin;
	struct http_pool *pool;
	struct http_client *client;
	struct http_transfer *transfer;
	struct buf body;
	pid_t agent, exporter;
	int agent_port, exporter_port;
	struct loop_timer tick;
	int64_t start_ms, first_ms, stop_ms;
	unsigned ticks;
	struct view view, before;
	struct standin_stats stats_before;
	bool stopping, drawn, asked_targets, in_reasons;
	char key[32]; /* of the JSON value being read */
	int exit_code;
};

/* ---- set-up ---- */

static int free_port(void)
{
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return -1;
	return ntohs(a.sin_port);
}

static int write_config(struct demo *d, char *path, size_t size, struct err *err)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, KiB(64));
	buf_printf(&out,
		   "global:\n"
		   "  scrape_interval: 1s\n"
		   "  external_labels:\n"
		   "    demo: ampagent\n"
		   "scrape_configs:\n"
		   "  - job_name: ampagent\n"
		   "    static_configs:\n"
		   "      - targets: ['127.0.0.1:%d']\n",
		   d->agent_port);
	if (d->exporter > 0)
		buf_printf(&out,
			   "  - job_name: node\n"
			   "    static_configs:\n"
			   "      - targets: ['127.0.0.1:%d']\n",
			   d->exporter_port);
	buf_printf(&out,
		   "remote_write:\n"
		   "  - url: http://127.0.0.1:%d/workspaces/" WORKSPACE "/api/v1/remote_write\n"
		   "    sigv4:\n"
		   "      region: " REGION "\n"
		   "      access_key: " ACCESS_KEY "\n"
		   "      secret_key: " SECRET_KEY "\n"
		   "    queue_config:\n"
		   "      batch_send_deadline: 1s\n",
		   standin_port(d->standin));
	snprintf(path, size, "%s/prometheus.yml", d->dir);
	return file_replace(path, buf_view(&out), err);
}

/* argv[0] is the program's path. Its output goes to <dir>/<name>.log. */
static pid_t spawn(const struct demo *d, const char *name, char *const *argv)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	char log_path[128];
	snprintf(log_path, sizeof log_path, "%s/%s.log", d->dir, name);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		dup2(fd, 1);
		dup2(fd, 2);
	}
	execv(argv[0], argv);
	_exit(127);
}

static int start_exporter(struct demo *d)
{
	if (d->node_exporter.len == 0)
		return 0;
	d->exporter_port = free_port();
	_cleanup_(freep) char *path = sv_dup(d->node_exporter);
	char listen[64];
	snprintf(listen, sizeof listen, "--web.listen-address=127.0.0.1:%d", d->exporter_port);
	char *argv[] = {path, listen, NULL};
	if (!path || access(path, X_OK) != 0)
		return 1;
	d->exporter = spawn(d, "node_exporter", argv);
	return d->exporter > 0 ? 0 : 1;
}

static int start_agent(struct demo *d, struct err *err)
{
	char config[128], storage[128], listen[64];
	d->agent_port = free_port();
	int r = write_config(d, config, sizeof config, err);
	if (r != 0)
		return r;
	char config_flag[160], self[] = "/proc/self/exe";
	char path[4096];
	ssize_t n = readlink(self, path, sizeof path - 1);
	if (n <= 0)
		return err_set(err, 1, "the program's own path cannot be read: %s",
			       strerror(errno));
	path[n] = '\0';
	snprintf(config_flag, sizeof config_flag, "--config.file=%s", config);
	snprintf(storage, sizeof storage, "--storage.agent.path=%s/data", d->dir);
	snprintf(listen, sizeof listen, "--web.listen-address=127.0.0.1:%d", d->agent_port);
	char *argv[] = {path, config_flag, storage, listen, NULL};
	d->agent = spawn(d, "ampagent", argv);
	return d->agent > 0 ? 0 : err_set(err, 1, "cannot fork: %s", strerror(errno));
}

static int start_standin(struct demo *d, struct err *err)
{
	struct standin_options opt = standin_options_default();
	opt.listen = SV("127.0.0.1:0");
	opt.workspace = SV(WORKSPACE);
	opt.region = SV(REGION);
	opt.access_key = SV(ACCESS_KEY);
	opt.secret_key = SV(SECRET_KEY);
	return standin_new(d->loop, &opt, &d->standin, err);
}

/* ---- what the agent says ---- */

static void take_number(struct demo *d, struct sv text)
{
	uint64_t v;
	if (sv_to_u64(text, &v) != 0)
		return;
	struct sv key = sv_of(d->key);
	if (d->in_reasons) {
		size_t n = strlen(d->view.reasons);
		snprintf(d->view.reasons + n, sizeof d->view.reasons - n, "%s%s %llu",
			 n ? ", " : "", d->key, (unsigned long long)v);
		return;
	}
	if (sv_eq(key, SV("scraped")))
		d->view.scraped = v;
	else if (sv_eq(key, SV("logged")))
		d->view.logged = v;
	else if (sv_eq(key, SV("sent")))
		d->view.sent = v;
	else if (sv_eq(key, SV("queued")))
		d->view.queued = v;
	else if (sv_eq(key, SV("dropped")))
		d->view.dropped = v;
}

static int read_json(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct demo *d = cls;
	if (event == JSON_OBJECT_END)
		d->in_reasons = false;
	if (event == JSON_OBJECT_BEGIN && sv_eq(sv_of(d->key), SV("droppedBy")))
		d->in_reasons = true;
	if (event == JSON_KEY) {
		snprintf(d->key, sizeof d->key, "%.*s", SV_ARG(text));
	} else if (event == JSON_NUMBER) {
		take_number(d, text);
	} else if (event == JSON_STRING && sv_eq(sv_of(d->key), SV("health"))) {
		d->view.targets++;
		d->view.up += sv_eq(text, SV("up"));
	}
	return 0;
}

static void ask(struct demo *d, const char *path);

static void answered(void *cls, const struct http_answer *a)
{
	struct demo *d = cls;
	d->transfer = NULL;
	bool targets = d->asked_targets;
	if (a->result != HTTP_OK || a->status != 200)
		return;
	if (targets)
		d->view.targets = d->view.up = 0;
	else
		d->view.reasons[0] = '\0';
	_cleanup_(json_reader_deinit) struct json_reader reader;
	json_reader_init(&reader, read_json, d, MiB(1));
	json_feed(&reader, buf_view(&d->body), NULL);
	if (!targets)
		ask(d, "/api/v1/targets?state=active");
}

static void ask(struct demo *d, const char *path)
{
	char url[128];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", d->agent_port, path);
	buf_reset(&d->body);
	struct http_request req = {
		.method = SV("GET"),
		.url = sv_of(url),
		.timeout_ms = ASK_LIMIT_MS,
		.body_max = MiB(8),
		.body_out = &d->body,
	};
	d->asked_targets = strstr(path, "targets") != NULL;
	if (http_start(d->client, &req, answered, d, &d->transfer, NULL) != 0)
		d->transfer = NULL;
}

/* ---- the picture ---- */

static void bar(char *dst, size_t size, uint64_t rate)
{
	size_t n = 0;
	for (uint64_t v = rate; v > 0 && n + 2 < size && n < 24; v /= 2)
		dst[n++] = '#';
	dst[n] = '\0';
}

static void draw_row(const char *name, uint64_t total, uint64_t rate, const char *note)
{
	char text[32];
	bar(text, sizeof text, rate);
	printf("  %-10s %12llu samples %8llu/s  %-24s %s\033[K\n", name, (unsigned long long)total,
	       (unsigned long long)rate, text, note);
}

static void draw(struct demo *d)
{
	struct standin_stats s = standin_stats_get(d->standin);
	bool tty = isatty(1);
	int64_t t = (clock_mono_ms() - d->start_ms) / 1000;
	if (!tty) {
		printf("t=%llds targets_up=%u/%u scraped=%llu logged=%llu sent=%llu verified=%llu "
		       "backlog=%llu dropped=%llu bad_signatures=%llu\n",
		       (long long)t, d->view.up, d->view.targets,
		       (unsigned long long)d->view.scraped, (unsigned long long)d->view.logged,
		       (unsigned long long)d->view.sent, (unsigned long long)s.samples,
		       (unsigned long long)d->view.queued, (unsigned long long)d->view.dropped,
		       (unsigned long long)s.bad_signature);
		fflush(stdout);
		return;
	}
	if (d->drawn)
		printf("\033[11A");
	d->drawn = true;
	const struct view *v = &d->view, *b = &d->before;
	printf("ampagent demo, %lld s   (Ctrl-C ends it)\033[K\n\033[K\n", (long long)t);
	printf("  targets up %u of %u\033[K\n", v->up, v->targets);
	draw_row("scraped", v->scraped, v->scraped - b->scraped, "from /metrics pages");
	draw_row("logged", v->logged, v->logged - b->logged, "in the crash-safe log");
	draw_row("sent", v->sent, v->sent - b->sent, "signed, acknowledged");
	draw_row("verified", s.samples, s.samples - d->stats_before.samples,
		 "by the receiver: signature, snappy, order");
	printf("  backlog %llu   dropped %llu%s%s%s   refused signatures %llu   out of order "
	       "%llu\033[K\n",
	       (unsigned long long)v->queued, (unsigned long long)v->dropped,
	       v->reasons[0] ? " (" : "", v->reasons, v->reasons[0] ? ")" : "",
	       (unsigned long long)s.bad_signature, (unsigned long long)s.out_of_order);
	printf("\033[K\n  page:     http://127.0.0.1:%d/\033[K\n", d->agent_port);
	printf("  receiver: http://127.0.0.1:%d/stats\033[K\n", standin_port(d->standin));
	fflush(stdout);
	d->before = d->view;
	d->stats_before = s;
}

/* ---- running and ending ---- */

static void stop(struct demo *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	d->stop_ms = clock_mono_ms();
	if (d->agent > 0)
		kill(d->agent, SIGTERM);
}

static void finish(struct demo *d, int agent_status)
{
	struct standin_stats s = standin_stats_get(d->standin);
	d->agent = 0;
	bool clean = d->stopping && WIFEXITED(agent_status) && WEXITSTATUS(agent_status) == 0;
	printf("\n%llu samples of %llu series verified by the receiver in %llu requests; first one "
	       "%.1f s after the start.\n",
	       (unsigned long long)s.samples, (unsigned long long)s.series,
	       (unsigned long long)s.accepted,
	       d->first_ms ? (double)(d->first_ms - d->start_ms) / 1000 : 0.0);
	if (!clean)
		printf("The agent did not end cleanly; its output was kept in %s/ampagent.log.\n",
		       d->dir);
	d->exit_code = clean && s.samples > 0 ? 0 : 1;
	loop_stop(d->loop);
}

static void tick(void *cls)
{
	struct demo *d = cls;
	int64_t now = clock_mono_ms();
	if (!d->first_ms && standin_stats_get(d->standin).samples > 0)
		d->first_ms = now;
	int status;
	if (d->agent > 0 && waitpid(d->agent, &status, WNOHANG) == d->agent) {
		finish(d, status);
		return;
	}
	if (d->ticks++ % TICKS_A_PICTURE == 0 && !d->stopping) {
		draw(d);
		if (!d->transfer)
			ask(d, "/api/v1/ledger");
	}
	if (!d->stopping && d->seconds && now - d->start_ms >= (int64_t)d->seconds * 1000)
		stop(d);
	if (d->stopping && now - d->stop_ms > STOP_LIMIT_MS && d->agent > 0)
		kill(d->agent, SIGKILL);
	loop_timer_in(d->loop, &d->tick, TICK_MS);
}

static void on_signal(void *cls, int signo)
{
	stop(cls);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void clean_up(struct demo *d)
{
	if (d->transfer)
		http_cancel(d->transfer);
	if (d->agent > 0) {
		kill(d->agent, SIGTERM);
		waitpid(d->agent, NULL, 0);
	}
	if (d->exporter > 0) {
		kill(d->exporter, SIGTERM);
		waitpid(d->exporter, NULL, 0);
	}
	standin_free(d->standin);
	if (d->client)
		http_client_free(d->client);
	if (d->pool)
		http_pool_free(d->pool);
	buf_deinit(&d->body);
	loop_free(d->loop);
	if (d->dir[0] && d->exit_code == 0)
		nftw(d->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int start(struct demo *d, struct err *err)
{
	static const int signals[] = {SIGINT, SIGTERM};
	static const struct http_options plain = {.follow_redirects = false};
	const char *tmp = getenv("TMPDIR");
	snprintf(d->dir, sizeof d->dir, "%.32s/ampagent-demo-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(d->dir)) {
		d->dir[0] = '\0';
		return err_set(err, 1, "no temporary directory: %s", strerror(errno));
	}
	int r = loop_new(&d->loop, err);
	if (r == 0)
		r = loop_signals(d->loop, signals, 2, on_signal, d, err);
	if (r == 0)
		r = http_pool_new(d->loop, 4, 60000, &d->pool);
	if (r == 0)
		r = http_client_new(d->pool, &plain, &d->client, err);
	if (r == 0)
		r = start_standin(d, err);
	if (r == 0 && start_exporter(d) != 0)
		r = err_set(err, 1, "node_exporter cannot be started: %.*s",
			    SV_ARG(d->node_exporter));
	if (r == 0)
		r = start_agent(d, err);
	return r;
}

int cmd_demo(int argc, char **argv)
{
	struct demo d = {.exit_code = 1};
	const struct flag flags[] = {
		{"node-exporter", FLAG_STRING, &d.node_exporter,
		 "Path of a node_exporter to start and scrape.", false, 0},
		{"seconds", FLAG_UINT, &d.seconds,
		 "End by itself after so many seconds, 0 = at Ctrl-C.", false, 0},
		{NULL, FLAG_BOOL, NULL, NULL, false, 0},
	};
	struct err err = ERR_NULL;
	int r = flags_parse(argc, argv, flags, NULL, 0, NULL, &err);
	if (r == FLAGS_E_HELP) {
		flags_usage(stdout, "ampagent demo [flags]", flags);
		return 0;
	}
	if (r != 0) {
		fprintf(stderr, "ampagent demo: %s\n", err.msg);
		return r;
	}
	log_init(LOG_WARN, LOG_LOGFMT);
	buf_init(&d.body, MiB(8));
	d.start_ms = clock_mono_ms();
	if (start(&d, &err) == 0) {
		if (d.exporter == 0)
			printf("No node_exporter was given (--node-exporter=PATH): the agent "
			       "scrapes only itself.\n");
		d.tick.fire = tick;
		d.tick.cls = &d;
		loop_timer_in(d.loop, &d.tick, TICK_MS);
		loop_run(d.loop);
	} else {
		fprintf(stderr, "ampagent demo: %s\n", err.msg);
	}
	int exit_code = d.exit_code;
	clean_up(&d);
	return exit_code;
}
