/* HTTP client settings as prometheus.yml has them, shared by scrapes, remote write and discovery.
 * Views live as long as the configuration snapshot they came from.
 */
#pragma once

#include <ampagent/base/sv.h>

struct http_header_option {
	struct sv name;
	struct sv *values;
	size_t n_values;
	struct sv *secrets;
	size_t n_secrets;
	struct sv *files; /* re-read for each request */
	size_t n_files;
};

enum tls_version { TLS_ANY, TLS_10, TLS_11, TLS_12, TLS_13 };

struct tls_options {
	struct sv ca, ca_file;
	struct sv cert, cert_file;
	struct sv key, key_file;
	struct sv server_name;
	bool insecure_skip_verify;
	enum tls_version min_version, max_version;
};

/* File contents (secrets, certificates) are re-read for each request and trimmed. */
struct http_options {
	bool has_basic_auth;
	struct sv username, username_file;
	struct sv password, password_file;
	bool has_authorization;
	struct sv auth_type; /* "Bearer" by default */
	struct sv credentials, credentials_file;
	struct tls_options tls;
	bool follow_redirects;
	bool enable_http2;
	struct http_header_option *headers;
	size_t n_headers;
};
