/* simulator: many scrape targets in one cheap process.
 *
 *   simulator --targets 20 --series 5000 --base-port 20000 [--change 30] [--churn 10] [--gzip]
 *
 * Target i listens on base-port + i and serves its page at every path; GET /stats tells what was
 * served so far; GET /gaps the times between the requests of each target, in microseconds, since
 * the last such question. After POST /refuse pages are answered 503: what was served stays as it
 * is, so that it can be compared with what arrives. With --gzip a client that accepts it gets one
 * of a few pages compressed at the start, the same for all targets: compressing each page would
 * cost more than everything else.
 */
#include "http.h"
#include "page.h"

#include <getopt.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GZIP_PAGES = 8, GZIP_LEVEL = 6, STATS_BYTES = 256, GAPS_MAX = 1 << 20 };

/* A page being sent: the target's own when nobody reads it, else one made for this answer. */
struct body {
	char *bytes;
	bool busy, spare;
};

struct target {
	struct values *values;
	struct body body;
	uint32_t scrapes;
	int64_t asked_us; /* monotonic */
};

struct simulator {
	struct template_options page;
	struct template *template;
	struct target *targets;
	uint32_t n;
	bool gzip;
	char *gzip_pages[GZIP_PAGES];
	size_t gzip_len[GZIP_PAGES];
	bool refusing;
	uint64_t pages, bytes, refused;
	int64_t first_ms; /* wall clock; when the first page was asked for */
	uint32_t *gaps;   /* GAPS_MAX at most; later ones are left out */
	uint32_t n_gaps;
	char stats[STATS_BYTES];
};

static void body_done(void *cls)
{
	struct body *b = cls;
	b->busy = false;
	if (b->spare) {
		free(b->bytes);
		free(b);
	}
}

static struct body *body_get(struct simulator *s, struct target *t)
{
	struct body *b = &t->body;
	if (b->busy) {
		b = calloc(1, sizeof *b);
		if (!b)
			return NULL;
		b->spare = true;
	}
	if (!b->bytes)
		b->bytes = malloc(template_page_max(s->template));
	if (b->bytes)
		return b;
	if (b->spare)
		free(b);
	return NULL;
}

static size_t stats_text(const struct simulator *s, char *dst, size_t size)
{
	return (size_t)snprintf(dst, size,
				"{\"targets\":%u,\"series\":%u,\"pages\":%llu,\"samples\":%llu,"
				"\"bytes\":%llu,\"refused\":%llu,\"first_ms\":%lld}\n",
				s->n, s->page.series, (unsigned long long)s->pages,
				(unsigned long long)(s->pages * s->page.series),
				(unsigned long long)s->bytes, (unsigned long long)s->refused,
				(long long)s->first_ms);
}

static void answer_page(struct simulator *s, struct target *t, struct http_answer *a)
{
	struct body *b = body_get(s, t);
	if (!b) {
		a->status = 503;
		return;
	}
	if (t->scrapes > 1)
		values_step(t->values, s->template);
	b->busy = true;
	a->body = b->bytes;
	a->body_len = page_write(b->bytes, s->template, t->values);
	a->done = body_done;
	a->done_cls = b;
}

static int64_t wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Between two questions: those across it are left out, so that what one tells is of its own time.
 */
static void note_gap(struct simulator *s, struct target *t)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	int64_t now_us = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	if (t->asked_us && s->n_gaps < GAPS_MAX)
		s->gaps[s->n_gaps++] = (uint32_t)(now_us - t->asked_us);
	t->asked_us = now_us;
}

static void free_body(void *cls)
{
	free(cls);
}

static void answer_gaps(struct simulator *s, struct http_answer *a)
{
	size_t size = 16 + (size_t)s->n_gaps * 11, n = 0;
	char *text = malloc(size);
	if (!text) {
		a->status = 503;
		return;
	}
	text[n++] = '[';
	for (uint32_t i = 0; i < s->n_gaps; i++)
		n += (size_t)snprintf(text + n, size - n, i ? ",%u" : "%u", s->gaps[i]);
	text[n++] = ']';
	s->n_gaps = 0;
	for (uint32_t i = 0; i < s->n; i++)
		s->targets[i].asked_us = 0;
	a->type = "application/json";
	a->body = text;
	a->body_len = n;
	a->done = free_body;
	a->done_cls = text;
}

static bool is(const char *p, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(p, text, n) == 0;
}

static void scraped(struct simulator *s, const struct http_request *req, struct http_answer *a)
{
	struct target *t = &s->targets[req->port_index];
	if (s->refusing) {
		s->refused++;
		a->status = 503;
		return;
	}
	if (!s->first_ms)
		s->first_ms = wall_ms();
	t->scrapes++;
	note_gap(s, t);
	a->type = "text/plain; version=0.0.4; charset=utf-8";
	if (s->gzip && req->accepts_gzip) {
		uint32_t at = (req->port_index + t->scrapes) % GZIP_PAGES;
		a->gzip = true;
		a->body = s->gzip_pages[at];
		a->body_len = s->gzip_len[at];
	} else {
		answer_page(s, t, a);
	}
	s->pages += a->status == 200;
	s->bytes += a->body_len;
}

static void on_request(void *cls, const struct http_request *req, struct http_answer *a)
{
	struct simulator *s = cls;
	if (is(req->path, req->path_len, "/stats")) {
		a->type = "application/json";
		a->body_len = stats_text(s, s->stats, sizeof s->stats);
		a->body = s->stats;
	} else if (is(req->path, req->path_len, "/gaps")) {
		answer_gaps(s, a);
	} else if (is(req->method, req->method_len, "POST")) {
		bool known = is(req->path, req->path_len, "/refuse");
		s->refusing |= known;
		a->status = known ? 200 : 404;
	} else {
		scraped(s, req, a);
	}
}

static int make_gzip_pages(struct simulator *s)
{
	struct values *v = values_new(s->template, 0);
	size_t max = template_page_max(s->template);
	char *page = malloc(max);
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(GZIP_LEVEL);
	int failed = !v || !page || !c;
	for (int i = 0; i < GZIP_PAGES && !failed; i++) {
		size_t n = page_write(page, s->template, v);
		size_t bound = libdeflate_gzip_compress_bound(c, n);
		s->gzip_pages[i] = malloc(bound);
		failed = !s->gzip_pages[i];
		if (!failed)
			s->gzip_len[i] =
				libdeflate_gzip_compress(c, page, n, s->gzip_pages[i], bound);
		values_step(v, s->template);
	}
	libdeflate_free_compressor(c);
	free(page);
	values_free(v);
	return failed;
}

static int simulator_init(struct simulator *s)
{
	s->template = template_new(&s->page);
	s->targets = calloc(s->n, sizeof *s->targets);
	s->gaps = malloc(GAPS_MAX * sizeof *s->gaps);
	if (!s->template || !s->targets || !s->gaps)
		return 1;
	for (uint32_t i = 0; i < s->n; i++) {
		s->targets[i].values = values_new(s->template, i);
		if (!s->targets[i].values)
			return 1;
	}
	return s->gzip ? make_gzip_pages(s) : 0;
}

static void simulator_deinit(struct simulator *s)
{
	for (uint32_t i = 0; s->targets && i < s->n; i++) {
		values_free(s->targets[i].values);
		free(s->targets[i].body.bytes);
	}
	for (int i = 0; i < GZIP_PAGES; i++)
		free(s->gzip_pages[i]);
	free(s->targets);
	free(s->gaps);
	template_free(s->template);
}

/* For a look at the load, or for feeding a parser: the first pages on standard output. */
static int print_pages(struct simulator *s, int n)
{
	char *page = malloc(template_page_max(s->template));
	for (int i = 0; i < n && page; i++) {
		fwrite(page, 1, page_write(page, s->template, s->targets[0].values), stdout);
		values_step(s->targets[0].values, s->template);
	}
	free(page);
	return !page;
}

static int usage(void)
{
	fprintf(stderr, "simulator [--targets N] [--series M] [--base-port P] [--bind ADDRESS]\n"
			"          [--change PERCENT] [--churn PERCENT] [--gzip] [--seed S]\n"
			"          [--print PAGES]   writes pages of target 0 and exits\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct simulator s = {.n = 1, .page = {.series = 1000, .change_percent = 30, .seed = 1}};
	struct http_options http = {.bind = "127.0.0.1",
				    .port = 20000,
				    .body_max = 65536,
				    .handler = on_request,
				    .cls = &s};
	static const struct option options[] = {
		{"targets", 1, NULL, 't'}, {"series", 1, NULL, 's'}, {"base-port", 1, NULL, 'p'},
		{"bind", 1, NULL, 'b'},    {"change", 1, NULL, 'c'}, {"churn", 1, NULL, 'u'},
		{"gzip", 0, NULL, 'g'},    {"seed", 1, NULL, 'e'},   {"print", 1, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	long print = 0;
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		long v = optarg ? strtol(optarg, NULL, 10) : 0;
		switch (o) {
		case 't':
			s.n = (uint32_t)v;
			break;
		case 's':
			s.page.series = (uint32_t)v;
			break;
		case 'p':
			http.port = (uint16_t)v;
			break;
		case 'b':
			http.bind = optarg;
			break;
		case 'c':
			s.page.change_percent = (uint32_t)v;
			break;
		case 'u':
			s.page.churn_percent = (uint32_t)v;
			break;
		case 'g':
			s.gzip = true;
			break;
		case 'e':
			s.page.seed = (uint64_t)v;
			break;
		case 'r':
			print = v;
			break;
		default:
			return usage();
		}
	}
	if (optind < argc || s.n == 0 || s.n > 60000 || s.page.series == 0 ||
	    s.page.change_percent > 55 || s.page.churn_percent > 100)
		return usage();
	http.n_ports = s.n;
	int code = 1;
	if (simulator_init(&s) == 0)
		code = print ? print_pages(&s, (int)print) : http_serve(&http);
	if (!print) {
		stats_text(&s, s.stats, sizeof s.stats);
		fputs(s.stats, stdout);
	}
	simulator_deinit(&s);
	return code;
}
