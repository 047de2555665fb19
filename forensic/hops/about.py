"""Requests ▶ the same with what programs wrote about them: notes, traces, deaths."""

import polars as pl

from forensic.hops import attach, gate, incident, responses, traces
from forensic.hops.joined import joined
from forensic.hops.proxied import PROXIED
from forensic.hops.quoted import thrown, words
from forensic.hops.refusals import REFUSED
from forensic.hops.scored import COLUMNS as SCORED
from forensic.hops.servers import FULL

__all__ = ["PASSED_ON", "noted", "told"]

#: So much later than the outermost record, an inner one was written at the end.
_LONG = 2_000_000
#: What the server behind a web server answered, and it sent on.
PASSED_ON = pl.col("inner_web_status") == pl.col("web_server_status")
PASSED_ON = PASSED_ON.fill_null(value=False)
#: Of these notes the words stand in the answer's sentence.
_QUOTED = [*REFUSED, FULL, *(kind.name for kind in PROXIED)]


def noted(
    requests: pl.DataFrame, frame: pl.DataFrame, said: pl.DataFrame
) -> pl.DataFrame:
    """The requests with the notes that are about them."""
    web = frame.with_row_index("request").with_columns(pl.col("request").cast(pl.Int64))
    tiers = [responses.TIERS["web_server"], responses.TIERS["inner_web"]]
    web = web.filter(pl.col("tier").is_in(tiers) & pl.col("time").is_not_null())
    direct = attach.errors(web, said)
    bare = requests.filter(
        pl.col("web_server_row").is_null()
        & pl.col("load_balancer_upstream_status").is_not_null()
        & pl.col("time").is_not_null()
    ).select(
        "method",
        "path",
        "query",
        "client_ip",
        "time",
        request="root",
        source=pl.lit(None, pl.String),
        status="load_balancer_upstream_status",
    )
    rest = said.join(direct, on="note", how="anti", maintain_order="left")
    behind = attach.errors(bare, rest, by_client=False)
    lines = said.select(
        "note",
        *(
            pl.col(c).alias(f"note_{c}")
            for c in (
                *("kind", "cause", "rule", "source", "line", "offset", "time"),
                *("upstream", "format"),
            )
        ),
        note_words=pl.concat_str(
            words(pl.col("message")),
            pl.format("; matched before: {}", "scored").fill_null(""),
        ),
        scored_note=pl.when(pl.col("scored_line").is_not_null()).then("note"),
        **{name: name for name in SCORED[1:]},
        note_named=pl.col("client_ip").is_not_null() | pl.col("path").is_not_null(),
        note_path=pl.col("path").is_not_null(),
        note_client=pl.col("client_ip").is_not_null(),
        note_leaf="leaf",
    )
    by_row = direct.join(lines, on="note", maintain_order="left")
    direct_rows = direct["request"].implode()
    by_root = behind.join(lines, on="note", maintain_order="left")
    own = pl.col("inner_web_row").is_in(direct_rows)
    # The server that it asked in vain was not the last one: another answered so.
    tried = pl.col("web_server_row").is_in(
        by_row.filter(attach.about_upstream(pl.col("note_cause")))["request"].implode()
    )
    row = pl.coalesce(
        pl.when(own).then("inner_web_row"),
        pl.when(~(tried & PASSED_ON)).then("web_server_row"),
    )
    found = joined(requests.with_columns(request=row), by_row, "request")
    found = found.drop("request")
    if by_root.height:
        other = {name: f"{name}_behind" for name in lines.columns}
        found = (
            joined(found, by_root.rename({"request": "root"} | other), "root")
            .with_columns(pl.coalesce(name, f"{name}_behind") for name in lines.columns)
            .drop(other.values())
        )
    return found.with_columns(note_direct=pl.col("note").is_not_null())


def told(requests: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """The requests with the traceback and the worker's death that are about them."""
    source = pl.coalesce("inner_web_source", "web_server_source")
    inner = pl.coalesce(
        "app_server_time", "inner_web_time", "web_server_time", "load_balancer_end"
    )
    own = requests.with_columns(
        request="root",
        web_source=source,
        # A load balancer may stamp the start; what failed is told at the end.
        time=pl.when(inner - pl.col("time") > _LONG).then(inner).otherwise("time"),
    )
    timed = own.filter(pl.col("time").is_not_null())
    traced = traces.tracebacks(own, said).rename({"request": "root", "note": "trace"})
    deaths = incident.incidents(timed, said).rename({"request": "root"})
    places = ["hop", "source", "line", "offset"]
    trace = said.select(
        trace="note",
        trace_kind="kind",
        trace_path="path",
        trace_status="status",
        trace_named=pl.col("path").is_not_null(),
        trace_id="request_id",
        trace_words=pl.coalesce(
            thrown(pl.col("message")),
            "named",
            pl.when(pl.col("kind").is_in(_QUOTED)).then(words(pl.col("message"))),
        ),
        **{f"trace_{c}": c for c in places},
        thrown=pl.when(pl.col("named").is_not_null()).then("note"),
        thrown_source="source",
        thrown_line="named_line",
        thrown_offset="named_offset",
    )
    death = said.select(
        incident_note="note",
        incident_kind="kind",
        incident_format="format",
        incident_words=words(pl.col("message")),
        **{f"incident_{c}": c for c in places},
    )
    trace = trace.join(traced, on="trace", how="semi", maintain_order="left")
    with_trace = joined(joined(requests, traced, "root"), trace, "trace")
    same_id = pl.any_horizontal(
        pl.col(f"{tier}_request_id") == pl.col("trace_id") for tier in traces.WITH_IDS
    )
    with_trace = with_trace.with_columns(
        trace_named=pl.col("trace_named") | same_id.fill_null(value=False)
    ).drop("trace_id")
    with_trace = gate.refused(with_trace)
    death = death.join(deaths, on="incident_note", how="semi", maintain_order="left")
    return joined(joined(with_trace, deaths, "root"), death, "incident_note")
