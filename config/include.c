/* Which files scrape_config_files name, and the checksum over all of them. */
#include "include.h"

#include "paths.h"

#include <ampagent/base/file.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/yaml.h>
#include <ampagent/config.h>

#include <glob.h>
#include <sys/stat.h>

/* Nodes of a tree of which only one list is wanted. */
#define TREE_BYTES MiB(512)
#define NAMES_BYTES MiB(64)

bool include_pattern_valid(struct sv pattern)
{
	struct sv after = sv_from(pattern, sv_find(pattern, '*'));
	return sv_find(after, '/') == after.len;
}

static void globfree_cleanup(glob_t *found)
{
	globfree(found);
}

/* What a pattern with a leading dot finds beside files. */
static bool is_dots(const char *path)
{
	struct sv s = sv_of(path);
	return sv_ends_with(s, SV("/.")) || sv_ends_with(s, SV("/.."));
}

static int read_one(const char *path, include_fn fn, void *cls, bool *unread, struct err *err)
{
	_cleanup_(buf_wipe) struct buf text = BUF_NULL; /* it may hold secrets */
	struct stat st;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	*unread = true;
	/* Opening a FIFO would wait for its other end. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, 1, "%s is not a regular file", path);
	if (file_read(path, &text, err) != 0)
		return 1;
	*unread = false;
	return fn(cls, path, buf_view(&text));
}

int include_each(const struct sv *patterns, size_t n, include_fn fn, void *cls, size_t *at,
		 struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(globfree) glob_t found = {.gl_pathc = 0};
		/* Go's patterns find names with a leading dot too. */
		int r = patterns[i].len ? glob(patterns[i].ptr, GLOB_PERIOD, NULL, &found)
					: GLOB_NOMATCH;
		*at = i;
		if (r == GLOB_NOSPACE)
			return err_set(err, 1, "no memory");
		for (size_t k = 0; r == 0 && k < found.gl_pathc; k++) {
			bool unread = false;
			if (is_dots(found.gl_pathv[k]))
				continue;
			int failed = read_one(found.gl_pathv[k], fn, cls, &unread, err);
			if (failed != 0) {
				if (!unread)
					*at = n;
				return failed;
			}
		}
	}
	return 0;
}

uint64_t include_checksum(struct sv text)
{
	return hash_stable(text.ptr, text.len);
}

uint64_t include_checksum_add(uint64_t checksum, const char *path, struct sv text)
{
	const uint64_t link[] = {checksum, strlen(path), hash_stable(path, strlen(path)), text.len,
				 hash_stable(text.ptr, text.len)};
	return hash_stable(link, sizeof link);
}

static int add_file(void *cls, const char *path, struct sv text)
{
	uint64_t *checksum = cls;
	*checksum = include_checksum_add(*checksum, path, text);
	return 0;
}

/* The patterns of a file, as far as it can be read: a broken one names none. */
static int find_patterns(struct arena *arena, const char *path, struct sv text, struct sv **out,
			 size_t *n)
{
	_cleanup_(arena_wipe) struct arena tree = ARENA_NULL;
	struct yaml_node *root = NULL;
	*n = 0;
	arena_init(&tree, TREE_BYTES);
	if (yaml_parse(&tree, text, &root, NULL) != 0)
		return 0;
	const struct yaml_node *list = yaml_get(root, SV("scrape_config_files"));
	if (!list || list->kind != YAML_SEQ)
		return 0;
	struct sv *v = arena_calloc(arena, list->n + 1, sizeof *v);
	for (size_t i = 0; v && i < list->n; i++) {
		const struct yaml_node *item = list->items[i];
		if (item->kind == YAML_SEQ || item->kind == YAML_MAP || item->text.len == 0 ||
		    sv_find(item->text, '\0') != item->text.len)
			continue;
		struct sv name = arena_dup(arena, item->text);
		if (!name.ptr || paths_join(arena, path_dir(sv_of(path)), name, &v[*n]) != 0)
			return 1;
		++*n;
	}
	*out = v;
	return v ? 0 : 1;
}

int config_checksum(const char *path, uint64_t *out, struct err *err)
{
	_cleanup_(buf_wipe) struct buf text = BUF_NULL;
	_cleanup_(arena_deinit) struct arena names = ARENA_NULL;
	struct sv *patterns = NULL;
	size_t n = 0, at;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	arena_init(&names, NAMES_BYTES);
	if (file_read(path, &text, err) != 0)
		return 1;
	if (find_patterns(&names, path, buf_view(&text), &patterns, &n) != 0)
		return err_set(err, 1, "no memory");
	uint64_t checksum = include_checksum(buf_view(&text));
	int r = include_each(patterns, n, add_file, &checksum, &at, err);
	*out = checksum;
	return r;
}
