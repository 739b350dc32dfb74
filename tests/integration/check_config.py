#!/usr/bin/env python3
"""`ampagent check-config`: a file with every key passes; whatever is wrong with one key is refused
with its line and its name, as it is by Prometheus.

The file is tests/data/config/every_key.yml. Wrong files are made from it: each key misspelt, each
doubled, each value of another type, and by hand what contradicts itself. promtool (2.42) and a
Prometheus 3, where one can be had, are shown the same files without the lines that they do not
know. Where they accept what is refused here, or the other way, it stands in DIFFERENCES.
"""
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request

import harness as h

DATA = os.path.join(h.ROOT, "tests", "data", "config")
OWN = "ampagent"

# What they do not refuse when they read a file, and why.
APPLIED = "seen by Prometheus when a configuration is applied, not when it is read"
DIFFERENCES = {
    "promtool": {
        "a job of an included file": "version 2.42 has no scrape_config_files",
    },
    "prometheus": {
        "a job of an included file": APPLIED,
        "secret of a manager": APPLIED,
        "credentials of a manager": APPLIED,
        "client secret of a manager": APPLIED,
        "TLS versions crossed": APPLIED,
        "role that is not built": "Prometheus has it",
    },
}

# Older versions do not check queue_config: 2.42 takes it, 3.5 ends with a panic.
CHECKED_SINCE = {name: (3, 14) for name in ("no shards", "negative shards", "shards crossed", "back-off crossed",
                                            "no samples in a request", "no capacity",
                                            "external ID without a role")}


def since(line):
    """The version that a line is for: (0,) for any, None for ampagent alone."""
    found = re.search(r"# (since ([\d.]+)|ampagent)\s*$", line)
    if not found:
        return (0,)
    return tuple(int(n) for n in found.group(2).split(".")) if found.group(2) else None


class Case:
    """A file with one thing wrong: lines, which of them is refused, and what the message names."""

    def __init__(self, name, lines, line, col, parts, touched):
        self.name, self.lines, self.line, self.col, self.parts = name, lines, line, col, parts
        self.touched = touched  # the line that was there: whoever does not know it, sees nothing

    def known_to(self, version):
        at = since(self.touched)
        return at is not None and max(at, CHECKED_SINCE.get(self.name, (0,))) <= version

    def text(self, version=None):
        if version is None:
            return "\n".join(self.lines) + "\n"
        keep = [x for x in self.lines if since(x) is not None and since(x) <= version]
        return "\n".join(keep) + "\n"


BASE = open(os.path.join(DATA, "every_key.yml")).read().splitlines()
MARK = re.compile(r"\s+# (?:since [\d.]+|ampagent)\s*$")
KEY = re.compile(r"^(\s*(?:- )?)([A-Za-z_0-9-]+):(?: (.*))?$")

# Keys that are names of somebody's: any name is right.
FREE = {"cluster", "zone", "module", "X-Proxy", "X-Scope-OrgID", "X-Token-Proxy", "X-Trace", "env",
        "level"}
# "audience" is a claim's key and a parameter.
FREE_LINES = ("        audience: app",)


def make(name, index, new, line, col, parts):
    """The base with new lines instead of BASE[index]; line counts from that one."""
    lines = BASE[:index] + new + BASE[index + 1:]
    return Case(name, lines, index + 1 + line, col, parts, BASE[index])


def indent_of(line):
    return len(line) - len(line.lstrip())


def below(index):
    """How many lines belong to the key of this line."""
    n = 0
    inner = indent_of(BASE[index].replace("- ", "  ", 1))
    while index + n + 1 < len(BASE) and (not BASE[index + n + 1] or indent_of(BASE[index + n + 1]) > inner):
        n += 1
    return n


def generated():
    """Each key misspelt and doubled, each scalar of a wrong type."""
    cases = []
    for i, text in enumerate(BASE):
        mark = MARK.search(text)
        mark = mark.group(0) if mark else ""
        match = KEY.match(MARK.sub("", text))
        if not match or text.lstrip().startswith("#"):
            continue
        lead, key, value = match.groups()
        where = "%s (line %d)" % (key, i + 1)
        col = len(lead) + 1
        free = key in FREE or text in FREE_LINES
        rest = text[len(lead) + len(key):]
        if not free:
            cases.append(make("misspelt: " + where, i, [lead + key + "z" + rest], 0, col, [key + "z"]))
        if not value:
            wrong = make("type: " + where, i, [lead + key + ": 5" + mark], 0, len(lead) + len(key) + 3,
                         [key] if not free else [])
            del wrong.lines[i + 1:i + 1 + below(i)]
            cases.append(wrong)
            twice = make("doubled: " + where, i, [" " * len(lead) + key + ": " + mark, text], 1, col, [key])
            if lead.endswith("- "):
                twice.lines[i:i + 2] = [text, *BASE[i + 1:i + 1 + below(i)], " " * len(lead) + key + ": " + mark]
                twice.line = i + 2 + below(i)
                del twice.lines[twice.line:twice.line + below(i)]
            cases.append(twice)
            continue
        second = " " * len(lead) + key + rest
        cases.append(make("doubled: " + where, i, [text, second], 1, col, [key]))
        if value.startswith("["):
            wrong = "{a: b}" if key != "secrets" else "{}"
        elif value in ("true", "false"):
            wrong = "perhaps"
        elif re.match(r"^[\d.]+$", value):
            wrong = "several"
        else:
            wrong = "[[a]]"
        if key in ("level",):
            continue
        named = key if key not in ("module", "X-Proxy", "X-Token-Proxy", "cluster", "zone", "env", "X-Trace",
                                   "audience") else ""
        cases.append(make("type: " + where, i, [lead + key + ": " + wrong + mark], 0,
                          len(lead) + len(key) + 3, [named]))
    return cases


# (what, a line of the file, its replacement, how many lines further on the fault is, column or
# None, what the message names). Lines are compared without their blanks and marks.
BY_HAND = [
    # global
    ("interval of no unit", "scrape_interval: 30s", "scrape_interval: 30", 0, 20, ["scrape_interval", "30"]),
    ("interval with a fraction", "scrape_interval: 30s", "scrape_interval: 1.5m", 0, 20, ["scrape_interval"]),
    ("negative interval", "scrape_interval: 30s", "scrape_interval: -30s", 0, 20, ["scrape_interval"]),
    ("units in the wrong order", "scrape_interval: 30s", "scrape_interval: 1s1m", 0, 20, ["scrape_interval"]),
    ("interval out of range", "scrape_interval: 30s", "scrape_interval: 300y", 0, 20, ["scrape_interval"]),
    ("global timeout above interval", "scrape_timeout: 8s", "scrape_timeout: 31s", 0, 19, ["scrape timeout"]),
    ("unknown protocol", "- PrometheusProto", "- PrometheusProton", 0, 7, ["scrape_protocols", "PrometheusProton"]),
    ("protocol in lower case", "- PrometheusProto", "- prometheusproto", 0, 7, ["scrape_protocols"]),
    ("protocol twice", "- PrometheusProto", "- PrometheusText0.0.4", 4, 7, ["scrape_protocols", "twice"]),
    ("null protocol", "- PrometheusProto", "- ~", 0, 7, ["scrape_protocols"]),
    ("size without a unit", "body_size_limit: 50MB", "body_size_limit: 50", 0, 20, ["body_size_limit"]),
    ("size with an unknown unit", "body_size_limit: 50MB", "body_size_limit: 50XB", 0, 20, ["body_size_limit"]),
    ("negative limit", "sample_limit: 100000", "sample_limit: -1", 0, 17, ["sample_limit"]),
    ("limit out of range", "sample_limit: 100000", "sample_limit: 18446744073709551616000", 0, 17, ["sample_limit"]),
    ("quoted limit", "sample_limit: 100000", "sample_limit: '100'", 0, 17, ["sample_limit"]),
    ("unknown validation scheme", "metric_name_validation_scheme: utf8", "metric_name_validation_scheme: utf-8", 0,
     34, ["metric_name_validation_scheme"]),
    ("unknown escaping scheme", "metric_name_escaping_scheme: dots", "metric_name_escaping_scheme: dot", 0, 32,
     ["metric_name_escaping_scheme"]),
    ("label name not UTF-8", "cluster: main", '!!binary "/w==": main', 0, 5, ["label name"]),
    ("label without a name", "cluster: main", "'': main", 0, 5, ["label name"]),
    ("label value of a list", "cluster: main", "cluster: [main]", 0, 14, ["external_labels"]),
    ("negative query offset", "rule_query_offset: 10s", "rule_query_offset: -10s", 0, 22, ["rule_query_offset"]),
    # files
    ("star in a directory", "- every_key/job-*.yml", "- every_key/*/job.yml", 0, 5, ["scrape_config_files"]),
    ("included file is no list", "- every_key/job-*.yml", "{a: b}", 0, 3, ["scrape_config_files"]),
    # jobs
    ("null job", "- job_name: with-token", "- ~\n  - job_name: with-token", 0, 5, ["scrape_configs"]),
    ("job without a name", "- job_name: with-token", "- job_name: ''", 0, 15, ["job_name"]),
    ("two jobs of one name", "- job_name: with-token", "- job_name: with-files", 0, 15, ["job name", "with-files"]),
    ("a job of an included file", "- job_name: with-token", "- job_name: included", -1, None,
     ["job name", "included", "job-1.yml"]),
    ("timeout above the interval", "scrape_timeout: 5s", "scrape_timeout: 21s", 0, 21, ["scrape timeout", "app"]),
    ("params of text", "module: [http_2xx, dns]", "module: http_2xx", 0, 15, ["params"]),
    ("fallback of a list", "fallback_scrape_protocol: PrometheusText0.0.4", "fallback_scrape_protocol: [PrometheusText0.0.4]",
     0, 31, ["fallback_scrape_protocol"]),
    ("unknown fallback", "fallback_scrape_protocol: PrometheusText0.0.4", "fallback_scrape_protocol: PrometheusText2.0.0",
     0, 31, ["fallback_scrape_protocol"]),
    ("no protocols", "scrape_protocols: [OpenMetricsText1.0.0, PrometheusText0.0.4]", "scrape_protocols: []", 0, 23,
     ["scrape_protocols"]),
    ("fraction of text", "native_histogram_min_bucket_factor: 1.1", "native_histogram_min_bucket_factor: 1,1", 0, 41,
     ["native_histogram_min_bucket_factor"]),
    ("negative bucket limit", "native_histogram_bucket_limit: 160", "native_histogram_bucket_limit: -160", 0, 36,
     ["native_histogram_bucket_limit"]),
    ("legacy and allow-utf-8", "credentials: s3cr3t",
     "credentials: s3cr3t\n    metric_name_validation_scheme: legacy # since 3.5\n"
     "    metric_name_escaping_scheme: allow-utf-8 # since 3.5", 2, 34,
     ["metric_name_escaping_scheme"]),
    ("the old name of classic histograms", "always_scrape_classic_histograms: false",
     "scrape_classic_histograms: false", 0, 5, ["scrape_classic_histograms"]),
    # authentication
    ("user name twice", "username: agent", "username: agent\n      username_file: every_key/file", 0, 17, ["username"]),
    ("password twice", "password: hunter2", "password: hunter2\n      password_file: every_key/file", 0, 17,
     ["password_file"]),
    ("two kinds of authentication", "basic_auth:", "authorization: {credentials: x}\n    basic_auth:", 0, None,
     ["basic_auth", "authorization"]),
    ("bearer token beside basic_auth", "basic_auth:", "bearer_token: x\n    basic_auth:", 0, 19, ["bearer_token"]),
    ("authorization of type basic", "type: Token", "type: Basic", 0, 13, ["type"]),
    ("credentials twice", "credentials: s3cr3t", "credentials: s3cr3t\n      credentials_file: every_key/file", 0, 20,
     ["credentials_file"]),
    ("old token twice", "bearer_token: s3cr3t", "bearer_token: s3cr3t\n    bearer_token_file: x", 0, 19,
     ["bearer_token_file"]),
    ("old token beside authorization", "bearer_token: s3cr3t", "bearer_token: s3cr3t\n    authorization: {}", 0, 19,
     ["bearer_token"]),
    ("oauth2 beside a token", "bearer_token: s3cr3t",
     "bearer_token: s3cr3t\n    oauth2: {client_id: a, client_secret: b, token_url: 'http://c'}", 0, 19, ["oauth2"]),
    ("secret of a manager", "password: hunter2", "password_ref: x # since 3.5", 0, 7, ["password_ref", "without manager"]),
    ("credentials of a manager", "credentials: s3cr3t", "credentials_ref: x # since 3.5", 0, 7, ["credentials_ref"]),
    # TLS
    ("certificate twice", "cert_file: every_key/file", "cert_file: every_key/file\n      cert: x # since 3.5", 1, 13,
     ["cert_file"]),
    ("certificate without key", "key_file: every_key/file", "# no key", -1, 18, ["key_file"]),
    ("key without certificate", "cert: made-up", "# no certificate # since 3.5", 1, 12, ["cert"]),
    ("unknown TLS version", "min_version: TLS12", "min_version: TLS1.2", 0, 20, ["min_version"]),
    ("empty TLS version", "min_version: TLS12", "min_version: ''", 0, 20, ["min_version"]),
    ("TLS versions crossed", "max_version: TLS13", "max_version: TLS11", 0, 20, ["max_version"]),
    ("skip_verify of text", "insecure_skip_verify: false", "insecure_skip_verify: 'false'", 0, 29,
     ["insecure_skip_verify"]),
    # proxies
    ("proxy URL with a bad escape", "proxy_url: http://user:pass@egress.internal:3128", "proxy_url: http://%zz/", 0, 16,
     ["proxy_url"]),
    ("proxy URL with a bad port", "proxy_url: http://user:pass@egress.internal:3128", "proxy_url: http://a:b", 0, 16,
     ["proxy_url"]),
    ("two proxies", "proxy_from_environment: true", "proxy_from_environment: true\n    proxy_url: http://a # since 3.5",
     1, 16, ["proxy_from_environment", "proxy_url"]),
    ("no_proxy beside the environment", "proxy_from_environment: true",
     "proxy_from_environment: true\n    no_proxy: a # since 3.5", 1, 15, ["proxy_from_environment", "no_proxy"]),
    ("no_proxy alone", "proxy_from_environment: true", "no_proxy: a # since 3.5", 0, 15, ["no_proxy"]),
    ("headers for no proxy", "proxy_from_environment: true", "proxy_connect_header: {A: [b]} # since 3.5", 0, 27,
     ["proxy_connect_header"]),
    ("proxy header of text", "X-Proxy: [s3cr3t]", "X-Proxy: s3cr3t", 0, 16, ["proxy_connect_header"]),
    # headers
    ("reserved header", "X-Scope-OrgID:", "Authorization:", 0, 7, ["Authorization"]),
    ("reserved header in lower case", "X-Scope-OrgID:", "x-amz-date:", 0, 7, ["x-amz-date"]),
    ("header values of text", "values: [team-a]", "values: team-a", 0, 17, ["values"]),
    # oauth2
    ("oauth2 without a client", "client_secret: s3cr3t", "client_id: ''", 0, None, ["client_id"]),
    ("client secret twice", "client_secret: s3cr3t", "client_secret: s3cr3t\n      client_secret_file: every_key/file", 0,
     22, ["client_secret_file"]),
    ("client secret of a manager", "client_secret: s3cr3t", "client_secret_ref: x # since 3.5", 0, 7,
     ["client_secret_ref"]),
    ("oauth2 without token_url", "token_url: http://tokens.internal/token", "# none", -2, 7, ["token_url"]),
    ("scopes of text", "scopes: [read]", "scopes: read", 0, 15, ["scopes"]),
    ("signature algorithm", "signature_algorithm: RS384", "signature_algorithm: ES256 # since 3.14", 0, 28,
     ["signature_algorithm"]),
    ("signing key twice", "client_certificate_key: s3cr3t",
     "client_certificate_key: s3cr3t\n      client_certificate_key_file: every_key/file # since 3.14", 0, 31,
     ["client_certificate_key_file"]),
    ("claims of a list", "level: 3", "- level", 0, 9, ["claims"]),
    # relabeling
    ("null rule", "- source_labels: [__address__, __meta_zone]", "- ~\n      - source_labels: [__address__, __meta_zone]",
     0, 9, ["relabel_configs"]),
    ("bad regex", "regex: pod_template_hash", "regex: 'pod_(template'", 0, 16, ["regex"]),
    ("look-ahead", "regex: pod_template_hash", "regex: 'pod(?=x)'", 0, 16, ["regex"]),
    ("back-reference", "regex: pod_template_hash", r"regex: '(a)\1'", 0, 16, ["regex"]),
    ("unknown action", "action: hashmod", "action: hashmode", 0, 17, ["action", "hashmode"]),
    ("null action", "action: hashmod", "action: ~", 0, 17, ["action"]),
    ("hashmod without modulus", "modulus: 4", "# none", -1, 9, ["modulus"]),
    ("hashmod without target", "target_label: __tmp_shard", "# none", -2, 9, ["target_label"]),
    ("negative modulus", "modulus: 4", "modulus: -4", 0, 18, ["modulus"]),
    ("labeldrop with source_labels", "- action: labeldrop", "- action: labeldrop\n        source_labels: [a]", 0, 9,
     ["labeldrop"]),
    ("replace without target", "target_label: instance", "# none", -3, 9, ["target_label"]),
    ("source label without a name", "- source_labels: [__name__]", "- source_labels: ['']", 0, None, ["source_labels"]),
    # discovery
    ("no files", "credentials: s3cr3t", "credentials: s3cr3t\n    file_sd_configs: [{files: []}]", 1, 31, ["file"]),
    ("file without extension", "- every_key/*.json", "- every_key/targets", 0, 13, ["files"]),
    ("star in a directory of file_sd", "- every_key/*.json", "- '*/a.json'", 0, 13, ["files"]),
    ("null file_sd", "refresh_interval: 1m", "refresh_interval: 1m\n      - ~", 1, 9, ["file_sd_configs"]),
    ("null static_configs element", '- targets: ["e.example:9100"]', '- ~\n      - targets: ["e.example:9100"]', 0, 9,
     ["static_configs"]),
    ("targets of text", '- targets: ["e.example:9100"]', "- targets: e.example:9100", 0, 18, ["targets"]),
    ("label of a list", "env: prod", "env: [prod]", 0, 16, ["labels"]),
    ("a URL as target", "credentials: s3cr3t", "credentials: s3cr3t\n    static_configs: [{targets: ['http://a/b']}]", 1,
     33, ["host name", "http://a/b"]),
    # remote_write
    ("null remote_write", "- url: http://user:pass@localhost:9009/api/v1/push",
     "- ~\n  - url: http://user:pass@localhost:9009/api/v1/push", 0, 5, ["remote_write"]),
    ("remote_write without URL", "- url: http://user:pass@localhost:9009/api/v1/push", "- name: x", 0, None, ["url"]),
    ("URL with a bad escape", "- url: http://user:pass@localhost:9009/api/v1/push", "- url: http://%zz", 0, 10, ["url"]),
    ("URL with a blank in the host", "- url: http://user:pass@localhost:9009/api/v1/push", "- url: http://a b/", 0, 10,
     ["url"]),
    ("URL without a scheme", "- url: http://user:pass@localhost:9009/api/v1/push", "- url: ':foo'", 0, 10, ["url"]),
    ("name twice", "- url: http://user:pass@localhost:9009/api/v1/push",
     "- url: http://user:pass@localhost:9009/api/v1/push\n    name: amp", 1, 11, ["name", "amp"]),
    ("reserved write header", 'X-Trace: "1"', 'X-Amz-Date: "1"', 0, 7, ["X-Amz-Date"]),
    ("authorization header", 'X-Trace: "1"', 'Authorization: "1"', 0, 7, ["authorization"]),
    ("sigv4 beside basic_auth", "sigv4:", "basic_auth: {username: a}\n    sigv4:", 2, 7, ["sigv4", "basic_auth"]),
    ("sigv4 beside oauth2", "sigv4:",
     "oauth2: {client_id: a, client_secret: b, token_url: 'http://c'}\n    sigv4:", 2, 7, ["sigv4", "oauth2"]),
    ("half of a key pair", "secret_key: s3cr3t", "# none", -2, 7, ["access_key", "secret_key"]),
    ("external ID without a role", "role_arn: arn:aws:iam::123456789012:role/writer", "# none", 1, 20,
     ["external_id", "role_arn"]),
    ("unknown message", "protobuf_message: prometheus.WriteRequest", "protobuf_message: prometheus.WriteRequests", 0, 23,
     ["protobuf_message"]),
    ("no message", "protobuf_message: prometheus.WriteRequest", "protobuf_message: ''", 0, 23, ["protobuf_message"]),
    ("no shards", "max_shards: 20", "max_shards: 0", 0, 19, ["max_shards"]),
    ("negative shards", "min_shards: 2", "min_shards: -2", 0, 19, ["min_shards"]),
    ("shards crossed", "min_shards: 2", "min_shards: 21", 0, 19, ["min_shards"]),
    ("no samples in a request", "max_samples_per_send: 1000", "max_samples_per_send: 0", 0, 29,
     ["max_samples_per_send"]),
    ("no capacity", "capacity: 5000", "capacity: 0", 0, 17, ["capacity"]),
    ("back-off crossed", "max_backoff: 10s", "max_backoff: 10ms", 0, 20, ["max_backoff"]),
    ("unknown key of sigv4", "region: eu-west-1", "regions: eu-west-1", 0, 7, ["regions"]),
    # what no agent may have
    ("rule files", "rule_files: []", "rule_files: [rules.yml]", 0, 1, ["rule_files", "not allowed in agent mode"]),
    ("alertmanagers", "alertmanagers: []", "alertmanagers: [{static_configs: [{targets: [a]}]}]", 0, 3,
     ["alerting", "not allowed in agent mode"]),
    ("alert rules", "alert_relabel_configs: []", "alert_relabel_configs: [{action: labeldrop, regex: a}]", 0, 3,
     ["alerting", "not allowed in agent mode"]),
    ("remote read", "remote_read: []", "remote_read: [{url: 'http://a'}]", 0, 1,
     ["remote_read", "not allowed in agent mode"]),
    # a server's blocks
    ("tracing without endpoint", "endpoint: tracer.internal:4317", "insecure: true", 0, None, ["endpoint"]),
    ("tracing's client", "endpoint: tracer.internal:4317", "endpoint: a\n  client_type: udp", 1, 16, ["client_type"]),
    ("unknown key of tsdb", "out_of_order_time_window: 30m", "out_of_order_window: 30m", 0, 5, ["out_of_order_window"]),
    ("retention out of range", "out_of_order_time_window: 30m",
     "retention: {percentage: 101} # since 3.14", 0, 29, ["percentage"]),
    ("exemplars of text", "max_exemplars: 100000", "max_exemplars: many", 0, 20, ["max_exemplars"]),
    ("unknown strategy", "translation_strategy: UnderscoreEscapingWithSuffixes", "translation_strategy: None", 0, 25,
     ["translation_strategy"]),
    # the ECS API
    ("unknown AWS role", "- role: ecs", "- role: eks", 0, 15, ["role", "eks", "ecs"]),
    ("AWS role in capitals", "- role: ecs", "- role: ECS", 0, 15, ["role", "ECS"]),
    ("no AWS role", "- role: ecs", "- profile: x", 0, 9, ["role"]),
    ("empty AWS role", "- role: ecs", "- role: ''", 0, 15, ["role"]),
    ("role that is not built", "- role: ecs", "- role: msk", 0, 15, ["role", "msk", "not built yet"]),
    ("concurrency in aws_sd_configs", "region: eu-west-2", "request_concurrency: 4", 0, 9, ["request_concurrency"]),
    ("port of text", "port: 9273", "port: http", 0, 15, ["port"]),
    ("port with a fraction of text", "port: 9273", "port: '80'", 0, 15, ["port"]),
    ("one cluster as text", "clusters: [other]", "clusters: other", 0, 19, ["clusters"]),
    # Prometheus takes it and ends with a panic.
    ("no refresh interval", "refresh_interval: 45s", "refresh_interval: 0 # ampagent", 0, 27, ["refresh_interval"]),
    ("two ways to authenticate to the API", "request_concurrency: 4",
     "bearer_token: s3cr3t # since 3.14\n        basic_auth: {username: x} # since 3.14", 0, 23,
     ["at most one of basic_auth"]),
    ("filters of text", "region: eu-west-2", "filters: [x]", 0, 19, ["filters"]),
    ("pattern of a service", '- name_pattern: "^web-"', "- name_pattern: web(", 0, 27, ["name_pattern", "missing"]),
    ("no pattern of a service", '- name_pattern: "^web-"', "- name_pattern: ''", 0, 27, ["name_pattern"]),
    ("pattern of a container", 'container_name_pattern: "^app$"', "container_name_pattern: '*'", 0, 37,
     ["container_name_pattern"]),
    ("no pattern of a definition", '- arn_pattern: ":task-definition/batch:[0-9]+$"', "- arn_pattern: ''", 0, 26,
     ["arn_pattern"]),
    ("no ports of a service", "metrics_ports: [8080, 9100]", "metrics_ports: []", 0, 28, ["metrics_ports"]),
    ("a port twice", "metrics_ports: [8080, 9100]", "metrics_ports: [8080, 8080]", 0, 35, ["metrics_ports", "8080"]),
    ("no such port", "metrics_ports: [8080, 9100]", "metrics_ports: [65536]", 0, 29, ["metrics_ports"]),
    ("no label with a port", "- port_label: METRICS_PORT", "- port_label: ''", 0, 25, ["port_label"]),
    ("ports beside a label", "metrics_path: /labelled/metrics", "metrics_ports: [80]", 0, 13, ["metrics_ports"]),
    # our own
    ("size of the log", "max_bytes: 4GB", "max_bytes: 0 # ampagent", 0, 16, ["max_bytes"]),
    ("age of the log", "max_age: 6h", "max_age: 6 # ampagent", 0, 14, ["max_age"]),
    # YAML
    ("a tab", "honor_labels: true", "\thonor_labels: true", 0, None, []),
    ("no end of a list", "module: [http_2xx, dns]", "module: [http_2xx, dns", 1, None, []),
    ("unknown anchor", "honor_labels: true", "honor_labels: *nowhere", 0, None, []),
    ("unknown block", "honor_labels: true", "relabel_config: []", 0, 5, ["relabel_config"]),
    ("bad base64", "metrics_path: /admin/metrics", "metrics_path: !!binary '@@'", 0, None, []),
]


def bare(line):
    return MARK.sub("", line).strip()


def by_hand():
    cases = []
    for name, find, new, line, col, parts in BY_HAND:
        at = [i for i, text in enumerate(BASE) if bare(text) == find.strip()]
        if not at:
            raise SystemExit("no line \"%s\"" % find)
        # A value that is there twice: the one of the job where a blank follows.
        i = at[-1] if find.endswith(" ") else at[0]
        indent = BASE[i][:len(BASE[i]) - len(BASE[i].lstrip())]
        mark = re.search(r"( # (since [\d.]+|ampagent))\s*$", BASE[i])
        mark = mark.group(1) if mark else ""
        lines = new.split("\n")
        lines[0] = indent + lines[0]
        lines = [x if re.search(r"# (since|ampagent)", x) else x + mark for x in lines]
        case = make(name, i, lines, line, col, parts)
        if any(since(x) != (0,) for x in lines):
            case.touched = max(lines, key=lambda x: (since(x) is None, since(x) or (0,)))
        if line == -1 and "job-1.yml" in parts:
            case.line = 2
        cases.append(case)
    return cases


def write_all(directory, cases, version=None):
    names = []
    for i, case in enumerate(cases):
        name = os.path.join(directory, "case-%03d.yml" % i)
        with open(name, "w") as f:
            f.write(case.text(version))
        names.append(name)
    return names


def split(output):
    """What a checker said of each file, in order."""
    return re.split(r"^Checking .*\n", output, flags=re.M)[1:]


def check(files, *flags):
    env = dict(os.environ, ZONE="eu-1")
    said = ""
    codes = set()
    for start in range(0, len(files), 200):
        run = subprocess.run([h.AMPAGENT, "check-config"] + list(flags) + files[start:start + 200], env=env,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        said += run.stdout.decode(errors="replace")
        codes.add(run.returncode)
    return codes, split(said)


def expect_refusals(directory, cases):
    files = write_all(directory, cases)
    codes, answers = check(files)
    h.check(codes == {1}, "exit code 1 for wrong files, not %s" % codes)
    h.check(len(answers) == len(cases), "one answer a file: %d for %d" % (len(answers), len(cases)))
    for case, name, answer in zip(cases, files, answers):
        found = re.search(r"^  FAILED: (.*?):(\d+):(\d+): (.*)$", answer, flags=re.M)
        if not h.check(found, "%s is refused with a place: %s" % (case.name, answer.strip())):
            continue
        line, col, message = int(found.group(2)), int(found.group(3)), found.group(4)
        h.check("job-1.yml" in found.group(1) if "job-1.yml" in case.parts else found.group(1) == name,
                "%s names its file: %s" % (case.name, found.group(0)))
        h.check(line == case.line, "%s: line %d, not %d: %s" % (case.name, case.line, line, message))
        if case.col is not None:
            h.check(col == case.col, "%s: column %d, not %d: %s" % (case.name, case.col, col, message))
        for part in case.parts:
            h.check(part in found.group(0), "%s: the message names %s: %s" % (case.name, part, message))
        h.check("s3cr3t" not in answer and "hunter2" not in answer, "%s: no secret: %s" % (case.name, answer))


def compare(who, cases, refuses):
    """Every case that the peer knows is refused by it too, or the difference has a name."""
    for case, refused in zip(cases, refuses):
        different = case.name in DIFFERENCES.get(who, {})
        h.check(refused != different, "%s %s: %s" % (who, "refuses, against its entry" if refused else "accepts",
                                                     case.name))


def with_promtool(directory, cases):
    tool, version = h.peer("promtool"), (2, 42)
    known = [c for c in cases if c.known_to(version)]
    flags = [tool, "check", "config", "--agent", "--syntax-only"]
    base = Case("the file itself", BASE, 0, None, [], "")
    good = write_all(directory, [base], version)
    run = subprocess.run(flags + good, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    h.check(run.returncode == 0, "promtool takes the file itself: " + run.stdout)
    files = write_all(directory, known, version)
    said = subprocess.run(flags + files, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    answers = split(said.stdout)
    h.check(len(answers) == len(known), "promtool answers for each file")
    compare("promtool", known, ["FAILED" in a for a in answers])
    return len(known)


def reload(port):
    """Whether a reload was refused for what the file says."""
    request = urllib.request.Request("http://127.0.0.1:%d/-/reload" % port, method="POST")
    try:
        urllib.request.urlopen(request, timeout=20).read()
        return False, ""
    except urllib.error.HTTPError as e:
        text = e.read().decode()
        return "couldn't load configuration" in text, text


def with_prometheus(directory, cases):
    """A running Prometheus 3 reloads one file after the other."""
    path = os.environ.get("PROMETHEUS3") or h.peer("prometheus3")
    found = subprocess.run([path, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    numbers = re.search(r"version (\d+)\.(\d+)", found.stdout)
    # A build of one's own may have no number.
    version = (int(numbers.group(1)), int(numbers.group(2))) if numbers else (99,)
    known = [c for c in cases if c.known_to(version)]
    config = os.path.join(directory.path, "prometheus.yml")
    with open(config, "w") as f:
        f.write("global: {}\n")
    port = h.free_port()
    with h.Process("prometheus", [path, "--agent", "--config.file=" + config, "--web.enable-lifecycle",
                    "--web.listen-address=127.0.0.1:%d" % port,
                    "--storage.agent.path=" + os.path.join(directory.path, "prometheus-data")], directory):
        h.wait_for(lambda: h.get("http://127.0.0.1:%d/-/ready" % port), 30, "Prometheus is ready")
        with open(config, "w") as f:
            f.write(Case("", BASE, 0, None, [], "").text(version))
        refused, text = reload(port)
        h.check(not refused, "Prometheus takes the file itself: " + text)
        refuses = []
        for case in known:
            with open(config, "w") as f:
                f.write(case.text(version))
            refuses.append(reload(port)[0])
        compare("prometheus", known, refuses)
    return len(known)


def documented_keys_are_there():
    """Each key of docs/CONFIG.md stands in the file."""
    page = open(os.path.join(h.ROOT, "docs", "CONFIG.md")).read()
    page = page[:page.index("## Accepted without effect")]
    keys = set(re.findall(r"^\| `([a-z][a-z_0-9]*)` \|", page, flags=re.M))
    text = "\n".join(BASE)
    h.check(len(keys) > 120, "docs/CONFIG.md has its keys")
    for key in sorted(keys):
        h.check(re.search(r"(^|[\s{-])%s:" % key, text, flags=re.M), "every_key.yml has " + key)


def run(*args):
    done = subprocess.run([h.AMPAGENT, "check-config"] + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


JOB = "scrape_configs:\n- job_name: a\n"


def files_and_targets(d):
    """What is looked at beyond the file, and promtool's exit codes and words."""
    good = d.file("good.yml", JOB + "  static_configs: [{targets: ['a:1']}]\n")
    code, out, err = run(good)
    h.check(code == 0 and out == "Checking %s\n SUCCESS: %s is valid prometheus config file syntax\n\n" % (good, good)
            and err == "", "a good file: %s%s" % (out, err))
    code, out, err = run(good, d.file("bad.yml", "x: 1\n"), good)
    h.check(code == 1 and out.count("SUCCESS") == 2 and err.count("FAILED") == 1, "the others are checked: " + out + err)
    relabel = d.file("relabel.yml", JOB + "  static_configs: [{targets: ['a:1', 'http://b/c']}]\n"
                     "  relabel_configs: [{target_label: x, replacement: y}]\n")
    for flag in ([], ["--syntax-only"]):
        code, out, err = run(relabel, *flag)
        h.check(code == 1 and "relabel.yml" in err and 'job "a"' in err and "http://b/c" in err,
                "a target that relabeling leaves bad: " + err)
    dropped = d.file("dropped.yml", JOB + "  static_configs: [{targets: ['http://b/c']}]\n"
                     "  relabel_configs: [{action: drop, source_labels: [__address__], regex: 'http.*'}]\n")
    h.check(run(dropped)[0] == 0, "a target that is dropped needs no address")
    with_file = d.file("with-file.yml", JOB + "  file_sd_configs: [{files: ['sd-*.json']}]\n")
    code, out, err = run(with_file)
    h.check(code == 0 and "WARNING: file \"" in out and "does not exist" in out, "no file_sd file: " + out)
    d.file("sd-1.json", '[{"targets": ["a:1"]}]')
    h.check(run(with_file)[0] == 0 and "WARNING" not in run(with_file)[1], "a good file_sd file")
    d.file("sd-2.json", '[{"targets": ["a:1"],\n "label": {}}]')
    code, out, err = run(with_file)
    h.check(code == 1 and "sd-2.json:2:" in err and "label" in err, "a bad file_sd file: " + err)
    h.check(run(with_file, "--syntax-only")[0] == 0, "which --syntax-only leaves alone")
    d.file("sd-2.json", '[{"targets": ["a:1", "b/c:1"]}]')
    code, out, err = run(with_file)
    h.check(code == 1 and "b/c:1" in err, "a target of a file that can be none: " + err)


def lint(d):
    slow = d.file("slow.yml", JOB + "  scrape_interval: 5m\n")
    words = "too long scrape interval found, data point will be marked as stale - job: a, interval: 5m"
    for flags, code, said in (([], 0, False), (["--lint=all"], 0, True), (["--lint=too-long-scrape-interval"], 0, True),
                              (["--lint=all", "--lint-fatal"], 3, True), (["--lint=none", "--lint-fatal"], 0, False),
                              (["--lint=all,none", "--lint-fatal"], 0, False),
                              (["--lint=all", "--lint-fatal", "--syntax-only"], 0, False),
                              (["--lint=all", "--lint-fatal", "--query.lookback-delta=6m"], 0, False),
                              (["--agent", "--ignore-unknown-fields", "--lint=duplicate-rules", "--lint-fatal"], 0, False)):
        got = run(slow, *flags)
        h.check(got[0] == code and (words in got[2]) == said, "%s: %s" % (flags, got))
    h.check('unknown lint option: "some"' in run(slow, "--lint=some")[1], "an unknown lint option is named")
    bad = d.file("bad.yml", "x: 1\n")
    h.check(run(slow, bad, "--lint=all", "--lint-fatal")[0] == 1, "an error counts for more than lint")
    h.check(run()[0] == 2 and run("--nothing", slow)[0] == 2, "flags")


def main():
    documented_keys_are_there()
    cases = generated() + by_hand()
    h.check(len(cases) >= 150, "many cases: %d" % len(cases))
    print("%d wrong files" % len(cases))
    with h.Dir() as d:
        shutil.copytree(os.path.join(DATA, "every_key"), os.path.join(d.path, "every_key"))
        whole = os.path.join(d.path, "every_key.yml")
        shutil.copy(os.path.join(DATA, "every_key.yml"), whole)
        codes, answers = check([whole])
        h.check(codes == {0} and "SUCCESS" in answers[0], "every key passes: %s" % answers)
        expect_refusals(d.path, cases)
        files_and_targets(d)
        lint(d)
        if h.failed():
            h.finish()
        print("%d of them shown to promtool" % with_promtool(d.path, cases))
        if h.failed():
            h.finish()
        print("%d of them shown to Prometheus 3" % with_prometheus(d, cases))


main()
h.finish()
