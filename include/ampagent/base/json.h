/* JSON: an incremental reader (events) and a writer.
 *
 * The reader takes a document in pieces of any size and calls back for each event; it keeps no
 * tree. Strict RFC 8259: UTF-8 checked, depth capped at LIMIT_JSON_DEPTH, one document, trailing
 * white space only. Strings arrive decoded; a lone surrogate is refused.
 */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>

enum json_event {
	JSON_OBJECT_BEGIN,
	JSON_OBJECT_END,
	JSON_ARRAY_BEGIN,
	JSON_ARRAY_END,
	JSON_KEY,
	JSON_STRING,
	JSON_NUMBER, /* text as written */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

/* text is valid during the call only. Return non-zero to stop: json_feed() returns it. */
typedef int (*json_handler)(void *cls, enum json_event event, struct sv text, struct err *err);

struct json_reader {
	json_handler handler;
	void *cls;
	/* private */
	struct buf scratch; /* a token that straddles pieces or has escapes */
	int line, col;      /* of the next piece's first byte */
	int depth;
	int state;
	int result;       /* what stopped the reader, for every later call */
	bool is_key;      /* the string being read is a key */
	bool wants_low;   /* a high surrogate was read: only \u may follow */
	uint8_t hex_left; /* digits of \uXXXX still to come */
	const char *word; /* letters of true, false or null still to come */
	enum json_event word_event;
	uint32_t code;     /* the \u escape being read */
	uint32_t high;     /* the high surrogate read */
	uint8_t stack[64]; /* '{' or '[' for each level */
};

/* string_max bounds one string or number. */
void json_reader_init(struct json_reader *r, json_handler handler, void *cls, size_t string_max);
/* Wipes the last token read; whoever reads secrets reserves the scratch's room first. */
void json_reader_deinit(struct json_reader *r);
/* 0; 1 with place in err when the text is not JSON; else what the handler returned. */
int json_feed(struct json_reader *r, struct sv piece, struct err *err);
/* At the end of input: 0, or 1 when the document is not complete. */
int json_finish(struct json_reader *r, struct err *err);

/* The writer puts commas and quotes; nesting is the caller's. */
struct json_writer {
	struct buf *out;
	bool need_comma;
};
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, struct sv key);
void json_string(struct json_writer *w, struct sv s);
void json_u64(struct json_writer *w, uint64_t v);
void json_i64(struct json_writer *w, int64_t v);
/* Infinity and NaN become strings. */
void json_double(struct json_writer *w, double v);
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
/* Only the string in quotes, with escapes, no comma handling. */
int json_quote(struct buf *out, struct sv s);

DEFINE_CLEANUP(struct json_reader, json_reader_deinit)
