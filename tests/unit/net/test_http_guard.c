#include "rig.h"

#include "../../../src/net/http_guard.h"

static void verdicts(void **state)
{
	static const struct {
		const char *version;
		const char *headers[8]; /* name, value, ... */
		int status;
	} cases[] = {
		{"HTTP/1.1", {"Host", "h"}, 0},
		{"HTTP/1.0", {NULL}, 0},
		{"HTTP/1.1", {NULL}, 400},
		{"HTTP/2.0", {"Host", "h"}, 505},
		{"HTTP/1.2", {"Host", "h"}, 505},
		{"", {"Host", "h"}, 505},
		{"HTTP/1.1", {"Host", "h", "host", "h"}, 400},
		{"HTTP/1.1", {"Host", "h", "Content-Length", "100"}, 0},
		{"HTTP/1.1", {"Host", "h", "Content-Length", "101"}, 413},
		{"HTTP/1.1", {"Host", "h", "Content-Length", "99999999999999999999"}, 400},
		{"HTTP/1.1", {"Host", "h", "Content-Length", ""}, 400},
		{"HTTP/1.1", {"Host", "h", "Content-Length", "1 "}, 400},
		{"HTTP/1.1", {"Host", "h", "Content-Length", "0x1"}, 400},
		{"HTTP/1.1", {"Host", "h", "CONTENT-LENGTH", "1", "content-length", "1"}, 400},
		{"HTTP/1.1", {"Host", "h", "transfer-encoding", "Chunked"}, 0},
		{"HTTP/1.1", {"Host", "h", "transfer-encoding", "chunked, chunked"}, 400},
		{"HTTP/1.1", {"Host", "h", "transfer-encoding", "identity"}, 400},
		{"HTTP/1.1", {"Host", "h", "transfer-encoding", ""}, 400},
		{"HTTP/1.0", {"transfer-encoding", "chunked"}, 400},
		{"HTTP/1.1",
		 {"Host", "h", "Transfer-Encoding", "chunked", "Content-Length", "1"},
		 400},
		{"HTTP/1.1",
		 {"Host", "h", "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"},
		 400},
		{"HTTP/1.1", {"Host", "h", "Content-Length ", "1"}, 400},
		{"HTTP/1.1", {"Host", "h", "X", "a\x01"}, 400},
		{"HTTP/1.1", {"Host", "h", "X", "a\tb\xc3\xa4"}, 0},
		{"HTTP/1.1", {"Host", "h", "", "x"}, 400},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_guard g = HTTP_GUARD_NULL;
		const char *const *h = cases[i].headers;
		for (int k = 0; k < 8 && h[k]; k += 2)
			http_guard_header(&g, sv_of(h[k]), sv_of(h[k + 1]));
		int status = http_guard_verdict(&g, sv_of(cases[i].version), 100);
		if (status != cases[i].status)
			fail_msg("case %zu: %d", i, status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(verdicts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
