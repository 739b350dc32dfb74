/* Lists of target groups, and the reader of file_sd's two file forms. */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/limits.h>
#include <ampagent/model/target_group.h>

/* Owns everything its groups point to. */
struct group_list {
	struct arena arena;
	struct target_group *v;
	size_t n;
};

#define GROUP_LIST_NULL ((struct group_list){ARENA_NULL, NULL, 0})

void group_list_deinit(struct group_list *l);

DEFINE_CLEANUP(struct group_list, group_list_deinit)

/* Fills a list group by group:
 *   group_writer_begin(); group_writer_target() and group_writer_label() in any order;
 *   group_writer_end() for every group, then group_writer_finish().
 * Steps return 0, or 1 with the reason: the list would pass max, or a label set its limits. */
struct group_writer {
	struct group_list list;
	struct arena scratch; /* of the group being written */
	struct label_builder labels;
	struct labels *targets;
	size_t n_targets, cap_targets, cap_groups;
};

void group_writer_init(struct group_writer *w, size_t max);
void group_writer_deinit(struct group_writer *w);
void group_writer_begin(struct group_writer *w);
/* An empty address gives a target without labels. */
int group_writer_target(struct group_writer *w, struct sv address, struct err *err);
/* The same with labels of its own. */
int group_writer_target_with(struct group_writer *w, struct sv address, const struct label *own,
			     size_t n_own, struct err *err);
/* A later value of one name wins; an empty one removes it. */
int group_writer_label(struct group_writer *w, struct sv name, struct sv value, struct err *err);
/* Forgets the targets, or the labels, written since the group began. */
void group_writer_drop_targets(struct group_writer *w);
void group_writer_drop_labels(struct group_writer *w);
int group_writer_end(struct group_writer *w, struct sv source, struct err *err);
/* Moves the list to out, which must hold nothing. */
void group_writer_finish(struct group_writer *w, struct group_list *out);

DEFINE_CLEANUP(struct group_writer, group_writer_deinit)

/* What a list read from one file may take: a small file can name very many empty targets. */
#define GROUPS_MAX_BYTES (4 * LIMIT_SD_FILE_BYTES)

enum groups_form { GROUPS_JSON, GROUPS_YAML };

/* Reads [{targets: [...], labels: {...}}, ...]. Unknown fields are refused. Each group gets the
 * source "<file>:<index>" and the label __meta_filepath. 0 and *out, which must hold nothing; 1
 * with place and reason. */
int groups_parse(enum groups_form form, struct sv text, struct sv file, struct group_list *out,
		 struct err *err);
