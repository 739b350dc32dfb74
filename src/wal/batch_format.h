/* Flags that writer and reader of batch records share. */
#pragma once

enum column_flags {
	COLUMN_ALL_PRESENT = 1,  /* no present bitmap */
	COLUMN_NONE_CHANGED = 2, /* no changed bitmap: no value is told */
	COLUMN_ALL_CHANGED = 4,  /* no changed bitmap: every slot's value is told */
};

enum row_flags {
	ROW_SLOT = 1, /* a slot byte: not the slot after the row before */
	ROW_TIME = 2, /* a time difference: not the time of the row before */
};

/* The reset hint's two bits stand at HISTOGRAM_RESET_SHIFT. */
enum histogram_flags {
	HISTOGRAM_IS_FLOAT = 1,
	HISTOGRAM_TIME = 2, /* a time difference: not the time of the histogram before */
	HISTOGRAM_RESET_SHIFT = 2,
	HISTOGRAM_RESET_MASK = 3,
	HISTOGRAM_START = 16,    /* a difference: not the start before */
	HISTOGRAM_SIDES_AT = 32, /* this bit and the next: negative, positive buckets follow */
	HISTOGRAM_BOUNDS = 128,
};
