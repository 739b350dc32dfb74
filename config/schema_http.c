/* HTTP client keys: authentication, TLS, headers. */
#include "raw.h"
#include "schema.h"

/* In the order of enum tls_version. */
static const char *const tls_words[] = {"", "TLS10", "TLS11", "TLS12", "TLS13", NULL};

#define HTTP_ENTRIES(http2)                                                                        \
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
		 .fallback = "true",                                                               \
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
		NOT_BUILT("oauth2", SCHEMA_ANY, "OAuth 2.0."),                                     \
		NOT_BUILT("proxy_url", SCHEMA_STRING, "HTTP proxy."),                              \
		NOT_BUILT("no_proxy", SCHEMA_STRING, "Addresses reached without the proxy."),      \
		NOT_BUILT("proxy_from_environment", SCHEMA_BOOL, "HTTP proxy."),                   \
		NOT_BUILT("proxy_connect_header", SCHEMA_LISTS, "Headers for the proxy."),         \
	{                                                                                          \
		.key = NULL                                                                        \
	}

static const struct schema_entry http_entries[] = {HTTP_ENTRIES("true")};
static const struct schema_entry http_write_entries[] = {HTTP_ENTRIES("false")};

const struct schema_block schema_http = {
	.name = "HTTP client",
	.title = "HTTP client keys",
	.help = "These stand directly in a scrape_configs or remote_write entry. Files with "
		"secrets "
		"and certificates are read again for each request, and the secrets in them "
		"trimmed. "
		"At most one of basic_auth, authorization, bearer_token and bearer_token_file. "
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

static const struct schema_entry basic_auth_entries[] = {
	{.key = "username",
	 .kind = SCHEMA_STRING,
	 AT(struct http_options, username),
	 .help = "User name."},
	{.key = "username_file",
	 .kind = SCHEMA_PATH,
	 AT(struct http_options, username_file),
	 .help = "File with the user name, instead of username."},
	{.key = "password",
	 .kind = SCHEMA_SECRET,
	 AT(struct http_options, password),
	 .help = "Password."},
	{.key = "password_file",
	 .kind = SCHEMA_PATH,
	 AT(struct http_options, password_file),
	 .help = "File with the password, instead of password."},
	NOT_BUILT("username_ref", SCHEMA_STRING, "User name from a secret manager."),
	NOT_BUILT("password_ref", SCHEMA_STRING, "Password from a secret manager."),
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
	 AT(struct http_options, credentials_file),
	 .help = "File with the credentials, instead of credentials."},
	NOT_BUILT("credentials_ref", SCHEMA_STRING, "Credentials from a secret manager."),
	{.key = NULL},
};

const struct schema_block schema_authorization = {
	.name = "authorization",
	.title = "authorization",
	.size = sizeof(struct http_options),
	.node = SCHEMA_NOWHERE,
	.entries = authorization_entries,
};

static const struct schema_entry tls_entries[] = {
	{.key = "ca",
	 .kind = SCHEMA_STRING,
	 AT(struct tls_options, ca),
	 .help = "Certificates (PEM) that are trusted instead of the system's."},
	{.key = "ca_file",
	 .kind = SCHEMA_PATH,
	 AT(struct tls_options, ca_file),
	 .help = "The same in a file, instead of ca."},
	{.key = "cert",
	 .kind = SCHEMA_STRING,
	 AT(struct tls_options, cert),
	 .help = "Client certificate (PEM); needs a key."},
	{.key = "cert_file",
	 .kind = SCHEMA_PATH,
	 AT(struct tls_options, cert_file),
	 .help = "The same in a file, instead of cert."},
	{.key = "key",
	 .kind = SCHEMA_SECRET,
	 AT(struct tls_options, key),
	 .help = "Key (PEM) of the client certificate."},
	{.key = "key_file",
	 .kind = SCHEMA_PATH,
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
	 .help = "Lowest TLS version."},
	{.key = "max_version",
	 .kind = SCHEMA_WORD,
	 AT(struct tls_options, max_version),
	 .words = tls_words,
	 .help = "Highest TLS version."},
	NOT_BUILT("ca_ref", SCHEMA_STRING, "Certificates from a secret manager."),
	NOT_BUILT("cert_ref", SCHEMA_STRING, "Certificate from a secret manager."),
	NOT_BUILT("key_ref", SCHEMA_STRING, "Key from a secret manager."),
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
