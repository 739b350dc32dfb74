/* What AMP demands of one series before it looks at its samples. Pure. */
#pragma once

#include "decode.h"
#include <ampagent/base/buf.h>

/* AMP's quotas: labels a series, bytes of all its names and values. */
enum { VALIDATE_LABELS_MAX = 150, VALIDATE_LABEL_BYTES_MAX = 7 * 1024 };

/* 0, or 1 with the reason appended to why. */
int validate_labels(const struct wire_series *s, struct buf *why);
/* Native histograms: 0, or 1 with the reason appended to why. */
int validate_histogram(const struct wire_histogram *h, enum wire_version version, struct buf *why);
