#include "rig.h"

#include "../../../src/net/listen.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void listens(void **state)
{
	static const char *const addresses[] = {"127.0.0.1:0", ":0", "[::1]:0", "localhost:0"};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		int fd, port;
		struct err err = ERR_NULL;
		if (listen_open(sv_of(addresses[i]), &fd, &port, &err) != 0) {
			/* A machine without IPv6 */
			assert_string_equal(addresses[i], "[::1]:0");
			continue;
		}
		assert_true(port > 0);
		close(fd);
	}
}

static void all_interfaces_means_ipv4_too(void **state)
{
	int fd, port;
	struct err err = ERR_NULL;
	assert_int_equal(listen_open(SV(":0"), &fd, &port, &err), 0);
	close(raw_connect(port)); /* 127.0.0.1 */
	close(fd);
}

static void refuses(void **state)
{
	static const char *const addresses[] = {
		"", "localhost", "localhost:", "h:x", "h:65536", "::1:80", "9090", "127.0.0.1:-1"};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		int fd, port;
		struct err err = ERR_NULL;
		if (listen_open(sv_of(addresses[i]), &fd, &port, &err) != 1)
			fail_msg("%s", addresses[i]);
		assert_non_null(strstr(err.msg, addresses[i]));
	}
}

static void says_when_taken(void **state)
{
	int fd, other, port;
	char text[32];
	struct err err = ERR_NULL;
	assert_int_equal(listen_open(SV("127.0.0.1:0"), &fd, &port, &err), 0);
	snprintf(text, sizeof(text), "127.0.0.1:%d", port);
	assert_int_equal(listen_open(sv_of(text), &other, &port, &err), 1);
	assert_non_null(strstr(err.msg, "Address already in use"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listens),
		cmocka_unit_test(all_interfaces_means_ipv4_too),
		cmocka_unit_test(refuses),
		cmocka_unit_test(says_when_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
