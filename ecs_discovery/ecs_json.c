/* A table of the members that are read, and the one handler that walks it. Each level of the
 * document knows which row it is; what no row names is skipped. */
#include "ecs_json.h"
#include "ecs_json_parts.h"

#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>

enum { TEXT_MAX = KiB(64) };

/* Rows. A parent comes before its members. */
enum row {
	SKIP,
	ROOT,
	NEXT_TOKEN,
	CLUSTER_ARNS,
	SERVICE_ARNS,
	TASK_ARNS,
	FAILURES,
	CLUSTERS,
	SERVICES,
	TASKS,
	INSTANCES,
	DEFINITION,
	CLUSTER_TAGS,
	SERVICE_TAGS,
	TASK_TAGS,
	ATTACHMENTS,
	DETAILS,
	CONTAINERS,
	BINDINGS,
	INTERFACES,
	DEF_CONTAINERS,
	DOCKER_LABELS,
	PORT_MAPPINGS,
	A_LABEL,
};

struct member {
	uint8_t row, parent;
	const char *key;
	uint8_t thing; /* what an object here is, enum ecs_part */
};

static const struct member members[] = {
	{NEXT_TOKEN, ROOT, "nextToken", 0},
	{CLUSTER_ARNS, ROOT, "clusterArns", 0},
	{SERVICE_ARNS, ROOT, "serviceArns", 0},
	{TASK_ARNS, ROOT, "taskArns", 0},
	{FAILURES, ROOT, "failures", PART_FAILURE},
	{CLUSTERS, ROOT, "clusters", PART_CLUSTER},
	{SERVICES, ROOT, "services", PART_SERVICE},
	{TASKS, ROOT, "tasks", PART_TASK},
	{INSTANCES, ROOT, "containerInstances", PART_INSTANCE},
	{DEFINITION, ROOT, "taskDefinition", PART_DEFINITION},
	{CLUSTER_TAGS, CLUSTERS, "tags", PART_TAG},
	{SERVICE_TAGS, SERVICES, "tags", PART_TAG},
	{TASK_TAGS, TASKS, "tags", PART_TAG},
	{ATTACHMENTS, TASKS, "attachments", PART_ATTACHMENT},
	{DETAILS, ATTACHMENTS, "details", PART_DETAIL},
	{CONTAINERS, TASKS, "containers", PART_CONTAINER},
	{BINDINGS, CONTAINERS, "networkBindings", PART_PORT},
	{INTERFACES, CONTAINERS, "networkInterfaces", PART_INTERFACE},
	{DEF_CONTAINERS, DEFINITION, "containerDefinitions", PART_DEF_CONTAINER},
	{DOCKER_LABELS, DEF_CONTAINERS, "dockerLabels", PART_NONE},
	{PORT_MAPPINGS, DEF_CONTAINERS, "portMappings", PART_PORT},
};

static const uint8_t lists[ECS_ACTIONS_] = {
	[ECS_LIST_CLUSTERS] = CLUSTER_ARNS,
	[ECS_DESCRIBE_CLUSTERS] = CLUSTERS,
	[ECS_LIST_SERVICES] = SERVICE_ARNS,
	[ECS_DESCRIBE_SERVICES] = SERVICES,
	[ECS_LIST_TASKS] = TASK_ARNS,
	[ECS_DESCRIBE_TASKS] = TASKS,
	[ECS_DESCRIBE_TASK_DEFINITION] = DEFINITION,
	[ECS_DESCRIBE_CONTAINER_INSTANCES] = INSTANCES,
};

struct level {
	uint8_t row;
	bool array;
};

struct reader {
	struct ecs_parts parts;
	struct level levels[LIMIT_JSON_DEPTH];
	int depth;
	uint8_t at;                    /* row of the next value */
	uint8_t part;                  /* with field: whose */
	const struct ecs_field *field; /* the next value is a plain member of a part */
	struct sv label;               /* key inside dockerLabels */
	uint8_t list;                  /* row that must be there */
	bool list_there;
};

static uint8_t part_of(uint8_t row)
{
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (members[i].row == row)
			return members[i].thing;
	return PART_NONE;
}

static int on_key(struct reader *r, struct sv key)
{
	uint8_t parent = r->levels[r->depth - 1].row;
	r->at = SKIP;
	r->field = NULL;
	if (parent == SKIP)
		return 0;
	if (parent == DOCKER_LABELS) {
		r->label = ecs_keep(r->parts.known, key);
		r->at = A_LABEL;
		return 0;
	}
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (members[i].parent == parent && sv_eq(key, sv_of(members[i].key)))
			r->at = members[i].row;
	if (r->at == SKIP) {
		r->part = part_of(parent);
		r->field = ecs_field_find(r->part, key);
	}
	return 0;
}

/* Whether the next value is an entry of the list that was asked for. */
static bool in_list(const struct reader *r)
{
	return r->depth == 2 && r->levels[1].array && r->levels[1].row == r->list;
}

static bool lists_names(const struct reader *r)
{
	return part_of(r->list) == PART_NONE;
}

static int not_usable(const char *what, struct err *err)
{
	return err_set(err, 1, "%s is of another kind than documented", what);
}

static int on_begin(struct reader *r, bool array, struct err *err)
{
	if (in_list(r) && (array || lists_names(r)))
		return not_usable("an entry of the list", err);
	if (r->depth == 1 && r->at == NEXT_TOKEN)
		return not_usable("nextToken", err);
	uint8_t row = r->depth == 0 ? ROOT : r->at;
	bool of_list = r->depth > 0 && r->levels[r->depth - 1].array;
	/* A list in a list is nobody's. */
	if (array && of_list)
		row = SKIP;
	r->field = NULL;
	r->levels[r->depth++] = (struct level){row, array};
	r->at = array ? row : SKIP;
	if (row == SKIP || row == ROOT)
		return 0;
	/* The list is there when it is one; the definition is an object. */
	if (row == r->list && r->depth == 2)
		r->list_there = array == (row != DEFINITION);
	return array ? 0 : ecs_part_begin(&r->parts, part_of(row));
}

static int on_end(struct reader *r, struct err *err)
{
	struct level ended = r->levels[--r->depth];
	struct level outer = r->depth > 0 ? r->levels[r->depth - 1] : (struct level){SKIP, false};
	r->at = outer.array ? outer.row : SKIP;
	r->field = NULL;
	if (ended.array || ended.row == SKIP || ended.row == ROOT)
		return 0;
	return ecs_part_end(&r->parts, part_of(ended.row), err);
}

static int on_text(struct reader *r, struct sv text)
{
	switch (r->at) {
	case NEXT_TOKEN:
		r->parts.answer->next_token = arena_dup(r->parts.scratch, text);
		return r->parts.answer->next_token.ptr ? 0 : ERR_NOMEM;
	case CLUSTER_ARNS:
	case SERVICE_ARNS:
	case TASK_ARNS:
		return ecs_parts_arn(&r->parts, text);
	case A_LABEL:
		return ecs_parts_label(&r->parts, r->label, text);
	default:
		return 0;
	}
}

static int on_value(struct reader *r, enum json_event event, struct sv text, struct err *err)
{
	const struct ecs_field *field = r->field;
	r->field = NULL;
	/* What was left out silently would be a list that is not whole. */
	if (in_list(r) && (event != JSON_STRING || !lists_names(r)))
		return not_usable("an entry of the list", err);
	if (event == JSON_NULL)
		return 0;
	if (r->at == NEXT_TOKEN && event != JSON_STRING)
		return not_usable("nextToken", err);
	if (field)
		return ecs_field_set(&r->parts, r->part, field, event, text, err);
	if (event == JSON_STRING)
		return on_text(r, text);
	return 0;
}

static int on_event(void *cls, enum json_event event, struct sv text, struct err *err)
{
	struct reader *r = cls;
	switch (event) {
	case JSON_KEY:
		return on_key(r, text);
	case JSON_OBJECT_BEGIN:
	case JSON_ARRAY_BEGIN:
		return on_begin(r, event == JSON_ARRAY_BEGIN, err);
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		return on_end(r, err);
	default:
		return on_value(r, event, text, err);
	}
}

int ecs_json_read(struct ecs_known *k, struct arena *scratch, enum ecs_action action,
		  struct sv body, struct ecs_answer *out, struct err *err)
{
	struct reader r = {.list = lists[action]};
	_cleanup_(json_reader_deinit) struct json_reader json;
	*out = (struct ecs_answer){.n_arns = 0};
	ecs_parts_init(&r.parts, k, scratch, out);
	json_reader_init(&json, on_event, &r, TEXT_MAX);
	int result = json_feed(&json, body, err);
	if (result == 0)
		result = json_finish(&json, err);
	if (result == 0)
		result = ecs_parts_finish(&r.parts);
	ecs_parts_deinit(&r.parts);
	if (result == 0 && !r.list_there)
		result = err_set(err, 1, "what was asked for is missing");
	return result;
}
