/* The EC2 API: its query protocol, a form in and XML out. Instances and network interfaces are kept
 * as JSON with the names that the XML has ("instanceId", "tagSet", ...). */
#include "standin_private.h"

#include "aws_xml.h"
#include <ampagent/base/arena.h>
#include <ampagent/base/limits.h>

enum {
	ASK_MAX = 1 << 20,
	VALUE_MAX = 64 << 10,
	IDS_MAX = 1000,
	VALUES_MAX = 2000,
	FILTERS_MAX = 50,
	PAGE_MIN = 5,
	PAGE_MAX = 1000,
	ZONES = 3,
};

#define VERSION "2016-11-15"
#define NAMESPACE "http://ec2.amazonaws.com/doc/" VERSION "/"

static void begin(struct aws_reply *r, int status)
{
	standin_request_id(r->header_text);
	r->status = status;
	r->type = SV("text/xml;charset=UTF-8");
	r->headers[r->n_headers++] =
		(struct http_header){SV("x-amzn-RequestId"), sv_of(r->header_text)};
	buf_reset(&r->body);
	buf_sv(&r->body, SV("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
}

void aws_ec2_api_error(struct aws_reply *r, int status, const char *code, const char *text)
{
	begin(r, status);
	buf_sv(&r->body, SV("<Response><Errors><Error>"));
	aws_xml_element(&r->body, SV("Code"), sv_of(code));
	aws_xml_element(&r->body, SV("Message"), sv_of(text));
	buf_sv(&r->body, SV("</Error></Errors>"));
	aws_xml_element(&r->body, SV("RequestID"), sv_of(r->header_text));
	buf_sv(&r->body, SV("</Response>"));
}

static void answer_begin(struct aws_reply *r, struct sv action)
{
	begin(r, 200);
	buf_printf(&r->body, "<%.*sResponse xmlns=\"" NAMESPACE "\">\n<requestId>%s</requestId>\n",
		   SV_ARG(action), r->header_text);
}

static void answer_end(struct aws_reply *r, struct sv action)
{
	buf_printf(&r->body, "</%.*sResponse>\n", SV_ARG(action));
}

/* --- what is asked --- */

struct filter {
	uint64_t number; /* in the form */
	struct sv name;
};

struct filter_value {
	uint64_t filter;
	struct sv value;
};

struct ask {
	struct arena arena;
	struct sv ids[IDS_MAX];
	size_t n_ids;
	struct filter filters[FILTERS_MAX];
	size_t n_filters;
	struct filter_value values[VALUES_MAX];
	size_t n_values;
	struct sv version, next_token, max_results;
	bool too_many;
};

static void ask_free(struct ask *a)
{
	arena_deinit(&a->arena);
	free(a);
}
DEFINE_CLEANUP_PTR(struct ask, ask_free)

static struct filter *filter_of(struct ask *a, uint64_t number)
{
	for (size_t i = 0; i < a->n_filters; i++)
		if (a->filters[i].number == number)
			return &a->filters[i];
	if (a->n_filters == FILTERS_MAX)
		return NULL;
	a->filters[a->n_filters] = (struct filter){number, SV_NULL};
	return &a->filters[a->n_filters++];
}

/* <number>.Name, <number>.Value.<any> */
static void read_filter(struct ask *a, struct sv rest, struct sv value)
{
	uint64_t number;
	struct sv digits = sv_make(rest.ptr, sv_find(rest, '.'));
	struct sv tail = sv_from(rest, digits.len + 1);
	struct filter *f = sv_to_u64(digits, &number) == 0 ? filter_of(a, number) : NULL;
	if (f && sv_eq(tail, SV("Name")))
		f->name = value;
	else if (f && sv_starts_with(tail, SV("Value.")) && a->n_values < VALUES_MAX)
		a->values[a->n_values++] = (struct filter_value){number, value};
	else
		a->too_many = true;
}

static void read_pair(struct ask *a, struct sv pair)
{
	struct sv key = sv_make(pair.ptr, sv_find(pair, '='));
	_cleanup_(buf_deinit) struct buf decoded = BUF_NULL;
	buf_init(&decoded, VALUE_MAX);
	if (http_query_get(pair, key, &decoded) != 0)
		return;
	struct sv value = arena_dup(&a->arena, buf_view(&decoded));
	if (!value.ptr)
		a->too_many = true;
	else if (sv_eq(key, SV("Version")))
		a->version = value;
	else if (sv_eq(key, SV("NextToken")))
		a->next_token = value;
	else if (sv_eq(key, SV("MaxResults")))
		a->max_results = value;
	else if (sv_starts_with(key, SV("Filter.")))
		read_filter(a, sv_from(key, sizeof "Filter." - 1), value);
	else if (!sv_starts_with(key, SV("InstanceId.")) &&
		 !sv_starts_with(key, SV("NetworkInterfaceId.")))
		return;
	else if (a->n_ids < IDS_MAX)
		a->ids[a->n_ids++] = value;
	else
		a->too_many = true;
}

static struct ask *read_ask(struct sv form)
{
	struct ask *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	arena_init(&a->arena, ASK_MAX);
	while (form.len > 0) {
		struct sv pair = sv_make(form.ptr, sv_find(form, '&'));
		form = sv_from(form, pair.len + 1);
		read_pair(a, pair);
	}
	return a;
}

/* --- filters --- */

struct filter_name {
	struct sv name;
	enum aws_kind kind;
	const char *member, *inner;
};

static const struct filter_name filter_names[] = {
	{SV("instance-id"), AWS_INSTANCES, "instanceId", NULL},
	{SV("instance-state-name"), AWS_INSTANCES, "instanceState", "name"},
	{SV("instance-type"), AWS_INSTANCES, "instanceType", NULL},
	{SV("private-ip-address"), AWS_INSTANCES, "privateIpAddress", NULL},
	{SV("ip-address"), AWS_INSTANCES, "ipAddress", NULL},
	{SV("vpc-id"), AWS_INSTANCES, "vpcId", NULL},
	{SV("subnet-id"), AWS_INSTANCES, "subnetId", NULL},
	{SV("availability-zone"), AWS_INSTANCES, "placement", "availabilityZone"},
	{SV("network-interface-id"), AWS_INTERFACES, "networkInterfaceId", NULL},
	{SV("private-ip-address"), AWS_INTERFACES, "privateIpAddress", NULL},
	{SV("addresses.private-ip-address"), AWS_INTERFACES, "privateIpAddress", NULL},
	{SV("association.public-ip"), AWS_INTERFACES, "association", "publicIp"},
	{SV("attachment.instance-id"), AWS_INTERFACES, "attachment", "instanceId"},
	{SV("status"), AWS_INTERFACES, "status", NULL},
	{SV("description"), AWS_INTERFACES, "description", NULL},
	{SV("vpc-id"), AWS_INTERFACES, "vpcId", NULL},
	{SV("subnet-id"), AWS_INTERFACES, "subnetId", NULL},
	{SV("availability-zone"), AWS_INTERFACES, "availabilityZone", NULL},
};

#define TAG_PREFIX "tag:"

static const struct filter_name *filter_name(enum aws_kind kind, struct sv name)
{
	for (size_t i = 0; i < sizeof filter_names / sizeof *filter_names; i++)
		if (filter_names[i].kind == kind && sv_eq(filter_names[i].name, name))
			return &filter_names[i];
	return NULL;
}

/* The text that the filter looks at; SV_NULL for none. */
static struct sv filtered_text(enum aws_kind kind, const struct aws_object *o, struct sv name)
{
	struct sv text = sv_make(o->text, o->len), key, one;
	const struct filter_name *f = filter_name(kind, name);
	if (f) {
		struct sv member = aws_member(text, sv_of(f->member));
		return f->inner ? aws_member_text(member, sv_of(f->inner)) : aws_text(member);
	}
	struct aws_slices it = aws_slices_of(aws_member(text, SV("tagSet")));
	while (aws_slice_next(&it, &key, &one))
		if (sv_eq(aws_member_text(one, SV("key")), sv_from(name, sizeof TAG_PREFIX - 1)))
			return aws_member_text(one, SV("value"));
	return SV_NULL;
}

/* Whether text is what the value says: * is any characters, ? is one. */
static bool is_like(struct sv text, struct sv value)
{
	size_t t = 0, v = 0, after_star = SIZE_MAX, retry = 0;
	while (t < text.len) {
		if (v < value.len && value.ptr[v] == '*') {
			after_star = ++v;
			retry = t;
		} else if (v < value.len && (value.ptr[v] == '?' || value.ptr[v] == text.ptr[t])) {
			v++;
			t++;
		} else if (after_star != SIZE_MAX) {
			v = after_star;
			t = ++retry;
		} else {
			return false;
		}
	}
	while (v < value.len && value.ptr[v] == '*')
		v++;
	return v == value.len;
}

static bool has_value(const struct ask *a, const struct filter *f, struct sv text)
{
	for (size_t i = 0; i < a->n_values; i++)
		if (a->values[i].filter == f->number && is_like(text, a->values[i].value))
			return true;
	return false;
}

static bool is_wanted(const struct ask *a, enum aws_kind kind, const struct aws_object *o)
{
	for (size_t i = 0; i < a->n_filters; i++) {
		struct sv text = filtered_text(kind, o, a->filters[i].name);
		if (!text.ptr || !has_value(a, &a->filters[i], text))
			return false;
	}
	return true;
}

/* --- checks: 0 to go on, 1 when the reply is made --- */

static int refuse(struct aws_reply *r, const char *code, const char *before, struct sv what,
		  const char *after)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, VALUE_MAX);
	buf_printf(&text, "%s%.*s%s", before, SV_ARG(what), after);
	buf_char(&text, '\0');
	aws_ec2_api_error(r, 400, code, buf_failed(&text) ? "" : text.ptr);
	return 1;
}

static int check_filters(const struct ask *a, enum aws_kind kind, struct aws_reply *r)
{
	for (size_t i = 0; i < a->n_filters; i++) {
		struct sv name = a->filters[i].name;
		if (!filter_name(kind, name) && !sv_starts_with(name, SV(TAG_PREFIX)))
			return refuse(r, "InvalidParameterValue", "The filter '", name,
				      "' is invalid");
	}
	return 0;
}

static int check_page(const struct ask *a, const char *set, uint64_t *page, struct aws_reply *r)
{
	*page = UINT64_MAX;
	if (a->max_results.len == 0)
		return 0;
	if (a->n_ids > 0)
		return refuse(r, "InvalidParameterCombination", "The parameter ", sv_of(set),
			      " cannot be used with the parameter maxResults");
	if (sv_to_u64(a->max_results, page) != 0 || *page < PAGE_MIN || *page > PAGE_MAX)
		return refuse(r, "InvalidParameterValue", "Value ( ", a->max_results,
			      " ) for parameter maxResults is invalid. Expecting a value from 5 to "
			      "1000.");
	return 0;
}

struct listed {
	enum aws_kind kind;
	struct sv set; /* of the answer */
	const char *parameter, *prefix, *what, *malformed, *not_found;
};

static const struct listed listed_instances = {AWS_INSTANCES,
					       SV("reservationSet"),
					       "instancesSet",
					       "i-",
					       "instance ID",
					       "InvalidInstanceID.Malformed",
					       "InvalidInstanceID.NotFound"};
static const struct listed listed_interfaces = {AWS_INTERFACES,
						SV("networkInterfaceSet"),
						"networkInterfaceIdSet",
						"eni-",
						"networkInterface ID",
						"InvalidNetworkInterfaceId.Malformed",
						"InvalidNetworkInterfaceID.NotFound"};

static int check_ids(const struct standin *s, const struct ask *a, const struct listed *l,
		     struct aws_reply *r)
{
	_cleanup_(buf_deinit) struct buf missing = BUF_NULL;
	buf_init(&missing, VALUE_MAX);
	size_t n = 0;
	for (size_t i = 0; i < a->n_ids; i++) {
		if (!sv_starts_with(a->ids[i], sv_of(l->prefix)))
			return refuse(r, l->malformed, "Invalid id: \"", a->ids[i], "\"");
		if (aws_account_find(&s->aws.resources, l->kind, SV_NULL, a->ids[i]))
			continue;
		buf_printf(&missing, "%s%.*s", n++ > 0 ? ", " : "", SV_ARG(a->ids[i]));
	}
	if (n == 0)
		return 0;
	char before[64];
	snprintf(before, sizeof before, "The %s%s '", l->what, n > 1 ? "s" : "");
	return refuse(r, l->not_found, before, buf_view(&missing),
		      n > 1 ? "' do not exist" : "' does not exist");
}

/* --- walks --- */

/* Through all objects of a kind, or those that a filter names by their ids: many ids of a large
 * account are asked for often. */
struct walk {
	const struct aws_account *account;
	enum aws_kind kind;
	bool by_id;
	const struct aws_object *list[VALUES_MAX]; /* by seq */
	size_t n;
};

static int by_seq(const void *a, const void *b)
{
	const struct aws_object *const *x = a, *const *y = b;
	return (*x)->seq < (*y)->seq ? -1 : (*x)->seq > (*y)->seq;
}

/* The filter that is on ids and has no patterns; NULL for none. */
static const struct filter *id_filter(const struct ask *a, enum aws_kind kind)
{
	struct sv name = kind == AWS_INSTANCES ? SV("instance-id") : SV("network-interface-id");
	const struct filter *f = NULL;
	for (size_t i = 0; i < a->n_filters && !f; i++)
		if (sv_eq(a->filters[i].name, name))
			f = &a->filters[i];
	for (size_t i = 0; f && i < a->n_values; i++) {
		struct sv value = a->values[i].value;
		if (a->values[i].filter == f->number &&
		    (sv_find(value, '*') < value.len || sv_find(value, '?') < value.len))
			return NULL;
	}
	return f;
}

static void walk_begin(struct walk *w, const struct aws_account *account, const struct ask *a,
		       enum aws_kind kind)
{
	const struct filter *f = id_filter(a, kind);
	w->account = account;
	w->kind = kind;
	w->by_id = f != NULL;
	w->n = 0;
	for (size_t i = 0; f && i < a->n_values; i++) {
		if (a->values[i].filter != f->number)
			continue;
		const struct aws_object *o =
			aws_account_find(account, kind, SV_NULL, a->values[i].value);
		if (o)
			w->list[w->n++] = o;
	}
	if (w->n > 1)
		qsort(w->list, w->n, sizeof w->list[0], by_seq);
}

/* The first after seq that is wanted; NULL at the end. */
static const struct aws_object *walk_after(const struct walk *w, const struct ask *a, uint64_t seq)
{
	const struct aws_object *o;
	for (size_t i = 0; w->by_id && i < w->n; i++)
		if (w->list[i]->seq > seq && is_wanted(a, w->kind, w->list[i]))
			return w->list[i];
	if (w->by_id)
		return NULL;
	do {
		o = aws_account_after(w->account, w->kind, seq);
		seq = o ? o->seq : seq;
	} while (o && !is_wanted(a, w->kind, o));
	return o;
}

/* --- answers --- */

/* An instance in its reservation, which has no members of its own but these. */
static void put_reservation(const struct standin *s, const struct aws_object *o, struct buf *out)
{
	struct sv text = sv_make(o->text, o->len), key, one;
	struct sv id = aws_member_text(text, SV("reservationId"));
	struct sv owner = aws_member_text(text, SV("ownerId"));
	struct aws_slices it = aws_slices_of(text);
	buf_sv(out, SV("<item>"));
	if (id.len > 0)
		aws_xml_element(out, SV("reservationId"), id);
	else
		buf_printf(out, "<reservationId>r-%.*s</reservationId>", SV_ARG(sv_from(o->id, 2)));
	aws_xml_element(out, SV("ownerId"), owner.len > 0 ? owner : sv_of(s->aws.account));
	buf_sv(out, SV("<groupSet/><instancesSet><item>"));
	while (aws_slice_next(&it, &key, &one))
		if (!sv_eq(key, SV("reservationId")) && !sv_eq(key, SV("ownerId")))
			aws_xml_json(out, key, one);
	buf_sv(out, SV("</item></instancesSet></item>\n"));
}

static void put_one(const struct standin *s, const struct listed *l, const struct aws_object *o,
		    struct buf *out)
{
	if (l->kind == AWS_INSTANCES) {
		put_reservation(s, o, out);
	} else {
		aws_xml_json(out, SV("item"), sv_make(o->text, o->len));
		buf_char(out, '\n');
	}
}

static void put_question(const struct ask *a, struct sv set, struct buf *out)
{
	buf_sv(out, set);
	for (size_t i = 0; i < a->n_filters; i++)
		buf_printf(out, "|%.*s", SV_ARG(a->filters[i].name));
	for (size_t i = 0; i < a->n_values; i++)
		buf_printf(out, "|%.*s", SV_ARG(a->values[i].value));
}

static void put_page(struct standin *s, const struct listed *l, const struct ask *a, uint64_t seq,
		     uint64_t left, struct aws_reply *r)
{
	struct walk walk;
	walk_begin(&walk, &s->aws.resources, a, l->kind);
	const struct aws_object *o = walk_after(&walk, a, seq);
	for (; o && left > 0; left--) {
		put_one(s, l, o, &r->body);
		seq = o->seq;
		o = walk_after(&walk, a, seq);
	}
	buf_printf(&r->body, "</%.*s>\n", SV_ARG(l->set));
	if (!o)
		return;
	_cleanup_(buf_deinit) struct buf question = BUF_NULL;
	buf_init(&question, ASK_MAX);
	put_question(a, l->set, &question);
	buf_sv(&r->body, SV("<nextToken>"));
	aws_page_token(&s->aws.api, buf_view(&question), seq, &r->body);
	buf_sv(&r->body, SV("</nextToken>\n"));
}

static void describe(struct standin *s, const struct listed *l, const struct ask *a,
		     struct sv action, struct aws_reply *r)
{
	_cleanup_(buf_deinit) struct buf question = BUF_NULL;
	uint64_t page, seq = 0;
	buf_init(&question, ASK_MAX);
	put_question(a, l->set, &question);
	if (check_page(a, l->parameter, &page, r) != 0 || check_filters(a, l->kind, r) != 0 ||
	    check_ids(s, a, l, r) != 0)
		return;
	if (a->next_token.len > 0 &&
	    aws_page_open(&s->aws.api, buf_view(&question), a->next_token, &seq) != 0) {
		refuse(r, "InvalidParameterValue", "Unable to parse pagination token", SV_NULL, "");
		return;
	}
	answer_begin(r, action);
	buf_printf(&r->body, "<%.*s>\n", SV_ARG(l->set));
	if (a->n_ids == 0) {
		put_page(s, l, a, seq, page, r);
	} else {
		for (size_t i = 0; i < a->n_ids; i++) {
			const struct aws_object *o =
				aws_account_find(&s->aws.resources, l->kind, SV_NULL, a->ids[i]);
			if (o && is_wanted(a, l->kind, o))
				put_one(s, l, o, &r->body);
		}
		buf_printf(&r->body, "</%.*s>\n", SV_ARG(l->set));
	}
	answer_end(r, action);
}

/* "use1" of us-east-1, "apse2" of ap-southeast-2: how zone ids begin. */
static void put_short_region(const char *region, struct buf *out)
{
	struct sv rest = sv_of(region);
	bool first = true;
	while (rest.len > 0) {
		struct sv part = sv_make(rest.ptr, sv_find(rest, '-'));
		rest = sv_from(rest, part.len + 1);
		struct sv second = part.len > 5 ? sv_from(part, 5) : SV_NULL;
		bool two = sv_eq(second, SV("east")) || sv_eq(second, SV("west"));
		if (first || rest.len == 0)
			buf_sv(out, part);
		else if (part.len > 0)
			buf_printf(out, "%c%s", part.ptr[0],
				   two ? (second.ptr[0] == 'e' ? "e" : "w") : "");
		first = false;
	}
}

static void describe_zones(struct standin *s, struct sv action, struct aws_reply *r)
{
	_cleanup_(buf_deinit) struct buf prefix = BUF_NULL;
	buf_init(&prefix, KiB(1));
	put_short_region(s->aws.region, &prefix);
	answer_begin(r, action);
	buf_sv(&r->body, SV("<availabilityZoneInfo>\n"));
	for (int i = 0; i < ZONES; i++)
		buf_printf(&r->body,
			   "<item><optInStatus>opt-in-not-required</optInStatus><messageSet/>"
			   "<zoneState>available</zoneState><regionName>%s</regionName>"
			   "<zoneName>%s%c</zoneName><zoneId>%.*s-az%d</zoneId>"
			   "<zoneType>availability-zone</zoneType></item>\n",
			   s->aws.region, s->aws.region, 'a' + i, SV_ARG(buf_view(&prefix)), i + 1);
	buf_sv(&r->body, SV("</availabilityZoneInfo>\n"));
	answer_end(r, action);
}

void aws_ec2_api(struct standin *s, const struct http_server_request *req, enum aws_action action,
		 struct aws_reply *r)
{
	_cleanup_(ask_freep) struct ask *a = read_ask(req->body);
	struct sv name = aws_action_name(action);
	if (!a || a->too_many)
		aws_ec2_api_error(r, 400, "RequestEntityTooLarge", "The request is too large.");
	else if (!sv_eq(a->version, SV(VERSION)))
		refuse(r, "NoSuchVersion", "The requested version (", a->version,
		       ") of service AmazonEC2 does not exist");
	else if (action == AWS_EC2_DESCRIBE_ZONES)
		describe_zones(s, name, r);
	else
		describe(s,
			 action == AWS_EC2_DESCRIBE_INSTANCES ? &listed_instances
							      : &listed_interfaces,
			 a, name, r);
}
