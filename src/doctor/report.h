/* What a step has found, and how people and programs are told. */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/json.h>
#include <ampagent/doctor.h>

enum verdict { VERDICT_PENDING, VERDICT_OK, VERDICT_WARN, VERDICT_FAIL, VERDICT_SKIPPED };

struct finding {
	enum verdict verdict;
	struct buf evidence; /* one line */
	struct buf details;  /* lines that belong to it */
	struct buf advice;   /* lines */
	int64_t ms;          /* how long it took */
};

/* One destination, or none when the configuration gives none. */
struct report {
	struct sv name, url; /* url without what is secret */
	struct finding steps[DOCTOR_STEPS_];
};

void report_init(struct report *r);
void report_deinit(struct report *r);
/* Sets verdict and evidence; evidence is one line: control bytes become blanks. */
void report_say(struct finding *f, enum verdict verdict, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void report_detail(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_advise(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes fit to be shown what may hold a stranger's words: no control bytes but line ends, valid
 * UTF-8. */
void report_tidy(struct finding *f);
/* The first step that failed, or DOCTOR_STEPS_. */
enum doctor_step report_failed(const struct report *r);
const char *report_verdict_name(enum verdict v);

/* What a stranger said, fit to be shown: at most max bytes, one line, valid UTF-8. */
void report_clean(struct buf *out, struct sv text, size_t max);
/* Without user info, query and fragment, which may be secret. */
void report_public_url(struct buf *out, struct sv url);

/* ---- for people ---- */

void report_print_destination(FILE *out, const struct report *r);
void report_print_step(FILE *out, enum doctor_step step, const struct finding *f);
/* The last line. failed: DOCTOR_STEPS_ = none. */
void report_print_result(FILE *out, const struct report *r, enum doctor_step failed, bool warned,
			 int exit_code);

/* ---- for programs ---- */

void report_json(struct json_writer *w, const struct report *reports, size_t n, int exit_code);
