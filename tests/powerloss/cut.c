/* cut JOURNAL SEED DIR: makes in DIR what a power cut at the journal's end may leave. Prints for
 * each file its name, its size before, and how many bytes from its beginning were safe. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "disk.h"

static void print(void *cls, const char *name, uint64_t size, uint64_t safe)
{
	printf("%s %" PRIu64 " %" PRIu64 "\n", name, size, safe);
}

int main(int argc, char **argv)
{
	struct stat st;
	FILE *f = argc == 4 ? fopen(argv[1], "rb") : NULL;
	if (!f || fstat(fileno(f), &st) != 0) {
		fprintf(stderr, "usage: cut JOURNAL SEED DIR\n");
		return 2;
	}
	size_t left = (size_t)st.st_size;
	char *bytes = malloc(left + 1);
	if (!bytes || fread(bytes, 1, left, f) != left)
		return 1;
	fclose(f);
	struct disk *d = disk_new();
	struct journal_head head;
	const char *at = bytes;
	for (size_t n; (n = journal_next(at, left, &head)) > 0; at += n, left -= n)
		disk_apply(d, &head, at + sizeof head);
	disk_each(d, print, NULL);
	disk_cut(d, strtoull(argv[2], NULL, 10), argv[3]);
	disk_free(d);
	free(bytes);
	return 0;
}
