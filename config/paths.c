/* Lexical joining of file names. */
#include "paths.h"

/* Next element between slashes, without them; false at the end. */
static bool next_element(struct sv *rest, struct sv *element)
{
	while (rest->len > 0 && rest->ptr[0] == '/')
		*rest = sv_from(*rest, 1);
	if (rest->len == 0)
		return false;
	size_t end = sv_find(*rest, '/');
	*element = sv_make(rest->ptr, end);
	*rest = sv_from(*rest, end);
	return true;
}

/* Cuts the last element off text[0..len) and returns the new length; `keep` bytes stay. */
static size_t cut_element(const char *text, size_t len, size_t keep)
{
	while (len > keep && text[len - 1] != '/')
		len--;
	return len > keep ? len - 1 : keep;
}

/* Writes the cleaned path to out, which has room for it and one byte more. `fixed` is what ".." can
 * no longer take away: the root, or leading ".." elements. */
static size_t clean(char *out, struct sv path)
{
	size_t len = 0, fixed;
	bool rooted = path.len > 0 && path.ptr[0] == '/';
	if (rooted)
		out[len++] = '/';
	fixed = len;
	for (struct sv rest = path, element; next_element(&rest, &element);) {
		bool up = sv_eq(element, SV(".."));
		if (sv_eq(element, SV(".")))
			continue;
		if (up && len > fixed) {
			len = cut_element(out, len, fixed);
			continue;
		}
		if (up && rooted)
			continue;
		if (len > 0 && out[len - 1] != '/')
			out[len++] = '/';
		memcpy(out + len, element.ptr, element.len);
		len += element.len;
		if (up)
			fixed = len;
	}
	if (len == 0)
		out[len++] = '.';
	return len;
}

int paths_join(struct arena *arena, struct sv dir, struct sv name, struct sv *out)
{
	if (name.len == 0 || name.ptr[0] == '/') {
		*out = name;
		return 0;
	}
	size_t len = dir.len + 1 + name.len;
	char *joined = arena_alloc(arena, len + 2);
	char *result = arena_alloc(arena, len + 2);
	if (!joined || !result)
		return 1;
	memcpy(joined, dir.ptr, dir.len);
	joined[dir.len] = '/';
	memcpy(joined + dir.len + 1, name.ptr, name.len);
	size_t n = clean(result, sv_make(joined, len));
	result[n] = '\0';
	*out = sv_make(result, n);
	return 0;
}
