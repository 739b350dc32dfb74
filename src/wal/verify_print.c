/* What a check found, as text and as JSON. */
#include <ampagent/base/clock.h>
#include <ampagent/base/err.h>
#include <ampagent/base/json.h>
#include <inttypes.h>

#include "verify.h"

enum { JSON_MAX = 16 << 20 };

static void print_finding(const struct finding *f, FILE *out)
{
	fprintf(out, "%s: ", f->note ? "note" : "finding");
	if (f->file[0])
		fprintf(out, "%s", f->file);
	if (f->file[0] && (f->offset > 0 || f->bytes > 0))
		fprintf(out, " at %" PRIu64, f->offset);
	if (f->bytes > 0)
		fprintf(out, ", %" PRIu64 " bytes", f->bytes);
	if (f->samples > 0)
		fprintf(out, ", %" PRIu64 " samples", f->samples);
	fprintf(out, "%s%s\n", f->file[0] ? ": " : "", f->text);
}

static bool is_zero(const struct wal_refused *r)
{
	return r->scrapes == 0 && r->samples == 0;
}

static void print_ledger(const struct verify *v, FILE *out)
{
	char when[RFC3339_MAX];
	const struct wal_ledger *l = &v->ledger;
	uint64_t scrapes = 0, samples = 0;
	if (!v->has_ledger) {
		fprintf(out, "refused: no ledger record\n");
		return;
	}
	for (size_t i = 0; i < l->n; i++) {
		scrapes += l->v[i].scrapes;
		samples += l->v[i].samples;
	}
	fprintf(out, "refused since %s: %" PRIu64 " scrapes, %" PRIu64 " samples\n",
		clock_format_rfc3339(when, l->since_ms), scrapes, samples);
	for (size_t i = 0; i < l->n; i++)
		if (!is_zero(&l->v[i]))
			fprintf(out, "  %s: %" PRIu64 " scrapes, %" PRIu64 " samples\n",
				l->v[i].reason, l->v[i].scrapes, l->v[i].samples);
	fprintf(out, "scraped since: %" PRIu64 " logged + %" PRIu64 " refused\n", v->head - l->base,
		samples);
}

static uint64_t dropped(const struct verify_position *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->books.n_dropped; i++)
		n += p->books.dropped[i].samples;
	return n;
}

static void print_position(const struct verify *v, const struct verify_position *p, FILE *out)
{
	if (!p->readable) {
		fprintf(out, "destination %s: unreadable\n", p->file);
		return;
	}
	fprintf(out,
		"destination %s: base %" PRId64 " + sent %" PRIu64 " + dropped %" PRIu64
		" + queued %" PRIu64 " = head %" PRIu64 ": %s\n",
		p->key, p->books.base, p->books.sent, dropped(p), p->queued, v->head,
		p->agrees ? "agrees" : "DISAGREES");
	for (size_t i = 0; i < p->books.n_dropped; i++)
		fprintf(out, "  dropped %s: %" PRIu64 "\n", p->books.dropped[i].reason,
			p->books.dropped[i].samples);
}

int verify_print_text(const struct verify *v, FILE *out)
{
	for (size_t i = 0; i < v->n_findings; i++)
		print_finding(&v->findings[i], out);
	if (v->n_findings < v->n_disagree + v->n_notes)
		fprintf(out, "and %" PRIu64 " more\n", v->n_disagree + v->n_notes - v->n_findings);
	fprintf(out,
		"log: %zu segments, %" PRIu64 " batches, %" PRIu64 " samples, sequence %" PRIu64
		" to %" PRIu64 "; %zu gaps of %" PRIu64 " samples; %" PRIu64 " damaged bytes\n",
		v->segments.n, v->batches, v->samples, v->first, v->head, v->n_gaps, v->gap_samples,
		v->damaged_bytes);
	print_ledger(v, out);
	for (size_t i = 0; i < v->n_positions; i++)
		print_position(v, &v->positions[i], out);
	if (v->n_disagree > 0)
		fprintf(out, "%" PRIu64 " findings\n", v->n_disagree);
	else
		fprintf(out, "all agrees\n");
	return 0;
}

/* ---- JSON ---- */

static void write_count(struct json_writer *w, const char *key, uint64_t n)
{
	json_key(w, sv_of(key));
	json_u64(w, n);
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, sv_of(key));
	json_string(w, sv_of(text));
}

static void write_findings(const struct verify *v, struct json_writer *w, const char *key,
			   bool notes)
{
	json_key(w, sv_of(key));
	json_begin_array(w);
	for (size_t i = 0; i < v->n_findings; i++) {
		const struct finding *f = &v->findings[i];
		if (f->note != notes)
			continue;
		json_begin_object(w);
		write_text(w, "what", f->what);
		write_text(w, "file", f->file);
		write_count(w, "offset", f->offset);
		write_count(w, "bytes", f->bytes);
		write_count(w, "samples", f->samples);
		write_text(w, "text", f->text);
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_ledger(const struct verify *v, struct json_writer *w)
{
	char when[RFC3339_MAX];
	const struct wal_ledger *l = &v->ledger;
	json_key(w, SV("ledger"));
	if (!v->has_ledger) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	write_text(w, "sinceWhen", clock_format_rfc3339(when, l->since_ms));
	write_count(w, "sinceSequence", l->base);
	write_count(w, "passedOver", l->passed_over);
	json_key(w, SV("refused"));
	json_begin_object(w);
	for (size_t i = 0; i < l->n; i++) {
		if (is_zero(&l->v[i]))
			continue;
		json_key(w, sv_of(l->v[i].reason));
		json_begin_object(w);
		write_count(w, "scrapes", l->v[i].scrapes);
		write_count(w, "samples", l->v[i].samples);
		json_end_object(w);
	}
	json_end_object(w);
	json_end_object(w);
}

static void write_position(const struct verify_position *p, struct json_writer *w)
{
	json_begin_object(w);
	write_text(w, "file", p->file);
	write_text(w, "name", p->key);
	json_key(w, SV("readable"));
	json_bool(w, p->readable);
	json_key(w, SV("baseSequence"));
	json_i64(w, p->books.base);
	write_count(w, "sent", p->books.sent);
	write_count(w, "dropped", dropped(p));
	json_key(w, SV("droppedBy"));
	json_begin_object(w);
	for (size_t i = 0; i < p->books.n_dropped; i++)
		write_count(w, p->books.dropped[i].reason, p->books.dropped[i].samples);
	json_end_object(w);
	write_count(w, "queued", p->queued);
	write_count(w, "counted", p->counted);
	json_key(w, SV("balanced"));
	json_bool(w, p->agrees);
	json_end_object(w);
}

int verify_print_json(const struct verify *v, FILE *out)
{
	_cleanup_(buf_deinit) struct buf text;
	buf_init(&text, JSON_MAX);
	struct json_writer w = {.out = &text};
	json_begin_object(&w);
	json_key(&w, SV("agrees"));
	json_bool(&w, v->n_disagree == 0);
	write_count(&w, "segments", v->segments.n);
	write_count(&w, "batches", v->batches);
	write_count(&w, "samples", v->samples);
	write_count(&w, "firstSequence", v->first);
	write_count(&w, "headSequence", v->head);
	write_count(&w, "gaps", v->n_gaps);
	write_count(&w, "gapSamples", v->gap_samples);
	write_count(&w, "damagedBytes", v->damaged_bytes);
	write_ledger(v, &w);
	json_key(&w, SV("destinations"));
	json_begin_array(&w);
	for (size_t i = 0; i < v->n_positions; i++)
		write_position(&v->positions[i], &w);
	json_end_array(&w);
	write_count(&w, "nFindings", v->n_disagree);
	write_findings(v, &w, "findings", false);
	write_findings(v, &w, "notes", true);
	json_end_object(&w);
	buf_char(&text, '\n');
	if (buf_failed(&text))
		return ERR_NOMEM;
	fwrite(text.ptr, 1, text.len, out);
	return 0;
}
