/* cgroup: which files, and what they say. A limit of a group above holds too, so all are asked. */
#include <ampagent/base/cgroup.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

/* "No limit" of version 1 is the largest number of pages. */
#define UNLIMITED_FROM (UINT64_C(1) << 60)
#define TEXT_BYTES MiB(1)

static struct sv next_line(struct sv *rest)
{
	size_t n = sv_find(*rest, '\n');
	struct sv line = sv_make(rest->ptr, n);
	*rest = sv_from(*rest, n + 1);
	return line;
}

static struct sv next_word(struct sv *rest)
{
	size_t n = sv_find(*rest, ' ');
	struct sv word = sv_make(rest->ptr, n);
	*rest = sv_from(*rest, n + 1);
	return word;
}

static bool list_has(struct sv list, struct sv word)
{
	while (list.len > 0) {
		size_t n = sv_find(list, ',');
		if (sv_eq(sv_make(list.ptr, n), word))
			return true;
		list = sv_from(list, n + 1);
	}
	return false;
}

/* The group's path in the hierarchy of version 1 that has memory, else in that of version 2. */
static int find_group(struct sv groups, int *version, struct sv *path)
{
	*version = 0;
	while (groups.len > 0) {
		struct sv line = next_line(&groups);
		struct sv rest = sv_from(line, sv_find(line, ':') + 1);
		size_t n = sv_find(rest, ':');
		struct sv names = sv_make(rest.ptr, n), where = sv_from(rest, n + 1);
		bool first = list_has(names, SV("memory"));
		if (!first && (names.len > 0 || n == rest.len || *version == 1))
			continue;
		*version = first ? 1 : 2;
		*path = where;
	}
	return *version ? 0 : 1;
}

/* Blanks in paths are told as \040 and so on. */
static int put_path(struct cgroup_place *out, size_t *len, struct sv text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '\\' && i + 3 < text.len) {
			const char *o = text.ptr + i + 1;
			c = (char)((o[0] - '0') * 64 + (o[1] - '0') * 8 + (o[2] - '0'));
			i += 3;
		}
		if (c == '\0' || *len + 1 >= sizeof out->dir)
			return 1;
		out->dir[(*len)++] = c;
	}
	out->dir[*len] = '\0';
	return 0;
}

/* The part of the group's path below what is mounted; a group that is not below it is taken to be
 * the mounted one. */
static struct sv below(struct sv path, struct sv mounted)
{
	if (sv_eq(mounted, SV("/")))
		return sv_starts_with(path, SV("/..")) ? SV_NULL : path;
	if (!sv_starts_with(path, mounted))
		return SV_NULL;
	struct sv rest = sv_from(path, mounted.len);
	return rest.len == 0 || rest.ptr[0] == '/' ? rest : SV_NULL;
}

int cgroup_find(struct sv groups, struct sv mounts, struct cgroup_place *out)
{
	struct sv path = SV_NULL;
	if (find_group(groups, &out->version, &path) != 0)
		return 1;
	while (mounts.len > 0) {
		/* ID, parent, device, root, place, options, tags, "-", kind, source, options */
		struct sv rest = next_line(&mounts);
		for (int i = 0; i < 3; i++)
			next_word(&rest);
		struct sv mounted = next_word(&rest), place = next_word(&rest);
		rest = sv_from(rest, sv_find_sv(rest, SV(" - ")) + 3);
		struct sv kind = next_word(&rest);
		next_word(&rest);
		bool right = out->version == 2
				     ? sv_eq(kind, SV("cgroup2"))
				     : sv_eq(kind, SV("cgroup")) && list_has(rest, SV("memory"));
		if (!right)
			continue;
		size_t len = 0;
		int r = put_path(out, &len, place);
		out->top = len;
		struct sv more = below(path, mounted);
		if (r == 0 && !sv_eq(more, SV("/")))
			r = put_path(out, &len, more);
		return r;
	}
	return 1;
}

uint64_t cgroup_limit_parse(struct sv text)
{
	uint64_t n;
	if (sv_to_u64(sv_trim(text), &n) != 0 || n >= UNLIMITED_FROM)
		return 0;
	return n;
}

uint64_t cgroup_stat_limit(struct sv text)
{
	while (text.len > 0) {
		struct sv line = next_line(&text);
		struct sv name = next_word(&line);
		if (sv_eq(name, SV("hierarchical_memory_limit")))
			return cgroup_limit_parse(line);
	}
	return 0;
}

static int read_text(const char *root, const char *dir, const char *name, struct buf *out)
{
	char path[2 * CGROUP_PATH_MAX];
	int n = snprintf(path, sizeof path, "%s%s/%s", root, dir, name);
	buf_reset(out);
	return n > 0 && (size_t)n < sizeof path ? file_read(path, out, NULL) : 1;
}

static void lower(uint64_t *limit, uint64_t other)
{
	if (other != 0 && (*limit == 0 || other < *limit))
		*limit = other;
}

static void ask(const char *root, const struct cgroup_place *at, struct buf *text, uint64_t *limit)
{
	static const char *const names[3][2] = {
		[1] = {"memory.limit_in_bytes", NULL},
		[2] = {"memory.max", "memory.high"},
	};
	for (int i = 0; i < 2 && names[at->version][i]; i++)
		if (read_text(root, at->dir, names[at->version][i], text) == 0)
			lower(limit, cgroup_limit_parse(buf_view(text)));
	if (at->version == 1 && read_text(root, at->dir, "memory.stat", text) == 0)
		lower(limit, cgroup_stat_limit(buf_view(text)));
}

uint64_t cgroup_memory_limit(const char *root)
{
	_cleanup_(buf_deinit) struct buf groups = BUF_NULL;
	_cleanup_(buf_deinit) struct buf mounts = BUF_NULL;
	struct cgroup_place at;
	uint64_t limit = 0;
	buf_init(&groups, TEXT_BYTES);
	buf_init(&mounts, TEXT_BYTES);
	if (read_text(root, "/proc/self", "cgroup", &groups) != 0 ||
	    read_text(root, "/proc/self", "mountinfo", &mounts) != 0 ||
	    cgroup_find(buf_view(&groups), buf_view(&mounts), &at) != 0)
		return 0;
	for (size_t len = strlen(at.dir); len >= at.top; len--) {
		if (len > at.top && at.dir[len] != '/' && at.dir[len] != '\0')
			continue;
		at.dir[len] = '\0';
		ask(root, &at, &mounts, &limit);
		if (len == 0)
			break;
	}
	return limit;
}
