/* A scrape manager on a loop, targets it can really scrape, and a sink that keeps what it is given.
 */
#pragma once

#include "../../../scrape/pool.h"

#include <ampagent/base/log.h>
#include <ampagent/base/number.h>
#include <ampagent/net/http_server.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
	FARM_GUARD_MS = 20000, /* a test that hangs fails */
	FARM_INTERVAL_MS = 100,
	FARM_BATCHES = 512,
	FARM_SLOTS = 4096,
	FARM_JOBS = 2,
};

struct farm {
	struct loop *loop;
	struct http_server *server;
	struct scrape *scrape;
	struct scrape_options opt[FARM_JOBS]; /* jobs "j" and "k" */
	char address[32];

	/* What the server answers. */
	int status;
	const char *content_type;
	const char *content_encoding;
	struct sv body;
	bool hang;
	unsigned requests;
	char headers[2048]; /* of the last request, "name: value\n" */
	char path[256];

	/* What the sink was given. */
	bool refuse;
	struct batch *batches[FARM_BATCHES];
	size_t n_batches, wanted;
	unsigned refused, retired;
	struct {
		uint64_t scrapes, samples;
	} told[REFUSED_REASONS_]; /* of what was refused */
	struct arena names;
	struct labels defined[FARM_SLOTS];
};

int farm_setup(void **state);
int farm_teardown(void **state);
/* After options were changed. */
void farm_apply(struct farm *f);
/* These are now all targets of the job: the server's address, each with one more label
 * `name=value` ("" = no more) of the list, which ends at NULL. */
void farm_sync(struct farm *f, const char *job, const char *const *labels);
/* Runs the loop until so many batches (since the start) are there / for so long. */
void farm_wait(struct farm *f, size_t batches);
void farm_run(struct farm *f, int64_t ms);
/* The sample of a series in a batch: 0, or 1 when it has none. */
int farm_value(const struct farm *f, size_t batch, const char *name, uint64_t *bits);
double farm_number(const struct farm *f, size_t batch, const char *name);
struct pool *farm_pool(struct farm *f, size_t i);
/* What scrape_collect() writes, terminated; the caller frees it. */
char *farm_metrics(struct farm *f);

#define FARM_TEST(fn) cmocka_unit_test_setup_teardown(fn, farm_setup, farm_teardown)
#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})
