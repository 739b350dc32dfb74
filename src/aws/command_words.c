#include "command_words.h"

struct splitting {
	struct sv in; /* what is left */
	char *out;    /* where the next byte of a word goes */
};

static char take(struct splitting *s)
{
	char c = s->in.ptr[0];
	s->in = sv_from(s->in, 1);
	return c;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Behind a backslash. A line end is joined away; inside double quotes most bytes keep the
 * backslash. */
static int take_escaped(struct splitting *s, bool quoted, struct err *err)
{
	if (s->in.len == 0)
		return err_set(err, 1, "it ends with a backslash");
	char c = take(s);
	if (c == '\n')
		return 0;
	if (quoted && c != '"' && c != '\\' && c != '$' && c != '`')
		*s->out++ = '\\';
	*s->out++ = c;
	return 0;
}

static int take_quoted(struct splitting *s, char quote, struct err *err)
{
	while (s->in.len > 0) {
		char c = take(s);
		if (c == quote)
			return 0;
		if (c == '\\' && quote == '"') {
			if (take_escaped(s, true, err) != 0)
				return 1;
		} else {
			*s->out++ = c;
		}
	}
	return err_set(err, 1, "a quote (%c) is not closed", quote);
}

static int take_word(struct splitting *s, struct err *err)
{
	while (s->in.len > 0 && !is_blank(s->in.ptr[0])) {
		char c = take(s);
		int code = 0;
		if (c == '\'' || c == '"')
			code = take_quoted(s, c, err);
		else if (c == '\\')
			code = take_escaped(s, false, err);
		else
			*s->out++ = c;
		if (code != 0)
			return code;
	}
	*s->out++ = '\0';
	return 0;
}

int aws_command_words(struct arena *arena, struct sv command, char ***argv, struct err *err)
{
	/* A word and its NUL need no more room than the word and its blank; in double quotes a
	 * backslash stays where it was. */
	struct splitting s = {command, arena_alloc(arena, command.len + 2)};
	char **words = arena_calloc(arena, AWS_COMMAND_WORDS_MAX + 1, sizeof *words);
	size_t n = 0;
	if (!s.out || !words)
		return err_set(err, ERR_NOMEM, "no memory");
	if (sv_find(command, '\0') < command.len)
		return err_set(err, 1, "it has a NUL byte");
	for (;;) {
		while (s.in.len > 0 && is_blank(s.in.ptr[0]))
			take(&s);
		if (s.in.len == 0)
			break;
		if (n == AWS_COMMAND_WORDS_MAX)
			return err_set(err, 1, "it has more than %d words", AWS_COMMAND_WORDS_MAX);
		words[n++] = s.out;
		if (take_word(&s, err) != 0)
			return 1;
	}
	if (n == 0)
		return err_set(err, 1, "it has no word");
	if (words[0][0] == '\0')
		return err_set(err, 1, "its first word is empty");
	*argv = words;
	return 0;
}
