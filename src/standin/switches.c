#include "switches.h"

#include <ampagent/base/number.h>
#include <ctype.h>
#include <math.h>

/* A day: more is a mistake in the unit. */
#define LATENCY_MAX_MS 86400000
#define AMOUNT_MAX 1e9

enum switch_type { MILLISECONDS, SECONDS, COUNT, RATE, AMOUNT, YES_OR_NO, NAMES };

#define OPTION(field, type)                                                                        \
	{                                                                                          \
		SV(#field), type, offsetof(struct switches, o.field)                               \
	}

#define OWN(field, type)                                                                           \
	{                                                                                          \
		SV(#field), type, offsetof(struct switches, field)                                 \
	}

static const struct line {
	struct sv name;
	enum switch_type type;
	size_t offset;
} table[] = {
	OPTION(latency_ms, MILLISECONDS),
	OPTION(rate_429, RATE),
	OPTION(rate_500, RATE),
	OPTION(rate_403, RATE),
	OPTION(rate_drop, RATE),
	OPTION(rate_400, RATE),
	OPTION(rate_202, RATE),
	OPTION(rate_404, RATE),
	OPTION(rate_413, RATE),
	OPTION(rate_400_size, RATE),
	OPTION(rate_400_many, RATE),
	OPTION(rate_400_limit, RATE),
	OPTION(rate_403_denied, RATE),
	OPTION(rate_reset, RATE),
	OPTION(rate_truncate, RATE),
	OPTION(rate_hang, RATE),
	OPTION(rate_vanish, RATE),
	OPTION(hang_ms, MILLISECONDS),
	OPTION(read_pause_ms, MILLISECONDS),
	OPTION(retry_after_s, SECONDS),
	OWN(clock_ahead_s, SECONDS),
	OWN(clock_behind_s, SECONDS),
	OPTION(outage_every_s, SECONDS),
	OPTION(outage_for_s, SECONDS),
	OPTION(accept_v2, YES_OR_NO),
	OPTION(aws_life_ms, MILLISECONDS),
	OPTION(aws_grace_ms, MILLISECONDS),
	OPTION(aws_latency_ms, MILLISECONDS),
	OPTION(aws_token_ms, MILLISECONDS),
	OPTION(aws_down, YES_OR_NO),
	OPTION(aws_throttled, YES_OR_NO),
	OPTION(aws_empty, YES_OR_NO),
	OPTION(aws_hang, YES_OR_NO),
	OPTION(aws_same, YES_OR_NO),
	OPTION(aws_hop_limit, YES_OR_NO),
	OPTION(aws_imds_off, YES_OR_NO),
	OPTION(aws_no_role, YES_OR_NO),
	OPTION(aws_no_extended, YES_OR_NO),
	OPTION(aws_role_failed, YES_OR_NO),
	OPTION(aws_assume_denied, YES_OR_NO),
	OPTION(aws_identity_denied, YES_OR_NO),
	OPTION(aws_denied, YES_OR_NO),
	OPTION(aws_mute, YES_OR_NO),
	OPTION(aws_redirect, YES_OR_NO),
	OPTION(aws_api_rate, AMOUNT),
	OPTION(aws_api_burst, AMOUNT),
	OPTION(aws_task_rate, AMOUNT),
	OPTION(aws_task_burst, AMOUNT),
	OPTION(aws_task_down, YES_OR_NO),
	OPTION(aws_task_garbage, YES_OR_NO),
	OPTION(aws_task_hang, YES_OR_NO),
	OWN(aws_api_fail_at, COUNT),
	OWN(aws_api_down, YES_OR_NO),
	OWN(aws_api_hang, YES_OR_NO),
	OWN(aws_api_garbage, YES_OR_NO),
	OWN(aws_api_denied, NAMES),
};

enum { N_SWITCHES = sizeof table / sizeof *table };

/* In the order of standin_options; one of the two is taken by a coin. */
static const struct {
	size_t offset;
	enum switch_action one, other;
} choices[] = {
	{offsetof(struct standin_options, rate_429), SWITCH_429, SWITCH_429_TPS},
	{offsetof(struct standin_options, rate_500), SWITCH_5XX, SWITCH_5XX},
	{offsetof(struct standin_options, rate_403), SWITCH_403, SWITCH_403},
	{offsetof(struct standin_options, rate_drop), SWITCH_DROP, SWITCH_DROP_STORED},
	{offsetof(struct standin_options, rate_400), SWITCH_400, SWITCH_400_SILENT},
	{offsetof(struct standin_options, rate_202), SWITCH_202, SWITCH_202},
	{offsetof(struct standin_options, rate_404), SWITCH_404, SWITCH_404},
	{offsetof(struct standin_options, rate_413), SWITCH_413, SWITCH_413},
	{offsetof(struct standin_options, rate_400_size), SWITCH_400_SIZE, SWITCH_400_SIZE},
	{offsetof(struct standin_options, rate_400_many), SWITCH_400_MANY, SWITCH_400_MANY},
	{offsetof(struct standin_options, rate_400_limit), SWITCH_400_LIMIT, SWITCH_400_LIMIT},
	{offsetof(struct standin_options, rate_403_denied), SWITCH_403_DENIED, SWITCH_403_UNKNOWN},
	{offsetof(struct standin_options, rate_reset), SWITCH_RESET, SWITCH_RESET_STORED},
	{offsetof(struct standin_options, rate_truncate), SWITCH_TRUNCATE, SWITCH_TRUNCATE_STORED},
	{offsetof(struct standin_options, rate_hang), SWITCH_HANG, SWITCH_HANG_STORED},
	{offsetof(struct standin_options, rate_vanish), SWITCH_VANISH, SWITCH_VANISH_STORED},
};

struct sv switch_action_name(enum switch_action a)
{
	static const struct sv names[] = {
		[SWITCH_NONE] = SV("none"),
		[SWITCH_429] = SV("429"),
		[SWITCH_429_TPS] = SV("429_tps"),
		[SWITCH_5XX] = SV("5xx"),
		[SWITCH_403] = SV("403"),
		[SWITCH_DROP] = SV("drop"),
		[SWITCH_DROP_STORED] = SV("drop_stored"),
		[SWITCH_400] = SV("400"),
		[SWITCH_400_SILENT] = SV("400_silent"),
		[SWITCH_202] = SV("202"),
		[SWITCH_404] = SV("404"),
		[SWITCH_413] = SV("413"),
		[SWITCH_400_SIZE] = SV("400_size"),
		[SWITCH_400_MANY] = SV("400_many"),
		[SWITCH_400_LIMIT] = SV("400_limit"),
		[SWITCH_403_DENIED] = SV("403_denied"),
		[SWITCH_403_UNKNOWN] = SV("403_unknown"),
		[SWITCH_RESET] = SV("reset"),
		[SWITCH_RESET_STORED] = SV("reset_stored"),
		[SWITCH_TRUNCATE] = SV("truncate"),
		[SWITCH_TRUNCATE_STORED] = SV("truncate_stored"),
		[SWITCH_HANG] = SV("hang"),
		[SWITCH_HANG_STORED] = SV("hang_stored"),
		[SWITCH_VANISH] = SV("vanish"),
		[SWITCH_VANISH_STORED] = SV("vanish_stored"),
	};
	return names[a];
}

void switches_init(struct switches *s, const struct standin_options *opt)
{
	int64_t ahead = opt->clock_offset_s;
	*s = (struct switches){
		.o = *opt,
		.clock_ahead_s = ahead > 0 ? (uint64_t)ahead : 0,
		.clock_behind_s = ahead < 0 ? (uint64_t)-ahead : 0,
		.random = opt->seed,
	};
}

int64_t switches_clock_ms(const struct switches *s)
{
	return ((int64_t)s->clock_ahead_s - (int64_t)s->clock_behind_s) * 1000;
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

uint64_t switches_below(struct switches *s, uint64_t n)
{
	return random_next(s) % n;
}

enum switch_action switches_choose(struct switches *s)
{
	double u = (double)(random_next(s) >> 11) * 0x1p-53;
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		double rate;
		memcpy(&rate, (const char *)&s->o + choices[i].offset, sizeof rate);
		if ((u -= rate) >= 0)
			continue;
		if (choices[i].one == choices[i].other)
			return choices[i].one;
		return switches_below(s, 2) ? choices[i].one : choices[i].other;
	}
	return SWITCH_NONE;
}

int switches_5xx(struct switches *s)
{
	static const int statuses[] = {500, 502, 503, 504};
	return statuses[random_next(s) & 3];
}

bool switches_outage(const struct switches *s, int64_t since_start_ms)
{
	uint64_t every_s = s->o.outage_every_s, for_s = s->o.outage_for_s;
	if (every_s == 0 || for_s == 0)
		return false;
	uint64_t phase_ms = (uint64_t)since_start_ms % (every_s * 1000);
	return phase_ms + for_s * 1000 >= every_s * 1000;
}

/* Each set_ function: 0, or 2 when it cannot have that value. */

static int set_double(char *place, struct sv value, double max)
{
	uint64_t bits;
	if (number_parse(value, &bits) != 0)
		return 2;
	double number = double_of_bits(bits);
	if (!(number >= 0 && number <= max))
		return 2;
	memcpy(place, &number, sizeof number);
	return 0;
}

static int set_names(char *place, struct sv value)
{
	if (value.len > SWITCH_NAME_MAX)
		return 2;
	for (size_t i = 0; i < value.len; i++)
		if (!isalnum((unsigned char)value.ptr[i]) && value.ptr[i] != ',' &&
		    value.ptr[i] != '*')
			return 2;
	snprintf(place, SWITCH_NAME_MAX + 1, "%.*s", SV_ARG(value));
	return 0;
}

static int set_number(char *place, struct sv value, bool yes_or_no)
{
	uint64_t number;
	if (sv_to_u64(value, &number) != 0 || number > (yes_or_no ? 1 : LATENCY_MAX_MS))
		return 2;
	bool yes = number == 1;
	if (yes_or_no)
		memcpy(place, &yes, sizeof yes);
	else
		memcpy(place, &number, sizeof number);
	return 0;
}

int switches_set(struct switches *s, struct sv name, struct sv value)
{
	int i = 0;
	while (i < N_SWITCHES && !sv_eq(table[i].name, name))
		i++;
	if (i == N_SWITCHES)
		return 1;
	char *place = (char *)s + table[i].offset;
	switch (table[i].type) {
	case RATE:
		return set_double(place, value, 1);
	case AMOUNT:
		return set_double(place, value, AMOUNT_MAX);
	case NAMES:
		return set_names(place, value);
	default:
		return set_number(place, value, table[i].type == YES_OR_NO);
	}
}

static void value_json(const struct switches *s, const struct line *l, struct json_writer *w)
{
	const char *place = (const char *)s + l->offset;
	uint64_t number = 0;
	bool yes;
	if (l->type == NAMES) {
		json_string(w, sv_of(place));
	} else if (l->type == YES_OR_NO) {
		memcpy(&yes, place, sizeof yes);
		json_u64(w, yes);
	} else {
		memcpy(&number, place, sizeof number);
		if (l->type == RATE || l->type == AMOUNT)
			json_double(w, double_of_bits(number));
		else
			json_u64(w, number);
	}
}

void switches_json(const struct switches *s, struct json_writer *w)
{
	json_begin_object(w);
	for (int i = 0; i < N_SWITCHES; i++) {
		json_key(w, table[i].name);
		value_json(s, &table[i], w);
	}
	json_end_object(w);
}
