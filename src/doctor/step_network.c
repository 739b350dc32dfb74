/* The host's addresses, and a connection to each. Through a proxy only the proxy is asked: it looks
 * the host up by itself. */
#include "advice.h"
#include "walk.h"

#include <ampagent/base/limits.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* The resolver blocks, so a thread asks it and then writes to the descriptor that the loop watches.
 * Whoever is the last of thread and walk frees the job: nobody waits for a resolver. */
struct dns_job {
	atomic_bool left; /* by one of the two */
	int fd;
	struct loop_fd watch;
	pthread_t thread;
	bool joined;
	char host[256];
	unsigned port;
	enum net_resolve_result result;
	struct net_addresses found;
	struct err why;
};

static void job_leave(struct dns_job *j)
{
	if (!atomic_exchange(&j->left, true))
		return;
	close(j->fd);
	free(j);
}

/* False while the resolver has not answered. What the thread wrote before is seen after this; it
 * has nothing left to do but end, and give back the resolver's memory. */
static bool job_join(struct dns_job *j)
{
	uint64_t n;
	if (!j->joined && read(j->fd, &n, sizeof n) != sizeof n)
		return false;
	if (!j->joined)
		pthread_join(j->thread, NULL);
	j->joined = true;
	return true;
}

static bool has_idle_proxy(const struct walk *w)
{
	static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy",
					    "HTTP_PROXY"};
	for (size_t i = w->tls ? 0 : 2; i < (w->tls ? 2 : 4); i++) {
		const char *v = walk_getenv(w, names[i]);
		if (v && *v && !w->opt->http.proxy.from_environment)
			return !w->proxied;
	}
	return false;
}

static struct advice_host advice_host_of(const struct walk *w)
{
	return (struct advice_host){
		.amp = walk_is_amp(w),
		.vpce = w->amp.form == AWS_AMP_VPCE,
		.proxied = w->proxied,
		.idle_proxy = has_idle_proxy(w),
		.host = w->peer_host,
		.region = w->amp.region,
	};
}

/* ---- whom to ask ---- */

/* As the sender sends; but nobody's secrets go along, and no redirect is followed. */
static int make_client(struct walk *w, struct err *err)
{
	struct http_options opt = w->opt->http;
	opt.has_basic_auth = opt.has_authorization = opt.has_oauth2 = false;
	opt.follow_redirects = false;
	opt.n_headers = 0;
	if (w->opt->has_sigv4 && opt.tls.ca.len == 0 && opt.tls.ca_file.len == 0 &&
	    w->settings_there)
		opt.tls.ca_file = w->settings.ca_bundle;
	return http_client_new(w->env->pool, &opt, &w->client, err);
}

unsigned walk_port(const struct walk *w)
{
	uint64_t n;
	return sv_to_u64(w->url.port, &n) == 0 && n <= 65535 ? (unsigned)n : w->tls ? 443 : 80;
}

/* The proxy's host instead of the URL's, when there is one. */
static void find_peer(struct walk *w)
{
	_cleanup_(buf_deinit) struct buf proxy = BUF_NULL;
	struct url_parts u;
	struct err err = ERR_NULL;
	uint64_t port;
	w->peer_host = w->url.host;
	w->peer_port = walk_port(w);
	buf_init(&proxy, KiB(4));
	if (!w->client || http_client_proxy(w->client, w->opt->url, &proxy, &err) != 0 ||
	    url_split(buf_view(&proxy), &u) != 0)
		return;
	struct sv host = arena_dup(&w->arena, u.host);
	if (!host.ptr || sv_to_u64(u.port, &port) != 0 || port > 65535)
		return;
	w->proxied = true;
	w->peer_host = host;
	w->peer_port = (unsigned)port;
}

/* ---- dns ---- */

static void say_addresses(struct walk *w, const struct net_addresses *found)
{
	struct finding *f = walk_finding(w, DOCTOR_DNS);
	char text[1024];
	size_t at = 0;
	for (size_t i = 0; i < found->n && at < sizeof text; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? ", " : "",
				       found->list[i].text);
	const char *what = found->list[0].is_local ? "this machine"
			   : !found->all_private   ? "public"
			   : walk_is_amp(w)        ? "private: a VPC endpoint"
						   : "private";
	const char *whose = w->proxied ? "proxy " : "";
	if (found->n == 1 && sv_eq(w->peer_host, sv_of(found->list[0].text)))
		report_say(f, VERDICT_OK, "%s%s (%s)", whose, text, what);
	else
		report_say(f, VERDICT_OK, "%s%.*s: %s (%s)", whose, SV_ARG(w->peer_host), text,
			   what);
	if (walk_is_amp(w) && !w->proxied && found->list[0].is_local) {
		f->verdict = VERDICT_WARN;
		report_advise(f,
			      "AMP is not on this machine: look for the name in /etc/hosts, and at "
			      "the name servers.");
	} else if (w->amp.form == AWS_AMP_VPCE && !w->proxied && !found->all_private) {
		f->verdict = VERDICT_WARN;
		report_advise(f, "The addresses of a VPC endpoint are private: another name server "
				 "answers for this name.");
	}
}

static void dns_judge(struct walk *w, enum net_resolve_result result, const char *why)
{
	struct finding *f = walk_finding(w, DOCTOR_DNS);
	struct advice_host host = advice_host_of(w);
	if (result == NET_RESOLVED) {
		say_addresses(w, &w->addresses);
	} else {
		report_say(f, VERDICT_FAIL, "%s%s", w->proxied ? "proxy " : "", why);
		advice_dns(&f->advice, result, &host);
	}
	walk_decided(w, DOCTOR_DNS);
}

static void on_resolved(void *cls, uint32_t events)
{
	struct walk *w = cls;
	struct dns_job *j = w->dns;
	if (!job_join(j))
		return;
	loop_fd_remove(&j->watch);
	loop_timer_cancel(&w->dns_late);
	if (w->report->steps[DOCTOR_DNS].verdict != VERDICT_PENDING)
		return;
	w->addresses = j->found;
	dns_judge(w, j->result, j->why.msg);
}

static void on_dns_late(void *cls)
{
	struct walk *w = cls;
	char text[ADVICE_SPAN_MAX + 300], span[ADVICE_SPAN_MAX];
	snprintf(text, sizeof text, "%.*s: the resolver gives no answer within %s",
		 SV_ARG(w->peer_host), advice_span(span, w->env->timeout_ms));
	dns_judge(w, NET_TRY_AGAIN, text);
}

static void *resolve(void *cls)
{
	struct dns_job *j = cls;
	uint64_t one = 1;
	j->result = net_resolve(sv_of(j->host), j->port, &j->found, &j->why);
	/* Room for a number there is always. */
	ssize_t n = write(j->fd, &one, sizeof one);
	(void)n;
	job_leave(j);
	return NULL;
}

static struct dns_job *job_new(struct walk *w)
{
	struct dns_job *j = calloc(1, sizeof *j);
	if (!j)
		return NULL;
	j->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	j->port = w->peer_port;
	snprintf(j->host, sizeof j->host, "%.*s", SV_ARG(w->peer_host));
	j->watch = (struct loop_fd){.fd = j->fd, .events = EPOLLIN, .ready = on_resolved, .cls = w};
	if (j->fd >= 0 && loop_fd_add(w->env->loop, &j->watch, NULL) == 0)
		return j;
	if (j->fd >= 0)
		close(j->fd);
	free(j);
	return NULL;
}

static int start_resolving(struct walk *w)
{
	struct dns_job *j = job_new(w);
	if (!j)
		return 1;
	if (pthread_create(&j->thread, NULL, resolve, j) != 0) {
		loop_fd_remove(&j->watch);
		close(j->fd);
		free(j);
		return 1;
	}
	w->dns = j;
	return 0;
}

void step_dns_start(struct walk *w)
{
	struct err err = ERR_NULL;
	if (w->url.host.len == 0) {
		walk_skip(w, DOCTOR_DNS, "the URL names no host");
		return;
	}
	if (make_client(w, &err) != 0)
		snprintf(w->client_why, sizeof w->client_why, "%s",
			 err.msg[0] ? err.msg : "out of memory");
	find_peer(w);
	w->dns_late = (struct loop_timer){.fire = on_dns_late, .cls = w};
	loop_timer_in(w->env->loop, &w->dns_late, w->env->timeout_ms);
	if (start_resolving(w) != 0) {
		loop_timer_cancel(&w->dns_late);
		dns_judge(w, NET_RESOLVE_LOCAL, "a thread cannot be started");
	}
}

void step_dns_stop(struct walk *w)
{
	loop_timer_cancel(&w->dns_late);
	if (w->dns && w->dns->watch.loop)
		loop_fd_remove(&w->dns->watch);
	if (w->dns && !job_join(w->dns))
		pthread_detach(w->dns->thread);
	if (w->dns)
		job_leave(w->dns);
	if (w->client)
		http_client_free(w->client);
}

/* ---- tcp ---- */

/* An address of IPv6 beside good ones of IPv4 is no fault of a machine without IPv6. */
static bool harmless(const struct walk *w, size_t i)
{
	return w->tries[i].result == NET_UNREACHABLE &&
	       w->addresses.list[i].to.ss_family == AF_INET6;
}

static void tcp_judge(struct walk *w)
{
	struct finding *f = walk_finding(w, DOCTOR_TCP);
	struct advice_host host = advice_host_of(w);
	size_t good = 0, first_bad = NET_ADDRESSES_MAX, n = w->addresses.n;
	int64_t slowest_ns = 0;
	for (size_t i = 0; i < n; i++) {
		struct tcp_try *t = &w->tries[i];
		if (t->result == NET_CONNECTED) {
			good++;
			slowest_ns = t->took_ns > slowest_ns ? t->took_ns : slowest_ns;
			continue;
		}
		report_detail(f, "%s port %u: %s", w->addresses.list[i].text, w->peer_port, t->why);
		if (first_bad == NET_ADDRESSES_MAX && !harmless(w, i))
			first_bad = i;
	}
	if (first_bad == NET_ADDRESSES_MAX && good == 0)
		first_bad = 0;
	enum verdict v = good == 0                       ? VERDICT_FAIL
			 : first_bad < NET_ADDRESSES_MAX ? VERDICT_WARN
							 : VERDICT_OK;
	if (good > 0)
		report_say(f, v, "%zu of %zu addresses connected within %lld ms", good, n,
			   (long long)(slowest_ns / 1000000));
	else
		report_say(f, v, "%s%.*s port %u: %s", w->proxied ? "proxy " : "",
			   SV_ARG(w->peer_host), w->peer_port, w->tries[first_bad].why);
	if (first_bad < NET_ADDRESSES_MAX)
		advice_tcp(&f->advice, w->tries[first_bad].result, &host);
	walk_decided(w, DOCTOR_TCP);
}

static void on_connected(void *cls, enum net_connect_result result, int64_t took_ns,
			 const struct err *why)
{
	struct tcp_try *t = cls;
	struct walk *w = t->walk;
	t->connect = NULL;
	t->result = result;
	t->took_ns = took_ns;
	snprintf(t->why, sizeof t->why, "%s", why->msg);
	if (--w->connecting == 0)
		tcp_judge(w);
}

void step_tcp_start(struct walk *w)
{
	if (walk_blocked(w, DOCTOR_DNS)) {
		walk_skip(w, DOCTOR_TCP, "there is no address");
		return;
	}
	for (size_t i = 0; i < w->addresses.n; i++) {
		struct tcp_try *t = &w->tries[i];
		struct err err = ERR_NULL;
		t->walk = w;
		t->result = NET_CONNECT_LOCAL;
		if (net_connect_start(w->env->loop, &w->addresses.list[i], w->env->timeout_ms,
				      on_connected, t, &t->connect, &err) == 0)
			w->connecting++;
		else
			snprintf(t->why, sizeof t->why, "%s", err.msg);
	}
	if (w->connecting == 0)
		tcp_judge(w);
}

void step_tcp_stop(struct walk *w)
{
	for (size_t i = 0; i < w->addresses.n; i++)
		if (w->tries[i].connect)
			net_connect_cancel(w->tries[i].connect);
}
