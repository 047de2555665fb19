"""mod_jk's own log beside Apache's: what became of the Tomcats behind it.

`[Thu Feb 06 14:32:07.123 2025] [812:140512] [error] ajp_service::jk_ajp_common.c
(2774): (worker1) connecting to tomcat failed (rc=-3, errors=1, client_errors=0).` The
stamp is local.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix
from forensic.fields.messages import first_class
from forensic.format import Format

__all__ = ["FORMAT", "REASONS"]

_DAY = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"
_HEAD = rf"^\[{_DAY}(?:\.[0-9]{{3,6}})? [0-9]{{4}}\] ?\[[0-9]+:[0-9]+\] \[[a-z]+\] "
_LINE = (
    r"\[[A-Z][a-z]{2} (?P<day>[A-Z][a-z]{2} [ 0-9][0-9]) (?P<clock>[0-9:]{8})"
    r"(?:\.(?P<part>[0-9]{3,6}))? (?P<year>[0-9]{4})\] ?\[(?P<pid>[0-9]+):[0-9]+\] "
    r"\[(?P<level>trace|debug|info|warn|error|emerg)\] "
    r"(?P<place>[A-Za-z_0-9]+::[A-Za-z_0-9]+\.c) \([0-9]+\): "
)
_WORKER = r"^\(([^)]*)\) "
#: The class of an error ▶ words of the source.
REASONS = {
    "no_live_upstreams": r"All tomcat instances (?:failed|are busy|are stopped)",
    "upstream_timed_out": r"[Tt]imeout (?:with )?waiting reply from tomcat",
    "connect_timed_out": r"connecting to backend failed.*\(errno=(?:110|115|60)\)",
    "connect_refused": r"connecting to (?:backend|tomcat) failed",
    "upstream_prematurely_closed": r"Tomcat is down or refused connection"
    r"|receiving (?:reply )?from tomcat failed|sending request to tomcat failed",
    "client_closed": r"sending (?:reply|response) to client failed|Client connection"
    r" aborted",
}
_FAILED = ["error", "emerg"]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of its lines."""
    rows = prefix(lines, _LINE)
    spoken = pl.concat_str("year", pl.lit(" "), pl.col("day").str.replace("  ", " 0"))
    date = spoken.str.to_date("%Y %b %d", strict=False).dt.strftime("%Y-%m-%d")
    clock = pl.concat_str("clock", pl.lit("."), pl.col("part").fill_null("0"))
    stamps = moments(rows.select(pl.concat_str(date, pl.lit(" "), clock)).to_series())
    message = pl.col("rest").str.replace(_WORKER, "")
    short = pl.when(pl.lit(stamps["local_time"]).is_null())
    return rows.select(
        local_time=stamps["local_time"],
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        logger=pl.col("rest").str.extract(_WORKER),
        message=message,
        reason=pl.when(pl.col("level").is_in(_FAILED)).then(
            first_class(message, REASONS)
        ),
        # It writes no line of what Apache refuses: with levels its silence would
        # tell that nothing was.
        extra=json_extra(severity=pl.col("level"), place=pl.col("place")),
        refused=short.then(pl.lit("no line of mod_jk")),
    )


FORMAT = Format(
    name="mod_jk",
    title="mod_jk's log",
    hop="web_server",
    reference="https://tomcat.apache.org/connectors-doc/reference/apache.html",
    head=_HEAD,
    parse=parse,
    multiline=True,
    narrow=True,
    paths=r"(?i)jk",
)
