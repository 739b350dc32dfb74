/* Any bytes as a configuration file: it loads, or it is refused with a place; nothing else. */
#include <ampagent/base/limits.h>
#include <ampagent/config.h>

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_environment(const char *name)
{
	return sv_eq(sv_of(name), SV("A")) ? "value" : NULL;
}

/* What is shown is a configuration again, and shows itself. Not so with values that are kept from
 * view and those of claims, which are shown as JSON. */
static void check_shown(const struct config *c)
{
	struct config *again = NULL;
	struct err err = ERR_NULL;
	if (c->shown.len > LIMIT_CONFIG_BYTES || sv_find_sv(c->shown, SV("claims:")) < c->shown.len)
		return;
	if (config_parse(c->shown, "/d/c.yml", NULL, no_environment, &again, &err) != 0)
		abort();
	if (!sv_eq(c->shown, again->shown) || c->n_writes != again->n_writes ||
	    c->n_scrapes != again->n_scrapes)
		abort();
	for (size_t i = 0; i < c->n_scrapes; i++)
		if (c->scrapes[i].series_digest != again->scrapes[i].series_digest)
			abort();
	config_unref(again);
}

/* What the rooms rely on without looking. */
static void check_snapshot(const struct config *c)
{
	for (size_t i = 0; i < c->n_scrapes; i++) {
		const struct scrape_options *s = &c->scrapes[i];
		if (s->job_name.len == 0 || s->interval_ms <= 0 || s->timeout_ms <= 0 ||
		    s->timeout_ms > s->interval_ms || s->n_protocols == 0 || s->digest == 0)
			abort();
	}
	for (size_t i = 0; i < c->n_writes; i++)
		if (c->writes[i].name.len == 0 || c->writes[i].url.len == 0 ||
		    c->writes[i].queue.min_shards > c->writes[i].queue.max_shards)
			abort();
	if (!labels_valid(c->external_labels) && c->external_labels.len > 0)
		abort();
}

/* The place in err is in the message too, in this file or in one that it includes. */
static bool has_place(const struct err *err)
{
	char place[40];
	snprintf(place, sizeof place, ":%d:%d: ", err->line, err->col);
	return err->line > 0 && err->col > 0 && err->msg[0] == '/' && strstr(err->msg, place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	struct err err = ERR_NULL;
	int r = config_parse(sv_make((const char *)data, size), "/d/c.yml", NULL, no_environment,
			     &c, &err);
	if (r == 0) {
		check_snapshot(c);
		check_shown(c);
		config_unref(c);
	} else if (r != 1 || c || !has_place(&err)) {
		abort();
	}
	return 0;
}
