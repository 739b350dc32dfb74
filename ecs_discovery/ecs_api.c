/* The queue, and how a question becomes a request. */
#include "ecs_api.h"

#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

enum {
	TIMEOUT_MS = 10000,
	THROTTLED_MAX = 10, /* times that one page is asked again */
	PAGES_MAX = 100000,
};

static const struct {
	const char *name;
	const char *ids;    /* key of the list asked for; of EC2 the filter's name */
	const char *policy; /* service prefix of the permission */
	unsigned batch;
	bool tags, one;
} actions[ECS_ACTIONS_] = {
	[ECS_LIST_CLUSTERS] = {"ListClusters", NULL, "ecs", 0, false, false},
	[ECS_DESCRIBE_CLUSTERS] = {"DescribeClusters", "clusters", "ecs", 100, true, false},
	[ECS_LIST_SERVICES] = {"ListServices", NULL, "ecs", 0, false, false},
	[ECS_DESCRIBE_SERVICES] = {"DescribeServices", "services", "ecs", 10, true, false},
	[ECS_LIST_TASKS] = {"ListTasks", NULL, "ecs", 0, false, false},
	[ECS_DESCRIBE_TASKS] = {"DescribeTasks", "tasks", "ecs", 100, true, false},
	[ECS_DESCRIBE_TASK_DEFINITION] = {"DescribeTaskDefinition", "taskDefinition", "ecs", 1,
					  false, true},
	[ECS_DESCRIBE_CONTAINER_INSTANCES] = {"DescribeContainerInstances", "containerInstances",
					      "ecs", 100, false, false},
	[ECS_EC2_INSTANCES] = {"DescribeInstances", "instance-id", "ec2", 100, false, false},
	[ECS_EC2_INTERFACES] = {"DescribeNetworkInterfaces", "network-interface-id", "ec2", 100,
				false, false},
};

enum outcome { OUTCOME_OK, OUTCOME_THROTTLED, OUTCOME_DENIED, OUTCOME_FAILED, OUTCOMES_ };
static const char *const outcome_names[] = {"ok", "throttled", "denied", "failed"};
/* Discovery runs on one thread. */
static uint64_t counts[ECS_ACTIONS_][OUTCOMES_];

struct item {
	struct item *next;
	struct ecs_api *api;
	struct ecs_question q;
	char *token; /* of the page; NULL = the first */
	struct aws_call *call;
	unsigned throttled, pages;
};

struct ecs_api {
	struct ecs_peer peer;
	struct ecs_api_user user;
	struct item *waiting, *last_waiting /* while there are some */, *asked;
	unsigned n_asked;
	struct ecs_turn turn;
};

const char *ecs_action_name(enum ecs_action action)
{
	return actions[action].name;
}

size_t ecs_action_batch(enum ecs_action action)
{
	return actions[action].batch;
}

void ecs_api_collect(struct metrics_writer *w)
{
	for (int i = 0; i < ECS_ACTIONS_; i++)
		for (int k = 0; k < OUTCOMES_; k++) {
			struct metric_label labels[] = {{"action", sv_of(actions[i].name)},
							{"result", sv_of(outcome_names[k])}};
			if (counts[i][k] > 0)
				metrics_emit(w, M_ECS_API_CALLS, labels, 2, (double)counts[i][k]);
		}
}

/* ---- requests ---- */

static void put_json(const struct item *it, struct buf *out)
{
	struct json_writer w = {out, false};
	json_begin_object(&w);
	if (it->q.cluster.len > 0) {
		json_key(&w, SV("cluster"));
		json_string(&w, it->q.cluster);
	}
	if (actions[it->q.action].one) {
		json_key(&w, sv_of(actions[it->q.action].ids));
		json_string(&w, it->q.ids[0]);
	} else if (actions[it->q.action].ids) {
		json_key(&w, sv_of(actions[it->q.action].ids));
		json_begin_array(&w);
		for (size_t i = 0; i < it->q.n_ids; i++)
			json_string(&w, it->q.ids[i]);
		json_end_array(&w);
	} else {
		json_key(&w, SV("maxResults"));
		json_u64(&w, 100);
	}
	if (actions[it->q.action].tags) {
		json_key(&w, SV("include"));
		json_begin_array(&w);
		json_string(&w, SV("TAGS"));
		json_end_array(&w);
	}
	if (it->token) {
		json_key(&w, SV("nextToken"));
		json_string(&w, sv_of(it->token));
	}
	json_end_object(&w);
}

/* A filter and not the list of ids: of that, one that is gone by now fails the whole call. */
static void put_form(const struct item *it, struct buf *out)
{
	buf_printf(out, "Action=%s&Version=2016-11-15&MaxResults=1000&Filter.1.Name=%s",
		   actions[it->q.action].name, actions[it->q.action].ids);
	for (size_t i = 0; i < it->q.n_ids; i++) {
		buf_printf(out, "&Filter.1.Value.%zu=", i + 1);
		url_encode(out, it->q.ids[i], false);
	}
	if (it->token) {
		buf_sv(out, SV("&NextToken="));
		url_encode(out, sv_of(it->token), false);
	}
}

static bool is_ec2(const struct item *it)
{
	return it->q.action >= ECS_EC2_INSTANCES;
}

static void on_call(void *cls, const struct aws_answer *a);

static int start(struct item *it, struct err *err)
{
	const struct ecs_peer *peer = &it->api->peer;
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	char target[96];
	buf_init(&body, KiB(256));
	snprintf(target, sizeof target, "AmazonEC2ContainerServiceV20141113.%s",
		 actions[it->q.action].name);
	if (is_ec2(it))
		put_form(it, &body);
	else
		put_json(it, &body);
	if (buf_failed(&body))
		return err_set(err, 1, "the request is too long");
	struct aws_request req = {
		.service = is_ec2(it) ? SV("ec2") : SV("ecs"),
		.region = peer->region,
		.url = is_ec2(it) ? peer->ec2_url : peer->ecs_url,
		.content_type = is_ec2(it) ? SV("application/x-www-form-urlencoded; charset=utf-8")
					   : SV("application/x-amz-json-1.1"),
		.target = is_ec2(it) ? SV_NULL : sv_of(target),
		.body = buf_view(&body),
		.credentials = peer->credentials,
		.timeout_ms = TIMEOUT_MS,
		.paced = true,
		.client = peer->client,
	};
	return aws_call_start(peer->session, &req, on_call, it, &it->call, err);
}

/* ---- the queue ---- */

static void item_free(struct item *it)
{
	if (!it)
		return;
	aws_call_cancel(it->call);
	free(it->token);
	free(it);
}

static void items_free(struct item **list)
{
	while (*list) {
		struct item *it = *list;
		*list = it->next;
		item_free(it);
	}
}

static void forget_all(struct ecs_api *a)
{
	ecs_turn_cancel(&a->turn);
	items_free(&a->waiting);
	items_free(&a->asked);
	a->n_asked = 0;
}

static void want_turn(struct ecs_api *a)
{
	if (a->waiting && a->n_asked < a->peer.at_once && !a->turn.pace)
		ecs_pace_wait(a->peer.pace, &a->turn);
}

/* The last thing that is done: the user may free the api. */
static void end(struct ecs_api *a, const struct err *why)
{
	forget_all(a);
	a->user.over(a->user.cls, why);
}

static void on_turn(void *cls)
{
	struct ecs_api *a = cls;
	struct item *it = a->waiting;
	struct err err = ERR_NULL;
	if (!it)
		return;
	a->waiting = it->next;
	it->next = a->asked;
	a->asked = it;
	a->n_asked++;
	if (start(it, &err) == 0) {
		want_turn(a);
		return;
	}
	err_prefix(&err, "%s in %.*s", actions[it->q.action].name, SV_ARG(a->peer.region));
	end(a, &err);
}

static void take_out(struct item *it)
{
	struct item **at = &it->api->asked;
	while (*at != it)
		at = &(*at)->next;
	*at = it->next;
	it->next = NULL;
	it->call = NULL;
	it->api->n_asked--;
}

static void put_first(struct item *it)
{
	it->next = it->api->waiting;
	if (!it->next)
		it->api->last_waiting = it;
	it->api->waiting = it;
}

/* ---- answers ---- */

static void count(const struct item *it, enum outcome outcome)
{
	counts[it->q.action][outcome]++;
}

/* Takes over it: asks for its next page or frees it. */
static int turn_page(struct item *it, struct sv next, struct err *err)
{
	if (next.len == 0) {
		item_free(it);
		return 0;
	}
	/* A service that gives one page over and over would never end. */
	bool again = it->token && sv_eq(sv_of(it->token), next);
	if (again || ++it->pages > PAGES_MAX) {
		item_free(it);
		return err_set(err, 1, "the list has no end: a page names itself as the next one");
	}
	free(it->token);
	it->token = sv_dup(next);
	put_first(it);
	return it->token ? 0 : err_set(err, 1, "no memory");
}

static int use_answer(struct item *it, struct sv body, struct err *err)
{
	struct ecs_api *a = it->api;
	enum ecs_action action = it->q.action;
	struct sv next = SV_NULL;
	int r = a->user.answer(a->user.cls, &it->q, body, &next, err);
	if (r < 0)
		err_set(err, 1, "no memory");
	count(it, r == 0 ? OUTCOME_OK : OUTCOME_FAILED);
	if (r == 0)
		r = turn_page(it, next, err);
	else
		item_free(it);
	if (r != 0)
		err_prefix(err, "%s in %.*s: the answer cannot be used", actions[action].name,
			   SV_ARG(a->peer.region));
	return r;
}

/* Whether the item is answered all the same. */
static int use_error(struct item *it, const struct aws_answer *answer, struct err *err)
{
	struct ecs_api *a = it->api;
	bool throttled = answer->verdict == AWS_CALL_THROTTLED;
	bool denied = answer->verdict == AWS_CALL_DENIED;
	count(it, throttled ? OUTCOME_THROTTLED : denied ? OUTCOME_DENIED : OUTCOME_FAILED);
	if (throttled) {
		ecs_pace_throttled(a->peer.pace);
		if (++it->throttled < THROTTLED_MAX) {
			put_first(it);
			return 0;
		}
	}
	err_set(err, 1, "%s in %.*s: %s", actions[it->q.action].name, SV_ARG(a->peer.region),
		answer->why.msg);
	if (denied && a->user.denied(a->user.cls, &it->q, err)) {
		item_free(it);
		return 0;
	}
	if (denied) {
		struct err with = *err;
		err_set(err, 1, "%s:%s is denied, docs/ECS.md has the policy: %s",
			actions[it->q.action].policy, actions[it->q.action].name, with.msg);
	}
	item_free(it);
	return 1;
}

static void on_call(void *cls, const struct aws_answer *answer)
{
	struct item *it = cls;
	struct ecs_api *a = it->api;
	struct err err = ERR_NULL;
	take_out(it);
	int r = answer->verdict == AWS_CALL_OK ? use_answer(it, answer->body, &err)
					       : use_error(it, answer, &err);
	if (r != 0)
		end(a, &err);
	else if (!a->waiting && !a->asked)
		end(a, NULL);
	else
		want_turn(a);
}

/* ---- the api ---- */

int ecs_api_new(const struct ecs_peer *peer, const struct ecs_api_user *user, struct ecs_api **out)
{
	struct ecs_api *a = calloc(1, sizeof *a);
	if (!a)
		return ERR_NOMEM;
	a->peer = *peer;
	a->user = *user;
	a->turn = (struct ecs_turn){.go = on_turn, .cls = a};
	*out = a;
	return 0;
}

void ecs_api_free(struct ecs_api *a)
{
	if (!a)
		return;
	forget_all(a);
	free(a);
}

int ecs_api_ask(struct ecs_api *a, const struct ecs_question *q)
{
	struct item *it = calloc(1, sizeof *it);
	if (!it)
		return ERR_NOMEM;
	it->api = a;
	it->q = *q;
	*(a->waiting ? &a->last_waiting->next : &a->waiting) = it;
	a->last_waiting = it;
	want_turn(a);
	return 0;
}
