/* Which bytes a part of an AWS key may have. */
#include "chain.h"
#include <ampagent/base/limits.h>

/* A blank or a line end in a key comes from a secret store's file read with its newline; the
 * service would only answer that the signature does not match. */
int aws_key_part_check(struct sv value, const char *name, struct err *err)
{
	if (value.len > LIMIT_SECRET_BYTES)
		return err_set(err, 1, "%s is longer than %zu bytes", name, LIMIT_SECRET_BYTES);
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if (c <= ' ' || c >= 0x7f)
			return err_set(err, 1,
				       "%s has a blank, a line end or another byte that no AWS "
				       "key has (at byte %zu)",
				       name, i + 1);
	}
	return 0;
}

/* IDs have capitals and digits; of 40 random bytes in base64, as secrets are, none has only them.
 */
struct sv aws_access_key_shown(struct sv access_key)
{
	for (size_t i = 0; i < access_key.len; i++) {
		char c = access_key.ptr[i];
		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
			return SV("no access key's ID, so not shown");
	}
	return access_key;
}
