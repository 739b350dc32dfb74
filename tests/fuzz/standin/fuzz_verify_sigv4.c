/* Everything of a request that a stranger chooses, a line each: method, path, query, authorization,
 * date, another header's value; the rest is the body. The keys, one configured and one looked up,
 * are not known to the fuzzer: nothing may pass. */
#include "../../../src/standin/verify_sigv4.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sv take_line(struct sv *rest)
{
	struct sv line = sv_make(rest->ptr, sv_find(*rest, '\n'));
	*rest = sv_from(*rest, line.len + 1);
	return line;
}

static int find(void *cls, struct sv access_key, struct sigv4_key *key)
{
	if (!sv_eq(access_key, SV("ASIAEXAMPLE")))
		return 1;
	*key = (struct sigv4_key){.secret_key = SV("this one nobody can have found either")};
	return 0;
}

static void must_refuse(const struct sigv4_received *q, const struct sigv4_expected *e)
{
	_cleanup_(sigv4_refusal_deinit) struct sigv4_refusal refusal;
	sigv4_refusal_init(&refusal);
	if (verify_sigv4(q, e, 1440938160, &refusal) == 0 || refusal.type[0] == '\0' ||
	    refusal.text.len == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv rest = sv_make((const char *)data, size);
	struct sigv4_received q = {
		.method = take_line(&rest),
		.raw_path = take_line(&rest),
		.query = take_line(&rest),
	};
	struct sigv4_header headers[] = {
		{SV("Host"), SV("localhost")},
		{SV("Authorization"), take_line(&rest)},
		{SV("X-Amz-Date"), take_line(&rest)},
		{SV("Content-Type"), take_line(&rest)},
	};
	q.headers = headers;
	q.n_headers = sizeof headers / sizeof *headers;
	q.body = rest;
	struct sigv4_expected expected = {
		.access_key = SV("AKIDEXAMPLE"),
		.secret_key = SV("known to nobody else, and no input can have found it"),
		.region = SV("us-east-1"),
		.service = SV("aps"),
		.clock_window_s = 300,
	};
	must_refuse(&q, &expected);
	expected.any_region = true;
	expected.find = find;
	must_refuse(&q, &expected);
	return 0;
}
