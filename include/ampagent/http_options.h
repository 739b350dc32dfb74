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

struct http_pair {
	struct sv name, value;
};

struct proxy_options {
	struct sv url;
	struct sv no_proxy;                         /* comma-separated, as Go's NO_PROXY */
	bool from_environment;                      /* HTTP_PROXY, HTTPS_PROXY, NO_PROXY */
	struct http_header_option *connect_headers; /* only secrets are set */
	size_t n_connect_headers;
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

/* OAuth 2.0: the client credentials grant (RFC 6749, 4.4) or a signed JWT as authorization grant
 * (RFC 7523). */
struct oauth2_options {
	struct sv client_id;
	struct sv client_secret, client_secret_file;
	struct sv token_url;
	struct sv *scopes;
	size_t n_scopes;
	struct http_pair *endpoint_params;
	size_t n_endpoint_params;
	bool jwt_bearer; /* grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer */
	struct sv certificate_key, certificate_key_file, certificate_key_id;
	struct sv signature_algorithm; /* RS256 by default */
	struct sv iss, audience;
	struct http_pair *claims; /* values as JSON */
	size_t n_claims;
	struct tls_options tls;
	struct proxy_options proxy;
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
	bool has_oauth2;
	struct oauth2_options oauth2;
	struct proxy_options proxy;
};
