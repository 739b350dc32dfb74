#include "client_options.h"

#include <ampagent/base/err.h>

#define FIELD(f) offsetof(struct http_options, f)

static const size_t strings[] = {
	FIELD(username),
	FIELD(username_file),
	FIELD(password),
	FIELD(password_file),
	FIELD(auth_type),
	FIELD(credentials),
	FIELD(credentials_file),
	FIELD(oauth2.client_id),
	FIELD(oauth2.client_secret),
	FIELD(oauth2.client_secret_file),
	FIELD(oauth2.token_url),
	FIELD(oauth2.certificate_key),
	FIELD(oauth2.certificate_key_file),
	FIELD(oauth2.certificate_key_id),
	FIELD(oauth2.signature_algorithm),
	FIELD(oauth2.iss),
	FIELD(oauth2.audience),
};

static int copy_string(struct arena *arena, struct sv *s)
{
	if (!s->ptr)
		return 0;
	*s = arena_dup(arena, *s);
	return s->ptr ? 0 : ERR_NOMEM;
}

static int copy_list(struct arena *arena, struct sv **v, size_t n)
{
	struct sv *copy = arena_calloc(arena, n + 1, sizeof *copy);
	if (!copy)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i] = (*v)[i];
		if (copy_string(arena, &copy[i]) != 0)
			return ERR_NOMEM;
	}
	*v = copy;
	return 0;
}

static int copy_pairs(struct arena *arena, struct http_pair **v, size_t n)
{
	struct http_pair *copy = arena_calloc(arena, n + 1, sizeof *copy);
	if (!copy)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i] = (*v)[i];
		if (copy_string(arena, &copy[i].name) != 0 ||
		    copy_string(arena, &copy[i].value) != 0)
			return ERR_NOMEM;
	}
	*v = copy;
	return 0;
}

static int copy_headers(struct arena *arena, struct http_header_option **v, size_t n)
{
	struct http_header_option *copy = arena_calloc(arena, n + 1, sizeof *copy);
	if (!copy)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		struct http_header_option *h = &copy[i];
		*h = (*v)[i];
		if (copy_string(arena, &h->name) != 0 ||
		    copy_list(arena, &h->values, h->n_values) != 0 ||
		    copy_list(arena, &h->secrets, h->n_secrets) != 0 ||
		    copy_list(arena, &h->files, h->n_files) != 0)
			return ERR_NOMEM;
	}
	*v = copy;
	return 0;
}

static int copy_tls(struct arena *arena, struct tls_options *t)
{
	struct sv *const all[] = {&t->ca,  &t->ca_file,  &t->cert,       &t->cert_file,
				  &t->key, &t->key_file, &t->server_name};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (copy_string(arena, all[i]) != 0)
			return ERR_NOMEM;
	}
	return 0;
}

static int copy_proxy(struct arena *arena, struct proxy_options *p)
{
	if (copy_string(arena, &p->url) != 0 || copy_string(arena, &p->no_proxy) != 0)
		return ERR_NOMEM;
	return copy_headers(arena, &p->connect_headers, p->n_connect_headers);
}

int client_options_copy(struct arena *arena, const struct http_options *from,
			struct http_options *to)
{
	*to = *from;
	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
		struct sv *s = (struct sv *)(void *)((char *)to + strings[i]);
		if (copy_string(arena, s) != 0)
			return ERR_NOMEM;
	}
	struct oauth2_options *o = &to->oauth2;
	if (copy_tls(arena, &to->tls) != 0 || copy_proxy(arena, &to->proxy) != 0 ||
	    copy_headers(arena, &to->headers, to->n_headers) != 0 ||
	    copy_tls(arena, &o->tls) != 0 || copy_proxy(arena, &o->proxy) != 0 ||
	    copy_list(arena, &o->scopes, o->n_scopes) != 0 ||
	    copy_pairs(arena, &o->endpoint_params, o->n_endpoint_params) != 0 ||
	    copy_pairs(arena, &o->claims, o->n_claims) != 0)
		return ERR_NOMEM;
	return 0;
}
