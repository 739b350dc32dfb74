/* An answer's body as it arrives: counted, bounded, kept; and why a request was given up here. */
#include "http_address.h"
#include "http_call.h"

#include <ampagent/base/limits.h>
#include <ampagent/net/descriptors.h>

#include <errno.h>
#include <sys/socket.h>

/* The buffer has to grow: as far as is fair beside all other memory, and no further. */
static void share_room(struct http_call *call)
{
	struct buf *out = call->body_out;
	size_t max = budget_fair(out->cap, call->out_max);
	out->max = max > out->cap ? max : out->cap;
}

int http_body_take(struct http_call *call, const char *ptr, size_t len)
{
	struct buf *out = call->body_out;
	if (len > call->body_max - call->received) {
		call->fault = FAULT_BODY;
		return 1;
	}
	call->received += len;
	if (!out)
		return 0;
	if (out->part != BUDGET_NONE && len > out->cap - out->len)
		share_room(call);
	if (buf_append(out, ptr, len) == 0)
		return 0;
	if (len <= out->max - out->len)
		call->fault = FAULT_MEMORY;
	else
		call->fault = out->max < call->out_max ? FAULT_ROOM : FAULT_BODY;
	return 1;
}

int http_socket_open(struct http_call *call, enum fd_use use, int family, int type, int protocol,
		     bool *may_idle)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0) {
		call->fault = errno == EMFILE || errno == ENFILE ? FAULT_DESCRIPTORS : call->fault;
		return -1;
	}
	if (!descriptors_may_keep(fd, use)) {
		close(fd);
		call->fault = FAULT_DESCRIPTORS;
		return -1;
	}
	*may_idle = descriptors_may_idle(fd, use);
	call->fault = FAULT_NONE; /* of another address */
	return fd;
}

int http_socket_allowed(struct http_call *call, const struct sockaddr *to)
{
	if (call->peer)
		http_address_print(to, call->peer->address);
	if (!call->local_only || http_address_is_local(to))
		return 0;
	http_address_print(to, call->refused);
	call->fault = FAULT_ADDRESS;
	return 1;
}

enum http_result http_fault_result(const struct http_call *call)
{
	switch (call->fault) {
	case FAULT_MEMORY:
	case FAULT_DESCRIPTORS:
		return HTTP_LOCAL;
	case FAULT_ROOM:
		return HTTP_NO_ROOM;
	case FAULT_ADDRESS:
		return HTTP_NETWORK;
	default:
		return HTTP_TOO_LARGE;
	}
}

void http_fault_text(struct http_call *call)
{
	struct err *why = &call->why;
	switch (call->fault) {
	case FAULT_NONE:
		break;
	case FAULT_BODY:
		err_set(why, 0, "the answer's body is larger than %zu bytes", call->body_max);
		break;
	case FAULT_HEADERS:
		err_set(why, 0, "the answer's header is larger than %zu bytes",
			LIMIT_HTTP_HEADER_BYTES);
		break;
	case FAULT_MEMORY:
		err_set(why, 0, "no memory");
		break;
	case FAULT_ROOM:
		err_set(why, 0, "larger than memory allows, ended after %zu bytes", call->received);
		break;
	case FAULT_DESCRIPTORS:
		err_set(why, 0, "too many open files (the limit is %lld)",
			(long long)descriptors_limit());
		break;
	case FAULT_ADDRESS:
		err_set(why, 0,
			"%s is neither this host nor an address at which AWS serves credentials",
			call->refused);
		break;
	}
}
