/* A file of file_sd read once, without anything being kept. */
#include "groups.h"

#include <ampagent/base/file.h>
#include <ampagent/discovery.h>

#include <sys/stat.h>

int discovery_check_file(const char *path, discovery_group_fn fn, void *cls, struct err *err)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	_cleanup_(group_list_deinit) struct group_list list = GROUP_LIST_NULL;
	struct err why = ERR_NULL;
	struct stat st;
	struct sv name = sv_of(path);
	bool json = sv_ends_with(name, SV("json")) || sv_ends_with(name, SV("JSON"));
	buf_init(&text, LIMIT_SD_FILE_BYTES);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, 1, "%s is not a regular file", path);
	if (file_read(path, &text, err) != 0)
		return 1;
	if (groups_parse(json ? GROUPS_JSON : GROUPS_YAML, buf_view(&text), name, &list, &why) != 0)
		return err_at(err, 1, why.line, why.col, "%s:%d:%d: %s", path, why.line, why.col,
			      why.msg);
	for (size_t i = 0; i < list.n; i++) {
		int r = fn(cls, &list.v[i]);
		if (r != 0)
			return r;
	}
	return 0;
}
