/* Any text as a selector: what is none has a place; what is one means the same with blanks and a
 * comment around it. */
#include "../../../scrape/selector.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct labels labels_of(struct arena *arena)
{
	struct label_builder b;
	struct labels set;
	label_builder_init(&b, arena);
	label_builder_set(&b, SV("instance"), SV("h:1"));
	label_builder_set(&b, SV("job"), SV("a"));
	assert(label_builder_finish(&b, arena, &set) == 0);
	return set;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(selector_deinit) struct selector one, again;
	_cleanup_(arena_deinit) struct arena names, scratch;
	_cleanup_(buf_deinit) struct buf around;
	struct err err = ERR_NULL;
	struct sv text = sv_make((const char *)data, size);
	arena_init(&names, KiB(64));
	arena_init(&scratch, MiB(16));
	buf_init(&around, size + KiB(1));
	selector_init(&one);
	selector_init(&again);
	/* Longer ones do not come in a request. */
	if (size > KiB(32))
		return 0;
	int result = selector_parse(text, &one, &err);
	assert(result == 0 || result == 1);
	if (result == 1) {
		assert(err.col > 0 && err.msg[0] && one.n == 0);
		return 0;
	}
	buf_sv(&around, SV("# before\n\t"));
	buf_sv(&around, text);
	buf_sv(&around, SV("\n # after"));
	assert(selector_parse(buf_view(&around), &again, &err) == 0 && again.n == one.n);
	struct labels set = labels_of(&names);
	assert(selector_matches(&one, set, &scratch) == selector_matches(&again, set, &scratch));
	for (size_t i = 0; i < one.n; i++)
		assert(sv_eq(one.v[i].name, again.v[i].name) &&
		       sv_eq(one.v[i].value, again.v[i].value));
	return 0;
}
