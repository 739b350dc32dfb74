/* What `promtool check config` looks at beyond loading: whether files that are named are there.
 *
 * It asks for those of a job's own authorization and client certificate. Others (passwords,
 * destinations', those behind a token) are asked for too, but only warned of. */
#include "load.h"

#include <errno.h>
#include <sys/stat.h>

struct look {
	bool syntax_only;
	FILE *out;
};

static bool exists(struct sv name)
{
	struct stat st;
	return stat(name.ptr, &st) == 0; /* strings of a snapshot end with NUL */
}

static bool is_one(struct sv name, const struct sv *of, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (of[i].ptr == name.ptr)
			return true;
	return false;
}

/* Whether a scrape cannot do without the file. */
static bool is_needed(const struct config *c, struct sv name)
{
	for (size_t i = 0; i < c->n_scrapes; i++) {
		const struct http_options *h = &c->scrapes[i].http;
		const struct sv needed[] = {h->credentials_file, h->tls.cert_file, h->tls.key_file};
		if (is_one(name, needed, sizeof needed / sizeof *needed))
			return true;
	}
	return false;
}

static int look_at_files(void *cls, struct decode *d, const struct config *c)
{
	const struct look *look = cls;
	for (const struct decode_file *f = d->first_file; f; f = f->next) {
		if (look->syntax_only || exists(f->name))
			continue;
		const char *why = strerror(errno);
		if (is_needed(c, f->name))
			return err_at(d->err, 1, f->line, f->col, "%s:%d:%d: \"%s\": %.*s: %s",
				      f->path, f->line, f->col, f->key, SV_ARG(f->name), why);
		fprintf(look->out, "  WARNING: %s:%d:%d: \"%s\": %.*s: %s\n", f->path, f->line,
			f->col, f->key, SV_ARG(f->name), why);
	}
	return 0;
}

/* text NULL: the file at path. */
static int check(const struct sv *text, const char *path, const struct config_features *features,
		 bool syntax_only, FILE *out, FILE *errors, struct config **checked)
{
	struct look look = {syntax_only, out};
	const struct load_options opt = {.features = features,
					 .leave_includes = syntax_only,
					 .look = look_at_files,
					 .cls = &look};
	_cleanup_(config_unrefp) struct config *c = NULL;
	struct err err = ERR_NULL;
	fprintf(out, "Checking %s\n", path);
	fflush(out);
	int r = text ? load_parse(*text, path, &opt, &c, &err) : load_file(path, &opt, &c, &err);
	for (size_t i = 0; r == 0 && i < c->n_warnings; i++) {
		const struct config_warning *w = &c->warnings[i];
		fprintf(out, "  WARNING: %.*s:%d:%d: %.*s\n", SV_ARG(w->path), w->line, w->col,
			SV_ARG(w->text));
	}
	if (r != 0)
		fprintf(errors, "  FAILED: %s\n", err.msg);
	if (r == 0 && checked)
		*checked = take_ptr(c);
	return r;
}

int config_check(const char *path, const struct config_features *features, bool syntax_only,
		 FILE *out, FILE *errors, struct config **checked)
{
	return check(NULL, path, features, syntax_only, out, errors, checked);
}

int config_check_text(struct sv text, const char *path, const struct config_features *features,
		      bool syntax_only, FILE *out, FILE *errors, struct config **checked)
{
	return check(&text, path, features, syntax_only, out, errors, checked);
}
