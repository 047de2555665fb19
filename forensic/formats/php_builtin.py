"""PHP's built-in server (`php -S`): `[Thu Feb  6 14:32:07 2025] address [500]: GET /p`.

The stamp is local, or UTC as PHP is set. Of an error that ended the script the message
follows; what is about a connection has no status.
"""

import polars as pl

from forensic.fields.columns import by_value, http_status, prefix, target, without_port
from forensic.format import Format

__all__ = ["FORMAT"]

_DATE = (
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ 0-9][0-9]"
    r" [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}"
)
_PEER = r"(?:[0-9.]+|\[[0-9a-f:.]+\]):[0-9]+"
_SAID = r"PHP (?:[0-9.]+[^ ]* Development Server|[A-Z][a-z]+(?: [a-z]+)?: )"
_HEAD = (
    rf"^(?:\[[0-9]+\] )?\[{_DATE}\]"
    rf" (?:{_PEER} (?:Accepted|Closing|Closed|Invalid|\[[0-9]{{3}}\]: )|{_SAID})"
)
_LEVELS = {
    "Fatal error": "fatal",
    "Parse error": "fatal",
    "Warning": "warning",
    "Notice": "notice",
    "Deprecated": "notice",
}


def _moment(texts: pl.Series) -> pl.DataFrame:
    return texts.str.to_datetime(
        "%a %b %e %H:%M:%S %Y", time_unit="us", strict=False
    ).to_frame("local_time")


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the server's lines."""
    head = prefix(
        lines,
        rf"(?:\[(?P<pid>[0-9]+)\] )?\[(?P<date>{_DATE})\] "
        rf"(?:(?P<peer>{_PEER}) (?:\[(?P<status>[0-9]{{3}})\]: "
        r"(?P<method>[A-Z]+|\(null\)) (?P<target>[^ \n]+)(?: - )?)?)?",
    )
    known = lines.str.contains(_HEAD) & head["rest"].is_not_null()
    moment = by_value(head["date"], _moment)["local_time"]
    address = target(pl.col("target"))
    kind = pl.col("rest").str.extract(r"^PHP ([A-Z][a-z]+(?: [a-z]+)?): ")
    level = kind.replace_strict(_LEVELS, default=None)
    thrown = pl.col("rest").str.contains(r"^(?:PHP Fatal error: +)?Uncaught ")
    return head.select(
        local_time=pl.lit(moment),
        pid=pl.col("pid").cast(pl.Int64, strict=False),
        client_ip=without_port(pl.col("peer")),
        method=pl.when(pl.col("method") != "(null)").then("method"),
        path=address["path"],
        query=address["query"],
        status=http_status(pl.col("status")),
        level=level,
        message=pl.when(pl.col("rest") != "").then("rest"),
        reason=pl.when(thrown | (level == "fatal")).then(pl.lit("exception")),
        flags=pl.when(pl.lit(known) & pl.lit(moment).is_null()).then(
            pl.lit(["bad_time"])
        ),
        refused=pl.when(~pl.lit(known)).then(pl.lit("no line of PHP's server")),
    )


FORMAT = Format(
    name="php_builtin",
    title="PHP's built-in web server",
    hop="application",
    reference="https://github.com/php/php-src: sapi/cli/php_cli_server.c",
    head=_HEAD,
    parse=parse,
    multiline=True,
    narrow=True,
    stamps_end=True,
)
