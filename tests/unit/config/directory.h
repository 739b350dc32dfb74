/* A directory with files, for tests of what a configuration names. */
#pragma once

#include "parse.h"

#include <ampagent/base/file.h>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

static inline int directory_make(void **state)
{
	snprintf(directory, sizeof directory, "/tmp/ampagent-config-XXXXXX");
	return mkdtemp(directory) ? 0 : 1;
}

static inline void directory_empty(const char *path)
{
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		char name[400];
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof name, "%s/%s", path, e->d_name);
		if (unlink(name) != 0) {
			directory_empty(name);
			rmdir(name);
		}
	}
	if (d)
		closedir(d);
}

static inline int directory_clear(void **state)
{
	directory_empty(directory);
	return 0;
}

static inline int directory_remove(void **state)
{
	directory_empty(directory);
	return rmdir(directory);
}

/* Its path; it stays until the next call but three. */
static inline const char *directory_path(const char *name)
{
	static char paths[4][300];
	static unsigned next;
	char *path = paths[next++ % LEN(paths)];
	snprintf(path, sizeof paths[0], "%s/%s", directory, name);
	return path;
}

static inline const char *directory_file(const char *name, const char *text)
{
	const char *path = directory_path(name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return path;
}
