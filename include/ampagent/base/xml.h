/* XML, read whole (expat; xml.c is the only file that sees it). No entity but the five predefined
 * ones and character references is expanded, a DOCTYPE is refused; depth and length are bounded.
 * Memory is overwritten before it is freed: answers of STS hold secrets.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/sv.h>

struct xml_handler {
	/* name without prefix and namespace. Non-zero stops: xml_read() returns it. */
	int (*begin)(void *cls, struct sv name, struct err *err);
	/* text: all character data directly inside the element, leading and trailing white space
	 * kept; valid during the call. */
	int (*end)(void *cls, struct sv name, struct sv text, struct err *err);
	void *cls;
};

enum { XML_DEPTH_MAX = 32 };
/* text_max bounds one element's text. 0; 1 with line and column when it is not well-formed, nests
 * too deep, or is too long; what a handler returned; ERR_NOMEM. */
int xml_read(struct sv document, size_t text_max, const struct xml_handler *h, struct err *err);
