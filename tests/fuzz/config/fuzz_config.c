/* Any bytes as a configuration file: it loads, or it is refused with a place; nothing else. */
#include <ampagent/config.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_environment(const char *name)
{
	return sv_eq(sv_of(name), SV("A")) ? "value" : NULL;
}

/* What the rooms rely on without looking. */
static void check_snapshot(const struct config *c)
{
	for (size_t i = 0; i < c->n_scrapes; i++) {
		const struct scrape_options *s = &c->scrapes[i];
		if (s->job_name.len == 0 || s->interval_ms <= 0 || s->timeout_ms <= 0 ||
		    s->timeout_ms > s->interval_ms || s->n_protocols == 0)
			abort();
	}
	for (size_t i = 0; i < c->n_writes; i++)
		if (c->writes[i].name.len == 0 || c->writes[i].url.len == 0 ||
		    c->writes[i].queue.min_shards > c->writes[i].queue.max_shards)
			abort();
	if (!labels_valid(c->external_labels) && c->external_labels.len > 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	struct err err = ERR_NULL;
	int r = config_parse(sv_make((const char *)data, size), "d/c.yml", NULL, no_environment, &c,
			     &err);
	if (r == 0) {
		check_snapshot(c);
		config_unref(c);
	} else if (r != 1 || c || !sv_starts_with(sv_of(err.msg), SV("d/c.yml:")) ||
		   err.line <= 0 || err.col <= 0) {
		abort();
	}
	return 0;
}
