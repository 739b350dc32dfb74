/* Connections taken from a listening socket, also when no descriptor is left. */
#include "rig.h"

#include "../../../src/net/http_accept.h"
#include "../../../src/net/listen.h"

#include <ampagent/base/metrics.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WATCH_MS = 350, HOG_MAX = 256 };

struct world {
	struct loop *loop;
	struct http_accept accept;
	struct loop_timer end;
	int port, given[8], n;
	int hogs[HOG_MAX], n_hogs;
};

static void give(void *cls, int fd, const struct sockaddr *peer, socklen_t len)
{
	struct world *w = cls;
	assert_int_equal(peer->sa_family, AF_INET);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	w->given[w->n++] = fd;
	loop_stop(w->loop);
}

static void stop(void *cls)
{
	loop_stop(((struct world *)cls)->loop);
}

static void start(struct world *w)
{
	int fd;
	*w = (struct world){.n = 0};
	assert_int_equal(loop_new(&w->loop, NULL), 0);
	assert_int_equal(listen_open(SV("127.0.0.1:0"), &fd, &w->port, NULL), 0);
	assert_int_equal(http_accept_init(&w->accept, w->loop, fd, give, w, NULL), 0);
	w->end = (struct loop_timer){.fire = stop, .cls = w};
}

static void end(struct world *w)
{
	http_accept_deinit(&w->accept);
	http_accept_deinit(&w->accept);
	for (int i = 0; i < w->n; i++)
		close(w->given[i]);
	for (int i = 0; i < w->n_hogs; i++)
		close(w->hogs[i]);
	loop_timer_cancel(&w->end);
	loop_free(w->loop);
}

static void takes_what_comes(void **state)
{
	struct world w;
	start(&w);
	int a = raw_connect(w.port), b = raw_connect(w.port);
	while (w.n < 2)
		rig_run(w.loop);
	close(a);
	close(b);
	end(&w);
}

static void hog(struct world *w)
{
	int fd;
	while (w->n_hogs < HOG_MAX && (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		w->hogs[w->n_hogs++] = fd;
	assert_true(w->n_hogs > 0 && w->n_hogs < HOG_MAX);
}

static void rests_when_none_is_left(void **state)
{
	struct world w;
	struct rlimit old, small = {96, 0};
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	small.rlim_max = old.rlim_max;
	start(&w);
	int a = raw_connect(w.port);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	hog(&w);
	double refused = metric_get(M_DESCRIPTORS_REFUSED);
	loop_timer_in(w.loop, &w.end, WATCH_MS);
	assert_int_equal(loop_run(w.loop), 0);
	/* Far fewer tries than turns of a loop that has nothing else to do. */
	double tries = metric_get(M_DESCRIPTORS_REFUSED) - refused;
	assert_true(tries >= 1 && tries <= 10);
	assert_int_equal(w.n, 0);
	while (w.n_hogs > 0)
		close(w.hogs[--w.n_hogs]);
	rig_run(w.loop); /* it waited in the kernel */
	assert_int_equal(w.n, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(a);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_comes),
		cmocka_unit_test(rests_when_none_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
