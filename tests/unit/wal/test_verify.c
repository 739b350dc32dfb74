/* Checking a log from its files: what is right is found right, and each kind of wrong is found. */
#include "fixture.h"

#include <ampagent/base/hash.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../../../src/wal/ledger.h"
#include "../../../src/wal/reader.h"
#include "../../../src/wal/store.h"

enum { SLOTS = 20 };

/* Positions as the tests write them: struct told, of a destination with two shards or one. */
struct told {
	int64_t base;
	uint64_t sent, dropped, unsettled;
	uint32_t n, n_former;
	struct wal_place places[8];
};

static uint32_t shard_of(uint32_t frame, uint32_t n)
{
	return frame % n;
}

static int read_told(struct sv content, struct wal_position_books *out, struct err *err)
{
	struct told t;
	*out = (struct wal_position_books){0};
	if (content.len != sizeof t)
		return err_set(err, 1, "made up");
	memcpy(&t, content.ptr, sizeof t);
	out->base = t.base;
	out->sent = t.sent;
	out->unsettled = t.unsettled;
	if (t.dropped > 0)
		out->dropped[out->n_dropped++] = (struct wal_refused){"too_old", 0, t.dropped};
	out->places = calloc(8, sizeof *out->places);
	out->former = calloc(8, sizeof *out->former);
	out->n = t.n;
	out->n_former = t.n_former;
	memcpy(out->places, t.places, t.n * sizeof *out->places);
	memcpy(out->former, t.places + t.n, t.n_former * sizeof *out->former);
	return 0;
}

static const struct wal_position_reader reader = {read_told, shard_of};

/* want -1: it agrees or not. */
static char *check(struct fixture *fx, bool json, int want)
{
	char *text = NULL;
	size_t n;
	struct err err = ERR_NULL;
	FILE *f = open_memstream(&text, &n);
	assert_non_null(f);
	int r = wal_verify(fx->dir, &reader, json, f, &err);
	fclose(f);
	if (want < 0 && r != WAL_VERIFY_UNREADABLE)
		return text;
	if (r != want)
		print_error("%d, not %d: %s\n%s\n", r, want, err.msg, text);
	assert_int_equal(r, want);
	return text;
}

static void agrees(struct fixture *fx)
{
	free(check(fx, false, 0));
}

/* Without what only an orderly end leaves: the empty segment that tells how far the log went. */
static void close_killed(struct fixture *fx, const char *empty)
{
	char path[200];
	fx_close(fx);
	fx_path(fx, path, sizeof path, empty);
	remove(path);
}

static void finds(struct fixture *fx, const char *part)
{
	_cleanup_(freep) char *text = check(fx, false, WAL_VERIFY_DISAGREES);
	if (!strstr(text, part))
		print_error("missing: %s\nin:\n%s\n", part, text);
	assert_non_null(strstr(text, part));
}

static void notes(struct fixture *fx, const char *part)
{
	_cleanup_(freep) char *text = check(fx, false, 0);
	if (!strstr(text, part))
		print_error("missing: %s\nin:\n%s\n", part, text);
	assert_non_null(strstr(text, part));
}

static void tell(struct fixture *fx, const char *name, const struct told *t)
{
	struct sv bytes = sv_make((const char *)t, sizeof *t);
	assert_int_equal(wal_position_store(fx->w, sv_of(name), bytes, NULL), 0);
}

/* Two frames, and rows and histograms of the second. */
static void write_mixed(struct fixture *fx, unsigned k)
{
	struct batch *b = fx_empty(1, 1000 + k);
	if (k == 0) {
		fx_define_owner(b);
		fx_define(b, 1, 0, SLOTS);
		fx_define(b, 2, 0, 8);
	}
	fx_column(b, 1, SLOTS, k);
	struct batch_column *c = fx_column(b, 2, 8, k * 0.5);
	c->present[0] &= ~UINT64_C(4);
	b->rows = arena_calloc(&b->arena, 3, sizeof *b->rows);
	for (unsigned i = 0; i < 3; i++)
		b->rows[b->n_rows++] = (struct batch_row){2, 2, 500 + k + i, 7};
	fx_put(fx, b);
	assert_int_equal(wal_flush(fx->w, false), 0);
}

enum { MIXED = SLOTS + 7 + 3 };

static struct wal_pos positions[64];

static void setup(struct fixture *fx, unsigned batches)
{
	fx_init(fx);
	fx_open(fx);
	for (unsigned k = 0; k < batches; k++) {
		positions[k] = wal_head(fx->w);
		write_mixed(fx, k);
	}
	positions[batches] = wal_head(fx->w);
}

static struct told one_shard(unsigned batch, uint64_t own)
{
	return (struct told){.n = 1,
			     .sent = batch * MIXED + own - 5,
			     .dropped = 5,
			     .places = {{positions[batch], own}}};
}

static void a_good_log_agrees(void **state)
{
	struct fixture fx;
	setup(&fx, 10);
	struct refused_sink refused = wal_refused_sink(fx.w);
	refused.note(refused.cls, REFUSED_LIMIT, 2, 30);
	write_mixed(&fx, 10);
	struct told t = one_shard(4, 11);
	tell(&fx, "d", &t);
	/* Beside the writer, and when it has gone; the directory or the one above. */
	agrees(&fx);
	fx_close(&fx);
	_cleanup_(freep) char *text = check(&fx, false, 0);
	assert_non_null(strstr(text, " segments, 11 batches, 330 samples, sequence 0 to 330; "
				     "0 gaps of 0 samples; 0 damaged bytes\n"));
	assert_non_null(strstr(text, ": 2 scrapes, 30 samples\n"));
	assert_non_null(strstr(text, "  limit: 2 scrapes, 30 samples\n"));
	assert_non_null(strstr(text, "scraped since: 330 logged + 30 refused\n"));
	assert_non_null(strstr(text, "destination d: base 0 + sent 126 + dropped 5 + queued 199 = "
				     "head 330: agrees\n  dropped too_old: 5\nall agrees\n"));
	_cleanup_(freep) char *json = check(&fx, true, 0);
	assert_non_null(strstr(json, "\"batches\":11,"
				     "\"samples\":330,\"firstSequence\":0,\"headSequence\":330"));
	assert_non_null(strstr(json, "\"refused\":{\"limit\":{\"scrapes\":2,\"samples\":30}}"));
	assert_non_null(strstr(json, "\"queued\":199,\"counted\":199,\"balanced\":true"));
	assert_non_null(strstr(json, "\"findings\":[],\"notes\":[]"));
	/* Over several segments and runs. */
	fx.opt.segment_bytes = 1000;
	for (unsigned run = 0; run < 3; run++) {
		fx_open(&fx);
		wal_hold(fx.w, SV("d"), t.places[0].pos);
		for (unsigned k = 0; k < 20; k++)
			write_mixed(&fx, 11 + run * 20 + k);
		agrees(&fx);
		fx_close(&fx);
		agrees(&fx);
	}
	fx_deinit(&fx);
}

static void shards_are_counted_each(void **state)
{
	struct fixture fx;
	setup(&fx, 6);
	/* Of frame 2, 10 samples a batch, shard 0 has done 2 batches and 8 samples, rows included;
	 * of frame 1 shard 1 has done one batch and 3. */
	struct told t = {.n = 2, .sent = 28 + 23, .places = {{positions[2], 8}, {positions[1], 3}}};
	tell(&fx, "two", &t);
	agrees(&fx);
	t.sent++;
	tell(&fx, "two", &t);
	finds(&fx, "by the places 129 are not done");
	t.sent -= 2;
	tell(&fx, "two", &t);
	finds(&fx, "which leaves 130 of the log's 180");
	/* Begun later: what lies before its base is not its own. */
	t = (struct told){.base = MIXED,
			  .n = 2,
			  .sent = 18 - 0,
			  .places = {{positions[2], 8}, {positions[1], 0}}};
	tell(&fx, "two", &t);
	agrees(&fx);
	/* A single former shard had done the first 1 1/2 batches: 30 + 15 of frame 1. */
	t = (struct told){.n = 2,
			  .n_former = 1,
			  .sent = 45 + 18,
			  .places = {{positions[2], 8}, {positions[1], 3}, {positions[1], 15}}};
	tell(&fx, "two", &t);
	agrees(&fx);
	t.places[2].own = 16;
	tell(&fx, "two", &t);
	finds(&fx, "by the places 116 are not done");
	fx_deinit(&fx);
}

/* What a destination knows to be lost is in its books a little later. */
static void what_is_not_settled_may_be_missing(void **state)
{
	struct fixture fx;
	setup(&fx, 10);
	struct told t = one_shard(4, 11);
	t.sent -= 20;
	t.unsettled = 19;
	tell(&fx, "d", &t);
	finds(&fx, "which leaves 189 ");
	t.unsettled = 20;
	tell(&fx, "d", &t);
	agrees(&fx);
	fx_deinit(&fx);
}

static void places_must_be_places(void **state)
{
	struct fixture fx;
	setup(&fx, 6);
	struct told t = one_shard(3, 0);
	t.places[0].pos.offset++;
	tell(&fx, "d", &t);
	finds(&fx, "where no record begins");
	t = one_shard(3, 0);
	t.places[0].pos.offset = positions[2].offset;
	tell(&fx, "d", &t);
	finds(&fx, "was the file of another log put here?");
	t = one_shard(3, 31);
	tell(&fx, "d", &t);
	finds(&fx, "has done 31 of 30 samples");
	t = one_shard(6, 0);
	t.places[0].pos.sequence += 10;
	t.sent += 10;
	tell(&fx, "d", &t);
	finds(&fx, "10 samples ahead of the log");
	struct sv rubbish = SV("rubbish");
	assert_int_equal(wal_position_store(fx.w, SV("d"), rubbish, NULL), 0);
	finds(&fx, "not a position: made up");
	t = one_shard(6, 0);
	tell(&fx, "d", &t);
	agrees(&fx);
	fx_deinit(&fx);
}

static void patch(struct fixture *fx, const char *name, uint64_t at)
{
	char path[200];
	uint8_t byte;
	fx_path(fx, path, sizeof path, name);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 0x55;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

static uint64_t size_of(struct fixture *fx, const char *name)
{
	char path[200];
	struct stat st;
	fx_path(fx, path, sizeof path, name);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

static void a_damaged_position_is_found(void **state)
{
	struct fixture fx;
	char name[64];
	setup(&fx, 2);
	struct told t = one_shard(1, 0);
	tell(&fx, "d", &t);
	fx_close(&fx);
	snprintf(name, sizeof name, "pos-d-%016" PRIx64, hash_stable("d", 1));
	uint64_t size = size_of(&fx, name);
	for (uint64_t at = 0; at < size; at += 7) {
		patch(&fx, name, at);
		finds(&fx, "the file is damaged");
		patch(&fx, name, at);
	}
	agrees(&fx);
	fx_deinit(&fx);
}

/* A power loss between two names: the one before is what there is. */
static void the_position_before_counts_alone(void **state)
{
	struct fixture fx;
	char name[64], old[80], path[200], old_path[200];
	setup(&fx, 3);
	struct told t = one_shard(1, 0);
	tell(&fx, "d", &t);
	t = one_shard(2, 0);
	tell(&fx, "d", &t);
	fx_close(&fx);
	snprintf(name, sizeof name, "pos-d-%016" PRIx64, hash_stable("d", 1));
	snprintf(old, sizeof old, "%s.old", name);
	fx_path(&fx, path, sizeof path, name);
	fx_path(&fx, old_path, sizeof old_path, old);
	assert_int_equal(access(old_path, F_OK), 0);
	notes(&fx, "destination d: base 0 + sent 55 + dropped 5 + queued 30 = head 90: agrees");
	assert_int_equal(remove(path), 0);
	notes(&fx, "destination d: base 0 + sent 25 + dropped 5 + queued 60 = head 90: agrees");
	fx_deinit(&fx);
}

/* Whichever byte of a segment or of the definitions is wrong, it is found, with where it is. */
static void every_damaged_byte_is_found(void **state)
{
	struct fixture fx;
	setup(&fx, 5);
	struct told t = one_shard(5, 0);
	tell(&fx, "d", &t);
	fx_reopen(&fx);
	write_mixed(&fx, 5);
	uint64_t last_at = wal_head(fx.w).offset;
	write_mixed(&fx, 6);
	char second[STORE_NAME_MAX], empty[STORE_NAME_MAX];
	store_name(second, FILE_SEGMENT, wal_head(fx.w).segment);
	store_name(empty, FILE_SEGMENT, wal_head(fx.w).segment + 1);
	close_killed(&fx, empty);
	agrees(&fx);
	const char *const names[] = {"seg-0000000000000001", second, "def-0000000000000001"};
	for (size_t i = 0; i < 3; i++) {
		uint64_t size = size_of(&fx, names[i]);
		for (uint64_t at = 0; at < size; at++) {
			patch(&fx, names[i], at);
			/* A length that became too large looks like the end of a record that was
			 * being written, at the end of the newest file. */
			bool last = i == 1 && at >= last_at;
			_cleanup_(freep) char *text = check(&fx, false, last ? -1 : 1);
			assert_non_null(strstr(text, names[i]));
			patch(&fx, names[i], at);
		}
	}
	agrees(&fx);
	fx_deinit(&fx);
}

static void damage_tells_its_samples(void **state)
{
	struct fixture fx;
	char want[128];
	setup(&fx, 6);
	struct told behind = one_shard(1, 0), before = one_shard(6, 0);
	tell(&fx, "behind", &behind);
	tell(&fx, "done", &before);
	fx_close(&fx);
	patch(&fx, "seg-0000000000000001", positions[3].offset + 30);
	snprintf(want, sizeof want,
		 "finding: seg-0000000000000001 at %" PRIu64 ", %" PRIu64
		 " bytes, 30 samples: no whole record",
		 positions[3].offset, positions[4].offset - positions[3].offset);
	finds(&fx, want);
	finds(&fx, "samples after damage stand against values that it took");
	/* Both books are right: one has had it, one will count it. */
	finds(&fx,
	      "destination behind: base 0 + sent 25 + dropped 5 + queued 150 = head 180: agrees");
	finds(&fx, "destination done: base 0 + sent 175 + dropped 5 + queued 0 = head 180: agrees");
	_cleanup_(freep) char *json = check(&fx, true, WAL_VERIFY_DISAGREES);
	assert_non_null(strstr(json, "{\"what\":\"damage\",\"file\":\"seg-0000000000000001\","));
	assert_non_null(strstr(json, "\"agrees\":false"));
	fx_deinit(&fx);
}

/* Cut out between two records: nothing is damaged, and yet something is missing. */
static void a_gap_without_damage_is_found(void **state)
{
	struct fixture fx;
	char path[200];
	static char bytes[1 << 16];
	setup(&fx, 6);
	fx_close(&fx);
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	FILE *f = fopen(path, "rb");
	size_t n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	uint64_t from = positions[2].offset, to = positions[4].offset;
	memmove(bytes + from, bytes + to, n - to);
	f = fopen(path, "wb");
	assert_int_equal(fwrite(bytes, 1, n - (to - from), f), n - (to - from));
	fclose(f);
	finds(&fx, "60 samples: sequence 120 follows 60: records are missing");
	fx_deinit(&fx);
}

static void segments_that_are_gone(void **state)
{
	struct fixture fx;
	char path[200];
	fx_init(&fx);
	fx.opt.segment_bytes = 500;
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	struct wal_pos start = wal_head(fx.w);
	for (unsigned k = 0; k < 40; k++)
		write_mixed(&fx, k);
	struct told t = {.n = 1, .places = {{start, 0}}};
	tell(&fx, "d", &t);
	fx_close(&fx);
	agrees(&fx);
	/* The oldest went by a bound: told, and in order. */
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	assert_int_equal(remove(path), 0);
	notes(&fx, "deleted before they were sent");
	/* One in the middle did not. */
	fx_path(&fx, path, sizeof path, "seg-0000000000000003");
	assert_int_equal(remove(path), 0);
	finds(&fx,
	      "left out between segments: records at the end of one, or a whole one, are missing");
	fx_deinit(&fx);
}

static void numbers_passed_over_are_in_order(void **state)
{
	struct fixture fx;
	setup(&fx, 3);
	fx_reopen(&fx);
	assert_int_equal(wal_advance_sequence(fx.w, 500), 0);
	write_mixed(&fx, 3);
	fx_close(&fx);
	notes(&fx, "410 numbers were left out between segments: the newest part");
	_cleanup_(freep) char *text = check(&fx, false, 0);
	assert_non_null(strstr(text, "sequence 0 to 530; 1 gaps of 410 samples"));
	fx_deinit(&fx);
}

static void a_torn_end_is_no_disagreement(void **state)
{
	struct fixture fx;
	char path[200];
	setup(&fx, 4);
	struct told t = one_shard(3, 0);
	tell(&fx, "d", &t);
	close_killed(&fx, "seg-0000000000000002");
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	for (uint64_t cut = positions[4].offset - 1; cut > positions[3].offset; cut--) {
		assert_int_equal(truncate(path, (off_t)cut), 0);
		notes(&fx, "a record that is not whole");
	}
	/* Zeros, as a power loss leaves them. */
	assert_int_equal(truncate(path, (off_t)positions[3].offset), 0);
	assert_int_equal(truncate(path, (off_t)positions[4].offset), 0);
	notes(&fx, "a record that is not whole");
	/* Cut deeper, the position is ahead. */
	assert_int_equal(truncate(path, (off_t)positions[2].offset), 0);
	finds(&fx, "30 samples ahead of the log");
	fx_deinit(&fx);
}

/* A ledger record at the end of a segment, with that sum. */
static void append_ledger(struct fixture *fx, uint64_t samples, uint64_t sequence)
{
	struct wal_ledger l;
	char path[200];
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, LEDGER_RECORD_MAX);
	wal_refused_get(fx->w, &l);
	l.v[REFUSED_LIMIT].samples = samples;
	assert_int_equal(ledger_encode(&out, &l, sequence), 0);
	fx_path(fx, path, sizeof path, "seg-0000000000000001");
	FILE *f = fopen(path, "ab");
	assert_int_equal(fwrite(out.ptr, 1, out.len, f), out.len);
	fclose(f);
}

static void ledger_sums_never_fall(void **state)
{
	struct fixture fx;
	setup(&fx, 2);
	append_ledger(&fx, 7, 60);
	append_ledger(&fx, 7, 60);
	append_ledger(&fx, 9, 60);
	agrees(&fx);
	append_ledger(&fx, 8, 60);
	finds(&fx, "sums of what was refused are lower than before (limit)");
	append_ledger(&fx, 9, 90);
	finds(&fx, "sequence 90 follows 60");
	fx_deinit(&fx);
}

static void samples_need_labels(void **state)
{
	struct fixture fx;
	setup(&fx, 2);
	struct batch *b = fx_empty(1, 2000);
	fx_column(b, 9, 4, 1);
	fx_column(b, 1, SLOTS + 2, 1);
	fx_put(&fx, b);
	fx_close(&fx);
	finds(&fx, "4 samples of frame 9 have no labels");
	finds(&fx, "2 samples of frame 1 have no labels");
	fx_deinit(&fx);
}

struct writing {
	struct fixture *fx;
	atomic_bool stop;
};

/* A destination that follows the log, so that segments go. */
static void *write_on(void *cls)
{
	struct writing *w = cls;
	struct fixture *fx = w->fx;
	for (unsigned k = 0; !w->stop; k++) {
		struct wal_pos before = wal_head(fx->w);
		write_mixed(fx, k);
		struct told t = {.n = 1, .sent = k * MIXED, .places = {{before, 0}}};
		if (k % 5 == 0) {
			tell(fx, "d", &t);
			wal_hold(fx->w, SV("d"), before);
		}
	}
	return NULL;
}

static void a_log_that_is_written_agrees(void **state)
{
	struct fixture fx;
	pthread_t thread;
	fx_init(&fx);
	fx.opt.segment_bytes = 2000;
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	struct writing w = {.fx = &fx};
	assert_int_equal(pthread_create(&thread, NULL, write_on, &w), 0);
	/* Also while segments go. */
	for (unsigned i = 0; i < 20000 && (i < 60 || wal_tail(fx.w).segment < 10); i++)
		agrees(&fx);
	w.stop = true;
	pthread_join(thread, NULL);
	assert_true(wal_tail(fx.w).segment >= 10);
	agrees(&fx);
	fx_deinit(&fx);
}

static void what_is_no_log_is_told(void **state)
{
	struct fixture fx;
	struct err err = ERR_NULL;
	fx_init(&fx);
	free(check(&fx, false, WAL_VERIFY_UNREADABLE));
	assert_int_equal(wal_verify("/nonexistent", &reader, false, stdout, &err),
			 WAL_VERIFY_UNREADABLE);
	assert_non_null(strstr(err.msg, "/nonexistent"));
	/* An empty log is one. */
	fx_open(&fx);
	agrees(&fx);
	fx_close(&fx);
	agrees(&fx);
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_log_agrees),
		cmocka_unit_test(shards_are_counted_each),
		cmocka_unit_test(what_is_not_settled_may_be_missing),
		cmocka_unit_test(places_must_be_places),
		cmocka_unit_test(a_damaged_position_is_found),
		cmocka_unit_test(the_position_before_counts_alone),
		cmocka_unit_test(every_damaged_byte_is_found),
		cmocka_unit_test(damage_tells_its_samples),
		cmocka_unit_test(a_gap_without_damage_is_found),
		cmocka_unit_test(segments_that_are_gone),
		cmocka_unit_test(numbers_passed_over_are_in_order),
		cmocka_unit_test(a_torn_end_is_no_disagreement),
		cmocka_unit_test(ledger_sums_never_fall),
		cmocka_unit_test(samples_need_labels),
		cmocka_unit_test(a_log_that_is_written_agrees),
		cmocka_unit_test(what_is_no_log_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
