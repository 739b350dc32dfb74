/* Helper of the YAML tests: a tree as one line of text. */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/number.h>
#include <ampagent/base/yaml.h>

#include <inttypes.h>

static inline void dump(struct buf *out, const struct yaml_node *n)
{
	char number[NUMBER_MAX];
	if (!n) {
		buf_printf(out, "none");
		return;
	}
	switch (n->kind) {
	case YAML_NULL:
		buf_printf(out, "~");
		break;
	case YAML_BOOL:
		buf_printf(out, n->boolean ? "true" : "false");
		break;
	case YAML_INT:
		buf_printf(out, "i%s%" PRIu64, n->negative ? "-" : "", n->integer);
		break;
	case YAML_FLOAT:
		number_format(number, n->number);
		buf_printf(out, "f%s", number);
		break;
	case YAML_STRING:
		buf_printf(out, "'%.*s'", SV_ARG(n->text));
		break;
	case YAML_SEQ:
		buf_char(out, '[');
		for (size_t i = 0; i < n->n; i++) {
			buf_printf(out, i ? "," : "");
			dump(out, n->items[i]);
		}
		buf_char(out, ']');
		break;
	case YAML_MAP:
		buf_char(out, '{');
		for (size_t i = 0; i < n->n; i++) {
			buf_printf(out, "%s%.*s:", i ? "," : "", SV_ARG(n->pairs[i].key->text));
			dump(out, n->pairs[i].value);
		}
		buf_char(out, '}');
		break;
	}
}
