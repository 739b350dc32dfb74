/* sink: a remote-write endpoint that keeps books instead of samples.
 *
 *   sink --port 20900 [--cheap] [--interval MS] [--fail-every N] [--fail-for SECONDS]
 *        [--fail-status 503] [--lose-every N]
 *
 * POST to any path: snappy, remote write 1.0. GET /stats: the books as JSON. POST /control?fail=503
 * answers every write so until POST /control?fail=0; POST /reset forgets everything. --lose-every
 * takes a request and closes without an answer, as a broken path would.
 */
#include "books.h"
#include "http.h"

#include <getopt.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BODY_MAX = 64 << 20, RAW_MAX = 256 << 20, STATS_BYTES = 2048 };

struct sink {
	struct books *books;
	bool cheap;
	int64_t interval_ms;
	uint64_t fail_every, lose_every;
	int fail_status;
	int64_t fail_until_ms; /* wall clock */
	int forced_status;     /* by /control; 0 = none */
	uint64_t requests, wire_bytes, raw_bytes, failed, lost_answers, broken;
	int64_t first_ms, last_ms;
	char *raw;
	size_t raw_cap;
	char stats[STATS_BYTES];
};

static int64_t wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool is(const char *p, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(p, text, n) == 0;
}

/* The decompressed body stays in s->raw. */
static int decompress(struct sink *s, const char *body, size_t len, size_t *raw_len)
{
	size_t n;
	if (snappy_uncompressed_length(body, len, &n) != SNAPPY_OK || n > RAW_MAX)
		return 1;
	if (n > s->raw_cap) {
		char *raw = realloc(s->raw, n);
		if (!raw)
			return 1;
		s->raw = raw;
		s->raw_cap = n;
	}
	*raw_len = n;
	return snappy_uncompress(body, len, s->raw, raw_len) != SNAPPY_OK;
}

static int status_of(const struct sink *s, int64_t now)
{
	if (s->forced_status)
		return s->forced_status;
	if (now < s->fail_until_ms || (s->fail_every && s->requests % s->fail_every == 0))
		return s->fail_status;
	return 200;
}

static void on_write(struct sink *s, const struct http_request *req, struct http_answer *a)
{
	int64_t now = wall_ms();
	s->requests++;
	a->status = status_of(s, now);
	if (a->status != 200) {
		s->failed++;
		return;
	}
	size_t raw_len = 0;
	if (decompress(s, req->body, req->body_len, &raw_len) != 0 ||
	    books_take(s->books, s->raw, raw_len) != 0) {
		s->broken++;
		a->status = 400;
		return;
	}
	s->wire_bytes += req->body_len;
	s->raw_bytes += raw_len;
	s->last_ms = now;
	if (!s->first_ms)
		s->first_ms = now;
	if (s->lose_every && s->requests % s->lose_every == 0) {
		s->lost_answers++;
		a->status = 0;
	}
}

static void write_stats(struct sink *s, struct http_answer *a)
{
	struct books_totals t;
	books_totals(s->books, &t);
	a->body_len = (size_t)snprintf(
		s->stats, sizeof s->stats,
		"{\"now_ms\":%lld,\"requests\":%llu,\"failed\":%llu,\"lost_answers\":%llu,"
		"\"broken\":%llu,\"wire_bytes\":%llu,\"raw_bytes\":%llu,\"samples\":%llu,"
		"\"reports\":%llu,\"stale\":%llu,\"histograms\":%llu,\"exemplars\":%llu,"
		"\"metadata\":%llu,"
		"\"timeseries\":%llu,\"series\":%llu,\"missing\":%llu,\"doubled\":%llu,"
		"\"out_of_order\":%llu,\"first_ms\":%lld,\"last_ms\":%lld,"
		"\"newest_timestamp_ms\":%lld}\n",
		(long long)wall_ms(), (unsigned long long)s->requests,
		(unsigned long long)s->failed, (unsigned long long)s->lost_answers,
		(unsigned long long)s->broken, (unsigned long long)s->wire_bytes,
		(unsigned long long)s->raw_bytes, (unsigned long long)t.samples,
		(unsigned long long)t.reports, (unsigned long long)t.stale,
		(unsigned long long)t.histograms, (unsigned long long)t.exemplars,
		(unsigned long long)t.metadata, (unsigned long long)t.timeseries,
		(unsigned long long)t.series, (unsigned long long)t.missing,
		(unsigned long long)t.doubled, (unsigned long long)t.out_of_order,
		(long long)s->first_ms, (long long)s->last_ms, (long long)t.newest_ms);
	a->body = s->stats;
	a->type = "application/json";
}

static void reset(struct sink *s, struct http_answer *a)
{
	struct books *fresh = books_new(s->interval_ms, s->cheap);
	if (!fresh) {
		a->status = 503;
		return;
	}
	books_free(s->books);
	s->books = fresh;
	s->requests = s->failed = s->lost_answers = s->broken = 0;
	s->wire_bytes = s->raw_bytes = 0;
	s->first_ms = s->last_ms = 0;
}

static void on_request(void *cls, const struct http_request *req, struct http_answer *a)
{
	static const char control[] = "/control?fail=";
	struct sink *s = cls;
	bool post = is(req->method, req->method_len, "POST");
	if (is(req->path, req->path_len, "/stats")) {
		write_stats(s, a);
	} else if (post && is(req->path, req->path_len, "/reset")) {
		reset(s, a);
	} else if (post && req->path_len > sizeof control - 1 &&
		   memcmp(req->path, control, sizeof control - 1) == 0) {
		/* A blank follows the path in the request, so the number ends there. */
		s->forced_status = (int)strtol(req->path + sizeof control - 1, NULL, 10);
	} else if (post) {
		on_write(s, req, a);
	} else {
		a->status = 404;
	}
}

static int usage(void)
{
	fprintf(stderr, "sink [--port P] [--bind ADDRESS] [--cheap] [--interval MS]\n"
			"     [--fail-every N] [--fail-for SECONDS] [--fail-status CODE]\n"
			"     [--lose-every N]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct sink s = {.fail_status = 503};
	struct http_options http = {.bind = "127.0.0.1",
				    .port = 20900,
				    .n_ports = 1,
				    .body_max = BODY_MAX,
				    .handler = on_request,
				    .cls = &s};
	static const struct option options[] = {
		{"port", 1, NULL, 'p'},
		{"bind", 1, NULL, 'b'},
		{"cheap", 0, NULL, 'c'},
		{"interval", 1, NULL, 'i'},
		{"fail-every", 1, NULL, 'e'},
		{"fail-for", 1, NULL, 'f'},
		{"fail-status", 1, NULL, 's'},
		{"lose-every", 1, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		long v = optarg ? strtol(optarg, NULL, 10) : 0;
		switch (o) {
		case 'p':
			http.port = (uint16_t)v;
			break;
		case 'b':
			http.bind = optarg;
			break;
		case 'c':
			s.cheap = true;
			break;
		case 'i':
			s.interval_ms = v;
			break;
		case 'e':
			s.fail_every = (uint64_t)v;
			break;
		case 'f':
			s.fail_until_ms = wall_ms() + v * 1000;
			break;
		case 's':
			s.fail_status = (int)v;
			break;
		case 'l':
			s.lose_every = (uint64_t)v;
			break;
		default:
			return usage();
		}
	}
	s.books = books_new(s.interval_ms, s.cheap);
	if (optind < argc || !s.books)
		return usage();
	int code = http_serve(&http);
	struct http_answer last = {0};
	write_stats(&s, &last);
	fwrite(last.body, 1, last.body_len, stdout);
	books_free(s.books);
	free(s.raw);
	return code;
}
