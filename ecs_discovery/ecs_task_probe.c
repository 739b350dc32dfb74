/* A few questions at a time, each with a second: neighbours answer at once or not at all. */
#include "ecs_task_probe.h"

enum {
	AT_ONCE = 16,
	TIMEOUT_MS = 1000,
};
/* More of a page than this need not come: its status has been told by then. */
#define PAGE_MAX KiB(64)

struct question {
	struct ecs_probe *probe;
	struct http_transfer *transfer; /* NULL: not asking */
	uint64_t key;
};

struct ecs_probe {
	struct loop *loop;
	struct http_pool *pool;
	struct http_client *client; /* NULL until the first round */
	void (*done)(void *cls);
	void *cls;
	struct loop_timer end;
	struct question questions[AT_ONCE];
	size_t n_asking;
	bool busy;
	/* Of the round. */
	struct arena arena;
	struct ecs_candidate *left;
	size_t n_left;
	uint64_t *answered;
	size_t n_answered, max_answered;
};

bool ecs_probe_answered(const void *cls, uint64_t key)
{
	const struct ecs_probe *p = cls;
	for (size_t i = 0; i < p->n_answered; i++)
		if (p->answered[i] == key)
			return true;
	return false;
}

bool ecs_probe_busy(const struct ecs_probe *p)
{
	return p->busy;
}

static void on_end(void *cls)
{
	struct ecs_probe *p = cls;
	p->busy = false;
	p->done(p->cls);
}

static void ask_more(struct ecs_probe *p);

static void on_answer(void *cls, const struct http_answer *a)
{
	struct question *q = cls;
	struct ecs_probe *p = q->probe;
	q->transfer = NULL;
	p->n_asking--;
	if (a->status == 200 && p->n_answered < p->max_answered)
		p->answered[p->n_answered++] = q->key;
	ask_more(p);
}

static bool ask(struct ecs_probe *p, struct question *q, const struct ecs_candidate *c)
{
	static const struct http_header headers[] = {
		{SV("User-Agent"), SV("ampagent/" AMPAGENT_VERSION)}};
	_cleanup_(buf_deinit) struct buf url = BUF_NULL;
	buf_init(&url, KiB(80));
	buf_printf(&url, "http://%.*s%.*s", SV_ARG(c->address), SV_ARG(c->path));
	const struct http_request req = {
		.method = SV("GET"),
		.url = buf_view(&url),
		.headers = headers,
		.n_headers = 1,
		.timeout_ms = TIMEOUT_MS,
		.body_max = PAGE_MAX,
		.no_auth = true,
	};
	q->key = c->key;
	return !buf_failed(&url) &&
	       http_start(p->client, &req, on_answer, q, &q->transfer, NULL) == 0;
}

/* A question that cannot be asked counts as not answered. */
static void ask_more(struct ecs_probe *p)
{
	for (size_t i = 0; i < AT_ONCE && p->n_left > 0; i++) {
		struct question *q = &p->questions[i];
		while (!q->transfer && p->n_left > 0) {
			if (ask(p, q, &p->left[--p->n_left]))
				p->n_asking++;
			else
				q->transfer = NULL;
		}
	}
	if (p->n_asking == 0 && !loop_timer_armed(&p->end))
		loop_timer_in(p->loop, &p->end, 0);
}

static void forget_others(struct ecs_probe *p, const struct ecs_candidate *v, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->n_answered; i++) {
		bool known = false;
		for (size_t k = 0; !known && k < n; k++)
			known = v[k].key == p->answered[i];
		if (known)
			p->answered[kept++] = p->answered[i];
	}
	p->n_answered = kept;
}

static bool make_room(struct ecs_probe *p, size_t n)
{
	static const struct http_options plain = {.follow_redirects = false};
	struct err err = ERR_NULL;
	if (!p->client && http_client_new(p->pool, &plain, &p->client, &err) != 0)
		return false;
	if (n > p->max_answered) {
		uint64_t *wider = realloc(p->answered, n * sizeof *wider);
		if (!wider)
			return false;
		p->answered = wider;
		p->max_answered = n;
	}
	arena_reset(&p->arena);
	p->left = arena_calloc(&p->arena, n + 1, sizeof *p->left);
	return p->left != NULL;
}

static bool add_left(struct ecs_probe *p, const struct ecs_candidate *c)
{
	const struct ecs_candidate own = {arena_dup(&p->arena, c->address),
					  arena_dup(&p->arena, c->path), c->key};
	if (own.address.ptr && own.path.ptr)
		p->left[p->n_left++] = own;
	return own.address.ptr && own.path.ptr;
}

bool ecs_probe_round(struct ecs_probe *p, const struct ecs_candidate *v, size_t n)
{
	forget_others(p, v, n);
	p->n_left = 0;
	if (n == 0 || !make_room(p, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!ecs_probe_answered(p, v[i].key) && !add_left(p, &v[i]))
			break;
	if (p->n_left == 0)
		return false;
	p->busy = true;
	ask_more(p);
	return true;
}

int ecs_probe_new(struct loop *loop, struct http_pool *pool, void (*done)(void *cls), void *cls,
		  struct ecs_probe **out)
{
	struct ecs_probe *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	p->loop = loop;
	p->pool = pool;
	p->done = done;
	p->cls = cls;
	p->end = (struct loop_timer){.fire = on_end, .cls = p};
	arena_init(&p->arena, MiB(8));
	for (size_t i = 0; i < AT_ONCE; i++)
		p->questions[i].probe = p;
	*out = p;
	return 0;
}

void ecs_probe_free(struct ecs_probe *p)
{
	if (!p)
		return;
	loop_timer_cancel(&p->end);
	for (size_t i = 0; i < AT_ONCE; i++)
		if (p->questions[i].transfer)
			http_cancel(p->questions[i].transfer);
	if (p->client)
		http_client_free(p->client);
	arena_deinit(&p->arena);
	free(p->answered);
	free(p);
}
