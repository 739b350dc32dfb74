/* A log, a peer and a clock for destinations, all in memory and all driven by the test. */
#pragma once

#include "peer.h"

#include "../../../remotewrite/destination.h"

enum { SIM_BATCHES_MAX = 4096, SIM_FLIGHTS_MAX = 64, SIM_FRAMES = 64 };

struct sim;

struct sim_flight {
	struct sim *sim;
	enum remotewrite_protocol protocol;
	struct sv body;
	send_done done;
	void *cls;
	unsigned attempt;
	int64_t started_ms;
};

struct sim_series {
	int64_t last_t; /* newest that arrived */
	uint64_t arrived, repeated;
};

struct sim {
	/* log */
	struct batch *batches[SIM_BATCHES_MAX];
	uint32_t n_batches;
	uint32_t tail; /* first batch still there */
	uint32_t read;
	struct wal_pos head, pos;
	struct wal_pos hold;
	char *stored; /* position file */
	bool store_fails;
	/* clock */
	int64_t now_ms;
	bool woken;
	/* peer */
	struct sim_flight *flights[SIM_FLIGHTS_MAX];
	size_t n_flights;
	bool start_fails;
	const char *because; /* body of its answers; NULL = "because" */
	bool histograms;     /* batches hold histograms and exemplars as well */
	int old_receiver;    /* it speaks 1.0 only: its answer to 2.0; 0 = it speaks both */
	uint64_t requests, stored_samples, stored_histograms, stored_exemplars;
	bool moved[SIM_FRAMES]; /* its series are in another frame by now, number + SIM_FRAMES */
	uint64_t rng;
	/* what arrived, by frame and slot */
	struct sim_series series[SIM_FRAMES][32];
	uint64_t order_errors;
	/* External labels that change: which era (label zera) a batch was logged in; 0 = none. */
	unsigned era;
	unsigned char era_of[SIM_BATCHES_MAX + 1]; /* by batch time */
	uint64_t wrong_eras, mixed_eras;           /* samples told by other labels; requests */
	/* under test */
	struct workspace ws;
	struct destination d;
	struct destination_config cfg;
	struct arena arena;
};

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *s);
uint64_t sim_random(struct sim *s, uint64_t below);
/* A batch of frames [first, first + n) with slots slots each, some absent; t_ms is its number. */
void sim_log(struct sim *s, uint32_t first, uint32_t n, uint16_t slots, bool rows);
/* Loses all batches before i. */
void sim_lose(struct sim *s, uint32_t i);
void sim_start(struct sim *s);
void sim_stop(struct sim *s); /* orderly */
void sim_kill(struct sim *s);
/* A turn at s->now_ms; returns its answer. */
int64_t sim_turn(struct sim *s);
/* Answers flight i: status 0 = no answer; stored: what it holds reaches the store. 200 to a request
 * of 2.0 says that all was written, or what an old receiver says. */
void sim_answer(struct sim *s, size_t i, int status, bool stored);
void sim_answer_as(struct sim *s, size_t i, const struct http_answer *a, bool stored);
/* Answers everything with 200 and goes on until nothing moves. */
void sim_settle(struct sim *s);
