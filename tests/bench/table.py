"""Results as tables, for a terminal or in Markdown."""
import statistics

# Title, key, format. Of repeated runs the median is shown, of what goes wrong the sum.
COLUMNS = [
    ("samples/s", "samples_s", "%.0f"),
    ("CPU %", "cpu_percent", "%.2f"),
    ("CPU s/M", "cpu_million", "%.3f"),
    ("RSS MB", "VmRSS", "%.1f"),
    ("peak MB", "VmHWM", "%.1f"),
    ("anon MB", "RssAnon", "%.1f"),
    ("PSS MB", "Pss", "%.1f"),
    ("page B", "page", "%.1f"),
    ("wire B", "wire", "%.1f"),
    ("disk B", "disk", "%.2f"),
    ("a request", "request", "%.0f"),
    ("first s", "first_s", "%.2f"),
    ("lost", "lost", "%d"),
    ("doubled", "doubled", "%d"),
    ("late", "out_of_order", "%d"),
    ("other %", "other_percent", "%.1f"),
]
SUMMED = ("lost", "doubled", "out_of_order")

LEGEND = """\
CPU s/M: user and system seconds per million samples delivered. Memory: median of each second; peak:
VmHWM. page, wire, disk: bytes a sample (as scraped; request bodies; caused to be written). a request:
samples in it. first: from process start to the first sample at the sink, the wait for the target's
turn included. lost, doubled, late: all runs together; every sample served was looked for. other:
what else used the agent's processor (noise)."""


def combine(runs, key):
    values = [run[key] for run in runs]
    return sum(values) if key in SUMMED else statistics.median(values)


def cell(runs, key, form):
    text = form % combine(runs, key)
    values = [run[key] for run in runs]
    if key == "cpu_million" and len(values) > 1:
        text += (" (" + form + "-" + form + ")") % (min(values), max(values))
    return text


def draw(header, rows, markdown):
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in [header] + rows]
        lines.insert(1, "| --- " + "| ---: " * (len(header) - 1) + "|")
        return "\n".join(lines)
    widths = [max(len(row[i]) for row in [header] + rows) for i in range(len(header))]
    return "\n".join("  ".join([row[0].ljust(widths[0])] +
                               [c.rjust(w) for c, w in zip(row[1:], widths[1:])])
                     for row in [header] + rows)


def results(by_agent, markdown):
    """by_agent: name to the list of its runs."""
    rows = [[name] + [cell(runs, key, form) for _, key, form in COLUMNS]
            for name, runs in by_agent.items() if runs]
    return draw([""] + [title for title, _, _ in COLUMNS], rows, markdown)


def verdict(value, aim):
    return "reached" if value <= aim else "MISSED"


def ratios(by_agent, ours, aims, markdown):
    """aims: {rival: {key: limit}}, by the beginning of a rival's name."""
    rows = []
    for name, runs in by_agent.items():
        if name == ours or not runs or not by_agent[ours]:
            continue
        limits = next((a for kind, a in aims.items() if name.startswith(kind)), {})
        for title, key in (("CPU s/M", "cpu_million"), ("RSS", "VmRSS"), ("wire B", "wire"),
                           ("disk B", "disk")):
            other = combine(runs, key)
            if other <= 0:
                continue
            ratio = combine(by_agent[ours], key) / other
            limit = limits.get(key)
            rows.append(["%s of %s's" % (title, name), "%.3f" % ratio,
                         "%.3f" % limit if limit else "-",
                         verdict(ratio, limit) if limit else "-"])
    return draw(["%s's" % ours, "ratio", "aim", ""], rows, markdown) if rows else ""


def limits(runs, aims, markdown):
    """aims: [(what, key, limit, format)] for the program's own figures."""
    rows = [[what, form % combine(runs, key), form % limit, verdict(combine(runs, key), limit)]
            for what, key, limit, form in aims]
    return draw(["", "measured", "aim", ""], rows, markdown) if rows else ""
