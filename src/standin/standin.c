/* The endpoint: which answer a request gets, in the order in which the service decides it. The
 * front end (outage, signature, path, method, size) comes before the storage (encoding, content,
 * order), and what a switch spoils is a request that was fine until then. */
#include "standin_private.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <inttypes.h>
#include <time.h>

/* An account of many tasks is put as one document. */
#define ACCOUNT_MAX MiB(128)

enum { CONNECTIONS_MAX = 1024, READ_TIMEOUT_MS = 60000 };
/* Bodies above the limit are read this far, so that the 413 is ours and counted. */
#define BODY_HEADROOM MiB(4)

static const struct sv path_prefix = SV("/workspaces/");
static const struct sv path_suffix = SV("/api/v1/remote_write");

static void reply_deinit(struct reply *r)
{
	buf_deinit(&r->text);
}
DEFINE_CLEANUP(struct reply, reply_deinit)

/* --- refusals --- */

void reply_front(struct reply *r, int status, const char *type, const char *message)
{
	r->status = status;
	r->json = true;
	r->type = type;
	buf_sv(&r->text, sv_of(message));
}

void standin_collect_header(void *cls, struct sv name, struct sv value)
{
	struct header_list *h = cls;
	if (h->n < STANDIN_HEADERS_MAX)
		h->list[h->n++] = (struct sigv4_header){name, value};
	else
		h->overflow = true;
}

/* Each check_ function: 0 to go on, 1 when the reply is made. */

static void count_key(struct standin *s, const struct reply *r)
{
	if (r->key)
		r->key->refused++;
	if (strcmp(r->type, "ExpiredTokenException") == 0)
		s->aws.counts.refused_expired++;
	else if (strcmp(r->type, "UnrecognizedClientException") == 0)
		s->aws.counts.refused_unknown++;
}

static int check_signature(struct standin *s, const struct http_server_request *req,
			   struct reply *r)
{
	if (s->secret_key[0] == '\0' && !s->switches.o.aws)
		return 0;
	_cleanup_(sigv4_refusal_deinit) struct sigv4_refusal refusal;
	sigv4_refusal_init(&refusal);
	if (standin_aws_verify(s, req, sv_of(s->region), sv_of(s->service), &r->key, &refusal) == 0)
		return 0;
	s->stats.bad_signature++;
	r->status = 403;
	r->json = true;
	r->type = refusal.type;
	buf_sv(&r->text, buf_view(&refusal.text));
	count_key(s, r);
	return 1;
}

static int check_target(const struct standin *s, const struct http_server_request *req,
			struct reply *r)
{
	struct sv path = req->path;
	bool whole = path.len > path_prefix.len + path_suffix.len &&
		     sv_starts_with(path, path_prefix) && sv_ends_with(path, path_suffix);
	struct sv workspace = whole ? sv_make(path.ptr + path_prefix.len,
					      path.len - path_prefix.len - path_suffix.len)
				    : SV_NULL;
	if (!whole || sv_find(workspace, '/') < workspace.len) {
		reply_front(r, 404, NULL, "Not Found");
		return 1;
	}
	snprintf(r->workspace, sizeof r->workspace, "%.*s", SV_ARG(workspace));
	if (s->workspace[0] != '\0' && !sv_eq(workspace, sv_of(s->workspace))) {
		reply_front(r, 404, "ResourceNotFoundException", "Workspace not found.");
		return 1;
	}
	if (!sv_eq(req->method, SV("POST"))) {
		reply_front(r, 405, NULL, "Method Not Allowed");
		return 1;
	}
	return 0;
}

/* What --aws's switches make of a request that was well signed. */
static int check_switches(struct standin *s, const struct http_server_request *req, struct reply *r)
{
	struct sv host = http_exchange_header(req->exchange, "Host");
	if (s->switches.o.aws_denied) {
		reply_denied(s, r);
		return 1;
	}
	if (sv_eq(req->query, SV("redirected=1")))
		s->aws.counts.redirects_followed++;
	if (!s->switches.o.aws_redirect)
		return 0;
	r->status = 307;
	snprintf(r->location, sizeof r->location, "http://%.*s%.*s?redirected=1", SV_ARG(host),
		 SV_ARG(req->raw_path));
	return 1;
}

static int check_size(const struct standin *s, const struct http_server_request *req,
		      struct reply *r)
{
	if (req->body.len <= s->max_request_bytes)
		return 0;
	reply_front(r, 413, NULL, "Request Entity Too Large");
	return 1;
}

/* "application/x-protobuf", alone or with proto=prometheus.WriteRequest, is 1.0; 2.0 names another
 * message there. 0, or 1 when it is neither. */
static int message_version(struct sv content_type, bool accept_v2, enum wire_version *version)
{
	size_t end = sv_find(content_type, ';');
	if (!sv_eq_nocase(sv_trim(sv_make(content_type.ptr, end)), SV("application/x-protobuf")))
		return 1;
	struct sv parameter = sv_trim(sv_from(content_type, end + 1));
	*version = WIRE_V1;
	if (parameter.len == 0 || sv_eq(parameter, SV("proto=prometheus.WriteRequest")))
		return 0;
	*version = WIRE_V2;
	return accept_v2 && sv_eq(parameter, SV("proto=io.prometheus.write.v2.Request")) ? 0 : 1;
}

static int check_headers(const struct standin *s, const struct http_server_request *req,
			 enum wire_version *message, struct reply *r)
{
	struct sv encoding = http_exchange_header(req->exchange, "Content-Encoding");
	struct sv type = http_exchange_header(req->exchange, "Content-Type");
	struct sv version =
		http_exchange_header(req->exchange, "X-Prometheus-Remote-Write-Version");
	if (!sv_eq_nocase(sv_trim(encoding), SV("snappy"))) {
		buf_printf(&r->text,
			   "%.*s encoding (compression) is not accepted by this server; "
			   "only snappy is acceptable\n",
			   SV_ARG(encoding));
		r->status = 415;
		return 1;
	}
	if (message_version(type, s->switches.o.accept_v2, message) != 0) {
		buf_printf(&r->text,
			   "%.*s content type is not accepted by this server; only "
			   "application/x-protobuf is acceptable\n",
			   SV_ARG(type));
		r->status = 415;
		return 1;
	}
	const char *wanted = *message == WIRE_V2 ? "2.0.0" : "0.1.0";
	if (!sv_eq(sv_trim(version), sv_of(wanted))) {
		buf_printf(&r->text, "remote write version '%.*s' is not supported, only %s is\n",
			   SV_ARG(version), wanted);
		r->status = 400;
		return 1;
	}
	r->written = *message == WIRE_V2;
	return 0;
}

static void judge(struct standin *s, const struct http_server_request *req, struct reply *r)
{
	int64_t now_ms = loop_wall_ms(s->loop) + switches_clock_ms(&s->switches);
	enum wire_version version = WIRE_V1;
	if (switches_outage(&s->switches, loop_now_ms(s->loop) - s->started_ms)) {
		reply_front(r, 503, "ServiceUnavailableException", "Service Unavailable");
		return;
	}
	if (check_signature(s, req, r) != 0 || check_target(s, req, r) != 0 ||
	    check_switches(s, req, r) != 0 || check_size(s, req, r) != 0 ||
	    check_headers(s, req, &version, r) != 0)
		return;
	r->status = ingest_decode(&s->ingest, req->body, version, &r->text);
	if (r->status == 200)
		spoil(s, now_ms, r);
	else
		buf_char(&r->text, '\n');
}

/* --- answering --- */

static void count_reply(struct standin *s, const struct reply *r)
{
	if (r->broken) {
		s->stats.dropped++;
		return;
	}
	s->by_status[r->status]++;
	if (r->status == 200)
		s->stats.accepted++;
	else if (r->status == 400)
		s->stats.answered_400++;
	else if (r->status == 403)
		s->stats.answered_403++;
	else if (r->status == 429)
		s->stats.answered_429++;
	else if (r->status >= 500)
		s->stats.answered_5xx++;
	else
		s->stats.answered_other++;
}

void standin_request_id(char out[STANDIN_ID_CHARS + 1])
{
	uint8_t b[16];
	char hex[2 * sizeof b + 1];
	crypto_random(b, sizeof b);
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4, */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); /* random */
	for (size_t i = 0; i < sizeof b; i++)
		snprintf(hex + 2 * i, 3, "%02x", b[i]);
	snprintf(out, STANDIN_ID_CHARS + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		 hex + 16, hex + 20);
}

void standin_http_date(char out[STANDIN_DATE_CHARS + 1], int64_t wall_ms)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;
	gmtime_r(&t, &tm);
	snprintf(out, STANDIN_DATE_CHARS + 1, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
		 days + (size_t)3 * (unsigned)tm.tm_wday, tm.tm_mday,
		 months + (size_t)3 * (unsigned)tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		 tm.tm_sec);
}

enum { WRITTEN_HEADERS = 3, COUNT_CHARS = 24 };

/* What the storage tells a 2.0 sender, refusals included; the front end knows nothing of it. */
static size_t written_headers(const struct written *w, struct http_header *headers,
			      char text[WRITTEN_HEADERS][COUNT_CHARS])
{
	const uint64_t counts[] = {w->samples, w->histograms, w->exemplars};
	static const struct sv names[] = {
		SV("X-Prometheus-Remote-Write-Samples-Written"),
		SV("X-Prometheus-Remote-Write-Histograms-Written"),
		SV("X-Prometheus-Remote-Write-Exemplars-Written"),
	};
	for (int i = 0; i < WRITTEN_HEADERS; i++) {
		snprintf(text[i], COUNT_CHARS, "%" PRIu64, counts[i]);
		headers[i] = (struct http_header){names[i], sv_of(text[i])};
	}
	return WRITTEN_HEADERS;
}

static void send_reply(struct standin *s, struct http_exchange *x, const struct reply *r)
{
	char id[STANDIN_ID_CHARS + 1], date[STANDIN_DATE_CHARS + 1];
	char written[WRITTEN_HEADERS][COUNT_CHARS];
	char wait[COUNT_CHARS];
	struct http_header headers[5 + WRITTEN_HEADERS];
	size_t n = 0;
	bool mute = s->switches.o.aws_mute;
	standin_request_id(id);
	headers[n++] = (struct http_header){SV("x-amzn-RequestId"), sv_of(id)};
	if (r->location[0] != '\0')
		headers[n++] = (struct http_header){SV("Location"), sv_of(r->location)};
	if (r->type && !mute)
		headers[n++] = (struct http_header){SV("x-amzn-ErrorType"), sv_of(r->type)};
	if (switches_clock_ms(&s->switches) != 0) {
		standin_http_date(date, loop_wall_ms(s->loop) + switches_clock_ms(&s->switches));
		headers[n++] = (struct http_header){SV("Date"), sv_of(date)};
	}
	if (s->switches.o.retry_after_s > 0 && (r->status == 429 || r->status == 503)) {
		snprintf(wait, sizeof wait, "%" PRIu64, s->switches.o.retry_after_s);
		headers[n++] = (struct http_header){SV("Retry-After"), sv_of(wait)};
	}
	if (r->written && !r->json)
		n += written_headers(&s->ingest.written, &headers[n], written);
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	buf_init(&body, 2 * INGEST_TEXT_MAX);
	struct sv type = SV("text/plain; charset=utf-8");
	if (r->json) {
		type = SV("application/json");
		buf_sv(&body, SV("{\"message\":"));
		json_quote(&body, buf_view(&r->text));
		buf_char(&body, '}');
	} else {
		buf_sv(&body, buf_view(&r->text));
	}
	struct sv content = r->status == 200 || mute ? SV_NULL : buf_view(&body);
	if (content.len == 0)
		type = SV_NULL;
	if (s->switches.o.latency_ms > 0)
		http_answer_later(x, s->switches.o.latency_ms, r->status, type, content, headers,
				  n);
	else
		http_answer_now(x, r->status, type, content, headers, n);
}

static void handle(void *cls, const struct http_server_request *req)
{
	struct standin *s = cls;
	if (standin_aws(s, req) || standin_admin(s, req))
		return;
	_cleanup_(reply_deinit) struct reply r = {.status = 200};
	buf_init(&r.text, INGEST_TEXT_MAX);
	s->stats.requests++;
	s->stats.body_bytes += req->body.len;
	judge(s, req, &r);
	count_reply(s, &r);
	if (r.key && r.status == 200 && !r.broken)
		r.key->writes++;
	if (r.broken)
		http_answer_broken(req->exchange, buf_view(&r.text), r.delay_ms, r.how);
	else
		send_reply(s, req->exchange, &r);
}

/* --- life --- */

static int copy_options(struct standin *s, const struct standin_options *opt)
{
	s->max_request_bytes = opt->max_request_bytes;
	s->clock_window_s = opt->clock_window_s;
	s->workspace = sv_dup(opt->workspace);
	s->access_key = sv_dup(opt->access_key);
	s->secret_key = sv_dup(opt->secret_key);
	s->session_token = sv_dup(opt->session_token);
	s->region = sv_dup(opt->region);
	s->service = sv_dup(opt->service);
	switches_init(&s->switches, opt);
	bool whole = s->workspace && s->access_key && s->secret_key && s->session_token &&
		     s->region && s->service;
	return whole ? 0 : ERR_NOMEM;
}

static int open_ingest(struct standin *s, const struct standin_options *opt, struct err *err)
{
	_cleanup_(buf_deinit) struct buf user = BUF_NULL;
	buf_init(&user, KiB(4));
	buf_sv(&user, opt->account);
	buf_char(&user, '_');
	buf_sv(&user, opt->workspace.len > 0 ? opt->workspace : SV("ws-any"));
	int rc = ingest_init(&s->ingest, opt, buf_view(&user));
	if (rc == 0 && opt->print)
		text_sink_init(&s->ingest.print, STDOUT_FILENO);
	if (rc == 0 && opt->record.len > 0)
		rc = text_sink_open(&s->ingest.record, opt->record, err);
	return rc;
}

DEFINE_CLEANUP_PTR(struct standin, standin_free)

int standin_new(struct loop *loop, const struct standin_options *opt, struct standin **out,
		struct err *err)
{
	if (opt->secret_key.len > 0 && opt->access_key.len == 0)
		return err_set(err, 1, "a secret key needs its access key");
	if (opt->series_limit > 0 && !opt->track)
		return err_set(err, 1, "a series limit needs the tracking of series");
	_cleanup_(standin_freep) struct standin *s = calloc(1, sizeof *s);
	if (!s)
		return ERR_NOMEM;
	s->loop = loop;
	s->started_ms = loop_now_ms(loop);
	s->ingest.print = s->ingest.record = TEXT_SINK_NULL;
	int rc = copy_options(s, opt);
	if (rc == 0)
		rc = standin_aws_init(&s->aws, opt);
	if (rc == 0)
		rc = open_ingest(s, opt, err);
	if (rc != 0)
		return rc;
	struct http_server_options server = {
		.listen = opt->listen,
		.body_max = opt->max_request_bytes + (opt->aws ? ACCOUNT_MAX : BODY_HEADROOM),
		.max_connections = CONNECTIONS_MAX,
		.read_timeout_ms = READ_TIMEOUT_MS,
		.handler = handle,
		.cls = s,
	};
	rc = http_server_new(loop, &server, &s->server, err);
	if (rc != 0)
		return rc;
	http_server_read_slowly(s->server, opt->read_pause_ms);
	*out = take_ptr(s);
	return 0;
}

void standin_free(struct standin *s)
{
	if (!s)
		return;
	if (s->server)
		http_server_free(s->server);
	ingest_deinit(&s->ingest);
	standin_aws_deinit(&s->aws);
	if (s->secret_key)
		crypto_wipe(s->secret_key, strlen(s->secret_key));
	free(s->workspace);
	free(s->access_key);
	free(s->secret_key);
	free(s->session_token);
	free(s->region);
	free(s->service);
	free(s);
}

int standin_port(const struct standin *s)
{
	return http_server_port(s->server);
}

int standin_flush(struct standin *s)
{
	int printed = text_sink_flush(&s->ingest.print);
	int recorded = text_sink_flush(&s->ingest.record);
	return printed != 0 || recorded != 0 ? 1 : 0;
}
