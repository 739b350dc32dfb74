/* What the answer to a write means. */
#include "advice.h"

#include <ampagent/aws/endpoint.h>

static bool is(const struct advice_write *w, const char *cause)
{
	return sv_eq(w->cause, sv_of(cause));
}

/* ---- 403 ---- */

static void advise_reason(struct buf *out, enum advice_reason reason)
{
	switch (reason) {
	case ADVICE_EXPLICIT:
		advice_line(out, "A policy denies it explicitly: a policy that allows it does not "
				 "help before that statement is changed.");
		break;
	case ADVICE_ENDPOINT:
		advice_line(out, "The policy of the VPC endpoint does not allow it: change that "
				 "policy (aws ec2 modify-vpc-endpoint --policy-document ...).");
		break;
	case ADVICE_BOUNDARY:
		advice_line(out, "The principal's permissions boundary does not allow it.");
		break;
	case ADVICE_SESSION:
		advice_line(out, "The policy of the role's session does not allow it: whoever "
				 "assumes the role limits it.");
		break;
	case ADVICE_ORGANIZATION:
		advice_line(out, "A policy of the organization (SCP or RCP) forbids it: only the "
				 "organization's administrators can change that.");
		break;
	default:
		break;
	}
}

static void advise_denied(struct buf *out, const struct advice_write *w)
{
	_cleanup_(buf_deinit) struct buf arn = BUF_NULL;
	struct advice_denied d;
	struct advice_principal who;
	if (sv_starts_with(w->error_type, SV("SubscriptionRequired")) ||
	    sv_starts_with(w->error_type, SV("OptInRequired"))) {
		advice_line(out,
			    "The account may not use the service there: finish its sign-up, or "
			    "switch the region on (aws account enable-region).");
		return;
	}
	advice_denied_read(w->body, &d);
	if (w->error_type.len == 0 && d.principal.len == 0)
		advice_line(out,
			    "The answer bears no name of an AWS error: where a proxy, gateway "
			    "or firewall (WAF) is on the way, look at its rules first. If it is "
			    "AMP's own, the permission is missing:");
	buf_init(&arn, 4096);
	advice_principal_read(d.principal, &who);
	if (d.resource.len > 0)
		buf_sv(&arn, d.resource);
	else
		advice_workspace_arn(&arn, w->partition, w->region, w->account, w->workspace);
	struct sv resource = buf_view(&arn), owner = aws_arn_get(resource, AWS_ARN_ACCOUNT);
	advise_reason(out, d.reason);
	if (who.account.len > 0 && owner.len > 0 && !sv_eq(who.account, owner) &&
	    owner.ptr[0] >= '0' && owner.ptr[0] <= '9')
		advice_line(out,
			    "The workspace is in account %.*s, the keys are of account %.*s: let "
			    "sigv4.role_arn name a role of the former that may write.",
			    SV_ARG(owner), SV_ARG(who.account));
	if (who.name.len > 0)
		advice_line(out,
			    "Attach this policy to the %.*s %.*s of account %.*s (or the managed "
			    "policy AmazonPrometheusRemoteWriteAccess, for all workspaces):",
			    SV_ARG(who.kind), SV_ARG(who.name), SV_ARG(who.account));
	else
		advice_line(out, "Attach this policy to the principal that the step identity names "
				 "(or the managed policy AmazonPrometheusRemoteWriteAccess):");
	advice_policy(out, resource);
}

/* ---- the others ---- */

static void advise_html(struct buf *out, const struct advice_write *w)
{
	advice_line(out,
		    "A page for people came instead of the service's answer: a proxy, gateway or "
		    "log-in portal stands before %.*s. Check proxy_url, HTTPS_PROXY and NO_PROXY, "
		    "and what the URL's host leads to.",
		    SV_ARG(w->host));
}

static void advise_not_found(struct buf *out, const struct advice_write *w)
{
	advice_line(out,
		    "There is no workspace %.*s in region %.*s for this URL: compare with aws amp "
		    "list-workspaces --region %.*s, in the workspace's account.",
		    SV_ARG(w->workspace), SV_ARG(w->region), SV_ARG(w->region));
	advice_line(out, "The path must be /workspaces/ws-.../api/v1/remote_write, and the host "
			 "that of the workspace's region.");
}

static void advise_no_answer(struct buf *out, const struct advice_write *w)
{
	if (w->result == HTTP_TIMEOUT)
		advice_line(
			out,
			"The endpoint took the connection but gives no answer in time: "
			"look for a firewall or proxy that inspects or holds requests, and "
			"for a too large MTU on the way (VPN, peering). The agent waits for "
			"remote_timeout, 30 s if none is configured; this command for --timeout "
			"at most.");
	else
		advice_line(out,
			    "The connection ends without an answer: look for a proxy, firewall "
			    "or load balancer that cuts it, and try again.");
}

static void advise_credentials(struct buf *out, const struct advice_write *w)
{
	if (w->status == 401 && w->is_signed && w->error_type.len == 0)
		advice_line(out, "AMP does not answer 401: a gateway or proxy before it wants a "
				 "log-in of its own. Write AMP's own host into the URL, or let it "
				 "pass signed requests.");
	else if (w->status == 407)
		advice_line(out, "The proxy wants a user and a password: put them into "
				 "proxy_url, or into HTTPS_PROXY where that is used.");
	else if (!w->is_signed)
		advice_line(out, "Check basic_auth, authorization or oauth2 of this remote_write "
				 "block.");
	else
		advice_line(out, "The keys have expired or are unknown to AWS: give others. "
				 "Temporary keys (ASIA...) need their session token, and somebody "
				 "who renews them: better let the agent take a role.");
}

static const struct {
	const char *cause, *advice;
} texts[] = {
	{"ingestion_rate",
	 "The workspace takes no more samples a second now: nothing is lost, the agent sends them "
	 "again. When it lasts, scrape less often, drop series, or ask for a higher quota of the "
	 "ingestion rate."},
	{"request_rate", "The workspace is throttled: it takes no more requests a second. Nothing "
			 "is lost; when it lasts, raise queue_config.max_samples_per_send."},
	{"throttled", "The endpoint throttles: it asks for less at a time. Nothing is lost; the "
		      "agent slows down and sends again."},
	{"series_limit",
	 "The workspace has as many active series as its limit allows: new ones are refused, those "
	 "it has are stored. Drop series that nobody needs by metric_relabel_configs, or ask for a "
	 "higher quota (Service Quotas: Active series per workspace)."},
	{"metric_series_limit", "The limit of series of one metric is reached: take labels with "
				"many values off it, or ask for a higher quota."},
	{"labelset_series_limit", "The limit of a label set in the workspace's configuration is "
				  "reached: raise it there, or drop series."},
	{"size", "Something on the way takes only small requests: raise its limit (nginx: "
		 "client_max_body_size), or lower queue_config.max_samples_per_send."},
	{"undecodable", "The endpoint could not read the request: look for a proxy that changes "
			"bodies."},
	{"protocol", "The endpoint does not take this kind of request: set protobuf_message: "
		     "prometheus.WriteRequest, and check that the URL is one for remote write."},
	{"clock",
	 "The time of the signature is refused, also by the endpoint's own clock: set this "
	 "machine's clock (NTP), and look for a proxy that holds requests."},
	{"signature",
	 "The signature does not match: the secret key does not belong to the access key, the "
	 "region or service_name of sigv4 is wrong, or a proxy changes the Host header, the path "
	 "or the body."},
	{"no_credentials", "There were no keys to sign with when the write was to be sent: see the "
			   "step credentials."},
	{"no_region", "No region to sign for was known when the write was to be sent: see the step "
		      "region."},
	{"not_signed", "AMP takes signed requests only: add sigv4: {} to this remote_write block."},
	{"server_error", "The endpoint has a fault of its own: nothing is lost, the agent sends "
			 "again. When it lasts, see the AWS Health Dashboard."},
	{"too_new", "This machine's clock is ahead: set it (NTP)."},
	{"too_old", "This machine's clock is behind: set it (NTP)."},
};

static void advise_redirect(struct buf *out)
{
	advice_line(out,
		    "The endpoint redirects: signed requests do not follow. Write the URL that "
		    "it points to; a redirect by AMP's host itself comes from a proxy.");
}

void advice_write(struct buf *out, const struct advice_write *w)
{
	if (w->status == 400 && (sv_find_sv(w->body, SV("HTTPS port")) < w->body.len ||
				 sv_find_sv(w->body, SV("HTTPS server")) < w->body.len)) {
		advice_line(out, "The port speaks TLS: write https:// instead of http:// into the "
				 "URL.");
		return;
	}
	/* nginx tells of a limit of size by a page. */
	if (advice_is_html(w->body) && !is(w, "size")) {
		advise_html(out, w);
		return;
	}
	if (is(w, "access_denied")) {
		advise_denied(out, w);
	} else if (is(w, "not_found")) {
		advise_not_found(out, w);
	} else if (is(w, "no_answer") || w->status == 0) {
		advise_no_answer(out, w);
	} else if (is(w, "credentials")) {
		advise_credentials(out, w);
	} else if (is(w, "signature") && sv_find_sv(w->body, SV("scoped to")) < w->body.len) {
		advice_line(out,
			    "Signed for region %.*s and service_name of sigv4 (aps, if none is "
			    "given): one of them is not the endpoint's, as its answer says.",
			    SV_ARG(w->region));
	} else if (is(w, "redirect")) {
		advise_redirect(out);
	} else {
		for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
			if (is(w, texts[i].cause))
				advice_line(out, "%s", texts[i].advice);
	}
	if (out->len == 0 && w->status == 405)
		advice_line(out, "Nobody takes writes at this URL: check its path and host.");
	if (out->len == 0)
		advice_line(out, "Check the URL; the status and the text are the endpoint's own.");
}
