#include "config_loader.h"

#include <ampagent/base/cleanup.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { RETRY_NS = 10 * 1000 * 1000 };

struct config_loader {
	struct loop *loop;
	const struct config_source *source;
	struct config_features features;
	void (*done)(void *cls, int result, struct config *c, struct err *err);
	void *cls;
	pthread_t thread;
	bool joined;
	atomic_bool abandoned; /* nobody waits for the result */
	/* Of the thread until it has been joined. */
	struct config *config;
	struct err err;
	int result;
};

static void join(struct config_loader *l)
{
	if (!l->joined)
		pthread_join(l->thread, NULL);
	l->joined = true;
}

static void loaded(void *cls)
{
	struct config_loader *l = cls;
	join(l);
	struct config *c = take_ptr(l->config);
	struct err err = l->err;
	l->done(l->cls, l->result, c, &err);
}

static void *load(void *cls)
{
	struct config_loader *l = cls;
	l->result = config_source_load(l->source, &l->features, &l->config, &l->err);
	/* Without memory the loop cannot be told; it may have some soon. */
	while (!atomic_load(&l->abandoned) && loop_post(l->loop, loaded, l) != 0)
		nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
	return NULL;
}

int config_loader_new(struct loop *loop, const struct config_source *source,
		      const struct config_features *features,
		      void (*done)(void *cls, int result, struct config *c, struct err *err),
		      void *cls, struct config_loader **out, struct err *err)
{
	_cleanup_(freep) struct config_loader *l = calloc(1, sizeof *l);
	if (!l)
		return err_set(err, 1, "out of memory");
	l->loop = loop;
	l->source = source;
	l->features = *features;
	l->done = done;
	l->cls = cls;
	int r = pthread_create(&l->thread, NULL, load, l);
	if (r != 0)
		return err_set(err, 1, "a thread cannot be started: %s", strerror(r));
	*out = take_ptr(l);
	return 0;
}

void config_loader_free(struct config_loader *l)
{
	if (!l)
		return;
	atomic_store(&l->abandoned, true);
	join(l);
	if (l->config)
		config_unref(l->config);
	free(l);
}
