#include "farm.h"

#include <ampagent/net/http_client.h>

static void note_header(void *cls, struct sv name, struct sv value)
{
	struct farm *f = cls;
	size_t n = strlen(f->headers);
	snprintf(f->headers + n, sizeof f->headers - n, "%.*s: %.*s\n", SV_ARG(name),
		 SV_ARG(value));
}

static void serve(void *cls, const struct http_server_request *req)
{
	struct farm *f = cls;
	f->requests++;
	f->headers[0] = '\0';
	http_exchange_headers(req->exchange, note_header, f);
	snprintf(f->path, sizeof f->path, "%.*s?%.*s", SV_ARG(req->path), SV_ARG(req->query));
	if (f->hang) {
		http_answer_later(req->exchange, FARM_GUARD_MS, 200, SV("text/plain"), SV(""), NULL,
				  0);
		return;
	}
	const struct http_header encoding = {SV("Content-Encoding"),
					     sv_of(f->content_encoding ? f->content_encoding : "")};
	http_answer_now(req->exchange, f->status, sv_of(f->content_type), f->body, &encoding,
			f->content_encoding ? 1 : 0);
}

static int put(void *cls, struct batch *b)
{
	struct farm *f = cls;
	if (f->refuse) {
		f->refused++;
		return 1;
	}
	assert_true(f->n_batches < FARM_BATCHES);
	for (size_t i = 0; i < b->n_defs; i++) {
		const struct batch_def *d = &b->defs[i];
		struct sv copy = arena_dup(&f->names, sv_make(d->labels.ptr, d->labels.len));
		f->defined[d->frame * 256 + d->slot] = (struct labels){copy.ptr, d->labels.len};
	}
	f->batches[f->n_batches++] = b;
	if (f->n_batches == f->wanted)
		loop_stop(f->loop);
	return 0;
}

static void retire(void *cls, uint32_t frame)
{
	((struct farm *)cls)->retired++;
}

static void note_refused(void *cls, enum refused why, uint64_t scrapes, uint64_t samples)
{
	struct farm *f = cls;
	f->told[why].scrapes += scrapes;
	f->told[why].samples += samples;
}

int farm_setup(void **state)
{
	struct farm *f = calloc(1, sizeof *f);
	struct err err = ERR_NULL;
	log_init(LOG_ERROR, LOG_LOGFMT);
	arena_init(&f->names, MiB(16));
	f->status = 200;
	f->content_type = "text/plain; version=0.0.4";
	f->body = SV("a 1\nb 2\n");
	for (int i = 0; i < FARM_JOBS; i++)
		f->opt[i] = (struct scrape_options){
			.job_name = i ? SV("k") : SV("j"),
			.honor_timestamps = true,
			.enable_compression = true,
			.interval_ms = FARM_INTERVAL_MS,
			.timeout_ms = FARM_INTERVAL_MS,
			.protocols = {PROTO_TEXT_0_0_4},
			.n_protocols = 1,
			.metrics_path = SV("/metrics"),
			.scheme = SV("http"),
		};
	assert_int_equal(http_client_global_init(), 0);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	const struct http_server_options server = {
		.listen = SV("127.0.0.1:0"),
		.body_max = 1024,
		.max_connections = 64,
		.read_timeout_ms = FARM_GUARD_MS,
		.handler = serve,
		.cls = f,
	};
	assert_int_equal(http_server_new(f->loop, &server, &f->server, &err), 0);
	snprintf(f->address, sizeof f->address, "127.0.0.1:%d", http_server_port(f->server));
	const struct scrape_env env = {
		.loop = f->loop,
		.sink = {put, f},
		.refused = {note_refused, f},
		.next_frame = 1,
		.next_owner = 1,
		.user_agent = SV("ampagent/test"),
		.timestamp_tolerance_ms = 2,
		.frame_retire = retire,
		.frame_retire_cls = f,
	};
	assert_int_equal(scrape_new(&env, &f->scrape, &err), 0);
	farm_apply(f);
	*state = f;
	return 0;
}

int farm_teardown(void **state)
{
	struct farm *f = *state;
	scrape_free(f->scrape);
	http_server_free(f->server);
	loop_free(f->loop);
	for (size_t i = 0; i < f->n_batches; i++)
		batch_unref(f->batches[i]);
	arena_deinit(&f->names);
	http_client_global_deinit();
	free(f);
	return 0;
}

void farm_apply(struct farm *f)
{
	assert_int_equal(scrape_apply(f->scrape, f->opt, FARM_JOBS, LABELS_NULL,
				      &(struct scrape_features){0}),
			 0);
}

void farm_sync(struct farm *f, const char *job, const char *const *labels)
{
	struct labels targets[16];
	struct target_group group = {.source = SV("0"), .targets = targets};
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, MiB(1));
	for (; *labels; labels++) {
		struct label_builder b;
		struct sv more = sv_of(*labels);
		size_t eq = sv_find(more, '=');
		label_builder_init(&b, &arena);
		label_builder_set(&b, SV("__address__"), sv_of(f->address));
		if (more.len)
			label_builder_set(&b, sv_make(more.ptr, eq), sv_from(more, eq + 1));
		assert_int_equal(label_builder_finish(&b, &arena, &targets[group.n_targets++]), 0);
	}
	struct target_sink sink = scrape_target_sink(f->scrape);
	sink.update(sink.cls, sv_of(job), &group, 1);
}

static void stop(void *cls)
{
	loop_stop(((struct farm *)cls)->loop);
}

void farm_run(struct farm *f, int64_t ms)
{
	struct loop_timer timer = {.fire = stop, .cls = f};
	loop_timer_in(f->loop, &timer, ms);
	assert_int_equal(loop_run(f->loop), 0);
	loop_timer_cancel(&timer);
}

void farm_wait(struct farm *f, size_t batches)
{
	f->wanted = batches;
	if (f->n_batches < batches)
		farm_run(f, FARM_GUARD_MS);
	assert_true(f->n_batches >= batches);
}

static bool is_series(const struct farm *f, uint32_t frame, unsigned slot, const char *name)
{
	struct labels set = f->defined[frame * 256 + slot];
	assert_non_null(set.ptr);
	return sv_eq(labels_get(set, LABEL_NAME), sv_of(name));
}

int farm_value(const struct farm *f, size_t batch, const char *name, uint64_t *bits)
{
	assert_true(batch < f->n_batches);
	const struct batch *b = f->batches[batch];
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct batch_column *c = &b->columns[i];
		for (unsigned s = 0; s < c->n_slots; s++) {
			if (!(c->present[s / 64] >> (s % 64) & 1) ||
			    !is_series(f, c->frame, s, name))
				continue;
			*bits = c->values[s];
			return 0;
		}
	}
	return 1;
}

double farm_number(const struct farm *f, size_t batch, const char *name)
{
	uint64_t bits;
	if (farm_value(f, batch, name, &bits) != 0)
		fail_msg("%s is not in batch %zu", name, batch);
	return double_of_bits(bits);
}

struct pool *farm_pool(struct farm *f, size_t i)
{
	return f->scrape->pools[i];
}

char *farm_metrics(struct farm *f)
{
	struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	struct metrics_writer w = {.out = &out};
	scrape_collect(f->scrape, &w);
	return buf_take(&out);
}
