/* The ECS task metadata, v4 and v3: the task, this container, statistics of both. Documents that
 * were put are given out byte for byte. */
#include "standin_private.h"

#include "aws_slice.h"
#include <ampagent/base/limits.h>

enum { DOCUMENT_MAX = 16 << 20, ID_MAX = 256 };

static const struct sv type_json = SV("application/json");

/* --- documents --- */

static void scripted_free(struct aws_scripted *d)
{
	buf_deinit(&d->task);
	buf_deinit(&d->stats);
	free(d->id);
	free(d);
}

void aws_tasks_deinit(struct aws_tasks *t)
{
	for (size_t i = 0; i < t->n; i++)
		scripted_free(t->list[i]);
	t->n = 0;
}

static struct aws_scripted *find_scripted(const struct aws_tasks *t, struct sv id)
{
	for (size_t i = 0; i < t->n; i++)
		if (sv_eq(sv_of(t->list[i]->id), id))
			return t->list[i];
	return NULL;
}

static struct aws_scripted *add_scripted(struct aws_tasks *t, struct sv id)
{
	struct aws_scripted *d =
		t->n < AWS_SCRIPTED_MAX ? calloc(1, sizeof(struct aws_scripted)) : NULL;
	if (!d)
		return NULL;
	buf_init(&d->task, DOCUMENT_MAX);
	buf_init(&d->stats, DOCUMENT_MAX);
	d->id = sv_dup(id.len > 0 ? id : SV(""));
	if (!d->id) {
		scripted_free(d);
		return NULL;
	}
	return t->list[t->n++] = d;
}

/* One without documents is no more known. */
static void drop_empty(struct aws_tasks *t)
{
	size_t kept = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (t->list[i]->task.len > 0 || t->list[i]->stats.len > 0)
			t->list[kept++] = t->list[i];
		else
			scripted_free(t->list[i]);
	}
	t->n = kept;
}

static void put_document(struct standin *s, const struct http_server_request *req, bool stats,
			 struct aws_reply *r)
{
	struct aws_tasks *t = &s->aws.tasks;
	_cleanup_(buf_deinit) struct buf id = BUF_NULL;
	buf_init(&id, ID_MAX);
	r->own = true;
	http_query_get(req->query, SV("id"), &id);
	struct aws_scripted *d = find_scripted(t, buf_view(&id));
	if (!d)
		d = add_scripted(t, buf_view(&id));
	struct buf *place = d ? (stats ? &d->stats : &d->task) : NULL;
	if (place)
		buf_reset(place);
	if (!place || buf_sv(place, req->body) != 0) {
		r->status = 507;
		buf_sv(&r->body, SV("there is no room for another document\n"));
	}
	drop_empty(t);
}

void aws_task_put(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	put_document(s, req, false, r);
}

void aws_task_put_stats(struct standin *s, const struct http_server_request *req,
			struct aws_reply *r)
{
	put_document(s, req, true, r);
}

/* --- what is asked --- */

/* Whose documents an id gets: 0 and *out, NULL for made-up ones; 1 when ids were put and this is
 * none of them. */
static int documents_of(const struct aws_tasks *t, struct sv id, const struct aws_scripted **out)
{
	bool strict = false;
	*out = find_scripted(t, id);
	for (size_t i = 0; i < t->n; i++)
		strict |= t->list[i]->id[0] != '\0';
	if (*out)
		return 0;
	*out = find_scripted(t, SV_NULL);
	return strict ? 1 : 0;
}

/* The container that asks: the one called ampagent, else the first normal one. */
static struct sv this_container(struct sv task)
{
	struct aws_slices it = aws_slices_of(aws_member(task, SV("Containers")));
	struct sv key, one, first = SV_NULL;
	while (aws_slice_next(&it, &key, &one)) {
		struct sv type = aws_member_text(one, SV("Type"));
		if (sv_eq(aws_member_text(one, SV("Name")), SV("ampagent")))
			return one;
		if (first.len == 0 && (type.len == 0 || sv_eq(type, SV("NORMAL"))))
			first = one;
	}
	return first;
}

struct page {
	struct sv tail; /* after the id */
	size_t count;   /* where it is counted */
	bool container, stats;
};

static const struct page pages[] = {
	{SV(""), offsetof(struct aws_tasks, container), true, false},
	{SV("/stats"), offsetof(struct aws_tasks, container_stats), true, true},
	{SV("/task"), offsetof(struct aws_tasks, task), false, false},
	{SV("/task/stats"), offsetof(struct aws_tasks, stats), false, true},
	{SV("/taskWithTags"), offsetof(struct aws_tasks, with_tags), false, false},
};

static const struct page *page_of(struct sv tail)
{
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (sv_eq(pages[i].tail, tail))
			return &pages[i];
	return NULL;
}

static void put_page(const struct standin *s, const struct aws_scripted *d, const struct page *p,
		     struct buf *out)
{
	_cleanup_(buf_deinit) struct buf task = BUF_NULL;
	_cleanup_(buf_deinit) struct buf stats = BUF_NULL;
	buf_init(&task, DOCUMENT_MAX);
	buf_init(&stats, DOCUMENT_MAX);
	if (d && d->task.len > 0)
		buf_sv(&task, buf_view(&d->task));
	else
		aws_task_default(s, &task);
	if (p->stats && d && d->stats.len > 0)
		buf_sv(&stats, buf_view(&d->stats));
	else if (p->stats)
		aws_task_default_stats(s, buf_view(&task), &stats);
	struct sv whole = buf_view(p->stats ? &stats : &task);
	bool cut = p->container && aws_json_check(buf_view(&task), NULL) == 0 &&
		   aws_json_check(whole, NULL) == 0;
	if (!cut) {
		buf_sv(out, whole);
		return;
	}
	struct sv container = this_container(buf_view(&task));
	if (p->stats)
		container = aws_member(whole, aws_member_text(container, SV("DockerId")));
	buf_sv(out, container.len > 0 ? container : SV("null"));
}

/* What a switch or the limit makes of the request: true when that is the answer. */
static bool refused(struct standin *s, struct aws_reply *r)
{
	const struct standin_options *o = &s->switches.o;
	r->as_told = true;
	if (o->aws_task_hang) {
		r->never = true;
	} else if (!aws_bucket_take(&s->aws.tasks.bucket, o->aws_task_rate, o->aws_task_burst,
				    loop_now_ms(s->loop))) {
		s->aws.tasks.throttled++;
		r->status = 429;
		buf_sv(&r->body, SV("You have reached maximum request limit."));
	} else if (o->aws_task_down) {
		r->status = 500;
		r->type = type_json;
		buf_sv(&r->body, SV("\"unable to get the metadata of the task\""));
	} else {
		r->as_told = false;
	}
	return r->as_told;
}

void aws_task(struct standin *s, const struct http_server_request *req, struct aws_reply *r)
{
	struct sv rest = sv_from(req->path, sizeof "/v4/" - 1);
	struct sv id = sv_make(rest.ptr, sv_find(rest, '/'));
	const struct page *page = page_of(sv_from(rest, id.len));
	const struct aws_scripted *d;
	if (!page || id.len == 0) {
		aws_no_page(s, req, r);
		return;
	}
	uint64_t *count = (uint64_t *)(void *)((char *)&s->aws.tasks + page->count);
	++*count;
	if (sv_eq(page->tail, SV("/task")))
		s->aws.counts.region_asks++;
	if (refused(s, r))
		return;
	if (documents_of(&s->aws.tasks, id, &d) != 0) {
		s->aws.tasks.unknown++;
		r->status = 404;
		buf_printf(&r->body, "no task has the endpoint id %.*s\n", SV_ARG(id));
		return;
	}
	buf_deinit(&r->body);
	buf_init(&r->body, DOCUMENT_MAX);
	r->type = type_json;
	put_page(s, d, page, &r->body);
	if (s->switches.o.aws_task_garbage)
		r->body.len /= 2;
}
