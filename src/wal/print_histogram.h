/* A histogram as one line's text, for the printed log. */
#pragma once

#include <ampagent/model/histogram.h>
#include <stdio.h>

/* " histogram schema=0 count=3 sum=5.5 zero=1@0.001 negative=... positive=0:1,1:1 bounds=...
 * reset=no since=1700000000000": absolute counts by index; what is empty or not known is left out.
 */
void wal_print_histogram(FILE *out, const struct histogram *h);
