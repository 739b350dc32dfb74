#include "peer.h"

#include "cmocka_all.h"
#include "remote.pb-c.h"

#include <ampagent/base/compress.h>
#include <stdio.h>

static void copy_series(struct peer_request *out, const Standin__TimeSeries *ts)
{
	struct peer_sample *s = &out->v[out->n++];
	memset(s, 0, sizeof *s);
	size_t at = 0;
	for (size_t i = 0; i < ts->n_labels; i++) {
		const Standin__Label *l = ts->labels[i];
		at += (size_t)snprintf(s->labels + at, sizeof s->labels - at, "%s%.*s=\"%.*s\"",
				       i ? "," : "", (int)l->name.len, (const char *)l->name.data,
				       (int)l->value.len, (const char *)l->value.data);
		assert_true(at < sizeof s->labels);
	}
	if (ts->n_samples != 1) {
		out->not_single++;
		return;
	}
	assert_true(ts->samples[0]->has_value);
	assert_true(ts->samples[0]->has_timestamp);
	s->bits = ts->samples[0]->value;
	s->t_ms = ts->samples[0]->timestamp;
}

void peer_decode(struct sv body, bool plain, struct peer_request *out)
{
	_cleanup_(buf_deinit) struct buf raw = BUF_NULL;
	buf_init(&raw, 64 << 20);
	if (plain)
		assert_int_equal(buf_sv(&raw, body), 0);
	else
		assert_int_equal(snappy_block_decompress(&raw, body), 0);
	Standin__WriteRequest *m = standin__write_request__unpack(
		NULL, raw.len, (const uint8_t *)(raw.ptr ? raw.ptr : ""));
	assert_non_null(m);
	*out = (struct peer_request){.v = calloc(m->n_timeseries + 1, sizeof *out->v),
				     .n_metadata = m->n_metadata};
	assert_non_null(out->v);
	for (size_t i = 0; i < m->n_timeseries; i++)
		copy_series(out, m->timeseries[i]);
	standin__write_request__free_unpacked(m, NULL);
}

void peer_free(struct peer_request *r)
{
	free(r->v);
	*r = (struct peer_request){0};
}

void peer_labels_text(char dst[512], struct labels set)
{
	struct label l;
	size_t n = 0;
	dst[0] = 0;
	for (size_t at = 0; labels_next(set, &at, &l);)
		n += (size_t)snprintf(dst + n, 512 - n, "%s%.*s=\"%.*s\"", n ? "," : "",
				      SV_ARG(l.name), SV_ARG(l.value));
}
