/* Socket addresses: as text, and the few that credentials may be fetched from in the clear. Pure.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

enum { HTTP_ADDRESS_TEXT = 64 };

/* Loopback, and where AWS serves credentials: 169.254.170.2 (ECS), 169.254.170.23 and fd00:ec2::23
 * (EKS Pod Identity); IPv4 addresses also as IPv6 writes them (::ffff:127.0.0.1). */
bool http_address_is_local(const struct sockaddr *a);
/* "10.0.0.1:80", "[fd00::1]:80"; "" for other kinds. */
void http_address_print(const struct sockaddr *a, char dst[HTTP_ADDRESS_TEXT]);
