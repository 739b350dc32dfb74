/* `ampagent health`: whether the agent of this container is healthy, for a container's check. */
#include "commands.h"

#include <stdio.h>

int cmd_health(int argc, char **argv)
{
	fprintf(stderr, "ampagent health: not built yet\n");
	return 1;
}
