#include "rig.h"

#include "../../../src/net/http_sockets.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct seen {
	struct loop *loop;
	int fd, times;
	uint32_t events;
};

static void on_ready(void *cls, int fd, uint32_t events)
{
	struct seen *s = cls;
	s->fd = fd;
	s->events = events;
	s->times++;
	loop_stop(s->loop);
}

static void watched_changed_and_dropped(void **state)
{
	struct seen seen = {0};
	struct err err = ERR_NULL;
	int pair[2];
	assert_int_equal(loop_new(&seen.loop, &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct http_sockets all = {.loop = seen.loop, .ready = on_ready, .cls = &seen};
	struct http_sock *sock = http_sockets_watch(&all, NULL, pair[0], EPOLLOUT);
	assert_non_null(sock);
	rig_run(seen.loop);
	assert_int_equal(seen.fd, pair[0]);
	assert_int_equal(seen.events, EPOLLOUT);
	assert_ptr_equal(http_sockets_watch(&all, sock, pair[0], EPOLLIN), sock);
	assert_int_equal(write(pair[1], "x", 1), 1);
	rig_run(seen.loop);
	assert_int_equal(seen.events, EPOLLIN);
	close(pair[1]); /* an error is said as what was asked for */
	rig_run(seen.loop);
	assert_int_equal(seen.events, EPOLLIN);
	assert_int_equal(seen.times, 3);
	http_sockets_drop(sock);
	assert_null(all.list);
	close(pair[0]);
	loop_free(seen.loop);
}

static void cleared(void **state)
{
	struct seen seen = {0};
	struct err err = ERR_NULL;
	int pair[2];
	assert_int_equal(loop_new(&seen.loop, &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct http_sockets all = {.loop = seen.loop, .ready = on_ready, .cls = &seen};
	assert_non_null(http_sockets_watch(&all, NULL, pair[0], EPOLLIN));
	struct http_sock *second = http_sockets_watch(&all, NULL, pair[1], EPOLLIN);
	assert_non_null(second);
	assert_null(http_sockets_watch(&all, NULL, -1, EPOLLIN));
	http_sockets_drop(second);
	http_sockets_clear(&all);
	assert_null(all.list);
	close(pair[0]);
	close(pair[1]);
	loop_free(seen.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watched_changed_and_dropped),
		cmocka_unit_test(cleared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
