/* Addresses and connections, of the host or of its proxy. */
#include "rig.h"

#include <dirent.h>
#include <time.h>

static struct finding *dns(struct rig *r, const char *url, const char *more)
{
	rig_walk(r, url, more);
	rig_take(r, DOCTOR_URL);
	return rig_take(r, DOCTOR_DNS);
}

static void names(void **state)
{
	struct rig *r = *state;
	rig_expect(dns(r, RIG_PATH, ""), VERDICT_OK, "127.0.0.1 (this machine)", "");
	rig_expect(dns(r, "http://10.1.2.3/x", ""), VERDICT_OK, "10.1.2.3 (private)", "");
	rig_expect(dns(r, "http://[2001:db8::1]/x", ""), VERDICT_OK, "2001:db8::1 (public)", "");
	rig_expect(dns(r, "http://nowhere.invalid/x", ""), VERDICT_FAIL, "nowhere.invalid", "");
}

static void of_a_proxy(void **state)
{
	struct rig *r = *state;
	rig_expect(dns(r, "https://nowhere.invalid/x", "  proxy_url: http://u:pw@127.0.0.1:1\n"),
		   VERDICT_OK, "proxy 127.0.0.1", "");
	assert_int_equal(r->walk->peer_port, 1);
	rig_expect(rig_take(r, DOCTOR_TCP), VERDICT_FAIL, "proxy 127.0.0.1 port 1", "HTTPS_PROXY");
	rig_expect(dns(r, "http://127.0.0.1/x", "  proxy_url: http://gate.invalid:8080\n"),
		   VERDICT_FAIL, "proxy gate.invalid", "proxy_url");
}

static size_t threads_before;

static void connections(void **state)
{
	struct rig *r = *state;
	dns(r, RIG_PATH, "");
	rig_expect(rig_take(r, DOCTOR_TCP), VERDICT_OK, "1 of 1 addresses", "");
	dns(r, "http://127.0.0.1:1/x", "");
	rig_expect(rig_take(r, DOCTOR_TCP), VERDICT_FAIL, "port 1", "listens");
	rig_walk(r, "http://127.0.0.1:1/x", "");
	rig_decide(r, DOCTOR_DNS, VERDICT_FAIL);
	rig_expect(rig_take(r, DOCTOR_TCP), VERDICT_SKIPPED, "no address", "");
}

/* One address is good, another is not. */
static void some_of_them(void **state)
{
	struct rig *r = *state;
	dns(r, RIG_PATH, "");
	struct net_addresses *a = &r->walk->addresses;
	struct net_addresses closed;
	assert_int_equal(net_resolve(SV("127.0.0.1"), 1, &closed, NULL), NET_RESOLVED);
	a->list[a->n++] = closed.list[0];
	struct finding *f = rig_take(r, DOCTOR_TCP);
	rig_expect(f, VERDICT_WARN, "1 of 2 addresses", "listens");
	assert_true(f->details.len > 0);
}

/* The resolver's thread may still be at work when nobody waits any more. */
static void left_alone(void **state)
{
	struct rig *r = *state;
	for (int i = 0; i < 20; i++) {
		rig_walk(r, "http://nowhere.invalid/x", "");
		rig_take(r, DOCTOR_URL);
		step_dns_start(r->walk);
	}
	r->env.timeout_ms = 0;
	struct finding *f = dns(r, "http://nowhere.invalid/x", "");
	assert_int_equal(f->verdict, VERDICT_FAIL);
}

static size_t threads(void)
{
	DIR *d = opendir("/proc/self/task");
	size_t n = 0;
	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A thread that is left alone holds what the resolver gave it until it ends; the search for leaks
 * comes after that. The sanitizers may have a thread of their own. */
static int wait_for_threads(void **state)
{
	for (int i = 0; i < 1000 && threads() > threads_before; i++)
		nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
	return 0;
}

int main(void)
{
	threads_before = threads();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(of_a_proxy, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(connections, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(some_of_them, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(left_alone, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, wait_for_threads);
}
