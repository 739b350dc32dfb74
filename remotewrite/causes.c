/* The causes in plain words: log lines, metrics and the page take them from here. */
#include "causes.h"

struct cause_text {
	const char *name, *words, *advice;
};

#define WAIT_FOR_IT "nothing is lost: the samples are kept and sent again"
#define RAISE_SERIES                                                                               \
	"drop series that nobody needs by metric_relabel_configs, or ask AWS for a higher quota "  \
	"of active series"
#define ONE_WRITER                                                                                 \
	"let only one agent write a series: give each its own external_labels, and look for a "    \
	"target that is scraped twice"

static const struct cause_text texts[CAUSES_] = {
	[CAUSE_NONE] = {"none", "", ""},
	[CAUSE_INGESTION_RATE] = {"ingestion_rate", "the workspace takes no more samples a second",
				  WAIT_FOR_IT "; when it lasts, scrape less often, drop series, or "
					      "ask AWS for a higher ingestion rate"},
	[CAUSE_REQUEST_RATE] = {"request_rate", "the workspace takes no more requests a second",
				WAIT_FOR_IT "; when it lasts, raise "
					    "queue_config.max_samples_per_send or "
					    "batch_send_deadline"},
	[CAUSE_THROTTLED] = {"throttled", "the endpoint asks for less at a time", WAIT_FOR_IT},
	[CAUSE_SERIES_LIMIT] = {"series_limit",
				"the workspace has as many active series as it may: new ones are "
				"refused, those it has are stored",
				RAISE_SERIES},
	[CAUSE_METRIC_SERIES_LIMIT] = {"metric_series_limit",
				       "a metric has as many active series as it may: its new ones "
				       "are refused",
				       "take labels with many values off this metric, or ask AWS "
				       "for a higher quota of series a metric"},
	[CAUSE_LABELSET_SERIES_LIMIT] = {"labelset_series_limit",
					 "a label set of the workspace's configuration has as "
					 "many active series as it may: its new ones are refused",
					 "raise the limit of that label set in the workspace's "
					 "configuration, or drop series"},
	[CAUSE_HISTOGRAM_SERIES_LIMIT] = {"histogram_series_limit",
					  "the workspace has as many series of native histograms "
					  "as it may: new ones are refused",
					  "drop native histograms that nobody needs, or ask AWS "
					  "for a higher quota"},
	[CAUSE_HA_CLUSTERS] = {"ha_clusters",
			       "the workspace knows as many values of the label \"cluster\" of "
			       "replicated senders as it may",
			       "use fewer values of \"cluster\" together with \"__replica__\""},
	[CAUSE_OUT_OF_ORDER] = {"out_of_order",
				"a series already has a newer sample than one that came",
				ONE_WRITER},
	[CAUSE_TOO_OLD] = {"too_old", "samples are older than the workspace takes",
			   "set queue_config.sample_age_limit, so that they are dropped here and "
			   "counted; look at the timestamps that targets give themselves"},
	[CAUSE_TOO_NEW] = {"too_new", "samples are from the future",
			   "set this machine's clock; look at the timestamps that targets give "
			   "themselves"},
	[CAUSE_DUPLICATE] = {"duplicate",
			     "a series already has another value for the time of one that came",
			     ONE_WRITER},
	[CAUSE_LABEL_LIMITS] = {"label_limits",
				"a series has too many labels, or labels that are too long",
				"shorten or drop labels by metric_relabel_configs; label_limit, "
				"label_name_length_limit and label_value_length_limit find such "
				"targets"},
	[CAUSE_INVALID] = {"invalid",
			   "a series has a name or label that the workspace does not take",
			   "rename it by metric_relabel_configs or write_relabel_configs; for "
			   "names outside a-z, 0-9, _ and : set metric_name_validation_scheme: "
			   "legacy"},
	[CAUSE_HISTOGRAM] =
		{"native_histogram", "a native histogram breaks a rule or limit of the workspace",
		 "limit buckets by native_histogram_bucket_limit, or do not send native "
		 "histograms"},
	[CAUSE_EXEMPLAR] = {"exemplar", "an exemplar was refused", "set send_exemplars: false"},
	[CAUSE_METADATA] = {"metadata", "metadata was refused: samples are not concerned",
			    "set metadata_config.send: false if it disturbs"},
	[CAUSE_NOT_NAMED] = {"not_named", "the request was refused without a reason that is known",
			     "look at DiscardedSamples by reason in CloudWatch (AWS/Prometheus)"},
	[CAUSE_SIZE] = {"size", "the request was too large", "it is sent again in smaller parts"},
	[CAUSE_UNDECODABLE] = {"undecodable", "the endpoint could not read the request",
			       "look for a proxy that changes bodies; else report it as a fault of "
			       "ampagent"},
	[CAUSE_PROTOCOL] = {"protocol", "the endpoint does not take this kind of request",
			    "set protobuf_message: prometheus.WriteRequest, and check that the URL "
			    "is one for remote write"},
	[CAUSE_REFUSED] = {"refused", "the endpoint refused the request", "check the URL"},
	[CAUSE_CREDENTIALS] = {"credentials", "the credentials are unknown or have expired",
			       "give keys or passwords that are valid, temporary keys with "
			       "their session token"},
	[CAUSE_CLOCK] = {"clock", "this machine's clock is wrong by more than a signature may be",
			 "set the clock (NTP)"},
	[CAUSE_SIGNATURE] = {"signature", "the signature does not match",
			     "check secret_key, sigv4.region and sigv4.service_name, and that no "
			     "proxy changes the Host header or the body"},
	[CAUSE_NOT_SIGNED] = {"not_signed", "the request was not signed",
			      "add sigv4: {} to this remote_write block"},
	[CAUSE_ACCESS_DENIED] = {"access_denied", "the principal may not write to this workspace",
				 "allow it aps:RemoteWrite on the workspace (the managed policy is "
				 "AmazonPrometheusRemoteWriteAccess)"},
	[CAUSE_NOT_FOUND] =
		{"not_found", "there is no such workspace, or the path is wrong",
		 "check the workspace, its region and the path: "
		 "https://aps-workspaces.REGION.amazonaws.com/workspaces/WORKSPACE/api/v1/"
		 "remote_write"},
	[CAUSE_REDIRECT] = {"redirect", "the endpoint is elsewhere",
			    "use the URL that it points to"},
	[CAUSE_NO_CREDENTIALS] = {"no_credentials",
				  "there are no AWS credentials to sign with: nothing is sent",
				  "run ampagent doctor: it walks through every source of "
				  "credentials; the samples are kept and sent when there are some"},
	[CAUSE_NO_REGION] = {"no_region",
			     "the AWS region to sign for is not known: nothing is sent",
			     "set sigv4.region or AWS_REGION; the samples are kept meanwhile"},
	[CAUSE_SERVER] = {"server_error", "the endpoint has a fault of its own", WAIT_FOR_IT},
	[CAUSE_UNREACHABLE] = {"no_answer",
			       "no answer came: the endpoint was not reached, or not in time",
			       WAIT_FOR_IT},
	[CAUSE_REPLICA] = {"replica", "another replica is the elected one",
			   "nothing: it is how replicas work"},
};

const char *cause_name(enum answer_cause c)
{
	return texts[c].name;
}

const char *cause_words(enum answer_cause c)
{
	return texts[c].words;
}

const char *cause_advice(enum answer_cause c)
{
	return texts[c].advice;
}
