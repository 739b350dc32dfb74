/* Replays a fuzz corpus: calls the target with the content of every file named, and of every file
 * in every directory named. A find of the fuzzer that was added to the corpus is so a test of every
 * run. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	if (!f || fstat(fileno(f), &st) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	/* Exactly as large as the input: reading past its end is seen. */
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size ? size : 1);
	int failed = !data || fread(data, 1, size, f) != size;
	if (failed)
		fprintf(stderr, "%s: cannot be read\n", path);
	else
		LLVMFuzzerTestOneInput(data, size);
	free(data);
	fclose(f);
	return failed;
}

static int run_dir(const char *path, size_t *n)
{
	DIR *dir = opendir(path);
	int failed = 0;
	if (!dir) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		char file[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%s", path, e->d_name);
		failed |= run_file(file);
		(*n)++;
	}
	closedir(dir);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;
	size_t n = 0;
	for (int i = 1; i < argc; i++) {
		struct stat st;
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			failed |= run_dir(argv[i], &n);
		} else {
			failed |= run_file(argv[i]);
			n++;
		}
	}
	if (n == 0)
		fprintf(stderr, "no input\n");
	printf("%zu inputs\n", n);
	return failed || n == 0;
}
