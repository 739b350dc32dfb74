/* A made-up environment, with shared files in a directory of the test's own. Nothing of the
 * machine's is looked at. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/settings.h>
#include <ampagent/base/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORLD_VARIABLES = 24 };

struct world {
	char dir[64];
	struct {
		const char *name, *value;
	} env[WORLD_VARIABLES];
	size_t n_env;
};

static struct world world;

static inline const char *world_env(const char *name)
{
	for (size_t i = 0; i < world.n_env; i++)
		if (strcmp(world.env[i].name, name) == 0)
			return world.env[i].value;
	return NULL;
}

static inline void world_set(const char *name, const char *value)
{
	for (size_t i = 0; i < world.n_env; i++)
		if (strcmp(world.env[i].name, name) == 0) {
			world.env[i].value = value;
			return;
		}
	assert_true(world.n_env < WORLD_VARIABLES);
	world.env[world.n_env].name = name;
	world.env[world.n_env++].value = value;
}

static inline const char *world_path(const char *name)
{
	static char rooms[WORLD_VARIABLES][128];
	static unsigned turn;
	char *room = rooms[turn++ % WORLD_VARIABLES];
	snprintf(room, sizeof rooms[0], "%s/%s", world.dir, name);
	return room;
}

static inline void world_write(const char *name, const char *text)
{
	struct err err = ERR_NULL;
	assert_int_equal(file_replace(world_path(name), sv_of(text), &err), 0);
}

/* An empty home; files below HOME/.aws when there is text for them. */
static inline void world_begin(const char *config, const char *credentials)
{
	world.n_env = 0;
	snprintf(world.dir, sizeof world.dir, "/tmp/aws_world_XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	assert_int_equal(mkdir(world_path(".aws"), 0700), 0);
	world_set("HOME", world.dir);
	if (config)
		world_write(".aws/config", config);
	if (credentials)
		world_write(".aws/credentials", credentials);
}

static inline void world_end(void)
{
	static const char *const names[] = {".aws/config", ".aws/credentials", "other"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(world_path(names[i]));
	rmdir(world_path(".aws"));
	assert_int_equal(rmdir(world.dir), 0);
}

static inline void assert_sv(struct sv got, const char *want)
{
	char text[512];
	snprintf(text, sizeof text, "%.*s", SV_ARG(got));
	assert_string_equal(text, want);
}
