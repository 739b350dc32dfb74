/* docs/CONFIG.md from the schema. */
#include <ampagent/config.h>

#include "schema.h"

static const char intro[] =
	"# Configuration\n"
	"\n"
	"ampagent reads a Prometheus configuration file as it is. This page is made from the table "
	"that reads the file (`ampagent docs config` prints it); a test holds the two together.\n"
	"\n"
	"- A file is YAML 1.1, read strictly: an unknown key, a key given twice or a value of the "
	"wrong type is refused with `file:line:column`, and for an unknown key with the nearest "
	"known "
	"one.\n"
	"- A key that Prometheus knows and ampagent has not built yet is refused too, unless its "
	"value is empty, zero or false. They are listed under [Not built yet](#not-built-yet).\n"
	"- A key that means nothing to an agent is accepted with one warning. They are listed "
	"under "
	"[Accepted without effect](#accepted-without-effect).\n"
	"- What Prometheus refuses in agent mode (rule_files, alerting, remote_read) and names of "
	"secrets in a secret manager, of which there is none, are refused likewise. They are "
	"listed "
	"under [Refused](#refused).\n"
	"- Anchors, aliases and `<<` merges work. Dates and sexagesimal numbers are text; "
	"`yes`, `no`, `on`, `off`, `y` and `n` are booleans.\n"
	"- A scalar key with nothing behind it has the zero value of its type (`\"\"`, 0, false), "
	"not its default; a block with nothing behind it has all its defaults.\n"
	"- Requests are HTTP/1.1: `enable_http2` changes nothing.\n"
	"- `ampagent check-config prometheus.yml` checks a file and the files that it names.\n"
	"\n"
	"Types:\n"
	"\n"
	"- **duration**: numbers with the units y, w, d, h, m, s, ms in this order, each at most "
	"once: `1m30s`; `0` needs no unit.\n"
	"- **size**: a number and a unit, B, KB, MB, GB, TB, PB or EB, all counted in 1024s; `0` "
	"needs no unit.\n"
	"- **file name**: relative names count from the directory of the file that they stand in.\n"
	"- **secret**: never shown on pages, in logs or in messages.\n";

/* A heading's anchor as Markdown viewers make it. */
static void print_anchor(struct buf *out, const char *title)
{
	buf_char(out, '#');
	for (const char *p = title; *p; p++) {
		if (*p == ' ')
			buf_char(out, '-');
		else if (*p >= 'A' && *p <= 'Z')
			buf_char(out, (char)(*p - 'A' + 'a'));
		else if (*p != '.')
			buf_char(out, *p);
	}
}

static void print_type(struct buf *out, const struct schema_entry *e)
{
	if (!e->block) {
		buf_printf(out, "%s", schema_kind_text(e->kind));
		return;
	}
	buf_printf(out, "%s [%s](", schema_kind_text(e->kind), e->block->title);
	print_anchor(out, e->block->title);
	buf_char(out, ')');
}

static void print_default(struct buf *out, const struct schema_entry *e)
{
	if (e->required)
		buf_printf(out, "required");
	else if (e->fallback_text)
		buf_printf(out, "%s", e->fallback_text);
	else if (e->fallback)
		buf_printf(out, "`%s`", e->fallback);
	else if (e->kind == SCHEMA_UINT || e->kind == SCHEMA_SIZE)
		buf_char(out, '0');
}

static void print_words(struct buf *out, const struct schema_entry *e)
{
	const char *const *words = e->words[0][0] ? e->words : e->words + 1;
	for (size_t i = 0; words[i]; i++)
		buf_printf(out, "%s`%s`", i ? ", " : " One of ", words[i]);
	buf_printf(out, e->any_case ? ", in any letter case." : ".");
}

static void print_entry(struct buf *out, const struct schema_entry *e)
{
	buf_printf(out, "| `%s` | ", e->key);
	print_type(out, e);
	buf_printf(out, " | ");
	print_default(out, e);
	buf_printf(out, " | %s", e->help);
	if (e->words)
		print_words(out, e);
	if (e->positive)
		buf_printf(out, " Must be positive.");
	buf_printf(out, " |\n");
}

static void print_block(struct buf *out, const struct schema_block *block)
{
	buf_printf(out, "\n## %s\n\n", block->title);
	if (block->help)
		buf_printf(out, "%s\n\n", block->help);
	buf_printf(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
	for (const struct schema_entry *e = block->entries; e->key; e++)
		if (e->status == SCHEMA_BUILT)
			print_entry(out, e);
}

/* All keys of one status, block by block. */
static void print_list(struct buf *out, enum schema_status status)
{
	buf_printf(out, "\n| block | key | what it is about |\n|---|---|---|\n");
	for (size_t i = 0; schema_documented[i]; i++)
		for (const struct schema_entry *e = schema_documented[i]->entries; e->key; e++)
			if (e->status == status)
				buf_printf(out, "| %s | `%s` | %s |\n", schema_documented[i]->title,
					   e->key, e->help);
}

int config_print_docs(struct buf *out)
{
	buf_printf(out, "%s", intro);
	for (size_t i = 0; schema_documented[i]; i++)
		print_block(out, schema_documented[i]);
	buf_printf(out, "\n## Accepted without effect\n\n"
			"Each is named in one warning at the start.\n");
	print_list(out, SCHEMA_NO_EFFECT);
	buf_printf(out,
		   "\n## Refused\n\n"
		   "Only in Prometheus's server mode, or from a secret manager; refused unless "
		   "empty.\n");
	print_list(out, SCHEMA_SERVER);
	print_list(out, SCHEMA_REF);
	buf_printf(out, "\n## Not built yet\n\n"
			"Refused unless empty, zero or false.\n");
	print_list(out, SCHEMA_NOT_BUILT);
	return buf_failed(out) ? 1 : 0;
}
