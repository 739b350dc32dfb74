/* File names relative to the configuration file's directory. */
#pragma once

#include <ampagent/base/arena.h>

/* name itself when absolute, else dir/name with "." and ".." elements and double slashes taken out,
 * as Go's filepath.Join does: the result is shown in __meta_filepath. 0; 1 when the arena is full.
 */
int paths_join(struct arena *arena, struct sv dir, struct sv name, struct sv *out);
