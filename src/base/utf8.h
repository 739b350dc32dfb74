/* One character at a time, for what quotes text. */
#pragma once

#include <ampagent/base/sv.h>

/* Length of the well-formed UTF-8 character that s (not empty) begins with, and its code point; 0
 * when it is not one. */
size_t utf8_char(struct sv s, uint32_t *code);
