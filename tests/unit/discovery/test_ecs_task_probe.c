/* ecs_task_probe: which ports answer, asked over real connections. */
#include "../../../ecs_discovery/ecs_task_probe.h"
#include "../ecs/ecs_rig.h"

#define LEN(v) (sizeof(v) / sizeof *(v))

struct round {
	unsigned ended;
};

static void on_done(void *cls)
{
	((struct round *)cls)->ended++;
}

/* A neighbour on a port of its own; path "/slow" gets no answer. */
struct neighbour {
	struct http_server *server;
	unsigned asked;
	int status;
	char address[32];
};

static void on_request(void *cls, const struct http_server_request *req)
{
	static char page[200000];
	struct neighbour *n = cls;
	n->asked++;
	if (sv_eq(req->raw_path, SV("/slow")))
		return;
	memset(page, 'x', sizeof page);
	http_answer_now(req->exchange, sv_eq(req->raw_path, SV("/metrics")) ? n->status : 404,
			SV("text/plain"), sv_make(page, sizeof page), NULL, 0);
}

static void neighbour_start(struct neighbour *n, struct ecs_rig *rig, const char *listen)
{
	struct err err = ERR_NULL;
	struct http_server_options o = {.listen = sv_of(listen),
					.body_max = KiB(1),
					.max_connections = 64,
					.read_timeout_ms = 10000,
					.handler = on_request,
					.cls = n};
	if (http_server_new(rig->loop, &o, &n->server, &err) != 0)
		fail_msg("%s", err.msg);
	snprintf(n->address, sizeof n->address, "127.0.0.1:%d", http_server_port(n->server));
}

static struct ecs_candidate candidate(const char *address, const char *path, uint64_t key)
{
	return (struct ecs_candidate){sv_of(address), sv_of(path), key};
}

static void test_answers(void **state)
{
	struct ecs_rig *rig = *state;
	struct neighbour n = {.status = 200};
	struct round round = {.ended = 0};
	_cleanup_(ecs_probe_freep) struct ecs_probe *p = NULL;
	neighbour_start(&n, rig, "127.0.0.1:0");
	assert_int_equal(ecs_probe_new(rig->loop, rig->pool, on_done, &round, &p), 0);
	const struct ecs_candidate all[] = {
		candidate(n.address, "/metrics", 1),     candidate(n.address, "/other", 2),
		candidate("127.0.0.1:1", "/metrics", 3), candidate(n.address, "/slow", 4),
		candidate("no address", "/metrics", 5),
	};
	assert_true(ecs_probe_round(p, all, LEN(all)));
	assert_true(ecs_probe_busy(p));
	assert_int_equal(round.ended, 0);
	ecs_rig_until(rig, &round.ended, 1);
	assert_false(ecs_probe_busy(p));
	for (uint64_t key = 1; key <= LEN(all); key++)
		assert_true(ecs_probe_answered(p, key) == (key == 1));
	/* Who has answered is not asked again, the others are. */
	assert_int_equal(n.asked, 3);
	assert_true(ecs_probe_round(p, all, LEN(all)));
	ecs_rig_until(rig, &round.ended, 2);
	assert_int_equal(n.asked, 5);
	assert_false(ecs_probe_round(p, all, 1));
	/* An answer is forgotten with its candidate. */
	assert_false(ecs_probe_round(p, NULL, 0));
	assert_false(ecs_probe_answered(p, 1));
	n.status = 503;
	assert_true(ecs_probe_round(p, all, 1));
	ecs_rig_until(rig, &round.ended, 3);
	assert_false(ecs_probe_answered(p, 1));
	http_server_free(n.server);
}

/* Nothing that can be asked: the round ends all the same, and not from inside the call. */
static void test_nothing_to_ask(void **state)
{
	struct ecs_rig *rig = *state;
	struct round round = {.ended = 0};
	_cleanup_(ecs_probe_freep) struct ecs_probe *p = NULL;
	assert_int_equal(ecs_probe_new(rig->loop, rig->pool, on_done, &round, &p), 0);
	const struct ecs_candidate bad = candidate("not an address", "/", 1);
	assert_true(ecs_probe_round(p, &bad, 1));
	assert_int_equal(round.ended, 0);
	ecs_rig_until(rig, &round.ended, 1);
}

static void test_many(void **state)
{
	struct ecs_rig *rig = *state;
	struct neighbour n = {.status = 200};
	struct round round = {.ended = 0};
	struct ecs_candidate all[200];
	_cleanup_(ecs_probe_freep) struct ecs_probe *p = NULL;
	neighbour_start(&n, rig, "127.0.0.1:0");
	assert_int_equal(ecs_probe_new(rig->loop, rig->pool, on_done, &round, &p), 0);
	for (size_t i = 0; i < LEN(all); i++)
		all[i] = candidate(n.address, i % 2 ? "/metrics" : "/other", i + 1);
	assert_true(ecs_probe_round(p, all, LEN(all)));
	ecs_rig_until(rig, &round.ended, 1);
	assert_int_equal(n.asked, LEN(all));
	for (size_t i = 0; i < LEN(all); i++)
		assert_true(ecs_probe_answered(p, i + 1) == (i % 2 != 0));
	http_server_free(n.server);
}

/* Its owner may go in the middle of a round. */
static void test_freed_while_asking(void **state)
{
	struct ecs_rig *rig = *state;
	struct neighbour n = {.status = 200};
	struct round round = {.ended = 0};
	struct ecs_probe *p = NULL;
	neighbour_start(&n, rig, "127.0.0.1:0");
	assert_int_equal(ecs_probe_new(rig->loop, rig->pool, on_done, &round, &p), 0);
	const struct ecs_candidate slow = candidate(n.address, "/slow", 1);
	assert_true(ecs_probe_round(p, &slow, 1));
	ecs_rig_until(rig, &n.asked, 1);
	ecs_probe_free(p);
	ecs_rig_wait(rig, 5);
	assert_int_equal(round.ended, 0);
	http_server_free(n.server);
	ecs_probe_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, ecs_rig_setup, ecs_rig_teardown),
		cmocka_unit_test_setup_teardown(test_nothing_to_ask, ecs_rig_setup,
						ecs_rig_teardown),
		cmocka_unit_test_setup_teardown(test_many, ecs_rig_setup, ecs_rig_teardown),
		cmocka_unit_test_setup_teardown(test_freed_while_asking, ecs_rig_setup,
						ecs_rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
