/* Series and samples as text, and the two places where such text goes: standard output and the
 * record file. */
#pragma once

#include "decode.h"
#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>

/* The text of one valid label set, every byte escaped; longer ones are cut. */
#define PRINT_LABELS_MAX ((size_t)64 << 10)

/* {__name__="up",job="x"} with the given separator. Quotes, backslashes and control bytes are
 * escaped, so that a line stays a line. */
void print_labels(struct buf *out, const struct wire_label *labels, size_t n,
		  const char *separator);
/* up{job="x"}, as the exposition format has it. */
void print_metric(struct buf *out, const struct wire_series *s);
/* In double quotes, at most 200 bytes of s. */
void print_quoted_short(struct buf *out, struct sv s);
/* up{job="x"} 1 1700000000000\n */
void print_sample(struct buf *out, const struct wire_series *s, const struct wire_sample *v);
void print_histogram(struct buf *out, const struct wire_series *s, const struct wire_histogram *h);
/* Lines of the record file; standin.h describes them. */
void print_record(struct buf *out, const struct wire_series *s, const struct wire_sample *v);
void print_record_histogram(struct buf *out, const struct wire_series *s,
			    const struct wire_histogram *h);
void print_record_exemplar(struct buf *out, const struct wire_series *s,
			   const struct wire_exemplar *e);

/* A buffered writer that never blocks the caller on more than the kernel's page cache or a pipe,
 * and that remembers a failure instead of reporting each. */
struct text_sink {
	int fd; /* -1: text is thrown away */
	bool owns_fd;
	bool failed;
	struct buf pending;
};

#define TEXT_SINK_NULL ((struct text_sink){.fd = -1})

/* Appends to the file (created 0644 when missing): 0, or 1 with the reason. */
int text_sink_open(struct text_sink *sink, struct sv path, struct err *err);
/* Writes to fd, which stays the caller's. */
void text_sink_init(struct text_sink *sink, int fd);
/* Flushes. */
void text_sink_deinit(struct text_sink *sink);
/* 0, or 1 when anything since the start was lost. */
int text_sink_flush(struct text_sink *sink);
/* Flushes when enough is pending. */
void text_sink_turn(struct text_sink *sink);
