/* Position files: anything may stand in one; what is accepted is written back as it was read. */
#include "../../../remotewrite/position.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(position_deinit) struct position p = POSITION_NULL, again = POSITION_NULL;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	if (position_parse(sv_make((const char *)data, size), &p, NULL) != 0)
		return 0;
	(void)position_lowest(&p);
	buf_init(&text, POSITION_BYTES);
	if (position_write(&text, &p, SV("key")) || position_parse(buf_view(&text), &again, NULL) ||
	    again.n != p.n || again.n_former != p.n_former || again.base != p.base ||
	    memcmp(&again.books, &p.books, sizeof p.books) != 0 ||
	    memcmp(again.shards, p.shards, p.n * sizeof *p.shards) != 0)
		abort();
	return 0;
}
