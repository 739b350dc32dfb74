/* For those in this room who start transfers of their own. */
#pragma once

#include <ampagent/net/http_client.h>

/* *note becomes NULL when the transfer is gone, by whatever way; note NULL: no longer. */
void http_transfer_note(struct http_transfer *t, struct http_transfer **note);
