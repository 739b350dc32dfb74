/* render: a decoded block as text, defaults left out, secrets masked. */
#include "parse.h"

#include "decode.h"
#include "raw.h"
#include "render.h"

#include <ampagent/base/limits.h>

static void render(const char *yaml, struct buf *out)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct yaml_node *root;
	struct raw_config raw;
	struct err err = ERR_NULL;
	arena_init(&arena, MiB(1));
	struct decode d = {
		.path = "p", .dir = SV("/d"), .keep = &arena, .temp = &arena, .err = &err};
	d.last_warning = &d.first_warning;
	d.last_file = &d.first_file;
	memset(&raw, 0, sizeof raw);
	decode_defaults(&schema_file, &raw);
	assert_int_equal(yaml_parse(&arena, sv_of(yaml), &root, &err), 0);
	if (decode_block(&d, &schema_file, root, &raw) != 0)
		fail_msg("%s", err.msg);
	render_block(out, &schema_file, &raw);
	buf_char(out, '\0');
	assert_false(buf_failed(out));
}

static const struct {
	const char *yaml, *text;
} cases[] = {
	{"", ""},
	{"global: {}\nampagent: {wal: {max_bytes: 2GB, sync_interval: 1000ms}}\n", ""},
	{"ampagent: {wal: {max_bytes: 1MB, max_age: 90s}}\n",
	 "ampagent:\n  wal:\n    max_bytes: 1048576B\n    max_age: 1m30s\n"},
	{"global: {external_labels: {a: b}}\n", "global:\n  external_labels:\n    \"a\": \"b\"\n"},
	{"scrape_configs:\n- job_name: j\n  honor_timestamps: false\n  sample_limit: 5\n"
	 "  params: {p: [a, b]}\n  tls_config: {min_version: TLS12, key: k, cert_file: c}\n"
	 "  basic_auth: {}\n  http_headers: {X: {values: [v], secrets: [s]}}\n",
	 "scrape_configs:\n  -\n    job_name: \"j\"\n    params:\n      \"p\": [\"a\", \"b\"]\n"
	 "    honor_timestamps: false\n    sample_limit: 5\n    basic_auth:\n    tls_config:\n"
	 "      cert_file: \"/d/c\"\n      key: <secret>\n      min_version: \"TLS12\"\n"
	 "    http_headers:\n      \"X\":\n        values: [\"v\"]\n        secrets: [<secret>]\n"},
	{"remote_write:\n- url: http://user:pass@h/x\n  sigv4: {secret_key: k, region: r}\n",
	 "remote_write:\n  -\n    url: \"http://user:xxxxx@h/x\"\n    sigv4:\n      region: "
	 "\"r\"\n      secret_key: <secret>\n"},
	{"scrape_configs:\n- job_name: j\n  ecs_task_sd_configs: [{ports: [80, 81]}]\n",
	 "scrape_configs:\n  -\n    job_name: \"j\"\n    ecs_task_sd_configs:\n      -\n"
	 "        ports: [80, 81]\n"},
	{"remote_write:\n- url: http://h/x:y@z\n",
	 "remote_write:\n  -\n    url: \"http://h/x:y@z\"\n"},
};

static void test_render(void **state)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		buf_init(&out, MiB(1));
		render(cases[i].yaml, &out);
		assert_string_equal(out.ptr, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_render),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
