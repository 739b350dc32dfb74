#include "switches.h"

#include <ampagent/base/number.h>
#include <math.h>

/* A day: more is a mistake in the unit. */
#define LATENCY_MAX_MS 86400000

enum switch_type { MILLISECONDS, SECONDS, RATE, YES_OR_NO };

static const struct {
	struct sv name;
	enum switch_type type;
	size_t offset;
} table[] = {
	{SV("latency_ms"), MILLISECONDS, offsetof(struct switches, latency_ms)},
	{SV("rate_429"), RATE, offsetof(struct switches, rate_429)},
	{SV("rate_500"), RATE, offsetof(struct switches, rate_500)},
	{SV("rate_403"), RATE, offsetof(struct switches, rate_403)},
	{SV("rate_drop"), RATE, offsetof(struct switches, rate_drop)},
	{SV("rate_400"), RATE, offsetof(struct switches, rate_400)},
	{SV("outage_every_s"), SECONDS, offsetof(struct switches, outage_every_s)},
	{SV("outage_for_s"), SECONDS, offsetof(struct switches, outage_for_s)},
	{SV("accept_v2"), YES_OR_NO, offsetof(struct switches, accept_v2)},
};

enum { N_SWITCHES = sizeof table / sizeof *table };

void switches_init(struct switches *s, const struct standin_options *opt)
{
	*s = (struct switches){
		.latency_ms = opt->latency_ms,
		.rate_429 = opt->rate_429,
		.rate_500 = opt->rate_500,
		.rate_403 = opt->rate_403,
		.rate_drop = opt->rate_drop,
		.rate_400 = opt->rate_400,
		.outage_every_s = opt->outage_every_s,
		.outage_for_s = opt->outage_for_s,
		.accept_v2 = opt->accept_v2,
		.random = opt->seed,
	};
}

/* splitmix64: small, and the same choices for the same seed everywhere. */
static uint64_t random_next(struct switches *s)
{
	s->random += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = s->random;
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static bool coin(struct switches *s)
{
	return random_next(s) & 1;
}

enum switch_action switches_choose(struct switches *s)
{
	double u = (double)(random_next(s) >> 11) * 0x1p-53;
	if ((u -= s->rate_429) < 0)
		return coin(s) ? SWITCH_429 : SWITCH_429_TPS;
	if ((u -= s->rate_500) < 0)
		return SWITCH_5XX;
	if ((u -= s->rate_403) < 0)
		return SWITCH_403;
	if ((u -= s->rate_drop) < 0)
		return coin(s) ? SWITCH_DROP : SWITCH_DROP_STORED;
	if ((u -= s->rate_400) < 0)
		return coin(s) ? SWITCH_400 : SWITCH_400_SILENT;
	return SWITCH_NONE;
}

int switches_5xx(struct switches *s)
{
	static const int statuses[] = {500, 502, 503, 504};
	return statuses[random_next(s) & 3];
}

bool switches_outage(const struct switches *s, int64_t since_start_ms)
{
	if (s->outage_every_s == 0 || s->outage_for_s == 0)
		return false;
	uint64_t phase_ms = (uint64_t)since_start_ms % (s->outage_every_s * 1000);
	return phase_ms + s->outage_for_s * 1000 >= s->outage_every_s * 1000;
}

int switches_set(struct switches *s, struct sv name, struct sv value)
{
	int i = 0;
	while (i < N_SWITCHES && !sv_eq(table[i].name, name))
		i++;
	if (i == N_SWITCHES)
		return 1;
	char *place = (char *)s + table[i].offset;
	uint64_t number;
	if (table[i].type == RATE) {
		if (number_parse(value, &number) != 0)
			return 2;
		double rate = double_of_bits(number);
		if (!(rate >= 0 && rate <= 1))
			return 2;
		memcpy(place, &rate, sizeof rate);
		return 0;
	}
	uint64_t max = table[i].type == YES_OR_NO ? 1 : LATENCY_MAX_MS;
	if (sv_to_u64(value, &number) != 0 || number > max)
		return 2;
	memcpy(place, &number, sizeof number);
	return 0;
}

void switches_json(const struct switches *s, struct json_writer *w)
{
	json_begin_object(w);
	for (int i = 0; i < N_SWITCHES; i++) {
		const char *place = (const char *)s + table[i].offset;
		double rate;
		uint64_t number;
		memcpy(&rate, place, sizeof rate);
		memcpy(&number, place, sizeof number);
		json_key(w, table[i].name);
		if (table[i].type == RATE)
			json_double(w, rate);
		else
			json_u64(w, number);
	}
	json_end_object(w);
}
