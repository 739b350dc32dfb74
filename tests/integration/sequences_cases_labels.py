"""Sequences written by hand: labels, names, and what relabeling makes of series and of targets."""
from sequences_model import Sequence, om, text

PAGE = text(b'a{x="one",y="Two"} 1', b'a{x="two",y="Two"} 2', b'b{x="three",z="a;b"} 3', b"go_gc 4", b'c{job="mine",instance="i"} 5')
LESS = text(b'a{x="two",y="Two"} 2', b"go_gc 4")
STEPS = [PAGE, PAGE, LESS, PAGE]


def rule(action, **keys):
    return dict({"action": action}, **keys)


METRIC_RULES = [
    ("drop", [rule("drop", source_labels=["__name__"], regex="a|go_.*")]),
    ("drop all", [rule("drop", regex=".*", source_labels=["__name__"])]),
    ("keep", [rule("keep", source_labels=["x", "y"], regex="two;.*")]),
    ("keep, other separator", [rule("keep", source_labels=["x", "y"], separator="/", regex="t(wo|hree)/.*")]),
    ("replace", [rule("replace", source_labels=["x"], regex="t(.*)", target_label="t", replacement="is-$1")]),
    ("replace to nothing", [rule("replace", source_labels=["x"], regex="two", target_label="x", replacement="")]),
    ("replace a missing label", [rule("replace", source_labels=["nowhere"], target_label="made", replacement="always")]),
    ("replace by default", [rule("replace", source_labels=["y"], target_label="copy")]),
    ("the name", [rule("replace", source_labels=["__name__", "x"], regex="(.);(.*)", target_label="__name__", replacement="${1}_${2}")]),
    ("the name to nothing", [rule("replace", source_labels=["__name__"], regex="b", target_label="__name__", replacement="")]),
    ("the name to another alphabet", [rule("replace", source_labels=["__name__"], regex="b", target_label="__name__", replacement="b-\u00e9 x")]),
    ("a label of another alphabet", [rule("replace", source_labels=["x"], regex="three", target_label="l.\u00e9", replacement="v")]),
    ("a label that a value names", [rule("replace", source_labels=["x", "y"], regex="(.*);(.*)", target_label="l_$1", replacement="$2")]),
    ("a label that is no name", [rule("replace", source_labels=["x"], regex="(.*)", target_label="${2}", replacement="v")]),
    ("hashmod", [rule("hashmod", source_labels=["x", "y"], target_label="shard", modulus=7),
                 rule("keep", source_labels=["shard"], regex="[0-4]")]),
    ("labelmap", [rule("labelmap", regex="(x|y)", replacement="new_$1")]),
    ("labelmap over a label", [rule("labelmap", regex="x", replacement="y")]),
    ("labeldrop", [rule("labeldrop", regex="x|z")]),
    ("labeldrop the target", [rule("labeldrop", regex="instance|job")]),
    ("labelkeep", [rule("labelkeep", regex="__name__|x|seq")]),
    ("labelkeep without a name", [rule("labelkeep", regex="x|seq")]),
    ("lowercase", [rule("lowercase", source_labels=["y"], target_label="y")]),
    ("uppercase", [rule("uppercase", source_labels=["x"], target_label="up")]),
    ("keepequal", [rule("keepequal", source_labels=["x"], target_label="y")]),
    ("dropequal", [rule("lowercase", source_labels=["y"], target_label="y"), rule("dropequal", source_labels=["x"], target_label="y")]),
    ("a chain", [rule("replace", source_labels=["x"], target_label="__tmp_x"), rule("drop", source_labels=["__tmp_x"], regex="one"),
                 rule("replace", source_labels=["__tmp_x"], target_label="last"), rule("labeldrop", regex="__tmp_.*")]),
    ("a hidden label stays", [rule("replace", source_labels=["x"], target_label="__kept")]),
    ("target labels are seen", [rule("replace", source_labels=["seq", "job"], target_label="both")]),
    ("the seq label goes", [rule("replace", source_labels=["seq", "__name__"], separator="_", target_label="__name__"),
                            rule("labeldrop", regex="seq")]),
    ("job and instance change", [rule("replace", target_label="job", replacement="j"), rule("replace", target_label="instance", replacement="i")]),
    ("two series become one", [rule("labeldrop", regex="x")]),
    ("null bytes and new lines", [rule("replace", source_labels=["z"], regex="a;b", target_label="z", replacement="a\nb\u0000c")]),
    ("dot matches a new line", [rule("replace", target_label="n", replacement="a\nb"), rule("drop", source_labels=["n", "x"], regex="a.b;one")]),
    ("lazy and named", [rule("replace", source_labels=["x"], regex="(?P<first>.)(.*?)(e?)", target_label="r", replacement="$first-$2-${3}")]),
    ("no case", [rule("drop", source_labels=["y"], regex="(?i)TWO")]),
    ("replacement with dollars", [rule("replace", source_labels=["x"], target_label="d", replacement="$$1 $ $1x ${1}x $0")]),
]


def metric_relabeling():
    for name, rules in METRIC_RULES:
        yield name, STEPS, {"metric_relabel_configs": rules}
    yield "drops, then the line is known", [LESS, PAGE, LESS, PAGE, PAGE], {"metric_relabel_configs": METRIC_RULES[0][1]}
    yield "drops and fails", [PAGE, text(b"a 1", b"go_x 1", b"new 1", b"!"), PAGE], {"metric_relabel_configs": METRIC_RULES[0][1]}
    yield "drops timed series", [text(b"go_x 1 <<T-500>>", b"a 1 <<T-500>>", b"b 1")] * 2 + [text(b"b 1")], \
        {"metric_relabel_configs": METRIC_RULES[0][1]}


def honoring():
    pages = [text(b'a{job="mine"} 1', b'a{instance="mine"} 2', b'a{seq2="x",exported_job="e",job="j"} 3', b'a{exported_job="only"} 4'),
             text(b'a{job=""} 1', b'a{instance="",job=""} 2', b'a{exported_job="",job="j"} 3'),
             text(b'a{job="j",exported_job="e",exported_exported_job="ee"} 1', b'a{foo="1"} 2', b'a{foo="1",exported_foo="2"} 3'),
             text(b'a{foo=""} 1', b'a{foo="",exported_foo="x"} 2', b'a{exported_foo="3",foo="4"} 5', b"a 6")]
    labels = [{"foo": "3", "exported_foo": "4"}]
    for honor in (False, True):
        options = {"honor_labels": honor}
        yield "honor_labels %s" % honor, pages + pages[:1], options
        yield "honor_labels %s, more labels" % honor, pages + pages[:2], options, "plain", labels
        yield "honor_labels %s, a duplicate" % honor, [text(b"b 1"), text(b'a{job="1",job="2"} 1'), text(b"b 1")], options
        yield "honor_labels %s, own reports" % honor, [text(b'up{job="other"} 5', b"up 3"), text(b"a 1"), text(b'up{instance="x"} 1')], options
        for k, page in enumerate(pages):
            yield "honor_labels %s, page %d" % (honor, k), [page, page, text(b"b 1"), page], options, "plain", labels
        yield "honor_labels %s, relabeled" % honor, pages, dict(options, metric_relabel_configs=[rule("labeldrop", regex="exported_.*")]), \
            "plain", labels


def names():
    odd = [b'{"a.b"} 1', b'{"a b",x="1"} 2', b'{"\xc3\xa9"} 3', b'x{"l.l"="1"} 4', b'x{"\xc3\xa9"="2"} 5', b"y:z 6", b'{"1a"} 7']
    pages = [text(b"m 1", line) for line in odd]
    for k, page in enumerate(pages):
        for scheme in ("utf8", "legacy"):
            options = {"metric_name_validation_scheme": scheme}
            if scheme == "legacy":
                options["metric_name_escaping_scheme"] = "underscores"
            yield "%s, page %d" % (scheme, k), [text(b"m 1"), page, text(b"m 2"), page, page], options
    for scheme in ("allow-utf-8", "underscores", "dots", "values"):
        yield "escaping " + scheme, [text(*odd), om(*odd), text(b"m 1")], {"metric_name_escaping_scheme": scheme}
    yield "escapes", [text(b'{"q\\"q","l\\\\\\n"="v\\"\\n\\\\"} 1', b'a{x="\\x\\t"} 2'), text(b"m 1")]
    yield "no UTF-8", [text(b"m 1"), text(b'a{x="\xff"} 1'), text(b"m 1", b'{"\xff"} 1'), text(b"m 1")]
    yield "NUL", [text(b"m 1"), text(b'a{x="a\0b"} 1'), text(b"m 1", b"\0 anything"), text(b'{"a\0b"} 1'), text(b"m 1")]
    yield "leading blanks", [text(b"m 1", b"  a 1"), text(b"m 1", b"a 1"), text(b"\ta 1")]
    yield "leading blanks, legacy", [text(b"m 1"), text(b"m 1", b"  a 1"), text(b"m 1")], \
        {"metric_name_validation_scheme": "legacy", "metric_name_escaping_scheme": "underscores"}
    yield "__name__ as a label", [text(b"m 1"), text(b'a{__name__="x"} 1'), text(b'{__name__="x"} 1'), text(b"m 1")]
    yield "hidden labels", [text(b'a{__x__="1"} 1'), text(b'a{__x__="1",__y="2"} 1'), text(b"a 1")]


TARGET_RULES = [
    ("a label", [rule("replace", source_labels=["__address__"], target_label="where")], {}),
    ("instance", [rule("replace", target_label="instance", replacement="given")], {}),
    ("instance to nothing", [rule("replace", target_label="instance", replacement="")], {}),
    ("job", [rule("replace", target_label="job", replacement="%SEQ%-other")], {}),
    ("job to nothing", [rule("replace", target_label="job", replacement="")], {}),
    ("labelmap of hidden labels", [rule("labelmap", regex="__meta_(.+)")], {"__meta_zone": "z1", "__meta_rack": "r2"}),
    ("hidden labels go", [rule("replace", source_labels=["__tmp"], target_label="seen")], {"__tmp": "t", "__meta_x": "1"}),
    ("a parameter", [rule("replace", source_labels=["want"], target_label="__param_module")], {"want": "http 2xx&c"}),
    ("a second parameter", [rule("replace", target_label="__param_other", replacement="\u00e9+ /")], {}),
    ("the path", [rule("replace", source_labels=["__metrics_path__"], regex="(.*)", target_label="__metrics_path__", replacement="$1/more%20x/")], {}),
    ("lowercase", [rule("lowercase", source_labels=["zone"], target_label="zone")], {"zone": "EU-\u00c9"}),
    ("hashmod", [rule("hashmod", source_labels=["seq"], target_label="shard", modulus=1000)], {}),
    ("labeldrop", [rule("labeldrop", regex="zone|instance")], {"zone": "z"}),
    ("labelkeep", [rule("labelkeep", regex="__.*|seq|job")], {"zone": "z"}),
    ("odd label names", [rule("replace", target_label="l.l \u00e9", replacement="v")], {"x-y": "1"}),
    ("the timeout", [rule("replace", target_label="__scrape_timeout__", replacement="1500ms")], {}),
    ("extra address labels", [rule("replace", source_labels=["__scheme__", "__address__"], separator="://", target_label="url")], {}),
]
DROPPED = [
    ("dropped", [rule("drop", source_labels=["seq"], regex=".*")]),
    ("not kept", [rule("keep", source_labels=["nowhere"], regex="x")]),
    ("no address", [rule("replace", target_label="__address__", replacement="")]),
    ("a bad address", [rule("replace", target_label="__address__", replacement="a/b")]),
    ("a bad interval", [rule("replace", target_label="__scrape_interval__", replacement="soon")]),
    ("a zero interval", [rule("replace", target_label="__scrape_interval__", replacement="0s")]),
    ("a bad timeout", [rule("replace", target_label="__scrape_timeout__", replacement="1h")]),
    ("a bad scheme", [rule("replace", target_label="__scheme__", replacement="gopher")]),
]


def targets():
    out = [Sequence("targets", name, STEPS, {"relabel_configs": rules}, labels=[labels]) for name, rules, labels in TARGET_RULES]
    out += [Sequence("targets", name, [PAGE, PAGE], {"relabel_configs": rules}, silent=True) for name, rules in DROPPED]
    params = {"module": ["a", "b c"], "x[]": ["&=?", ""], "z": []}
    out.append(Sequence("targets", "params", STEPS, {"params": params}))
    out.append(Sequence("targets", "params and a label", STEPS, {"params": params}, labels=[{"__param_module": "first", "__param_new": "n"}]))
    several = [[text(b"a %d" % k), text(b"b 1"), text(b"a %d" % k)] for k in range(3)]
    out.append(Sequence("targets", "three", several))
    keep_one = [rule("keep", source_labels=["tgt"], regex="1")]
    for limit in (1, 2, 3):
        over = limit < 3
        out.append(Sequence("targets", "target_limit %d of 3" % limit, several, {"target_limit": limit}, silent=over))
        out.append(Sequence("targets", "target_limit %d after relabeling" % limit, several,
                            {"target_limit": limit, "relabel_configs": keep_one}, silent=True))
    twins = [{"tgt": None, "__metrics_path__": "/%SEQ%/0", "twin": "t"} for _ in range(2)]
    out.append(Sequence("targets", "twice the same", [several[0], []], labels=twins, silent=True))
    return out


def sequences():
    out = []
    for family in (metric_relabeling, honoring, names):
        out += [Sequence(family.__name__, case[0], list(case[1]), *case[2:]) for case in family()]
    return out + targets()
