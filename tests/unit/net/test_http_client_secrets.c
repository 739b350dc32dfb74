/* Once a request is over and its owner has wiped what it was given, no secret of the answer or of
 * the request is anywhere in this process's memory, its connection kept or not.
 *
 * The answer's secret is a digest that only the peer, a process of its own, ever writes down.
 */
#include "memory_search.h"
#include "tls_rig.h"

#include <ampagent/base/crypto.h>

#include <string.h>

static void ask(struct fixture *f, const struct tls_peer *p, const struct http_options *o)
{
	char url[128];
	struct http_client *c = rig_client(f->pool, o);
	snprintf(url, sizeof(url), "%ssecret", p->url);
	memory_search_for_digest("/secret");
	assert_int_equal(buf_reserve(&f->reply.body, 20000), 0);
	rig_fetch(c, rig_get(url), &f->reply);
	if (f->reply.result != HTTP_OK)
		fail_msg("%s", f->reply.error);
	http_client_free(c);
}

static void forget(struct fixture *f)
{
	buf_wipe(&f->reply.body);
	buf_init(&f->reply.body, 1 << 20);
}

static void answers(void **state)
{
	struct fixture *f = *state;
	static const char *const modes[] = {"http", "TLSv1_2", "TLSv1_3"};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct tls_peer p;
		tls_start(&p, modes[i]);
		struct http_options o = {.tls = {.ca_file = sv_of(tls_path("ca.pem"))}};
		for (int k = 0; k < 2; k++) { /* a new connection, a kept one */
			ask(f, &p, &o);
			assert_int_equal(memory_search_copies(), 1);
			forget(f);
			assert_int_equal(memory_search_copies(), 0);
		}
		tls_stop(&p);
	}
}

static void requests(void **state)
{
	struct fixture *f = *state;
	static const char *const modes[] = {"http", "TLSv1_2", "TLSv1_3"};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct tls_peer p;
		char secret[MEMORY_NEEDLE];
		tls_start(&p, modes[i]);
		crypto_random(secret, sizeof(secret));
		for (size_t k = 0; k < MEMORY_NEEDLE; k++)
			secret[k] = (char)('a' + (uint8_t)secret[k] % 26);
		struct http_options o = {.tls = {.ca_file = sv_of(tls_path("ca.pem"))},
					 .has_authorization = true,
					 .credentials = sv_make(secret, sizeof(secret))};
		ask(f, &p, &o);
		memory_search_for(secret);
		assert_int_equal(memory_search_copies(), 1);
		crypto_wipe(secret, sizeof(secret));
		assert_int_equal(memory_search_copies(), 0);
		tls_stop(&p);
	}
}

static int make_files(void **state)
{
	return memory_search_begin(state) != 0 ? 1 : tls_make_files(state);
}

static int remove_files(void **state)
{
	memory_search_end(state);
	return tls_remove_files(state);
}

int main(void)
{
	http_client_global_init();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers),
		TEST(requests),
	};
	int failed = cmocka_run_group_tests(tests, make_files, remove_files);
	http_client_global_deinit();
	return failed;
}
