/* Names looked up, addresses connected to. Nothing leaves this host: names are numbers, localhost,
 * and such that no name server is asked for. */
#include "rig.h"

#include <ampagent/net/probe.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct net_addresses found; /* large */

static void numbers(void **state)
{
	static const struct {
		const char *host, *text;
		bool is_private, is_local;
	} cases[] = {
		{"10.0.0.1", "10.0.0.1", true, false},
		{"10.255.255.255", "10.255.255.255", true, false},
		{"11.0.0.1", "11.0.0.1", false, false},
		{"172.16.0.1", "172.16.0.1", true, false},
		{"172.31.255.255", "172.31.255.255", true, false},
		{"172.15.255.255", "172.15.255.255", false, false},
		{"172.32.0.1", "172.32.0.1", false, false},
		{"192.168.1.1", "192.168.1.1", true, false},
		{"192.169.1.1", "192.169.1.1", false, false},
		{"100.64.0.1", "100.64.0.1", true, false},
		{"100.127.255.255", "100.127.255.255", true, false},
		{"100.63.255.255", "100.63.255.255", false, false},
		{"100.128.0.1", "100.128.0.1", false, false},
		{"52.94.1.1", "52.94.1.1", false, false},
		{"127.0.0.1", "127.0.0.1", false, true},
		{"169.254.169.254", "169.254.169.254", false, true},
		{"0.0.0.0", "0.0.0.0", false, true},
		{"fd00::1", "fd00::1", true, false},
		{"[fc12::1]", "fc12::1", true, false},
		{"2600:1f18::1", "2600:1f18::1", false, false},
		{"::1", "::1", false, true},
		{"::", "::", false, true},
		{"fe80::1", "fe80::1", false, true},
		{"::ffff:10.1.2.3", "::ffff:10.1.2.3", true, false},
		{"::ffff:127.0.0.1", "::ffff:127.0.0.1", false, true},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err why = ERR_NULL;
		assert_int_equal(net_resolve(sv_of(cases[i].host), 443, &found, &why),
				 NET_RESOLVED);
		assert_int_equal(found.n, 1);
		assert_int_equal(found.n_all, 1);
		assert_string_equal(found.list[0].text, cases[i].text);
		if (found.list[0].is_private != cases[i].is_private ||
		    found.list[0].is_local != cases[i].is_local)
			fail_msg("%s", cases[i].host);
		assert_int_equal(found.all_private, cases[i].is_private);
		/* In the same place of both families. */
		assert_int_equal(ntohs(((struct sockaddr_in *)&found.list[0].to)->sin_port), 443);
	}
}

static void this_host(void **state)
{
	assert_int_equal(net_resolve(SV("localhost"), 80, &found, NULL), NET_RESOLVED);
	assert_true(found.n >= 1);
	assert_false(found.all_private);
	for (size_t i = 0; i < found.n; i++)
		assert_true(found.list[i].is_local);
}

static void no_names(void **state)
{
	char long_name[300], nul[] = "a\0b";
	memset(long_name, 'a', sizeof(long_name));
	const struct sv hosts[] = {SV_NULL, sv_make(long_name, sizeof(long_name)), sv_make(nul, 3)};
	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct err why = ERR_NULL;
		assert_int_equal(net_resolve(hosts[i], 443, &found, &why), NET_RESOLVE_LOCAL);
		assert_true(why.msg[0] != '\0');
		assert_int_equal(found.n, 0);
		assert_false(found.all_private);
	}
	assert_int_equal(net_resolve(SV("127.0.0.1"), 65536, &found, NULL), NET_RESOLVE_LOCAL);
	/* A label of 70 bytes is nobody's. */
	struct err why = ERR_NULL;
	enum net_resolve_result r = net_resolve(sv_make(long_name, 70), 443, &found, &why);
	assert_int_not_equal(r, NET_RESOLVED);
	assert_non_null(strstr(why.msg, "aaa: "));
}

static void advice_where_there_is_any(void **state)
{
	assert_non_null(strstr(net_resolve_advice(NET_NO_SUCH_HOST), "spelling"));
	assert_non_null(strstr(net_resolve_advice(NET_TRY_AGAIN), "resolv.conf"));
	assert_non_null(net_resolve_advice(NET_NO_ADDRESS));
	assert_null(net_resolve_advice(NET_RESOLVED));
	assert_non_null(strstr(net_connect_advice(NET_TIMED_OUT), "security groups"));
	assert_non_null(net_connect_advice(NET_REFUSED));
	assert_non_null(net_connect_advice(NET_UNREACHABLE));
	assert_null(net_connect_advice(NET_CONNECTED));
}

/* --- connecting --- */

struct outcome {
	struct loop *loop;
	int n;
	enum net_connect_result result;
	int64_t took_ns;
	char why[256];
};

static void on_connected(void *cls, enum net_connect_result result, int64_t took_ns,
			 const struct err *why)
{
	struct outcome *o = cls;
	o->n++;
	o->result = result;
	o->took_ns = took_ns;
	snprintf(o->why, sizeof(o->why), "%s", why->msg);
	loop_stop(o->loop);
}

static struct outcome connect_to(const char *host, int port, int64_t timeout_ms)
{
	struct outcome o = {0};
	struct err err = ERR_NULL;
	struct net_connect *c;
	assert_int_equal(net_resolve(sv_of(host), (unsigned)port, &found, NULL), NET_RESOLVED);
	assert_int_equal(loop_new(&o.loop, &err), 0);
	int r = net_connect_start(o.loop, &found.list[0], timeout_ms, on_connected, &o, &c, &err);
	if (r == 0) {
		assert_int_equal(o.n, 0); /* never from inside */
		rig_run(o.loop);
		assert_int_equal(o.n, 1);
		assert_true(o.took_ns >= 0);
	} else {
		o.result = NET_CONNECT_LOCAL;
	}
	loop_free(o.loop);
	return o;
}

static int listen_at(int backlog, int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void connected_and_refused(void **state)
{
	int port, fd = listen_at(8, &port);
	struct outcome o = connect_to("127.0.0.1", port, 5000);
	assert_int_equal(o.result, NET_CONNECTED);
	assert_string_equal(o.why, "");
	close(fd);
	o = connect_to("127.0.0.1", port, 5000);
	assert_int_equal(o.result, NET_REFUSED);
	assert_string_equal(o.why, strerror(ECONNREFUSED));
}

static void timed_out(void **state)
{
	int port, fd = listen_at(0, &port), waiting[4];
	for (size_t i = 0; i < COUNT(waiting); i++) {
		struct sockaddr_in a = {.sin_family = AF_INET,
					.sin_port = htons((uint16_t)port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(waiting[i], (struct sockaddr *)&a, sizeof(a));
	}
	struct outcome o = connect_to("127.0.0.1", port, 100);
	assert_int_equal(o.result, NET_TIMED_OUT);
	assert_string_equal(o.why, strerror(ETIMEDOUT));
	assert_true(o.took_ns >= 90 * 1000000ll);
	for (size_t i = 0; i < COUNT(waiting); i++)
		close(waiting[i]);
	close(fd);
}

/* What fails inside connect(2) is told from the loop too. */
static void at_once(void **state)
{
	struct outcome o = connect_to("fe80::1", 443, 5000); /* of which link? */
	assert_int_equal(o.result == NET_UNREACHABLE || o.result == NET_CONNECT_LOCAL, true);
	assert_true(o.why[0] != '\0' || o.result == NET_CONNECT_LOCAL);
	o = connect_to("255.255.255.255", 443, 5000);
	assert_true(o.result == NET_UNREACHABLE || o.result == NET_CONNECT_LOCAL);
}

static void cancelled(void **state)
{
	struct outcome o = {0};
	struct err err = ERR_NULL;
	struct net_connect *c;
	int port, fd = listen_at(8, &port);
	assert_int_equal(net_resolve(SV("127.0.0.1"), (unsigned)port, &found, NULL), NET_RESOLVED);
	assert_int_equal(loop_new(&o.loop, &err), 0);
	assert_int_equal(
		net_connect_start(o.loop, &found.list[0], 5000, on_connected, &o, &c, &err), 0);
	net_connect_cancel(c);
	net_connect_cancel(NULL);
	loop_post(o.loop, (void (*)(void *))loop_stop, o.loop);
	rig_run(o.loop);
	assert_int_equal(o.n, 0);
	loop_free(o.loop);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(this_host),
		cmocka_unit_test(no_names),
		cmocka_unit_test(advice_where_there_is_any),
		cmocka_unit_test(connected_and_refused),
		cmocka_unit_test(timed_out),
		cmocka_unit_test(at_once),
		cmocka_unit_test(cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
