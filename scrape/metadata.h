/* The metadata of pages, kept for the API: a family's type, help and unit are there once however
 * many targets expose them, and so is the list of a page that several targets share.
 *
 * A list is replaced as a whole when a page brings metadata that was not there before. So a family
 * that left its page is listed until the page changes again, where Prometheus lists it for ten more
 * scrapes.
 */
#pragma once

#include <ampagent/base/map.h>
#include <ampagent/model/batch.h>

struct metadata_blob;

/* Blobs that are in use; both kinds are ref-counted and found by the hash of their bytes. */
struct metadata_set {
	struct metadata_blob **v;
	uint32_t n, cap;
	struct map index;
	size_t bytes; /* of the blobs, for budgets */
};

/* What the lists of all targets share. */
struct metadata_store {
	struct metadata_set families;
	struct metadata_set lists;
};

#define METADATA_STORE_NULL                                                                        \
	((struct metadata_store){{NULL, 0, 0, MAP_NULL, 0}, {NULL, 0, 0, MAP_NULL, 0}})

/* One target's metadata; families by name, each once. NULL: none. */
struct metadata_list;

/* Every list was released. */
void metadata_store_deinit(struct metadata_store *s);
/* Memory held for all targets. */
size_t metadata_store_bytes(const struct metadata_store *s);

/* Puts the list of v in the place of *list. Of a family that stands there several times, what was
 * said last counts. 0 or ERR_NOMEM, then *list stays. */
int metadata_list_set(struct metadata_store *s, struct metadata_list **list,
		      const struct batch_metadata *v, size_t n);
void metadata_list_release(struct metadata_list *list);
size_t metadata_list_count(const struct metadata_list *list);
/* Views that live as long as the list. */
struct batch_metadata metadata_list_at(const struct metadata_list *list, size_t i);
/* Whether the family is there. */
bool metadata_list_find(const struct metadata_list *list, struct sv family,
			struct batch_metadata *out);
