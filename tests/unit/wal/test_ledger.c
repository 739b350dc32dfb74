/* The sums of what never got into the log: as records, and across restarts and damage. */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "../../../src/wal/ledger.h"
#include "../../../src/wal/reader.h"
#include "../../../src/wal/store.h"

enum { SLOTS = 20 };

static struct sv payload_of(const struct buf *out)
{
	struct record rec;
	size_t need;
	assert_int_equal(record_get(buf_view(out), &rec, &need), 0);
	assert_int_equal(rec.type, RECORD_LEDGER);
	assert_int_equal(rec.bytes, out->len);
	return rec.payload;
}

static void sums_are_read_back(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	struct wal_ledger l, got;
	uint64_t sequence;
	buf_init(&out, LEDGER_RECORD_MAX);
	ledger_init(&l);
	l.since_ms = -5;
	l.base = 77;
	l.passed_over = 9;
	l.v[REFUSED_DUPLICATE].samples = UINT64_MAX;
	l.v[REFUSED_FETCH].scrapes = 3;
	l.v[REFUSED_REASONS_ + LEDGER_TORN].samples = 4;
	l.v[l.n++] = (struct wal_refused){"of_another_version", 1, 2};
	assert_int_equal(ledger_encode(&out, &l, 100), 0);
	/* What is zero takes no room. */
	assert_true(out.len < 100);
	assert_int_equal(ledger_decode(payload_of(&out), &got, &sequence), 0);
	assert_int_equal(sequence, 100);
	assert_memory_equal(&got, &l, sizeof l);
	assert_true(ledger_follows(&l, &got, NULL));

	/* What is not known here is written again. */
	buf_reset(&out);
	assert_int_equal(ledger_encode(&out, &got, 100), 0);
	assert_int_equal(ledger_decode(payload_of(&out), &got, &sequence), 0);
	assert_memory_equal(&got, &l, sizeof l);
}

static void all_reasons_fit(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	struct wal_ledger l, got;
	uint64_t sequence;
	buf_init(&out, LEDGER_RECORD_MAX);
	ledger_init(&l);
	l.since_ms = INT64_MIN;
	l.base = l.passed_over = UINT64_MAX;
	for (size_t i = 0; i < WAL_REASONS_MAX; i++) {
		char *name = l.v[i].reason;
		if (i >= l.n)
			snprintf(name, WAL_REASON_BYTES, "as_long_as_a_name_may_be_%06zu", i);
		l.v[i].scrapes = l.v[i].samples = UINT64_MAX;
	}
	assert_int_equal(strlen(l.v[l.n].reason), WAL_REASON_BYTES - 1);
	l.n = WAL_REASONS_MAX;
	assert_int_equal(ledger_encode(&out, &l, UINT64_MAX), 0);
	assert_int_equal(ledger_decode(payload_of(&out), &got, &sequence), 0);
	assert_memory_equal(&got, &l, sizeof l);
	/* A full buffer stays as it was. */
	_cleanup_(buf_deinit) struct buf small;
	buf_init(&small, 64);
	buf_sv(&small, SV("before"));
	assert_int_equal(ledger_encode(&small, &l, 0), ERR_NOMEM);
	assert_int_equal(small.len, 6);
	assert_false(buf_failed(&small));
}

/* since, base, sequence, passed over, then the number of reasons and each. */
static int decode(const char *bytes, size_t n)
{
	struct wal_ledger l;
	uint64_t sequence;
	return ledger_decode(sv_make(bytes, n), &l, &sequence);
}

#define DECODE(s) decode(s, sizeof(s) - 1)

static void broken_records_are_no_records(void **state)
{
	assert_int_equal(DECODE("\x02\x00\x00\x00\x00"), 0);
	assert_int_equal(DECODE("\x02\x00\x00\x00\x01\x05"
				"fetch\x01\x00"),
			 0);
	/* Another version's bytes at the end. */
	assert_int_equal(DECODE("\x02\x00\x00\x00\x01\x05"
				"fetch\x01\x00more"),
			 0);
	for (size_t n = 0; n < 13; n++)
		assert_int_equal(decode("\x02\x00\x00\x00\x01\x05"
					"fetch\x01\x00",
					n),
				 1);
	/* Twice; a zero; no name; not a name. */
	assert_int_equal(DECODE("\x02\x00\x00\x00\x02\x05"
				"fetch\x01\x00\x05"
				"fetch\x01\x00"),
			 1);
	assert_int_equal(DECODE("\x02\x00\x00\x00\x01\x05"
				"fetch\x00\x00"),
			 1);
	assert_int_equal(DECODE("\x02\x00\x00\x00\x01\x00\x01\x01"), 1);
	assert_int_equal(DECODE("\x02\x00\x00\x00\x01\x03"
				"a\"b\x01\x00"),
			 1);
	assert_int_equal(DECODE("\x02\x00\x00\x00\x01\x20"
				"abcdefghabcdefghabcdefghabcdefgh\x01\x00"),
			 1);
	assert_int_equal(DECODE("\x02\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
				"a\x01\x00"),
			 1);
}

static void later_sums_are_no_lower(void **state)
{
	struct wal_ledger a, b;
	const char *what;
	ledger_init(&a);
	a.v[REFUSED_LIMIT] = (struct wal_refused){"limit", 3, 40};
	a.v[a.n++] = (struct wal_refused){"strange", 1, 0};
	b = a;
	b.v[REFUSED_LIMIT].samples++;
	assert_true(ledger_follows(&a, &b, &what));
	assert_null(what);
	assert_false(ledger_follows(&b, &a, &what));
	assert_string_equal(what, "limit");
	b.n--;
	assert_false(ledger_follows(&a, &b, &what));
	assert_string_equal(what, "strange");
	b = a;
	b.base++;
	assert_false(ledger_follows(&a, &b, NULL));
}

/* ---- in the log ---- */

static void refuse(struct fixture *fx, enum refused why, uint64_t scrapes, uint64_t samples)
{
	struct refused_sink sink = wal_refused_sink(fx->w);
	sink.note(sink.cls, why, scrapes, samples);
}

static struct wal_ledger sums(struct fixture *fx)
{
	struct wal_ledger l;
	wal_refused_get(fx->w, &l);
	return l;
}

#define assert_sum(fx, why, want_scrapes, want_samples)                                            \
	do {                                                                                       \
		struct wal_ledger l_ = sums(fx);                                                   \
		assert_int_equal(l_.v[why].scrapes, want_scrapes);                                 \
		assert_int_equal(l_.v[why].samples, want_samples);                                 \
	} while (0)

struct file {
	struct wal_ledger last;
	unsigned records;
	bool first;         /* a ledger record is the first of the file */
	uint64_t at, bytes; /* of the last ledger record */
	uint64_t end;
};

/* The ledger records of a segment, read beside the writer. */
static struct file read_segment(struct fixture *fx, unsigned number)
{
	struct file out = {0};
	char path[128], name[STORE_NAME_MAX];
	fx_path(fx, path, sizeof path, store_name(name, FILE_SEGMENT, number));
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return out;
	_cleanup_(reader_deinit) struct reader r;
	struct record rec;
	uint64_t at, sequence;
	reader_init(&r, fd, FILE_HEADER_BYTES, UINT32_MAX);
	while (reader_next(&r, &rec, &at) == 0) {
		if (rec.type != RECORD_LEDGER)
			continue;
		out.first |= at == FILE_HEADER_BYTES;
		out.records++;
		out.at = at;
		out.bytes = rec.bytes;
		assert_int_equal(ledger_decode(rec.payload, &out.last, &sequence), 0);
	}
	out.end = r.end;
	return out;
}

static void sums_outlive_the_process(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	struct wal_ledger first = sums(&fx);
	assert_true(first.since_ms > 0);
	assert_int_equal(first.base, 0);
	fx_write(&fx, 0, SLOTS);
	for (unsigned i = 0; i < REFUSED_REASONS_; i++)
		refuse(&fx, i, i, 100 + i);
	refuse(&fx, REFUSED_PAGE, 1, 5);
	fx_reopen(&fx);
	for (unsigned i = 0; i < REFUSED_REASONS_; i++)
		assert_sum(&fx, i, i + (i == REFUSED_PAGE), 100 + i + (i == REFUSED_PAGE ? 5 : 0));
	assert_int_equal(sums(&fx).since_ms, first.since_ms);
	assert_int_equal(sums(&fx).base, 0);
	refuse(&fx, REFUSED_PAGE, 1, 0);
	fx_reopen(&fx);
	fx_reopen(&fx);
	assert_sum(&fx, REFUSED_PAGE, 3, 106);
	fx_deinit(&fx);
}

static void a_batch_takes_the_sums_along(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, SLOTS);
	struct file f = read_segment(&fx, 1);
	assert_true(f.first);
	assert_int_equal(f.records, 1);
	for (unsigned n = 1; n < 5; n++) {
		refuse(&fx, REFUSED_DUPLICATE, 0, n);
		fx_write(&fx, n, SLOTS);
		f = read_segment(&fx, 1);
		assert_int_equal(f.records, 1 + n);
		assert_int_equal(f.last.v[REFUSED_DUPLICATE].samples, n * (n + 1) / 2);
		assert_int_equal(wal_head(fx.w).offset, f.end);
	}
	/* Nothing changed, nothing written. */
	fx_write(&fx, 5, SLOTS);
	assert_int_equal(read_segment(&fx, 1).records, 5);
	fx_deinit(&fx);
}

static void without_batches_they_are_written_in_time(void **state)
{
	struct fixture fx;
	struct file f;
	fx_init(&fx);
	fx.opt.sync_interval_ms = 20;
	fx_open(&fx);
	assert_int_equal(read_segment(&fx, 1).records, 0);
	for (unsigned n = 1; n < 4; n++) {
		refuse(&fx, REFUSED_SKIPPED, 1, 0);
		for (int i = 0; i < 2000; i++) {
			f = read_segment(&fx, 1);
			if (f.records == n)
				break;
			usleep(5000);
		}
		assert_int_equal(f.records, n);
		assert_int_equal(f.last.v[REFUSED_SKIPPED].scrapes, n);
	}
	fx_deinit(&fx);
}

static void a_reader_does_not_see_them(void **state)
{
	struct fixture fx;
	struct wal_cursor *c;
	struct batch *b;
	uint64_t skipped;
	fx_init(&fx);
	fx.opt.sync_interval_ms = 1;
	fx_open(&fx);
	assert_int_equal(wal_cursor_new(fx.w, wal_head(fx.w), &c, &skipped), 0);
	for (unsigned n = 0; n < 20; n++) {
		refuse(&fx, REFUSED_FETCH, 1, 0);
		if (n % 3 == 0)
			usleep(3000);
		fx_write(&fx, n, SLOTS);
		refuse(&fx, REFUSED_FETCH, 1, 0);
		if (n % 3 == 1)
			usleep(3000);
		assert_int_equal(wal_cursor_next(c, &b, &skipped), 0);
		assert_int_equal(skipped, 0);
		assert_int_equal(b->t_ms, 1000 + n);
		batch_unref(b);
		for (int i = 0; i < 2; i++)
			assert_int_equal(wal_cursor_next(c, &b, &skipped), 1);
		assert_int_equal(wal_cursor_pos(c).sequence, wal_head(fx.w).sequence);
	}
	wal_cursor_free(c);

	/* From the files the same. */
	fx_reopen(&fx);
	assert_int_equal(wal_cursor_new(fx.w, wal_tail(fx.w), &c, &skipped), 0);
	for (unsigned n = 0; n < 20; n++) {
		assert_int_equal(wal_cursor_next(c, &b, &skipped), 0);
		assert_int_equal(skipped, 0);
		assert_int_equal(b->t_ms, 1000 + n);
		assert_int_equal(b->pos.sequence, n * SLOTS);
		batch_unref(b);
	}
	assert_int_equal(wal_cursor_next(c, &b, &skipped), 1);
	wal_cursor_free(c);
	assert_sum(&fx, REFUSED_FETCH, 40, 0);
	fx_deinit(&fx);
}

static void the_newest_segment_is_enough(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.segment_bytes = 2000;
	fx_open(&fx);
	int64_t since = sums(&fx).since_ms;
	fx_write(&fx, 0, SLOTS);
	refuse(&fx, REFUSED_OUT_OF_ORDER, 0, 7);
	for (unsigned n = 1; n < 200; n++)
		fx_write(&fx, n, SLOTS);
	unsigned newest = (unsigned)wal_head(fx.w).segment;
	assert_true(newest > 3);
	assert_true(wal_head(fx.w).offset > FILE_HEADER_BYTES);
	fx_close(&fx);
	for (unsigned i = 1; i < newest; i++) {
		char path[128], name[STORE_NAME_MAX];
		fx_path(&fx, path, sizeof path, store_name(name, FILE_SEGMENT, i));
		remove(path);
	}
	assert_true(read_segment(&fx, newest).first);
	fx_open(&fx);
	assert_sum(&fx, REFUSED_OUT_OF_ORDER, 0, 7);
	assert_int_equal(sums(&fx).since_ms, since);
	fx_deinit(&fx);
}

static void flip(struct fixture *fx, unsigned number, uint64_t at)
{
	char path[128], name[STORE_NAME_MAX];
	uint8_t byte;
	fx_path(fx, path, sizeof path, store_name(name, FILE_SEGMENT, number));
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 0x55;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

/* Whichever byte of the newest record is damaged, the one before it counts, and no sample is lost.
 */
static void a_damaged_record_is_passed_over(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, SLOTS);
	refuse(&fx, REFUSED_QUEUE, 1, 10);
	fx_write(&fx, 1, SLOTS);
	refuse(&fx, REFUSED_QUEUE, 1, 10);
	fx_write(&fx, 2, SLOTS);
	fx_close(&fx);
	struct file f = read_segment(&fx, 1);
	assert_int_equal(f.records, 3);
	for (uint64_t i = 0; i < f.bytes; i++) {
		flip(&fx, 1, f.at + i);
		fx_open(&fx);
		assert_sum(&fx, REFUSED_QUEUE, 1, 10);
		assert_int_equal(wal_head(fx.w).sequence, 3 * SLOTS);
		fx_close(&fx);
		flip(&fx, 1, f.at + i);
	}
	fx_open(&fx);
	assert_sum(&fx, REFUSED_QUEUE, 2, 20);
	fx_deinit(&fx);
}

/* A log of a version that knew no ledger: without such records, byte for byte. */
static void a_log_without_ledger_begins_one(void **state)
{
	struct fixture fx;
	char path[128];
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, SLOTS);
	fx_write(&fx, 1, SLOTS);
	fx_close(&fx);
	struct file f = read_segment(&fx, 1);
	assert_int_equal(f.records, 1);
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	static char bytes[1 << 16];
	FILE *in = fopen(path, "rb");
	size_t n = fread(bytes, 1, sizeof bytes, in);
	fclose(in);
	memmove(bytes + f.at, bytes + f.at + f.bytes, n - f.at - f.bytes);
	FILE *out = fopen(path, "wb");
	assert_int_equal(fwrite(bytes, 1, n - f.bytes, out), n - f.bytes);
	fclose(out);
	fx_open(&fx);
	struct wal_stats st;
	wal_stats_get(fx.w, &st);
	assert_int_equal(st.repaired_bytes, 0);
	assert_int_equal(sums(&fx).base, 2 * SLOTS);
	for (unsigned i = 0; i < sums(&fx).n; i++)
		assert_sum(&fx, i, 0, 0);
	fx_write(&fx, 2, SLOTS);
	refuse(&fx, REFUSED_FETCH, 1, 0);
	fx_reopen(&fx);
	assert_int_equal(sums(&fx).base, 2 * SLOTS);
	assert_sum(&fx, REFUSED_FETCH, 1, 0);
	fx_deinit(&fx);
}

static void a_log_in_memory_has_them_too(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.memory = true;
	fx_open(&fx);
	refuse(&fx, REFUSED_FETCH, 1, 0);
	fx_write(&fx, 0, SLOTS);
	refuse(&fx, REFUSED_FETCH, 1, 0);
	assert_sum(&fx, REFUSED_FETCH, 2, 0);
	assert_true(sums(&fx).since_ms > 0);
	fx_deinit(&fx);
}

/* ---- what the log itself lost ---- */

/* Without the empty segment that tells how far the log went. */
static void close_killed(struct fixture *fx)
{
	char path[128];
	fx_close(fx);
	fx_path(fx, path, sizeof path, "seg-0000000000000002");
	remove(path);
}

static void what_is_cut_off_is_counted(void **state)
{
	struct fixture fx;
	char path[128];
	fx_init(&fx);
	fx_open(&fx);
	for (unsigned n = 0; n < 3; n++)
		fx_write(&fx, n, SLOTS);
	uint64_t size = wal_head(fx.w).offset;
	close_killed(&fx);
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	assert_int_equal(truncate(path, (off_t)size - 1), 0);
	fx_open(&fx);
	assert_int_equal(wal_head(fx.w).sequence, 2 * SLOTS);
	assert_sum(&fx, REFUSED_REASONS_ + LEDGER_TORN, 0, SLOTS);
	/* Known once only, also when nothing else happens. */
	fx_reopen(&fx);
	assert_sum(&fx, REFUSED_REASONS_ + LEDGER_TORN, 0, SLOTS);
	fx_deinit(&fx);
}

static void what_was_sent_before_it_was_cut_off_is_passed_over(void **state)
{
	struct fixture fx;
	char path[128];
	fx_init(&fx);
	fx_open(&fx);
	for (unsigned n = 0; n < 3; n++)
		fx_write(&fx, n, SLOTS);
	uint64_t size = wal_head(fx.w).offset;
	close_killed(&fx);
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	assert_int_equal(truncate(path, (off_t)size - 1), 0);
	fx_open(&fx);
	assert_int_equal(wal_advance_sequence(fx.w, 2 * SLOTS + 15), 0);
	assert_int_equal(sums(&fx).passed_over, 15);
	assert_sum(&fx, REFUSED_REASONS_ + LEDGER_TORN, 0, SLOTS - 15);
	assert_int_equal(wal_advance_sequence(fx.w, 100), 0);
	fx_reopen(&fx);
	assert_int_equal(wal_head(fx.w).sequence, 100);
	assert_int_equal(sums(&fx).passed_over, 100 - 2 * SLOTS);
	assert_sum(&fx, REFUSED_REASONS_ + LEDGER_TORN, 0, 0);
	fx_deinit(&fx);
}

/* Every ledger record of the directory names this or a smaller number of samples. */
static void assert_no_ledger_beyond(struct fixture *fx, unsigned long sequence)
{
	char *text = NULL;
	size_t n = 0, records = 0;
	struct err err = ERR_NULL;
	FILE *f = open_memstream(&text, &n);
	assert_int_equal(wal_print(fx->dir, false, f, &err), 0);
	fclose(f);
	for (const char *at = text; (at = strstr(at, " ledger sequence=")); records++) {
		at += strlen(" ledger sequence=");
		assert_true(strtoul(at, NULL, 10) <= sequence);
	}
	assert_true(records > 0);
	free(text);
}

/* No room for the samples, but for the record that says so. */
static void what_cannot_be_written_at_the_end_is_counted(void **state)
{
	struct fixture fx;
	struct rlimit limit, old;
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, 200);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = wal_head(fx.w).offset + 100;
	for (unsigned n = 1; n < 4; n++) {
		struct batch *b = fx_empty(1, 1000 + n);
		fx_column(b, 1, 200, n * 1e9 + 0.25);
		if (n == 1)
			assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		fx_put(&fx, b);
	}
	fx_close(&fx);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	/* Their numbers are given to others. */
	assert_no_ledger_beyond(&fx, 200);
	fx_open(&fx);
	assert_sum(&fx, REFUSED_REASONS_ + LEDGER_UNWRITTEN, 0, 600);
	assert_int_equal(wal_head(fx.w).sequence, 200);
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_read_back),
		cmocka_unit_test(all_reasons_fit),
		cmocka_unit_test(broken_records_are_no_records),
		cmocka_unit_test(later_sums_are_no_lower),
		cmocka_unit_test(sums_outlive_the_process),
		cmocka_unit_test(a_batch_takes_the_sums_along),
		cmocka_unit_test(without_batches_they_are_written_in_time),
		cmocka_unit_test(a_reader_does_not_see_them),
		cmocka_unit_test(the_newest_segment_is_enough),
		cmocka_unit_test(a_damaged_record_is_passed_over),
		cmocka_unit_test(a_log_without_ledger_begins_one),
		cmocka_unit_test(a_log_in_memory_has_them_too),
		cmocka_unit_test(what_is_cut_off_is_counted),
		cmocka_unit_test(what_was_sent_before_it_was_cut_off_is_passed_over),
		cmocka_unit_test(what_cannot_be_written_at_the_end_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
