/* Keys that global and a job have in common, as entries of their tables. */
#pragma once

#include "schema.h"

extern const char *const schema_validation_words[];
extern const char *const schema_escaping_words[];

#define SHARED_LIMIT(type, name, def, text)                                                        \
	{                                                                                          \
		.key = #name, .kind = SCHEMA_UINT, AT(type, shared.name), .fallback_text = def,    \
		.help = text                                                                       \
	}

/* type has a field `shared` of struct raw_shared; the other arguments are defaults in words. */
#define SHARED_BOOL(type, name, field, def, text)                                                  \
	{                                                                                          \
		.key = #name, .kind = SCHEMA_BOOL, AT(type, shared.field),                         \
		GIVEN_AT(type, shared.field##_set), .fallback_text = def, .help = text             \
	}

/* type has a field `shared` of struct raw_shared; the other arguments are defaults in words. */
#define SHARED_ENTRIES(type, def_limit, def_size, def_validation, def_escaping, def_bool,          \
		       def_protocols)                                                              \
	{.key = "scrape_protocols",                                                                \
	 .kind = SCHEMA_STRINGS,                                                                   \
	 LIST_AT(type, shared.protocols, shared.n_protocols),                                      \
	 GIVEN_AT(type, shared.protocols_set),                                                     \
	 .fallback_text = def_protocols,                                                           \
	 .help = "Formats offered to targets, most wanted first: PrometheusProto, "                \
		 "OpenMetricsText0.0.1, OpenMetricsText1.0.0, PrometheusText0.0.4, "               \
		 "PrometheusText1.0.0."},                                                          \
		{.key = "body_size_limit",                                                         \
		 .kind = SCHEMA_SIZE,                                                              \
		 AT(type, shared.body_size_limit),                                                 \
		 .fallback_text = def_size,                                                        \
		 .help = "A page of this many bytes (uncompressed) or more fails the scrape; 0 "   \
			 "is no limit."},                                                          \
		SHARED_LIMIT(type, sample_limit, def_limit,                                        \
			     "More samples than this after metric relabeling fail the "            \
			     "scrape; 0 is no limit."),                                            \
		SHARED_LIMIT(type, target_limit, def_limit,                                        \
			     "With more targets than this after relabeling, every scrape of the "  \
			     "job fails; 0 is no limit."),                                         \
		SHARED_LIMIT(type, label_limit, def_limit,                                         \
			     "A sample with more labels fails the scrape; 0 is no limit."),        \
		SHARED_LIMIT(type, label_name_length_limit, def_limit,                             \
			     "A longer label name fails the scrape; 0 is no limit."),              \
		SHARED_LIMIT(type, label_value_length_limit, def_limit,                            \
			     "A longer label value fails the scrape; 0 is no limit."),             \
		SHARED_LIMIT(type, keep_dropped_targets, def_limit,                                \
			     "How many targets dropped by relabeling are kept for listings; "      \
			     "0 is no limit."),                                                    \
		{.key = "metric_name_validation_scheme",                                           \
		 .kind = SCHEMA_WORD,                                                              \
		 AT(type, shared.validation),                                                      \
		 .words = schema_validation_words,                                                 \
		 .fallback_text = def_validation,                                                  \
		 .help = "Which metric and label names are valid."},                               \
		{.key = "metric_name_escaping_scheme",                                             \
		 .kind = SCHEMA_WORD,                                                              \
		 AT(type, shared.escaping),                                                        \
		 .words = schema_escaping_words,                                                   \
		 .fallback_text = def_escaping,                                                    \
		 .help = "Which names targets are asked for, in the formats that can say so. "     \
			 "allow-utf-8 needs the validation scheme utf8."},                         \
		{.key = "scrape_failure_log_file",                                                 \
		 .kind = SCHEMA_PATH,                                                              \
		 AT(type, shared.failure_log_file),                                                \
		 .fallback_text = def_limit[0] == '0' ? NULL : def_limit,                          \
		 .help = "File to which failed scrapes are logged."},                              \
		SHARED_BOOL(type, scrape_native_histograms, native_histograms, def_bool,           \
			    "Whether native histograms are taken; they come with "                 \
			    "PrometheusProto, which is then offered first."),                      \
		SHARED_BOOL(type, always_scrape_classic_histograms, always_classic_histograms,     \
			    def_bool,                                                              \
			    "Whether classic histograms are taken too where there is a native "    \
			    "one."),                                                               \
		SHARED_BOOL(type, convert_classic_histograms_to_nhcb, convert_to_nhcb, def_bool,   \
			    "Whether classic histograms become native ones with custom "           \
			    "buckets."),                                                           \
		SHARED_BOOL(type, extra_scrape_metrics, extra_scrape_metrics, def_bool,            \
			    "Three more series of each scrape: its timeout, sample limit and "     \
			    "body size.")
