/* Instance metadata. */
#include "imds_cache.h"

#include <ampagent/aws/imds.h>

void aws_imds_cache_init(struct aws_imds_cache *c)
{
	*c = (struct aws_imds_cache){0};
}

void aws_imds_cache_deinit(struct aws_imds_cache *c)
{
	(void)c;
}

int aws_imds_start(struct aws_session *s, const struct aws_settings *settings, struct sv path,
		   void (*done)(void *cls, enum aws_imds_result result, struct sv text,
				int64_t peer_now_ms, const struct err *why),
		   void *cls, struct aws_imds **out, struct err *err)
{
	(void)s, (void)settings, (void)path, (void)done, (void)cls, (void)out;
	return err_set(err, 1, "instance metadata is not there yet");
}

void aws_imds_cancel(struct aws_imds *i)
{
	(void)i;
}
