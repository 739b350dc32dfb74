/* ~/.aws/config and ~/.aws/credentials, or where AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE
 * say: found, read, merged.
 */
#pragma once

#include <ampagent/aws/settings.h>

enum { AWS_HOME_ROOM = 4096 };
/* HOME, else what the user's entry in passwd says, which lies in room; NULL where there is neither,
 * as in containers. */
const char *aws_home(aws_getenv *env, char room[AWS_HOME_ROOM]);

/* Sets sections, paths and what is there; s->arena holds all of it. 0; 1 with the file and line
 * when one is there that cannot be read or understood; ERR_NOMEM. */
int aws_shared_files_load(aws_getenv *env, struct aws_settings *s, struct err *err);
