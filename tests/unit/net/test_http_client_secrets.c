/* Once a request is over and its owner has wiped what it was given, no secret of the answer or of
 * the request is anywhere in this process's memory, its connection kept or not.
 *
 * The secrets are told to the search in disguise, so that it does not find itself; the answer's is
 * a digest that only the peer, a process of its own, ever writes down.
 */
#include "tls_rig.h"

#include <ampagent/base/crypto.h>

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { NEEDLE = 32, CHUNK = 1 << 20, DISGUISE = 0x55 };
/* A sanitizer's bookkeeping is larger, and holds no bytes of the program. */
enum { LARGEST_MAPPING = 128 << 20 };

static char *chunk; /* what is looked through; not looked at itself */
static uint8_t needle[NEEDLE];

static size_t count_in(size_t len)
{
	size_t n = 0;
	const char *at = chunk, *end = chunk + len;
	while ((at = memchr(at, needle[0] ^ DISGUISE, (size_t)(end - at))) && end - at >= NEEDLE) {
		size_t k = 1;
		while (k < NEEDLE && ((uint8_t)at[k] ^ DISGUISE) == needle[k])
			k++;
		n += k == NEEDLE;
		at++;
	}
	return n;
}

static size_t count_between(int mem, uintptr_t from, uintptr_t to)
{
	size_t n = 0;
	while (from < to) {
		size_t want = to - from < CHUNK ? to - from : CHUNK;
		ssize_t got = pread(mem, chunk, want, (off_t)from);
		if (got <= 0)
			break;
		n += count_in((size_t)got);
		if ((size_t)got <= NEEDLE || from + (size_t)got >= to)
			break;
		from += (size_t)got - NEEDLE + 1; /* one may lie across the end */
	}
	return n;
}

/* In all memory that can be written to. */
static size_t copies(void)
{
	size_t n = 0;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	assert_non_null(maps);
	assert_true(mem >= 0);
	while (fgets(line, sizeof(line), maps)) {
		uintptr_t from, to, own = (uintptr_t)chunk;
		char rights[8];
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &from, &to, rights) != 3 ||
		    rights[0] != 'r' || rights[1] != 'w' || to - from > LARGEST_MAPPING)
			continue;
		if (own >= from && own < to) {
			n += count_between(mem, from, own);
			from = own + CHUNK;
		}
		n += count_between(mem, from, to);
	}
	fclose(maps);
	close(mem);
	return n;
}

static void look_for_answer(const char *path)
{
	uint8_t digest[SHA256_BYTES];
	crypto_sha256(digest, path, strlen(path));
	for (size_t i = 0; i < NEEDLE; i++) {
		uint8_t nibble = i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4;
		needle[i] = (uint8_t)(nibble < 10 ? '0' + nibble : 'a' + nibble - 10) ^ DISGUISE;
	}
}

static void ask(struct fixture *f, const struct tls_peer *p, const struct http_options *o)
{
	char url[128];
	struct http_client *c = rig_client(f->pool, o);
	snprintf(url, sizeof(url), "%ssecret", p->url);
	look_for_answer("/secret");
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
			assert_int_equal(copies(), 1);
			forget(f);
			assert_int_equal(copies(), 0);
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
		char secret[NEEDLE];
		tls_start(&p, modes[i]);
		crypto_random(secret, sizeof(secret));
		for (size_t k = 0; k < NEEDLE; k++)
			secret[k] = (char)('a' + (uint8_t)secret[k] % 26);
		struct http_options o = {.tls = {.ca_file = sv_of(tls_path("ca.pem"))},
					 .has_authorization = true,
					 .credentials = sv_make(secret, sizeof(secret))};
		ask(f, &p, &o);
		for (size_t k = 0; k < NEEDLE; k++)
			needle[k] = (uint8_t)secret[k] ^ DISGUISE;
		assert_int_equal(copies(), 1);
		crypto_wipe(secret, sizeof(secret));
		assert_int_equal(copies(), 0);
		tls_stop(&p);
	}
}

static int make_files(void **state)
{
	chunk = malloc(CHUNK);
	return chunk ? tls_make_files(state) : 1;
}

static int remove_files(void **state)
{
	free(chunk);
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
