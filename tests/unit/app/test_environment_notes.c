/* What is told of variables that do not do what their owner thinks. */
#include "environment.h"

#include "variables.h"

#include <ampagent/base/buf.h>
#include <ampagent/base/limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void tell(void *cls, const char *text)
{
	buf_printf(cls, "%s\n", text);
}

/* One line each. */
static char *notes(const char *source, char *const *all)
{
	static const char *const flags[] = {"AMPAGENT_LOG_LEVEL", "AMPAGENT_WEB_LISTEN_ADDRESS",
					    NULL};
	struct buf out;
	buf_init(&out, MiB(1));
	environment_notes(get, all, flags, source, tell, &out);
	buf_char(&out, '\0');
	return buf_take(&out);
}

static void assert_notes(const char *source, const char *const *all, const char *want)
{
	char *copies[16];
	size_t n = 0;
	for (; all[n]; n++)
		copies[n] = strdup(all[n]);
	copies[n] = NULL;
	char *got = notes(source, copies);
	assert_string_equal(got, want);
	free(got);
	while (n > 0)
		free(copies[--n]);
}

static int setup(void **state)
{
	clear_all();
	return 0;
}

static void names(void **state)
{
	static const char *const all[] = {"PATH=/bin",
					  "AMPAGENT=/bin/ampagent",
					  "AMPAGENT_LOG_LEVEL=debug",
					  "AMPAGENT_CONFIG_CONTENT=x",
					  "AMPAGENT_TARGETS=a:1",
					  "AMPAGENT_TARGET=a:1",
					  "AMPAGENT_LOGLEVEL=debug",
					  "AMPAGENT_QQQQQQQQQ=1",
					  NULL};
	assert_notes(NULL, all,
		     "AMPAGENT_TARGET: nothing reads this variable; did you mean "
		     "AMPAGENT_TARGETS?\n"
		     "AMPAGENT_LOGLEVEL: nothing reads this variable; did you mean "
		     "AMPAGENT_LOG_LEVEL?\n"
		     "AMPAGENT_QQQQQQQQQ: nothing reads this variable\n");
}

/* Kubernetes makes names of its services' names. */
static void service_links(void **state)
{
	static const char *const all[] = {"AMPAGENT_SERVICE_HOST=10.0.0.2",
					  "AMPAGENT_SERVICE_PORT_HTTP=80",
					  "AMPAGENT_PORT=tcp://10.0.0.2:80",
					  "AMPAGENT_PORT_80_TCP_ADDR=10.0.0.2",
					  "AMPAGENT_HEADLESS_SERVICE_PORT=80",
					  "AMPAGENT_LOG_LEVL=debug",
					  NULL};
	set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
	assert_notes(NULL, all,
		     "AMPAGENT_LOG_LEVL: nothing reads this variable; did you mean "
		     "AMPAGENT_LOG_LEVEL?\n");
}

static void without_effect(void **state)
{
	static const char *const all[] = {NULL};
	set("AMPAGENT_TARGETS", "a:1");
	set("AWS_PROMETHEUS_ENDPOINT", "http://x");
	set("AMPAGENT_REGION", "");
	assert_notes(NULL, all, "");
	assert_notes("AMPAGENT_CONFIG_CONTENT", all,
		     "AMPAGENT_TARGETS has no effect: the configuration comes from "
		     "AMPAGENT_CONFIG_CONTENT\n");
	set("AMPAGENT_CONFIG_CONTENT", "global: {}");
	assert_notes("AMPAGENT_CONFIG_CONTENT", all,
		     "AMPAGENT_TARGETS has no effect: the configuration comes from "
		     "AMPAGENT_CONFIG_CONTENT\n");
	assert_notes("x.yml", all,
		     "AMPAGENT_TARGETS has no effect: the configuration comes from x.yml\n"
		     "AMPAGENT_CONFIG_CONTENT has no effect: the configuration comes from x.yml\n");
}

static void adot(void **state)
{
	static const char *const all[] = {NULL};
	set("AOT_CONFIG_CONTENT", "receivers: {}");
	char *none[] = {NULL};
	char *got = notes(NULL, none);
	assert_non_null(strstr(got, "AOT_CONFIG_CONTENT holds a configuration of ADOT's"));
	assert_non_null(strstr(got, "AMPAGENT_CONFIG_CONTENT takes a prometheus.yml"));
	assert_null(strstr(got, "receivers: {}"));
	free(got);
	set("AOT_CONFIG_CONTENT", "");
	assert_notes(NULL, all, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names, setup),
		cmocka_unit_test_setup(service_links, setup),
		cmocka_unit_test_setup(without_effect, setup),
		cmocka_unit_test_setup(adot, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
