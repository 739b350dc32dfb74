/* Compiles and matches with RE2, whose syntax and leftmost-first choice are those of Go's regexp.
 */
#include "re2_shim.h"
#include <ampagent/base/limits.h>

#include <re2/re2.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <new>
#include <vector>

struct re2_shim {
	explicit re2_shim(re2::StringPiece text, const RE2::Options &options)
	    : re(text, options), groups((size_t)re.NumberOfCapturingGroups())
	{
	}
	RE2 re;
	size_t groups;
};

static const size_t text_max = 4 << 20;
static const size_t spans_on_stack = 16;

/* A DFA with less room than this for each instruction throws its states away all the time, or is
 * not begun at all. */
static const int64_t room_per_instruction = 512;

/* The memory to compile with after bytes, 0 when re is as good as it gets. A pattern too large for
 * a step is tried with the next; one that compiled may get more room for its DFA. */
static int64_t next_memory(const RE2 &re, int64_t bytes, size_t text)
{
	const int64_t by_text = std::min(LIMIT_REGEX_LONG_BYTES, text * LIMIT_REGEX_BYTES_PER_CHAR);
	if (re.error_code() == RE2::ErrorPatternTooLarge) {
		if (bytes < (int64_t)LIMIT_REGEX_BYTES)
			return LIMIT_REGEX_BYTES;
		return bytes < by_text ? by_text : 0;
	}
	int64_t room = re.ok() ? re.ProgramSize() * room_per_instruction : 0;
	return room > bytes && room <= (int64_t)LIMIT_REGEX_ROOM_BYTES ? room : 0;
}

static std::unique_ptr<re2_shim> compile(re2::StringPiece text)
{
	RE2::Options options;
	options.set_log_errors(false);
	std::unique_ptr<re2_shim> re;
	for (int64_t bytes = LIMIT_REGEX_SMALL_BYTES; bytes > 0;) {
		options.set_max_mem(bytes);
		re = std::make_unique<re2_shim>(text, options);
		bytes = next_memory(re->re, bytes, text.size());
	}
	return re;
}

static void say(const RE2 &re, char *msg, size_t msg_size)
{
	if (re.error_code() == RE2::ErrorPatternTooLarge)
		snprintf(msg, msg_size,
			 "expression too large: its repeated parts make a program beyond %d MiB",
			 (int)(LIMIT_REGEX_BYTES >> 20));
	else
		snprintf(msg, msg_size, "%s", re.error().c_str());
}

int re2_shim_compile(const char *text, size_t len, struct re2_shim **out, char *msg,
		     size_t msg_size)
try {
	if (len > text_max) {
		snprintf(msg, msg_size, "pattern too long");
		return 1;
	}
	std::unique_ptr<re2_shim> re = compile(re2::StringPiece(text, len));
	if (!re->re.ok()) {
		say(re->re, msg, msg_size);
		return 1;
	}
	*out = re.release();
	return 0;
} catch (const std::exception &) {
	return -1;
}

void re2_shim_free(struct re2_shim *re)
{
	delete re;
}

size_t re2_shim_groups(const struct re2_shim *re)
{
	return re->groups;
}

size_t re2_shim_group(const struct re2_shim *re, const char *name, size_t len)
try {
	const auto &named = re->re.NamedCapturingGroups();
	auto found = named.find(std::string(name, len));
	return found == named.end() ? 0 : (size_t)found->second;
} catch (const std::exception &) {
	return 0;
}

int re2_shim_find(const struct re2_shim *re, const char *text, size_t len, size_t from,
		  struct re2_span *spans, size_t n)
try {
	re2::StringPiece on_stack[spans_on_stack];
	std::vector<re2::StringPiece> on_heap;
	re2::StringPiece *views = on_stack;
	if (n > spans_on_stack) {
		on_heap.resize(n);
		views = on_heap.data();
	}
	/* A NULL text would make every empty match look like no match. */
	const char *base = text ? text : "";
	if (!re->re.Match(re2::StringPiece(base, len), from, len, RE2::UNANCHORED, views, (int)n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		bool part = views[i].data() != nullptr;
		size_t start = part ? (size_t)(views[i].data() - base) : RE2_SHIM_NONE;
		spans[i] = {start, part ? start + views[i].size() : RE2_SHIM_NONE};
	}
	return 1;
} catch (const std::exception &) {
	return -1;
}
