"""glog and klog: `E0517 15:04:22.619632 1952452992 file.cc:253] text`.

Google's C++ and Go libraries, and with them Kubernetes. The stamp has neither year
nor zone. What a node's kubelet says of a pod in trouble is told in the words of the
events that it sends for it.
"""

import polars as pl

from forensic.fields.columns import iso_stamp, json_extra, prefix
from forensic.format import Format
from forensic.matching import any_matches
from forensic.schema import YEARLESS

__all__ = ["FORMAT"]

_LEVELS = {"I": "info", "W": "warning", "E": "error", "F": "fatal", "D": "debug"}
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}"
#: How the kubelet's lines about pods in trouble begin.
_TROUBLE = (
    r'^"(?:Probe failed|Error syncing pod, skipping|Killing container with a grace pe'
    r"|Eviction manager: (?:must evict pod|pod .{0,40}is evicted))"
)
_TEXT = r'((?:[^"\\]|\\.)*)'


def _kubelet(text: pl.Series) -> pl.DataFrame:
    """`reason` and `words` of what a kubelet says of a pod in trouble; else null."""
    if not any_matches(text, _TROUBLE):
        nothing = pl.repeat(None, len(text), dtype=pl.String, eager=True)
        return pl.DataFrame({"reason": nothing, "words": nothing})
    said = pl.col("said")

    def key(name: str) -> pl.Expr:
        value = said.str.extract(rf'[ ,]{name}="{_TEXT}"')
        return value.str.replace_all('\\"', '"', literal=True)

    why, pod = key("err"), key("pods?").str.replace(r"^[^/]*/", "")
    kinds = {
        '"Probe': pl.lit("Unhealthy"),
        '"Error': why.str.extract(r"^[^\n]{0,80}? with ([A-Za-z]+)\b"),
        '"Kill': pl.lit("Killing"),
        '"Evic': pl.lit("Evicted"),
    }
    reason = pl.coalesce(
        pl.when(said.str.starts_with(begin)).then(word) for begin, word in kinds.items()
    )
    probe = pl.format("{} probe failed: {}", key("probeType"), key("output"))
    what = pl.coalesce(probe, why, said.str.extract(r'^"([^"]*)"'))
    frame = pl.DataFrame({"said": text}).select(
        trouble=said.str.contains(_TROUBLE),
        reason=reason,
        words=pl.format("pod/{} {}: {}", pod, reason, what),
    )
    return frame.select(
        pl.when("trouble").then(name).alias(name) for name in ("reason", "words")
    )


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of glog lines."""
    head = prefix(
        lines,
        rf"(?P<level>[IWEFD])(?P<year>20[0-9]{{2}})?(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})"
        rf" (?P<clock>{_CLOCK}) +(?P<thread>[0-9]+) (?P<caller>[^ \]]+:[0-9]+)\] ?",
    )
    year = pl.col("year").fill_null(str(YEARLESS))
    text = pl.format("{}-{}-{} {}", year, "month", "day", "clock")
    parsed = pl.col("rest").is_not_null()
    thread = pl.col("thread").cast(pl.Int64, strict=False)
    kubelet = _kubelet(head["rest"])
    return head.with_columns(kubelet).select(
        "reason",
        process=pl.when(pl.col("reason").is_not_null()).then(pl.lit("kubelet")),
        local_time=iso_stamp(text),
        level=pl.col("level").replace_strict(
            _LEVELS, default=None, return_dtype=pl.String
        ),
        message=pl.coalesce("words", "rest"),
        extra=json_extra(thread=thread, caller=pl.col("caller")),
        flags=pl.when(parsed & iso_stamp(text).is_null()).then(pl.lit(["bad_time"])),
        refused=pl.when(~parsed).then(pl.lit("no glog header")),
    )


FORMAT = Format(
    name="glog",
    title="glog or klog",
    hop=None,
    reference="https://github.com/google/glog: log line format",
    head=rf"^[IWEFD](?:20[0-9]{{2}})?[0-9]{{4}} {_CLOCK} +[0-9]+ ",
    parse=parse,
    multiline=True,
)
