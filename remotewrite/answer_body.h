/* answer_body: what the body of an answer says: a pure function of its bytes.
 *
 * AMP answers in three forms: the text of the storage behind it, often wrapped by what passed it
 * on ("maxFailure (quorum) ..., rpc error: code = Code(400) desc = addr=...", "user=...: "); JSON
 * with a message from its front end; nothing. The first error of a request is told, the others are
 * not.
 */
#pragma once

#include "causes.h"

#include <ampagent/base/limits.h>
#include <ampagent/base/sv.h>

struct answer_said {
	enum answer_cause cause; /* CAUSE_NONE: nothing known */
	struct sv text;          /* without JSON and wrappings */
	struct sv type;          /* the error's name, when a JSON body has it */
	struct sv subject;       /* the metric or label set that is named; empty = none */
	bool json;               /* from the front end */
};

/* out's views are of body or of scratch. */
void answer_body_read(struct sv body, char scratch[LIMIT_ANSWER_BYTES], struct answer_said *out);
/* The cause that an error's name stands for ("ExpiredTokenException:http://..."); CAUSE_NONE. */
enum answer_cause answer_type_cause(struct sv type);
