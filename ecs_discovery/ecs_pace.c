/* The bucket and who waits for it. */
#include "ecs_pace.h"

#include <ampagent/base/limits.h>

enum {
	RECOVERY_S = 30,    /* from nothing to the full pace */
	SAME_WAVE_MS = 1000 /* calls that were under way together count as throttled once */
};
static const double rate_min = 0.5;

struct ecs_pace {
	struct ecs_pace *next;
	struct aws_session *session;
	struct loop *loop;
	char *region, *account;
	unsigned refs;
	double rate, tokens;
	int64_t at_ms; /* when they were counted */
	int64_t throttled_ms;
	bool was_throttled;
	struct ecs_turn *first;
	struct loop_timer timer;
};

/* Those that live. Discovery runs on one thread. */
static struct ecs_pace *paces;

static void give_turns(void *cls);

int ecs_pace_get(struct aws_session *s, struct sv region, struct sv account, struct ecs_pace **out)
{
	for (struct ecs_pace *p = paces; p; p = p->next)
		if (p->session == s && sv_eq(sv_of(p->region), region) &&
		    sv_eq(sv_of(p->account), account)) {
			p->refs++;
			*out = p;
			return 0;
		}
	struct ecs_pace *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	*p = (struct ecs_pace){.session = s,
			       .loop = aws_session_loop(s),
			       .region = sv_dup(region),
			       .account = sv_dup(account),
			       .refs = 1,
			       .rate = LIMIT_ECS_CALLS_PER_S,
			       .tokens = LIMIT_ECS_CALLS_BURST,
			       .next = paces};
	p->at_ms = loop_now_ms(p->loop);
	p->timer = (struct loop_timer){.fire = give_turns, .cls = p};
	paces = p;
	*out = p;
	if (p->region && p->account)
		return 0;
	ecs_pace_unref(p);
	return ERR_NOMEM;
}

void ecs_pace_unref(struct ecs_pace *p)
{
	if (!p || --p->refs > 0)
		return;
	for (struct ecs_pace **at = &paces; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	loop_timer_cancel(&p->timer);
	free(p->region);
	free(p->account);
	free(p);
}

static void fill(struct ecs_pace *p)
{
	int64_t now_ms = loop_now_ms(p->loop);
	double s = (double)(now_ms - p->at_ms) / 1000;
	p->at_ms = now_ms;
	p->tokens += s * p->rate;
	if (p->tokens > LIMIT_ECS_CALLS_BURST)
		p->tokens = LIMIT_ECS_CALLS_BURST;
	p->rate += s * LIMIT_ECS_CALLS_PER_S / RECOVERY_S;
	if (p->rate > LIMIT_ECS_CALLS_PER_S)
		p->rate = LIMIT_ECS_CALLS_PER_S;
}

static void arm(struct ecs_pace *p)
{
	double missing = 1 - p->tokens;
	if (p->first && !loop_timer_armed(&p->timer))
		loop_timer_in(p->loop, &p->timer,
			      missing > 0 ? (int64_t)(missing / p->rate * 1000) + 1 : 0);
}

static void give_turns(void *cls)
{
	struct ecs_pace *p = cls;
	/* The owners may let go of the pace meanwhile. */
	p->refs++;
	fill(p);
	while (p->first && p->tokens >= 1) {
		struct ecs_turn *t = p->first;
		p->first = t->next;
		t->pace = NULL;
		t->next = NULL;
		p->tokens -= 1;
		t->go(t->cls);
	}
	arm(p);
	ecs_pace_unref(p);
}

void ecs_pace_wait(struct ecs_pace *p, struct ecs_turn *t)
{
	struct ecs_turn **end = &p->first;
	while (*end)
		end = &(*end)->next;
	t->pace = p;
	t->next = NULL;
	*end = t;
	fill(p);
	arm(p);
}

void ecs_turn_cancel(struct ecs_turn *t)
{
	struct ecs_turn **at = t->pace ? &t->pace->first : NULL;
	while (at && *at && *at != t)
		at = &(*at)->next;
	if (at && *at)
		*at = t->next;
	t->pace = NULL;
	t->next = NULL;
}

void ecs_pace_throttled(struct ecs_pace *p)
{
	fill(p);
	int64_t now_ms = loop_now_ms(p->loop);
	bool same = p->was_throttled && now_ms - p->throttled_ms < SAME_WAVE_MS;
	p->tokens = 0;
	if (same)
		return;
	p->was_throttled = true;
	p->throttled_ms = now_ms;
	p->rate = p->rate / 2 > rate_min ? p->rate / 2 : rate_min;
	loop_timer_cancel(&p->timer);
	arm(p);
}

double ecs_pace_rate(struct ecs_pace *p)
{
	fill(p);
	return p->rate;
}
