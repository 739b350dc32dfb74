#include "advice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 2048 };

/* ---- texts ---- */

void advice_line(struct buf *out, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (out->len > 0)
		buf_char(out, '\n');
	buf_append(out, text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

const char *advice_span(char *dst, int64_t ms)
{
	int64_t s = (ms < 0 ? -ms : ms) / 1000, min = (s + 30) / 60, h = min / 60;
	if (s < 1)
		snprintf(dst, ADVICE_SPAN_MAX, "%" PRId64 " ms", ms < 0 ? -ms : ms);
	else if (s < 120)
		snprintf(dst, ADVICE_SPAN_MAX, "%" PRId64 " s", s);
	else if (min < 120)
		snprintf(dst, ADVICE_SPAN_MAX, "%" PRId64 " min", min);
	else if (h < 72)
		snprintf(dst, ADVICE_SPAN_MAX, "%" PRId64 " h %" PRId64 " min", h, min % 60);
	else
		snprintf(dst, ADVICE_SPAN_MAX, "%" PRId64 " days", h / 24);
	return dst;
}

static bool has(struct sv text, const char *word)
{
	struct sv w = sv_of(word);
	for (size_t i = 0; i + w.len <= text.len; i++)
		if (sv_eq_nocase(sv_make(text.ptr + i, w.len), w))
			return true;
	return false;
}

bool advice_is_html(struct sv body)
{
	body = sv_trim(body);
	if (body.len == 0 || body.ptr[0] != '<')
		return false;
	struct sv head = sv_make(body.ptr, body.len < 512 ? body.len : 512);
	return has(head, "<html") || has(head, "<!doctype html") || has(head, "<head") ||
	       has(head, "<body");
}

/* ---- credentials ---- */

/* Where none is configured at all, the place says which one was to be. */
static void advise_any(struct buf *out, const struct advice_place *p)
{
	if (p->first_has) {
		advice_line(out, "The container's first process has the variables of its role, "
				 "this shell does not: take them over and try again:");
		advice_line(out, "export $(tr '\\0' '\\n' < /proc/1/environ | grep ^AWS_)");
		return;
	}
	if (p->ecs && !p->task_role) {
		advice_line(
			out,
			"This is an ECS task%s without a task role: set taskRoleArn in the task "
			"definition to a role that may aps:RemoteWrite%s. (The execution role is "
			"for ECS itself and does not count.)",
			p->fargate ? " on Fargate" : "",
			p->fargate ? "; there is no instance role on Fargate" : "");
		return;
	}
	if (p->kubernetes && !p->task_role && !p->web_identity) {
		advice_line(out,
			    "This pod has no role: make an EKS Pod Identity association for its "
			    "service account, or annotate the service account with "
			    "eks.amazonaws.com/role-arn (IRSA), and restart the pod.");
		return;
	}
	if (p->imds_off)
		advice_line(out, "AWS_EC2_METADATA_DISABLED=true keeps the instance's role from "
				 "being used: take it out if that role is meant.");
	advice_line(out, "Give keys by a role (ECS task role, EKS Pod Identity or IRSA, EC2 "
			 "instance profile), by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, by a "
			 "profile, or by access_key and secret_key in sigv4.");
}

/* A token's file that cannot be read. False: it can. */
static bool advise_file(struct buf *out, struct sv why)
{
	if (has(why, "permission denied"))
		advice_line(out, "The agent's user may not read the token's file: in Kubernetes "
				 "set securityContext.fsGroup of the pod (or runAsUser), elsewhere "
				 "the file's owner or mode.");
	else if (has(why, "is empty") || has(why, "holds no web identity token"))
		advice_line(out, "The token's file holds no token: look at what writes it. EKS "
				 "fills it when a pod starts: restart the pod.");
	else if (has(why, "is a directory"))
		advice_line(out, "A directory stands where the token's file is expected: name the "
				 "file itself in the variable.");
	else if (has(why, "no such file"))
		advice_line(out,
			    "The token's file is not there: check that its volume is mounted "
			    "into this container. EKS puts it there when a pod starts: restart "
			    "the pod after the service account was changed.");
	else
		return false;
	return true;
}

/* For what STS is asked. False: it has answered. */
static bool advise_way_to_sts(struct buf *out, struct sv why, const struct advice_place *p)
{
	if (!has(why, "sts at ") || has(why, "(HTTP "))
		return false;
	if (p->proxy)
		advice_line(out, "Requests to STS go through the proxy that HTTPS_PROXY or "
				 "HTTP_PROXY names: check that it is there and lets them pass, or "
				 "put the host into NO_PROXY.");
	advice_line(out, "STS must be reachable for this role: by a NAT gateway, a VPC endpoint "
			 "for com.amazonaws.REGION.sts, or a proxy (HTTPS_PROXY).");
	return true;
}

static void advise_web_identity(struct buf *out, struct sv why, const struct advice_place *p)
{
	if (has(why, "AWS_ROLE_ARN is not"))
		advice_line(out, "EKS sets AWS_ROLE_ARN together with the token's file, from the "
				 "service account's annotation eks.amazonaws.com/role-arn: set it "
				 "too, or unset the other.");
	else if (!advise_file(out, why) && !advise_way_to_sts(out, why, p))
		advice_line(out, "Check the role's trust policy: its OIDC provider must be this "
				 "cluster's, with the condition "
				 "system:serviceaccount:NAMESPACE:NAME and the audience "
				 "sts.amazonaws.com; and that AWS_ROLE_ARN names that role.");
}

static void advise_role(struct buf *out, struct sv why, const struct advice_place *p)
{
	if (!advise_way_to_sts(out, why, p))
		advice_line(out, "Check that the role's trust policy lets this principal "
				 "sts:AssumeRole (with the external id, if any), that the "
				 "principal's own policy allows it, and the role's ARN.");
}

static void advise_container(struct buf *out, struct sv why, const struct advice_place *p)
{
	if (advise_file(out, why))
		return;
	if (p->ecs)
		advice_line(out,
			    "The ECS agent gives no keys for this task: check that the task "
			    "role exists and its trust policy names ecs-tasks.amazonaws.com, "
			    "and that 169.254.170.2 is not cut off (network policy, iptables).");
	else if (p->kubernetes)
		advice_line(out, "The EKS Pod Identity agent gives no keys: check that its add-on "
				 "(eks-pod-identity-agent) runs on this node, that the association "
				 "names this namespace and service account, and that the role's "
				 "trust policy names pods.eks.amazonaws.com.");
	else
		advice_line(out, "Check who answers at AWS_CONTAINER_CREDENTIALS_FULL_URI, and the "
				 "token of AWS_CONTAINER_AUTHORIZATION_TOKEN or its file.");
}

static void advise_instance(struct buf *out, struct sv why, const struct advice_place *p)
{
	if (has(why, "hop limit"))
		advice_line(out, "The metadata service's answers do not reach this container: "
				 "raise the instance's HttpPutResponseHopLimit to 2 (aws ec2 "
				 "modify-instance-metadata-options --http-put-response-hop-limit 2 "
				 "--instance-id ...), or give the container a role of its own "
				 "(ECS task role, IRSA, Pod Identity).");
	else if (has(why, "has no role") || has(why, "has no keys"))
		advice_line(out, "Attach an instance profile to the instance (aws ec2 "
				 "associate-iam-instance-profile), with a role that may "
				 "aps:RemoteWrite.");
	else if (has(why, "keys of the instance's role"))
		advice_line(out, "EC2 could not take the role for this instance: its trust policy "
				 "must name ec2.amazonaws.com, and it must still exist. Afterwards "
				 "detach and attach the instance profile, or wait for an hour.");
	else if (has(why, "refuses"))
		advice_line(out, "The instance's metadata is switched off or filtered: switch it "
				 "on (aws ec2 modify-instance-metadata-options --http-endpoint "
				 "enabled), or give credentials otherwise.");
	else
		advise_any(out, p);
}

static void advise_profile(struct buf *out, struct sv why, const struct advice_place *p)
{
	if (has(why, "mfa_serial"))
		advice_line(out, "A program that runs alone has nobody to type the code: take "
				 "another profile, or a role whose trust policy asks for no MFA.");
	else if (has(why, "names the profile"))
		advice_line(
			out,
			"Check the profile's name (AWS_PROFILE, sigv4.profile), also for blanks "
			"at its ends, and that the agent's user has these files (HOME, "
			"AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE). Its heading is [profile "
			"NAME] in the config file and [NAME] in the credentials file.");
	else if (has(why, "permission denied") && p->source.len == 0)
		advice_line(out, "Let the agent's user read that file (owner, mode), or name "
				 "another by AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE.");
	else if (has(why, "credential_process"))
		advice_line(out, "Run the command of credential_process by hand, as the agent's "
				 "user: it must print JSON with Version 1 and end with 0.");
	else if (has(why, "sso session") || has(why, "sso portal") || has(why, "sso login"))
		advice_line(out, "Log in again: aws sso login (with the same profile). Better let "
				 "the agent take a role: a log-in ends.");
	else if (has(why, "source_profile"))
		advice_line(out, "Let the chain of source_profile end with a profile that has keys "
				 "or a credential_source.");
	else if (p->source.len == 0)
		advice_line(out, "Correct that file, or name another by AWS_CONFIG_FILE or "
				 "AWS_SHARED_CREDENTIALS_FILE.");
	else
		advice_line(out,
			    "Check the profile's name (AWS_PROFILE, sigv4.profile), its keys, "
			    "and the files (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, HOME "
			    "of the agent's user).");
}

static void advise_keys(struct buf *out, struct sv why, const struct advice_place *p)
{
	advice_line(out, "Give both parts of the pair, without blanks, or neither: "
			 "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or access_key and "
			 "secret_key in sigv4; temporary keys with their session token.");
}

static const struct {
	const char *source;
	void (*advise)(struct buf *out, struct sv why, const struct advice_place *p);
} by_source[] = {
	{"explicit keys", advise_keys},        {"environment", advise_keys},
	{"web identity", advise_web_identity}, {"profile", advise_profile},
	{"container", advise_container},       {"instance", advise_instance},
};

void advice_credentials(struct buf *out, struct sv why, const struct advice_place *place)
{
	if (has(why, "AWS_CA_BUNDLE")) {
		advice_line(out, "Name a readable file of PEM certificates in AWS_CA_BUNDLE, or "
				 "unset it to trust the system's authorities.");
		return;
	}
	if (has(why, "no AWS credentials")) {
		advise_any(out, place);
		return;
	}
	if (sv_starts_with(why, SV("role_arn is no ARN"))) {
		advice_line(out, "Write the role's whole ARN into role_arn, as aws iam get-role "
				 "--role-name NAME shows it.");
		return;
	}
	/* What is assumed on top of any source. */
	if (sv_starts_with(why, SV("role arn:"))) {
		advise_role(out, why, place);
		return;
	}
	for (size_t i = 0; i < sizeof by_source / sizeof by_source[0]; i++)
		if (sv_eq(place->source, sv_of(by_source[i].source)))
			by_source[i].advise(out, why, place);
	if (out->len == 0)
		advise_profile(out, why, place);
}

/* ---- identity ---- */

void advice_identity(struct buf *out, enum aws_verdict verdict, struct sv why, bool written)
{
	switch (verdict) {
	case AWS_CALL_EXPIRED:
		advice_line(out, "The keys are unknown to AWS or have expired: give others; "
				 "temporary keys need their session token.");
		break;
	case AWS_CALL_REFUSED:
		if (has(why, "scoped to"))
			advice_line(out, "STS does not know the region that the signature names: "
					 "see the step region.");
		else if (has(why, "SignatureDoesNotMatch"))
			advice_line(out, "The secret key does not belong to the access key: copy "
					 "both again, without blanks.");
		else
			advice_line(out, "STS refuses the keys: check them and the region of STS.");
		break;
	case AWS_CALL_UNREACHABLE:
		advice_line(out,
			    "STS cannot be reached. The agent needs it only for roles that it "
			    "assumes (IRSA, role_arn): then open a way (a NAT gateway, or a VPC "
			    "endpoint for com.amazonaws.REGION.sts).");
		break;
	case AWS_CALL_DENIED:
		advice_line(out, "A policy of the VPC endpoint for STS may forbid "
				 "sts:GetCallerIdentity. The agent does not need it.");
		break;
	case AWS_CALL_NO_KEYS:
		advice_line(out, "The question could not be asked: correct the setting that it "
				 "names.");
		break;
	case AWS_CALL_CLOCK:
		advice_line(out, "Set this machine's clock (NTP).");
		break;
	default:
		advice_line(out, "Try again; the agent does not need this answer.");
		break;
	}
	if (written)
		advice_line(out, "Writing works nevertheless.");
}

/* ---- dns, tcp ---- */

static void advise_idle_proxy(struct buf *out, const struct advice_host *h)
{
	if (h->idle_proxy)
		advice_line(out, "The environment names a proxy, but a destination goes by it only "
				 "with proxy_from_environment: true (or its own proxy_url).");
}

void advice_dns(struct buf *out, enum net_resolve_result result, const struct advice_host *h)
{
	const char *general = net_resolve_advice(result);
	if (general)
		advice_line(out, "%s", general);
	if (h->proxied)
		advice_line(out, "This is the proxy's name: check proxy_url, or HTTPS_PROXY and "
				 "NO_PROXY.");
	else if (h->vpce)
		advice_line(out, "Check the VPC endpoint's DNS name (aws ec2 "
				 "describe-vpc-endpoints), and that the endpoint still exists.");
	else if (h->amp && result == NET_NO_SUCH_HOST)
		advice_line(out, "Check that AMP exists in region %.*s, and the region's spelling.",
			    SV_ARG(h->region));
	else if (!h->amp && has(h->host, "amazonaws.com"))
		advice_line(out, "AMP's hosts are aps-workspaces.REGION.amazonaws.com.");
	advise_idle_proxy(out, h);
}

void advice_tcp(struct buf *out, enum net_connect_result result, const struct advice_host *h)
{
	const char *general = net_connect_advice(result);
	if (general)
		advice_line(out, "%s", general);
	if (h->proxied)
		advice_line(out, "This is the proxy: check proxy_url, or HTTPS_PROXY and NO_PROXY, "
				 "and that the proxy runs.");
	else if (h->amp && (result == NET_TIMED_OUT || result == NET_UNREACHABLE))
		advice_line(
			out,
			"A subnet without a way to the internet needs an interface VPC endpoint "
			"for com.amazonaws.%.*s.aps-workspaces, whose security group lets port "
			"443 in from here.",
			SV_ARG(h->region));
	advise_idle_proxy(out, h);
}

/* ---- tls, clock ---- */

bool advice_issuer_known(struct sv issuer)
{
	return has(issuer, "Amazon") || has(issuer, "Starfield") || has(issuer, "DigiCert");
}

static void advise_untrusted(struct buf *out, const struct advice_tls *t)
{
	struct sv issuer = sv_of(t->peer->issuer);
	if (t->host.amp && !advice_issuer_known(issuer)) {
		advice_line(
			out,
			"AMP's certificates are issued by Amazon, this one is not: something on "
			"the way opens the encryption (TLS interception by a proxy or "
			"firewall).");
		advice_line(out,
			    "If that is meant, name its authority's certificates (PEM) in "
			    "AWS_CA_BUNDLE or tls_config.ca_file; else let %.*s pass "
			    "unopened.",
			    SV_ARG(t->host.host));
	} else if (t->host.amp && !t->own_ca) {
		advice_line(out, "The system's list of authorities is missing or too old: install "
				 "the package ca-certificates in this image, or name a bundle in "
				 "SSL_CERT_FILE.");
	} else {
		advice_line(out,
			    "Nobody trusted here has issued this certificate: name its authority's "
			    "certificates (PEM) in AWS_CA_BUNDLE or tls_config.ca_file%s. If that "
			    "is so already, the endpoint does not send the certificates between.",
			    t->own_ca ? " (the file named now does not hold it)" : "");
	}
}

static void advise_date(struct buf *out, const struct advice_tls *t)
{
	if (t->now_s < t->peer->not_before_s)
		advice_line(out, "By this machine's clock the certificate is not valid yet: set "
				 "the clock (NTP).");
	else
		advice_line(out, "The certificate has expired: renew it at the endpoint. If it has "
				 "not, this machine's clock is wrong: set it (NTP).");
}

void advice_tls(struct buf *out, const struct advice_tls *t)
{
	const struct http_peer *p = t->phase == HTTP_PHASE_TLS ? t->peer : NULL;
	bool told = p && (p->untrusted || p->other_name || p->out_of_date);
	if (told && p->out_of_date)
		advise_date(out, t);
	if (told && p->other_name)
		advice_line(
			out,
			"The certificate is for another host than %.*s: check the URL, or set "
			"tls_config.server_name to the name that the certificate has. For a VPC "
			"endpoint use its own vpce-... name or private DNS.",
			SV_ARG(t->host.host));
	if (told && p->untrusted)
		advise_untrusted(out, t);
	if (told)
		return;
	if (t->phase == HTTP_PHASE_PROXY)
		advice_line(out,
			    "The proxy refuses the way, or cannot reach %.*s itself: it must "
			    "allow CONNECT to it; the proxy's user and password stand in "
			    "proxy_url.",
			    SV_ARG(t->host.host));
	else if (t->phase == HTTP_PHASE_TLS && t->late)
		advice_line(out,
			    "The connection is there, but the TLS handshake gets no answer: "
			    "look for a firewall that inspects TLS, and for a too large MTU on "
			    "the way (VPN, peering).");
	else if (t->phase == HTTP_PHASE_TLS)
		advice_line(out, "There is no TLS at this port, or no common version, or a client "
				 "certificate is wanted: check the port and https:// or http:// in "
				 "the URL, tls_config.min_version and max_version, and its "
				 "cert_file and key_file.");
	else if (t->phase == HTTP_PHASE_SETUP)
		advice_line(out, "Check the files and texts of tls_config (and AWS_CA_BUNDLE).");
	else
		advice_line(out, "Try again: the connection that was there before is not there "
				 "any more.");
}

void advice_clock(struct buf *out, int64_t ahead_ms)
{
	advice_line(out, "Set this machine's clock (chrony or another NTP client; in EC2 the time "
			 "server is 169.254.169.123). In a container the host's clock counts.");
	if (ahead_ms > 10 * 60 * 1000)
		advice_line(out, "Signatures are corrected, samples are not: AMP refuses samples "
				 "that are more than 10 minutes ahead (too new).");
	else if (ahead_ms < -60 * 60 * 1000)
		advice_line(out, "Signatures are corrected, samples are not: AMP refuses samples "
				 "that are more than an hour old (too old).");
	else
		advice_line(out,
			    "Signatures are corrected, samples are not: they are stored at a "
			    "wrong time; from 10 minutes ahead or an hour behind on AMP refuses "
			    "them.");
}
