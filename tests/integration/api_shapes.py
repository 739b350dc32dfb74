"""The JSON API of a real Prometheus agent and ampagent's, one configuration, at once: statuses, keys
and types are the same, and so are the values that do not depend on who scrapes when. What differs on
purpose is named in INTENDED with the reason, and counted.
"""
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import harness
from harness import check

try:
    import yaml
except ImportError:
    yaml = None

INTENDED = {
    "head": "the API may be asked by HEAD; Prometheus's router has GET only",
    "compression": "Prometheus varies by Accept-Encoding; answers here are never compressed",
    "words of errors": "Go's words for bad JSON and bad selectors; class and prefix are the same",
    "words of failed scrapes": "Go's words for failed connections; the class is the same",
    "receivers": "remote read, remote write and OTLP are not received at all: 404",
    "own section": "settings of our own",
    "config sections": "runtime, storage and otlp configure what is not here",
    "page title": "each version of Prometheus has other words; there is no such page here",
    "older: labels": "labels before relabeling that this version of Prometheus does not have yet",
    "older: keys": "keys that this version of Prometheus does not have yet, or shows elsewhere",
    "hidden flag": "write-documentation prints a page of Prometheus's own manual",
    "older: flags": "flags with other defaults, or gone again",
    "older: dropped counts": "before 2.47 dropped targets were not counted, not limited, told without their pool",
    "older: selectors": "selectors with label names in quotes came with version 3",
    "older: parameters": "limit_per_metric came with 2.44",
    "older: origin": "version 2 says * to the default of --web.cors.origin",
    "older: paths": "paths that this version of Prometheus does not have yet",
}
met = {}


def intended(name):
    assert name in INTENDED, name
    met[name] = met.get(name, 0) + 1


NEWEST = (3, 14)

TEXT = b"""# HELP c_total A "counter" <&> \\\\ here.
# TYPE c_total counter
c_total{a="b"} 1
# HELP g A gauge\\nof two lines.
# TYPE g gauge
g 2
# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 2
h_sum 3
h_count 2
# HELP s A summary.
# TYPE s summary
s{quantile="0.5"} 1
s_sum 1
s_count 1
# HELP only_help No type.
only_help 1
# TYPE no_series untyped
without_any 1
"""

OTHER = b"""# HELP c_total Another say.
# TYPE c_total gauge
c_total 1
# TYPE mine gauge
mine 1
"""

OPENMETRICS = b"""# HELP requests Counts.
# TYPE requests counter
requests_total 1
# TYPE size_bytes gauge
# UNIT size_bytes bytes
# HELP size_bytes A size.
size_bytes 1
# TYPE build info
# HELP build What it is.
build_info{v="1"} 1
# TYPE state stateset
state{state="a"} 1
state{state="b"} 0
# TYPE old unknown
old 1
# TYPE gh gaugehistogram
gh_bucket{le="1"} 1
gh_bucket{le="+Inf"} 1
gh_gcount 1
gh_gsum 1
# EOF
"""

CONFIG = """
global:
  scrape_interval: 1s
  scrape_timeout: 600ms
  external_labels: {cluster: c1}
scrape_configs:
- job_name: plain
  params: {x: [one, two]}
  static_configs:
  - targets: ["%(pages)s", "localhost:%(port)d"]
    labels: {env: prod, drop: "no", odd: 'a"b<&>'}
  - targets: ["gone.invalid:1", "gone.invalid:2", "gone.invalid:3"]
    labels: {drop: "yes"}
  relabel_configs:
  - {source_labels: [drop], regex: "yes", action: drop}
  - {source_labels: [env, missing], separator: "|", regex: "(.*)[|](.*)", target_label: e2, replacement: "x-$1"}
  - {source_labels: [__address__], modulus: 7, target_label: shard, action: hashmod}
  - {regex: "__meta_(.+)", action: labelmap}
  - {regex: "dr(op|ip)", action: labeldrop}
- job_name: limited
  scrape_interval: 2s
  metrics_path: /other
%(keep)s
  static_configs:
  - targets: ["%(pages)s", "dropped.invalid:1", "dropped.invalid:2", "dropped.invalid:3"]
  relabel_configs:
  - {source_labels: [__address__], regex: "dropped.*", action: drop}
- job_name: from_files
  metrics_path: /om
  basic_auth: {username: reader, password: the-password}
  file_sd_configs: [{files: ["%(dir)s/targets-*.json"]}]
  relabel_configs:
  - {source_labels: [__meta_zone], target_label: zone}
- job_name: broken
  static_configs:
  - targets: ["127.0.0.1:%(closed)d"]
  - targets: ["%(pages)s"]
    labels: {__metrics_path__: /missing}
  - targets: ["%(pages)s"]
    labels: {__metrics_path__: /unreadable}
- job_name: empty
remote_write:
- url: http://writer:remote-password@127.0.0.1:%(closed)d/write
  name: closed
"""

SECRETS = ("the-password", "remote-password")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())


def ask(base, path, method="GET", headers=None):
    """(status, headers, body)"""
    body = b"" if method in ("POST", "PUT") else None
    request = urllib.request.Request(base + path, method=method, headers=headers or {}, data=body)
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def find_prometheus():
    """(program, version): a version without a number is the newest."""
    programs = [os.environ["PROMETHEUS3"]] if "PROMETHEUS3" in os.environ else []
    for name in [] if programs else ["prometheus3", "prometheus"]:
        run = subprocess.run([harness.ROOT + "/tests/lib/peers.sh", name], stdout=subprocess.PIPE,
                             universal_newlines=True)
        if run.returncode == 0:
            programs.append(run.stdout.strip())
    if not programs:
        harness.skip("neither prometheus3 nor prometheus can be had")
    text = subprocess.run([programs[0], "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", text)
    return programs[0], (int(found.group(1)), int(found.group(2))) if found else NEWEST


class Both:
    """The two agents. Each question is asked of both."""

    def __init__(self, prometheus, ampagent, version):
        self.theirs, self.mine, self.version = prometheus, ampagent, version

    def ask(self, path, **kwargs):
        return ask(self.mine, path, **kwargs), ask(self.theirs, path, **kwargs)

    def data(self, path):
        """The data of both, None where Prometheus does not have the path yet."""
        mine, theirs = self.ask("/api/v1/" + path)
        if theirs[0] == 404 and self.version < NEWEST:
            intended("older: paths")
            return None, None
        if theirs[0] == 400 and self.version < (3, 0):
            intended("older: selectors")
            return None, None
        for who, answer in (("ampagent", mine), ("prometheus", theirs)):
            check(answer[0] == 200, "%s %s: status %d" % (who, path, answer[0]))
            check(answer[1]["Content-Type"] == "application/json", "%s %s: type" % (who, path))
            for secret in SECRETS:
                # Prometheus shows what it shows; here nothing may.
                check(who == "prometheus" or secret not in answer[2].decode(), "%s shows a secret" % path)
        mine, theirs = json.loads(mine[2].decode()), json.loads(theirs[2].decode())
        check(mine["status"] == theirs["status"] == "success", "%s: status" % path)
        same(set(mine), set(theirs), path + ": keys of the envelope")
        return mine["data"], theirs["data"]


def show(value):
    return json.dumps(value, sort_keys=True, default=sorted)


def same(mine, theirs, where):
    return check(mine == theirs, "%s:\n  ampagent   %s\n  prometheus %s" % (where, show(mine), show(theirs)))


def kind(value):
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def same_shape(both, mine, theirs, where):
    """Keys and types of objects; keys may be missing in older versions."""
    for key in sorted(set(mine) | set(theirs)):
        if key not in theirs and both.version < NEWEST:
            intended("older: keys")
        elif check(key in mine and key in theirs, "%s: only one has %s" % (where, key)):
            check(kind(mine[key]) == kind(theirs[key]), "%s.%s: %s, not %s"
                  % (where, key, kind(mine[key]), kind(theirs[key])))


# ---- targets ----

NEW_LABELS = ("__scrape_native_histograms__", "__always_scrape_classic_histograms__",
              "__convert_classic_histograms_to_nhcb__")


def without_new(both, discovered, theirs):
    out = dict(discovered)
    for name in NEW_LABELS:
        if name not in theirs and both.version < NEWEST and name in out:
            intended("older: labels")
            del out[name]
    return out


def error_class(text):
    for word in ("refused", "HTTP status 404"):
        if word in text:
            return word
    return "other" if text else ""


def target_key(t):
    return (t["scrapePool"], t["scrapeUrl"], show(t["labels"]))


def compare_target(both, mine, theirs):
    where = " ".join(target_key(theirs)[:2])
    same_shape(both, mine, theirs, where)
    for key in ("labels", "scrapePool", "scrapeUrl", "globalUrl", "health", "scrapeInterval", "scrapeTimeout"):
        same(mine[key], theirs[key], where + " " + key)
    same(without_new(both, mine["discoveredLabels"], theirs["discoveredLabels"]), theirs["discoveredLabels"],
         where + " discoveredLabels")
    same(error_class(mine["lastError"]), error_class(theirs["lastError"]), where + " lastError")
    if mine["lastError"] != theirs["lastError"]:
        intended("words of failed scrapes")
    for t in (mine, theirs):
        check(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", t["lastScrape"]),
              where + " lastScrape " + t["lastScrape"])
        check(0 < t["lastScrapeDuration"] < 5, where + " lastScrapeDuration")


def compare_targets(both, query):
    where = "targets" + query
    mine, theirs = both.data(where)
    same_shape(both, mine, theirs, where)
    a = sorted(mine["activeTargets"], key=target_key)
    b = sorted(theirs["activeTargets"], key=target_key)
    if same([target_key(t) for t in a], [target_key(t) for t in b], where):
        for x, y in zip(a, b):
            compare_target(both, x, y)
    check([t["scrapePool"] for t in mine["activeTargets"]] == [t["scrapePool"] for t in a],
          where + ": pools are sorted")
    if "droppedTargetCounts" not in theirs:
        intended("older: dropped counts")
    else:
        same(mine["droppedTargetCounts"], theirs["droppedTargetCounts"], where + " droppedTargetCounts")
    example = theirs["droppedTargets"][0]["discoveredLabels"] if theirs["droppedTargets"] else {}
    for t in [] if "scrapePool" in (theirs["droppedTargets"] or [{"scrapePool": ""}])[0] else mine["droppedTargets"]:
        intended("older: dropped counts")
        del t["scrapePool"]
    same(sorted(show(dict(t, discoveredLabels=without_new(both, t["discoveredLabels"], example)))
                for t in mine["droppedTargets"]),
         sorted(show(t) for t in theirs["droppedTargets"]), where + " droppedTargets")
    return mine


def targets(both):
    full = compare_targets(both, "")
    check(len(full["activeTargets"]) == 9, "%d active targets" % len(full["activeTargets"]))
    check(len([t for t in full["activeTargets"] if t["health"] == "up"]) == 5, "five targets are up")
    for query in ("state=any", "state=ACTIVE", "state=dropped", "state=nonsense", "scrapePool=plain",
                  "scrapePool=limited&state=dropped", "scrapePool=nobody", "state=active&scrapePool=broken"):
        compare_targets(both, "?" + query)
    same(*both.data("scrape_pools"), "scrape_pools")


# ---- metadata ----

def metadata(both):
    def entries(pair, key=show):
        return [data and sorted(data, key=key) for data in pair]

    everything = entries(both.data("targets/metadata"))
    same(*everything, "targets/metadata")
    types = {entry["type"] for entry in everything[0]}
    same(types, {"counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown"},
         "types of metadata")
    for selector in ("{}", '{job="plain"}', '{job=~"plain|limited",instance!~".*localhost.*"}', "up",
                     '{zone!=""}', "{'zone'=`z1`,} # and so on", '{job="pl\\x61in"}', '{__name__=""}'):
        for metric in ("", "c_total", "size_bytes", "nothing"):
            query = urllib.parse.urlencode({"match_target": selector, "metric": metric, "limit": "-1"})
            same(*entries(both.data("targets/metadata?" + query)), "targets/metadata?" + query)
    same(*both.data("targets/metadata?limit=0"), "targets/metadata?limit=0")
    # Which targets come first is by chance there; how many is not.
    pair = both.data("targets/metadata?metric=c_total&limit=2")
    same(len(pair[0]), len(pair[1]), "number of targets within the limit")

    for query in ("", "?metric=c_total", "?metric=nothing", "?limit=0", "?limit=-3", "?metric=gh&limit=1"):
        pair = both.data("metadata" + query)
        same(*[{name: sorted(map(show, v)) for name, v in data.items()} for data in pair], "metadata" + query)
    for query in ("?limit=3", "?metric=c_total&limit_per_metric=1", "?limit_per_metric=1"):
        mine, theirs = both.data("metadata" + query)
        if "limit_per" in query and both.version < (2, 44):
            intended("older: parameters")
        elif "metric" in query or "limit_per" in query:
            same({k: len(v) for k, v in mine.items()}, {k: len(v) for k, v in theirs.items()}, "metadata" + query)
        else:
            same(len(mine), len(theirs), "metadata" + query)


# ---- relabeling ----

def relabel_steps(both):
    sets = [{}, {"drop": "yes"}, {"drop": "no", "env": "prod", "__address__": "h:1"},
            {"__meta_a": "1", "__meta_b": "2", "b": "3", "drip": "4"}, {"env": ""}, {"a\"b": "<&>"},
            {"__address__": "dropped.invalid:1", "__meta_zone": "z"}]
    for pool in ("plain", "limited", "from_files", "empty"):
        for labels in sets:
            query = urllib.parse.urlencode({"scrapePool": pool, "labels": json.dumps(labels)})
            mine, theirs = both.data("targets/relabel_steps?" + query)
            if theirs is None:
                return
            same(mine, theirs, "relabel_steps of %s with %s" % (pool, labels))


# ---- errors ----

def error_of(answer):
    return json.loads(answer[2].decode()) if answer[1]["Content-Type"] == "application/json" else None


BAD = [
    ("targets/metadata?limit=x", True),
    ("targets/metadata?limit=1.5", True),
    ("metadata?limit=9223372036854775808", True),
    ("metadata?limit_per_metric=x", True),
    ("targets/relabel_steps", True),
    ("targets/relabel_steps?scrapePool=plain", True),
    ("targets/relabel_steps?scrapePool=a%22b&labels=%7B%7D", True),
    ("targets/relabel_steps?scrapePool=plain&labels=nonsense", False),
    ("targets/relabel_steps?scrapePool=plain&labels=%5B%5D", False),
    ("targets/relabel_steps?scrapePool=plain&labels=%7B%22a%22%3A1%7D", False),
] + [("targets/metadata?match_target=" + urllib.parse.quote(s), False)
     for s in ("{foo", '{job=a}', '{job=~"("}', '"up"', "a b", "{,}", '{job="a"}[5m]', "on", '{job="\\q"}', "1", "#",
               '{job="a"}}', '{job!"a"}', "{job='a", 'up{job="a"')]


def bad_requests(both):
    for path, exactly in BAD:
        mine, theirs = both.ask("/api/v1/" + path)
        if theirs[0] == 404 and both.version < NEWEST:
            intended("older: paths")
            continue
        if both.version < (3, 0) and theirs[0] == 200:
            intended("older: paths")
            continue
        same(mine[0], theirs[0], path)
        a, b = error_of(mine), error_of(theirs)
        if not check(a and b, path + ": not JSON"):
            continue
        same((set(a), a["status"], a["errorType"]), (set(b), b["status"], b["errorType"]), path)
        if exactly:
            same(a["error"], b["error"], path)
        else:
            prefix = b["error"].split(":")[0]
            check(a["error"].startswith(prefix), "%s: %s, not %s" % (path, a["error"], b["error"]))
            if a["error"] != b["error"]:
                intended("words of errors")


def other_paths(both):
    agent_only = [("GET", p) for p in (
        "query", "query?query=up", "query_range", "query_exemplars", "format_query", "parse_query", "labels",
        "label/a/values", "label/a%20b/values", "series", "alertmanagers", "alerts", "rules", "status/tsdb")]
    agent_only += [("POST", p) for p in (
        "query", "query_range", "query_exemplars", "format_query", "parse_query", "labels", "series",
        "admin/tsdb/delete_series", "admin/tsdb/clean_tombstones", "admin/tsdb/snapshot")]
    agent_only += [("PUT", "admin/tsdb/snapshot")]
    for method, path in agent_only:
        mine, theirs = both.ask("/api/v1/" + path, method=method)
        if theirs[0] != 422 and both.version < NEWEST:
            intended("older: paths")
            continue
        same((mine[0], error_of(mine)), (theirs[0], error_of(theirs)), method + " " + path)
        check(mine[0] == 422, "%s %s is unavailable" % (method, path))
    for method, path in (("GET", "nothing"), ("GET", ""), ("POST", "nothing"), ("POST", "targets"),
                         ("POST", "status/flags"), ("POST", "label/a/values"), ("DELETE", "targets"),
                         ("GET", "admin/tsdb/snapshot"), ("PUT", "query"), ("GET", "scrape_pools/config")):
        mine, theirs = both.ask("/api/v1/" + path, method=method)
        same((mine[0], mine[2]), (theirs[0], theirs[2]), method + " " + path)
    for path in ("write", "read", "otlp/v1/metrics"):
        mine, theirs = both.ask("/api/v1/" + path, method="POST")
        check(mine[0] == 404, path + " is not there")
        intended("receivers")
    for path in ("/-/healthy", "/-/ready"):
        for method in ("GET", "HEAD"):
            mine, theirs = both.ask(path, method=method)
            same(mine[0], theirs[0], method + " " + path)
    mine, theirs = both.ask("/api/v1/targets", method="HEAD")
    check(mine[0] == 200 and theirs[0] == 405, "HEAD of the API")
    intended("head")


def cors(both):
    for path, method, headers in (("targets", "GET", {"Origin": "http://a.example"}), ("targets", "GET", {}),
                                  ("query", "GET", {"Origin": "http://a.example"}),
                                  ("nothing/at/all", "OPTIONS", {"Origin": "https://b.example:1"}),
                                  ("targets", "OPTIONS", {})):
        mine, theirs = both.ask("/api/v1/" + path, method=method, headers=headers)
        same(mine[0], theirs[0], "%s %s" % (method, path))
        for name in ("Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin",
                     "Access-Control-Expose-Headers"):
            if theirs[1][name] == "*" and both.version < (3, 0):
                intended("older: origin")
                check(mine[1][name] == headers["Origin"], "%s: the origin is allowed" % path)
            else:
                same(mine[1][name], theirs[1][name], "%s %s: %s" % (method, path, name))
        check("Origin" in (mine[1]["Vary"] or ""), "%s varies by Origin" % path)
        if "Accept-Encoding" in " ".join(theirs[1].get_all("Vary") or []):
            intended("compression")


# ---- status ----

def flags(both):
    mine, theirs = both.data("status/flags")
    for name in sorted(theirs):
        if name in ("config.file", "storage.agent.path", "web.listen-address"):
            check(mine[name] and theirs[name], name)
        elif name == "web.page-title":
            intended("page title")
        elif name == "write-documentation":
            intended("hidden flag")
        elif mine.get(name) != theirs[name] and both.version < NEWEST:
            intended("older: flags")
        else:
            same(mine.get(name), theirs[name], "flag " + name)
    for name in sorted(set(mine) - set(theirs)):
        check(both.version < NEWEST, "no flag of Prometheus: " + name)
        intended("older: flags")
    check(all(isinstance(v, str) for v in mine.values()), "flags are text")


def compare_config(both, mine, theirs, where):
    if isinstance(theirs, dict) and isinstance(mine, dict):
        for key in sorted(set(mine) | set(theirs), key=str):
            if where == "config" and key in ("runtime", "storage", "otlp"):
                intended("config sections")
            elif where == "config" and key == "ampagent":
                intended("own section")
            elif (key not in theirs or key not in mine) and both.version < NEWEST:
                intended("older: keys")
            elif check(key in mine and key in theirs, "%s: only one has %s" % (where, key)):
                compare_config(both, mine[key], theirs[key], "%s.%s" % (where, key))
    elif isinstance(theirs, list) and isinstance(mine, list) and len(mine) == len(theirs):
        for i, (x, y) in enumerate(zip(mine, theirs)):
            compare_config(both, x, y, "%s[%d]" % (where, i))
    elif mine != theirs and both.version < (3, 0):
        intended("older: keys")
    else:
        same(mine, theirs, where)


def status(both):
    flags(both)
    mine, theirs = both.data("status/config")
    same_shape(both, mine, theirs, "status/config")
    if yaml:
        compare_config(both, yaml.safe_load(mine["yaml"]), yaml.safe_load(theirs["yaml"]), "config")
    else:
        print("not compared, python3-yaml is not there: the configuration's values")
    for path in ("status/runtimeinfo", "status/buildinfo", "status/walreplay"):
        mine, theirs = both.data(path)
        same_shape(both, mine, theirs, path)
    mine, theirs = both.data("status/runtimeinfo")
    for key in ("CWD", "hostname", "reloadConfigSuccess", "corruptionCount", "GOMAXPROCS"):
        if key in theirs:
            same(mine[key], theirs[key], key)
    for key in ("startTime", "serverTime", "lastConfigTime"):
        check(mine[key][:10] == theirs.get(key, mine[key])[:10], "%s: %s" % (key, mine[key]))
    check(mine["goroutineCount"] >= 3, "threads are counted")
    if both.version >= (3, 0):
        same(*both.data("notifications"), "notifications")


# ---- the whole ----

def scraped(base, n):
    """Every target has been scraped, some time ago enough for metadata to be there."""
    active = harness.get_json(base + "/api/v1/targets")["data"]["activeTargets"]
    return len(active) == n and all(t["health"] != "unknown" for t in active)


def reload_fails(agent, directory, good):
    """A reload that fails is told of; the old configuration stays."""
    before = harness.get_json(agent.base + "/api/v1/status/config")
    directory.file("ampagent.yml", "scrape_configs: [{job_name: }]\n")
    agent.popen.send_signal(1)
    harness.wait_for(lambda: not harness.get_json(agent.base + "/api/v1/status/runtimeinfo")["data"]
                     ["reloadConfigSuccess"], 10, "the failed reload is told of")
    told = harness.get_json(agent.base + "/api/v1/notifications")["data"]
    check(len(told) == 1 and told[0]["text"] == "Configuration reload has failed." and told[0]["active"] is True,
          "a notification: %s" % told)
    same(harness.get_json(agent.base + "/api/v1/status/config"), before, "the configuration stays")
    directory.file("ampagent.yml", good)
    agent.popen.send_signal(1)
    harness.wait_for(lambda: harness.get_json(agent.base + "/api/v1/notifications")["data"] == [], 10,
                     "the notification goes with a good reload")


def main():
    program, version = find_prometheus()
    kinds = {"/om": "application/openmetrics-text; version=1.0.0; charset=utf-8"}
    pages = {"/metrics": TEXT, "/other": OTHER, "/unreadable": b"this is { no page\n",
             "/om": lambda request: (200, kinds["/om"], OPENMETRICS)}
    with harness.Dir() as directory, harness.Pages(pages) as served:
        values = {"pages": served.address, "port": served.port, "closed": harness.free_port(),
                  "dir": directory.path, "keep": "  keep_dropped_targets: 2" if version >= (2, 47) else ""}
        config = CONFIG % values
        directory.file("targets-1.json", json.dumps([
            {"targets": [served.address], "labels": {"__meta_zone": "z1", "team": "t"}},
            {"targets": [served.address, "127.0.0.1:%d" % values["closed"]], "labels": {"__meta_zone": "z2"}}]))
        # Nobody receives: they would go on trying to deliver.
        flags_of_both = ["--scrape.discovery-reload-interval=1s", "--storage.agent.retention.max-time=3h",
                         "--storage.remote.flush-deadline=1s"]
        port = harness.free_port()
        mode = ["--agent"] if version >= (3, 0) else ["--enable-feature=agent"]
        argv = [program] + mode + [
            "--config.file=" + directory.file("prometheus.yml", config), "--storage.agent.path=prometheus-data",
            "--web.listen-address=127.0.0.1:%d" % port] + flags_of_both
        with harness.Process("prometheus", argv, directory) as prometheus, \
                harness.Agent(directory, config, *flags_of_both) as agent:
            both = Both("http://127.0.0.1:%d" % port, agent.base, version)
            for base in (both.theirs, both.mine):
                harness.wait_for(lambda base=base: scraped(base, 9), 40, base + " has scraped every target")
            if harness.failed():
                print(prometheus.log()[-3000:])
                harness.finish()
            for part in (targets, metadata, relabel_steps, bad_requests, other_paths, cors, status):
                part(both)
            reload_fails(agent, directory, config)
            agent.stop()
    print("compared with Prometheus %d.%d" % version)
    for name in sorted(met):
        print("differs on purpose, %d times: %s" % (met[name], INTENDED[name]))
    harness.finish()


if __name__ == "__main__":
    main()
