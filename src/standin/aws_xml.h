/* XML as the query protocols write it. */
#pragma once

#include <ampagent/base/buf.h>

/* Text with the five characters escaped. */
void aws_xml_text(struct buf *out, struct sv s);
/* <name>text</name> */
void aws_xml_element(struct buf *out, struct sv name, struct sv text);
/* A JSON value as an element of that name: members are elements, each element of an array is an
 * item; null is left out. */
void aws_xml_json(struct buf *out, struct sv name, struct sv value);
