/* Every maximum of the project, with its reason. Configurable ones are the defaults. */
#pragma once

#define KiB(n) ((size_t)(n) << 10)
#define MiB(n) ((size_t)(n) << 20)

/* Configuration and discovery files: far above any real one, far below trouble. */
#define LIMIT_CONFIG_BYTES MiB(16)
#define LIMIT_YAML_DEPTH 64
/* Nodes after aliases are expanded: stops a "billion laughs" file. */
#define LIMIT_YAML_NODES 2000000
#define LIMIT_JSON_DEPTH 64
/* A secret or a token file: session tokens may pass 1 KB. */
#define LIMIT_SECRET_BYTES KiB(64)
#define LIMIT_SD_FILE_BYTES MiB(64)
/* Shared files of AWS: tools write profiles by the thousand. A line may hold a session token. */
#define LIMIT_AWS_INI_BYTES MiB(4)
#define LIMIT_AWS_INI_LINE KiB(128)
#define LIMIT_AWS_INI_SECTIONS 16384
#define LIMIT_AWS_INI_KEYS 1024
/* The ECS task's metadata and statistics: ten containers with all the labels there may be. */
#define LIMIT_ECS_TASK_BYTES MiB(4)
/* An answer of the ECS or EC2 API: 100 tasks with all their tags, 1000 instances. */
#define LIMIT_AWS_ANSWER_BYTES MiB(32)
/* What the ECS API told of a region: 100,000 tasks with 2.5 KB each. */
#define LIMIT_ECS_KNOWN_BYTES MiB(256)
/* Calls of the ECS and EC2 API: the account's buckets fill by 20 a second, for everybody in it. */
#define LIMIT_ECS_CALLS_PER_S 15
#define LIMIT_ECS_CALLS_BURST 20
/* Under way at a time, whatever request_concurrency says: their answers lie in memory. */
#define LIMIT_ECS_CALLS_AT_ONCE 10
/* Targets from the ECS API: 100,000 with 2.5 KB of labels each. */
#define LIMIT_ECS_GROUPS_BYTES MiB(256)

/* A scraped page, decompressed, when body_size_limit is not set: guards memory, not policy. */
#define LIMIT_PAGE_BYTES MiB(512)
/* Response headers of a scrape or a send. */
#define LIMIT_HTTP_HEADER_BYTES KiB(64)
/* What is kept of an answer of a remote-write endpoint for the log. */
#define LIMIT_ANSWER_BYTES KiB(4)
/* Buckets of one classic histogram on its way to a native one: they are kept in order by moving, so
 * more would cost time without end. */
#define LIMIT_NHCB_BUCKETS 16384
/* Scrape connections per curl multi handle: removing a handle walks them all. */
#define LIMIT_TARGETS_PER_MULTI 250

/* Frames: a slot number fits a byte, a frame's raw remote-write bytes fit a snappy block. */
#define FRAME_SLOTS 256
#define FRAME_RAW_BYTES KiB(60)
/* One label set. AMP refuses above 7 KB. */
#define LIMIT_LABELS_BYTES KiB(64)
#define LIMIT_LABELS_COUNT 1024
/* Compiling a relabel regex. Small does for most; the next bounds what parts repeated by number can
 * make (it takes seconds already, \pL{1,255} needs half of it); beyond it a pattern gets so much
 * for each of its own bytes, as a long list of names needs it. Room is for the states of a large
 * one that compiled: without it every byte costs as much as the program is long. */
#define LIMIT_REGEX_SMALL_BYTES MiB(1)
#define LIMIT_REGEX_BYTES MiB(12)
#define LIMIT_REGEX_ROOM_BYTES MiB(32)
#define LIMIT_REGEX_LONG_BYTES MiB(256)
#define LIMIT_REGEX_BYTES_PER_CHAR 128

/* Log. */
#define WAL_SEGMENT_BYTES MiB(16)
#define WAL_DEFS_FILE_BYTES MiB(8)
#define WAL_MAX_BYTES MiB(2048)
#define WAL_MEMORY_BYTES MiB(64)
#define WAL_TAIL_BYTES MiB(2)
#define WAL_RECORD_BYTES MiB(256)
#define WAL_QUEUE_BATCHES 256

/* Remote write: AMP's request size quota is 1 MB; stay clearly below. */
#define SEND_COMPRESSED_BYTES KiB(512)
#define SEND_RAW_BYTES MiB(8)
#define SEND_READ_AHEAD_BYTES MiB(4)

/* Descriptors that scraping leaves to the rest; web clients leave half of them, delivery a quarter.
 */
#define DESCRIPTORS_KEPT 64

/* Own HTTP server. */
#define LIMIT_SERVER_CONNECTIONS 256
