/* Secrets are read for each request and live only in the caller's lines, which it wipes: a rotated
 * token works at once and no copy stays behind. Files are trimmed, as editors end them by a
 * newline.
 */
#include "http_material.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/file.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/text.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CERT_FILE_BYTES = 4 << 20, /* system bundles are about 220 KB */
	FRESH_MS = 2000,           /* coarser than any file system's time stamps in use */
};

static bool value_valid(struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool name_valid(struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c >= 0x7f || c == ':')
			return false;
	}
	return s.len > 0;
}

int material_line(struct buf *lines, struct sv name, struct sv value, struct err *err)
{
	value = sv_trim(value);
	if (!name_valid(name))
		return err_set(err, 1, "header name \"%.*s\" is not valid", SV_ARG(name));
	if (!value_valid(value))
		return err_set(err, 1, "value of header %.*s contains a control character",
			       SV_ARG(name));
	/* "Name;" is how an empty value is said: "Name:" would take the header away. */
	buf_sv(lines, name);
	buf_sv(lines, value.len ? SV(": ") : SV(";"));
	buf_sv(lines, value);
	buf_char(lines, '\0');
	if (buf_failed(lines))
		return err_set(err, 1, "request headers are larger than %zu bytes", lines->max);
	return 0;
}

int material_secret(struct buf *scratch, struct sv value, struct sv file, struct sv *out,
		    struct err *err)
{
	*out = value;
	if (file.len == 0)
		return 0;
	_cleanup_(freep) char *path = sv_dup(file);
	if (!path)
		return err_set(err, 1, "no memory");
	buf_init(scratch, LIMIT_SECRET_BYTES);
	/* One allocation, so that no freed copy stays in memory while the buffer grows. */
	if (buf_reserve(scratch, LIMIT_SECRET_BYTES) != 0)
		return err_set(err, 1, "no memory");
	if (file_read_at_once(path, scratch, err) != 0)
		return 1;
	*out = sv_trim(buf_view(scratch));
	return 0;
}

static int basic_auth_line(struct buf *lines, const struct http_options *opt, struct err *err)
{
	_cleanup_(buf_wipe) struct buf user_text = BUF_NULL, password_text = BUF_NULL;
	_cleanup_(buf_wipe) struct buf plain = BUF_NULL, value = BUF_NULL;
	struct sv user, password;
	if (material_secret(&user_text, opt->username, opt->username_file, &user, err) != 0 ||
	    material_secret(&password_text, opt->password, opt->password_file, &password, err) != 0)
		return 1;
	buf_init(&plain, 2 * LIMIT_SECRET_BYTES + 1);
	buf_init(&value, 4 * LIMIT_SECRET_BYTES);
	buf_sv(&plain, user);
	buf_char(&plain, ':');
	buf_sv(&plain, password);
	buf_sv(&value, SV("Basic "));
	if (buf_failed(&plain) || base64_encode(&value, buf_view(&plain)) != 0)
		return err_set(err, 1, "username and password are too long");
	return material_line(lines, SV("Authorization"), buf_view(&value), err);
}

static int authorization_line(struct buf *lines, const struct http_options *opt, struct err *err)
{
	_cleanup_(buf_wipe) struct buf text = BUF_NULL, value = BUF_NULL;
	struct sv credentials;
	if (material_secret(&text, opt->credentials, opt->credentials_file, &credentials, err) != 0)
		return 1;
	buf_init(&value, 2 * LIMIT_SECRET_BYTES);
	buf_sv(&value, opt->auth_type.len ? opt->auth_type : SV("Bearer"));
	buf_char(&value, ' ');
	if (buf_sv(&value, credentials) != 0)
		return err_set(err, 1, "credentials are too long");
	return material_line(lines, SV("Authorization"), buf_view(&value), err);
}

static int custom_header_lines(struct buf *lines, const struct http_header_option *h,
			       struct err *err)
{
	for (size_t i = 0; i < h->n_values; i++) {
		if (material_line(lines, h->name, h->values[i], err) != 0)
			return 1;
	}
	for (size_t i = 0; i < h->n_secrets; i++) {
		if (material_line(lines, h->name, h->secrets[i], err) != 0)
			return 1;
	}
	for (size_t i = 0; i < h->n_files; i++) {
		_cleanup_(buf_wipe) struct buf text = BUF_NULL;
		struct sv value;
		if (material_secret(&text, SV_NULL, h->files[i], &value, err) != 0 ||
		    material_line(lines, h->name, value, err) != 0)
			return 1;
	}
	return 0;
}

int material_client_lines(struct buf *lines, const struct http_options *opt, bool with_auth,
			  struct err *err)
{
	if (with_auth && opt->has_basic_auth && basic_auth_line(lines, opt, err) != 0)
		return 1;
	if (with_auth && opt->has_authorization && authorization_line(lines, opt, err) != 0)
		return 1;
	for (size_t i = 0; i < opt->n_headers; i++) {
		if (custom_header_lines(lines, &opt->headers[i], err) != 0)
			return 1;
	}
	return 0;
}

bool material_is_sensitive(struct sv name)
{
	static const char *const names[] = {
		"authorization",         "proxy-authorization",  "cookie",
		"www-authenticate",      "x-amz-security-token", "x-aws-ec2-metadata-token",
		"x-amz-sso_bearer_token"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (sv_eq_nocase(name, sv_of(names[i])))
			return true;
	}
	return false;
}

/* --- certificate files --- */

const char *material_system_ca(void)
{
	static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
					      "/etc/pki/tls/certs/ca-bundle.crt",
					      "/etc/ssl/cert.pem"};
	const char *from_env = getenv("SSL_CERT_FILE");
	const char *found = from_env && from_env[0] ? from_env : NULL;
	for (size_t i = 0; !found && i < sizeof(bundles) / sizeof(bundles[0]); i++) {
		if (access(bundles[i], R_OK) == 0)
			found = bundles[i];
	}
	return found;
}

int material_tls_init(struct material_tls *m, const struct tls_options *opt)
{
	const struct sv paths[MATERIAL_FILES] = {opt->ca_file, opt->cert_file, opt->key_file};
	*m = (struct material_tls){0};
	for (int i = 0; i < MATERIAL_FILES; i++) {
		if (paths[i].len && !(m->files[i].path = sv_dup(paths[i]))) {
			material_tls_deinit(m);
			return ERR_NOMEM;
		}
	}
	return 0;
}

void material_tls_deinit(struct material_tls *m)
{
	for (int i = 0; i < MATERIAL_FILES; i++)
		free(m->files[i].path);
	*m = (struct material_tls){0};
}

static int64_t timespec_ms(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int file_check(struct material_file *f, int64_t wall_ms, bool *changed, struct err *err)
{
	struct stat st;
	if (stat(f->path, &st) != 0)
		return err_set(err, 1, "cannot open %s: %s", f->path, strerror(errno));
	bool fresh = timespec_ms(st.st_ctim) + FRESH_MS > wall_ms;
	if (f->known && !fresh && same_stat(&st, &f->stat))
		return 0;
	_cleanup_(buf_wipe) struct buf text = BUF_NULL;
	buf_init(&text, CERT_FILE_BYTES);
	if (file_read_at_once(f->path, &text, err) != 0)
		return 1;
	uint64_t hash = hash_stable(text.ptr, text.len);
	*changed = *changed || (f->known && hash != f->hash);
	f->hash = hash;
	f->stat = st;
	f->known = true;
	return 0;
}

int material_tls_check(struct material_tls *m, int64_t now_ms, int64_t wall_ms, struct err *err)
{
	bool changed = false;
	int r = 0;
	for (int i = 0; i < MATERIAL_FILES && r == 0; i++) {
		if (m->files[i].path)
			r = file_check(&m->files[i], wall_ms, &changed, err);
	}
	/* Even when a later file failed: what changed must not be forgotten. */
	if (changed)
		m->changed_ms = now_ms;
	return r;
}
