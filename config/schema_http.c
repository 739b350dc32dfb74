/* HTTP client keys: authentication, TLS, headers. */
#include "raw.h"
#include "schema.h"

/* In the order of enum tls_version. */
static const char *const tls_words[] = {"", "TLS10", "TLS11", "TLS12", "TLS13", NULL};

/* type has the fields proxy and proxy_url_set behind `path`. */
#define PROXY_ENTRIES(type, path)                                                                  \
	{.key = "proxy_url",                                                                       \
	 .kind = SCHEMA_URL,                                                                       \
	 AT(type, path.url),                                                                       \
	 GIVEN_AT(type, proxy_url_set),                                                            \
	 .help = "HTTP proxy."},                                                                   \
		{.key = "no_proxy",                                                                \
		 .kind = SCHEMA_STRING,                                                            \
		 AT(type, path.no_proxy),                                                          \
		 .help = "Addresses reached without the proxy: host names, domains, addresses, "   \
			 "networks, with commas between them. Only with proxy_url."},              \
		{.key = "proxy_from_environment",                                                  \
		 .kind = SCHEMA_BOOL,                                                              \
		 AT(type, path.from_environment),                                                  \
		 .fallback = "false",                                                              \
		 .help = "Takes the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Not with "    \
			 "proxy_url or no_proxy."},                                                \
	{                                                                                          \
		.key = "proxy_connect_header", .kind = SCHEMA_SECRET_LISTS,                        \
		LIST_AT(type, path.connect_headers, path.n_connect_headers),                       \
		.help = "Headers for the proxy's CONNECT. Only with a proxy."                      \
	}

#define HTTP_ENTRIES(redirects, http2)                                                             \
	{.key = "basic_auth",                                                                      \
	 .kind = SCHEMA_BLOCK,                                                                     \
	 .block = &schema_basic_auth,                                                              \
	 AT(struct raw_http, opt),                                                                 \
	 GIVEN_AT(struct raw_http, opt.has_basic_auth),                                            \
	 .help = "User name and password."},                                                       \
		{.key = "authorization",                                                           \
		 .kind = SCHEMA_BLOCK,                                                             \
		 .block = &schema_authorization,                                                   \
		 AT(struct raw_http, opt),                                                         \
		 GIVEN_AT(struct raw_http, opt.has_authorization),                                 \
		 .help = "The header Authorization."},                                             \
		{.key = "bearer_token",                                                            \
		 .kind = SCHEMA_SECRET,                                                            \
		 AT(struct raw_http, bearer_token),                                                \
		 .help = "Old form of authorization.credentials."},                                \
		{.key = "bearer_token_file",                                                       \
		 .kind = SCHEMA_PATH,                                                              \
		 .is_read = true,                                                                  \
		 AT(struct raw_http, bearer_token_file),                                           \
		 .help = "Old form of authorization.credentials_file."},                           \
		{.key = "tls_config",                                                              \
		 .kind = SCHEMA_BLOCK,                                                             \
		 .block = &schema_tls,                                                             \
		 AT(struct raw_http, opt.tls),                                                     \
		 .help = "Certificates and TLS versions."},                                        \
		{.key = "follow_redirects",                                                        \
		 .kind = SCHEMA_BOOL,                                                              \
		 AT(struct raw_http, opt.follow_redirects),                                        \
		 .fallback = redirects,                                                            \
		 .help = "Whether redirects are followed."},                                       \
		{.key = "enable_http2",                                                            \
		 .kind = SCHEMA_BOOL,                                                              \
		 AT(struct raw_http, opt.enable_http2),                                            \
		 .fallback = http2,                                                                \
		 .help = "Without effect: requests are HTTP/1.1."},                                \
		{.key = "http_headers",                                                            \
		 .kind = SCHEMA_NAMED_BLOCKS,                                                      \
		 .block = &schema_header,                                                          \
		 LIST_AT(struct raw_http, opt.headers, opt.n_headers),                             \
		 .help = "Further request headers by name. Headers that the client itself sets "   \
			 "are refused."},                                                          \
		{.key = "oauth2",                                                                  \
		 .kind = SCHEMA_BLOCK,                                                             \
		 .block = &schema_oauth2,                                                          \
		 AT(struct raw_http, oauth2),                                                      \
		 GIVEN_AT(struct raw_http, opt.has_oauth2),                                        \
		 .help = "OAuth 2.0."},                                                            \
		PROXY_ENTRIES(struct raw_http, opt.proxy),                                         \
	{                                                                                          \
		.key = NULL                                                                        \
	}

static const struct schema_entry http_entries[] = {HTTP_ENTRIES("true", "true")};
static const struct schema_entry http_write_entries[] = {HTTP_ENTRIES("true", "false")};

static const struct schema_entry http_aws_entries[] = {HTTP_ENTRIES("false", "false")};

const struct schema_block schema_http = {
	.name = "HTTP client",
	.title = "HTTP client keys",
	.help = "These stand directly in an entry of scrape_configs, remote_write, ecs_sd_configs "
		"or aws_sd_configs. Files with "
		"secrets "
		"and certificates are read again for each request, and the secrets in them "
		"trimmed. "
		"At most one of basic_auth, authorization, oauth2, bearer_token and "
		"bearer_token_file. "
		"enable_http2 is false by default in remote_write.",
	.size = sizeof(struct raw_http),
	.node = SCHEMA_NOWHERE,
	.entries = http_entries,
};

const struct schema_block schema_http_write = {
	.name = "HTTP client",
	.size = sizeof(struct raw_http),
	.node = SCHEMA_NOWHERE,
	.entries = http_write_entries,
};

/* Prometheus forgets the defaults in aws_sd_configs. */
const struct schema_block schema_http_aws = {
	.name = "HTTP client",
	.size = sizeof(struct raw_http),
	.node = SCHEMA_NOWHERE,
	.entries = http_aws_entries,
};

static const struct schema_entry basic_auth_entries[] = {
	{.key = "username",
	 .kind = SCHEMA_STRING,
	 AT(struct http_options, username),
	 .help = "User name."},
	{.key = "username_file",
	 .kind = SCHEMA_PATH,
	 .is_read = true,
	 AT(struct http_options, username_file),
	 .help = "File with the user name, instead of username."},
	{.key = "password",
	 .kind = SCHEMA_SECRET,
	 AT(struct http_options, password),
	 .help = "Password."},
	{.key = "password_file",
	 .kind = SCHEMA_PATH,
	 .is_read = true,
	 AT(struct http_options, password_file),
	 .help = "File with the password, instead of password."},
	SECRET_REF("username_ref"),
	SECRET_REF("password_ref"),
	{.key = NULL},
};

const struct schema_block schema_basic_auth = {
	.name = "basic_auth",
	.title = "basic_auth",
	.size = sizeof(struct http_options),
	.node = SCHEMA_NOWHERE,
	.entries = basic_auth_entries,
};

static const struct schema_entry authorization_entries[] = {
	{.key = "type",
	 .kind = SCHEMA_STRING,
	 AT(struct http_options, auth_type),
	 .fallback_text = "Bearer",
	 .help = "Scheme of the header; `Basic` is refused, basic_auth is for that."},
	{.key = "credentials",
	 .kind = SCHEMA_SECRET,
	 AT(struct http_options, credentials),
	 .help = "What follows the scheme."},
	{.key = "credentials_file",
	 .kind = SCHEMA_PATH,
	 .is_read = true,
	 AT(struct http_options, credentials_file),
	 .help = "File with the credentials, instead of credentials."},
	SECRET_REF("credentials_ref"),
	{.key = NULL},
};

const struct schema_block schema_authorization = {
	.name = "authorization",
	.title = "authorization",
	.size = sizeof(struct http_options),
	.node = SCHEMA_NOWHERE,
	.entries = authorization_entries,
};

static const struct schema_entry oauth2_entries[] = {
	{.key = "client_id",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_oauth2, opt.client_id),
	 .required = true,
	 .help = "Client ID."},
	{.key = "client_secret",
	 .kind = SCHEMA_SECRET,
	 AT(struct raw_oauth2, opt.client_secret),
	 .help = "Client secret."},
	{.key = "client_secret_file",
	 .kind = SCHEMA_PATH,
	 .is_read = true,
	 AT(struct raw_oauth2, opt.client_secret_file),
	 .help = "File with the secret, instead of client_secret."},
	SECRET_REF("client_secret_ref"),
	{.key = "client_certificate_key_id",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_oauth2, opt.certificate_key_id),
	 .help = "Key ID in the head of the signed token."},
	{.key = "client_certificate_key",
	 .kind = SCHEMA_SECRET,
	 AT(struct raw_oauth2, opt.certificate_key),
	 .help = "Private RSA key (PEM) that signs the token."},
	{.key = "client_certificate_key_file",
	 .kind = SCHEMA_PATH,
	 .is_read = true,
	 AT(struct raw_oauth2, opt.certificate_key_file),
	 .help = "The same in a file, instead of client_certificate_key. (Prometheus takes a "
		 "relative name of this one key from its working directory.)"},
	SECRET_REF("client_certificate_key_ref"),
	{.key = "grant_type",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_oauth2, grant_type),
	 .fallback_text = "`client_credentials`",
	 .help = "`urn:ietf:params:oauth:grant-type:jwt-bearer` for a signed token (RFC 7523); "
		 "anything else is client_credentials."},
	{.key = "signature_algorithm",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_oauth2, opt.signature_algorithm),
	 .fallback_text = "`RS256`",
	 .help = "RS256, RS384 or RS512, of the signed token."},
	{.key = "iss",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_oauth2, opt.iss),
	 .fallback_text = "client_id",
	 .help = "Issuer in the signed token."},
	{.key = "audience",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_oauth2, opt.audience),
	 .fallback_text = "token_url",
	 .help = "Audience in the signed token."},
	{.key = "claims",
	 .kind = SCHEMA_JSON_MAP,
	 LIST_AT(struct raw_oauth2, opt.claims, opt.n_claims),
	 .help = "Further claims of the signed token."},
	{.key = "scopes",
	 .kind = SCHEMA_STRINGS,
	 LIST_AT(struct raw_oauth2, opt.scopes, opt.n_scopes),
	 .help = "Scopes that are asked for."},
	{.key = "token_url",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_oauth2, opt.token_url),
	 .required = true,
	 .help = "Where tokens are fetched."},
	{.key = "endpoint_params",
	 .kind = SCHEMA_MAP,
	 LIST_AT(struct raw_oauth2, endpoint_params, n_endpoint_params),
	 .help = "Further parameters of the token request."},
	{.key = "tls_config",
	 .kind = SCHEMA_BLOCK,
	 .block = &schema_tls,
	 AT(struct raw_oauth2, opt.tls),
	 .help = "Certificates and TLS versions of the token request."},
	PROXY_ENTRIES(struct raw_oauth2, opt.proxy),
	{.key = NULL},
};

const struct schema_block schema_oauth2 = {
	.name = "oauth2",
	.title = "oauth2",
	.help = "A token by the client credentials grant of OAuth 2.0, or by a signed one.",
	.size = sizeof(struct raw_oauth2),
	.node = SCHEMA_NOWHERE,
	.entries = oauth2_entries,
};

static const struct schema_entry tls_entries[] = {
	{.key = "ca",
	 .kind = SCHEMA_STRING,
	 AT(struct tls_options, ca),
	 .help = "Certificates (PEM) that are trusted instead of the system's."},
	{.key = "ca_file",
	 .kind = SCHEMA_PATH,
	 .is_read = true,
	 AT(struct tls_options, ca_file),
	 .help = "The same in a file, instead of ca."},
	{.key = "cert",
	 .kind = SCHEMA_STRING,
	 AT(struct tls_options, cert),
	 .help = "Client certificate (PEM); needs a key."},
	{.key = "cert_file",
	 .kind = SCHEMA_PATH,
	 .is_read = true,
	 AT(struct tls_options, cert_file),
	 .help = "The same in a file, instead of cert."},
	{.key = "key",
	 .kind = SCHEMA_SECRET,
	 AT(struct tls_options, key),
	 .help = "Key (PEM) of the client certificate."},
	{.key = "key_file",
	 .kind = SCHEMA_PATH,
	 .is_read = true,
	 AT(struct tls_options, key_file),
	 .help = "The same in a file, instead of key."},
	{.key = "server_name",
	 .kind = SCHEMA_STRING,
	 AT(struct tls_options, server_name),
	 .help = "Name that the server's certificate must have, and the name sent to it."},
	{.key = "insecure_skip_verify",
	 .kind = SCHEMA_BOOL,
	 AT(struct tls_options, insecure_skip_verify),
	 .fallback = "false",
	 .help = "Accepts any certificate."},
	{.key = "min_version",
	 .kind = SCHEMA_WORD,
	 AT(struct tls_options, min_version),
	 .words = tls_words,
	 .no_empty = true,
	 .help = "Lowest TLS version."},
	{.key = "max_version",
	 .kind = SCHEMA_WORD,
	 AT(struct tls_options, max_version),
	 .words = tls_words,
	 .no_empty = true,
	 .help = "Highest TLS version."},
	SECRET_REF("ca_ref"),
	SECRET_REF("cert_ref"),
	SECRET_REF("key_ref"),
	{.key = NULL},
};

const struct schema_block schema_tls = {
	.name = "tls_config",
	.title = "tls_config",
	.size = sizeof(struct tls_options),
	.node = SCHEMA_NOWHERE,
	.entries = tls_entries,
};

static const struct schema_entry header_entries[] = {
	{.key = "values",
	 .kind = SCHEMA_STRINGS,
	 LIST_AT(struct http_header_option, values, n_values),
	 .help = "Values."},
	{.key = "secrets",
	 .kind = SCHEMA_SECRETS,
	 LIST_AT(struct http_header_option, secrets, n_secrets),
	 .help = "Values that are never shown."},
	{.key = "files",
	 .kind = SCHEMA_PATHS,
	 .is_read = true,
	 LIST_AT(struct http_header_option, files, n_files),
	 .help = "Files with values."},
	{.key = NULL},
};

const struct schema_block schema_header = {
	.name = "http_headers",
	.title = "http_headers",
	.help = "One entry for each header; each value is a header line of its own.",
	.size = sizeof(struct http_header_option),
	.node = SCHEMA_NOWHERE,
	.entries = header_entries,
};
