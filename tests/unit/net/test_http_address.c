/* Which addresses credentials may be fetched from in the clear; addresses as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/net/http_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/un.h>

static void check(const char *host, bool local, const char *text)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = SOCK_STREAM},
			*found;
	char printed[HTTP_ADDRESS_TEXT];
	assert_int_equal(getaddrinfo(host, "8080", &hints, &found), 0);
	if (http_address_is_local(found->ai_addr) != local)
		fail_msg("%s", host);
	http_address_print(found->ai_addr, printed);
	assert_string_equal(printed, text);
	freeaddrinfo(found);
}

static void local(void **state)
{
	check("127.0.0.1", true, "127.0.0.1:8080");
	check("127.0.0.0", true, "127.0.0.0:8080");
	check("127.255.255.255", true, "127.255.255.255:8080");
	check("169.254.170.2", true, "169.254.170.2:8080");
	check("169.254.170.23", true, "169.254.170.23:8080");
	check("::1", true, "[::1]:8080");
	check("fd00:ec2::23", true, "[fd00:ec2::23]:8080");
	check("::ffff:127.3.2.1", true, "[::ffff:127.3.2.1]:8080");
	check("::ffff:169.254.170.2", true, "[::ffff:169.254.170.2]:8080");
	check("::ffff:169.254.170.23", true, "[::ffff:169.254.170.23]:8080");
}

static void others(void **state)
{
	check("0.0.0.0", false, "0.0.0.0:8080");
	check("126.255.255.255", false, "126.255.255.255:8080");
	check("128.0.0.1", false, "128.0.0.1:8080");
	check("10.0.0.1", false, "10.0.0.1:8080");
	check("169.254.169.254", false, "169.254.169.254:8080");
	check("169.254.170.1", false, "169.254.170.1:8080");
	check("169.254.170.3", false, "169.254.170.3:8080");
	check("169.254.171.2", false, "169.254.171.2:8080");
	check("2.170.254.169", false, "2.170.254.169:8080"); /* the bytes the other way round */
	check("1.0.0.127", false, "1.0.0.127:8080");
	check("::", false, "[::]:8080");
	check("::2", false, "[::2]:8080");
	check("fd00:ec2::24", false, "[fd00:ec2::24]:8080");
	check("fd00:ec2::254", false, "[fd00:ec2::254]:8080");
	check("fd00:ec2:0:1::23", false, "[fd00:ec2:0:1::23]:8080");
	check("fe80::1", false, "[fe80::1]:8080");
	check("fe80::23%lo", false, "[fe80::23]:8080"); /* the zone is not told */
	check("::ffff:10.0.0.1", false, "[::ffff:10.0.0.1]:8080");
	check("::127.0.0.1", false, "[::127.0.0.1]:8080"); /* no mapped form */
	check("64:ff9b::7f00:1", false, "[64:ff9b::7f00:1]:8080");
}

static void another_family(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char printed[HTTP_ADDRESS_TEXT];
	assert_false(http_address_is_local((struct sockaddr *)&un));
	http_address_print((struct sockaddr *)&un, printed);
	assert_string_equal(printed, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local),
		cmocka_unit_test(others),
		cmocka_unit_test(another_family),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
