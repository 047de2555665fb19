"""Barracuda's web firewall: its access lines (TR) and those of attacks (WF).

An access line says whether the server answered or the firewall itself (`INTERNAL`), and
whether the request was valid to it; an attack, which of its rules was broken and what
was done. A mark of absence is a quoted dash.
"""

import polars as pl

from forensic.fields.columns import (
    json_extra,
    moments,
    seconds,
    target,
)
from forensic.fields.rowwise import first_that_parses, where_any
from forensic.format import Format

__all__ = ["FORMAT"]

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} [+-][0-9]{4}"
_FRONT = rf"^(?:<[0-9]{{1,3}}>)?({_STAMP}) {{1,2}}(\S+) "
_WF = (
    rf"{_FRONT}WF ([A-Z]{{4}}) (\S+) (\S+) ([0-9]+) (\S+) ([0-9]+) (\S+) (\S+) "
    r'([A-Z]+) ([A-Z ]+) \[(.*)\] (\S+) (\S+) (\S+) (\S+) "+([^"]*?) ?"+ (\S+) '
    r"([0-9]+) (\S+) (\S+) (\S+) *$"
)
_WF_NAMES = (
    "stamp hostname severity attack client port service service_port rule_group"
    " rule_kind action follow_up details method url protocol session user_agent proxy"
    " proxy_port user referrer uid"
).split()
_TR = (
    rf"{_FRONT}TR (\S+) ([0-9]+) (\S+) ([0-9]+) (.*?) (\S+) (TLSv[0-9.]+|SSLv[0-9.]+"
    r"|HTTPS?|-) (\S+) (\S+) ([0-9]{3}) ([0-9]+) ([0-9]+) ([01]) ([0-9]+) (\S+) "
    r"([0-9]+) ([0-9]+) (.*?) +(INTERNAL|SERVER) (\S+) (\S+) (VALID|INVALID) (\S*) "
    r'(\S+) (\S+) (.*?) "+([^"]*)"+ (\S+) ([0-9]+) (.*) (\S+) *$'
)
_TR_NAMES = (
    "stamp hostname service service_port client port login method protocol host version"
    " status bytes_sent bytes_received cached took server server_port server_took"
    " session response profile protected verdict url query referrer cookie user_agent"
    " proxy proxy_port custom uid"
).split()
_DONE = {"DENY": "BLOCK", "LOG": "COUNT"}
_REFUSED = "no line of Barracuda's firewall"


def _named(lines: pl.Series, shape: str, names: list[str]) -> pl.DataFrame:
    rows = lines.str.extract_groups(shape).struct.unnest()
    rows = rows.rename(dict(zip(rows.columns, names, strict=True)))
    absent = pl.col(names).is_in(['"-"', "-", ""])
    rows = rows.select(pl.when(~absent).then(pl.col(names)))
    return rows.with_columns(moments(rows["stamp"]).select("local_time", "utc_offset"))


def _refused() -> pl.Expr:
    return pl.when(pl.col("stamp").is_null()).then(pl.lit(_REFUSED))


def _attack(lines: pl.Series) -> pl.DataFrame:
    rows = _named(lines, _WF, _WF_NAMES)
    url = target(pl.col("url"))
    # The host stands before the path, without a scheme, or not at all.
    bare = pl.col("url").str.extract_groups(r"^([^/?]+)(/[^?]*)(?:\?(.*))?$").struct
    proxy, client = pl.col("proxy"), pl.col("client")
    return rows.select(
        *("local_time", "utc_offset", "hostname", "user_agent", "user", "method"),
        *("rule_group", "referrer"),
        hop=pl.lit("waf"),
        client_ip=client,
        forwarded_for=pl.when(proxy != client).then(proxy),
        host=pl.coalesce(url["host"], bare.field("1")),
        path=pl.coalesce(bare.field("2"), url["path"]),
        query=pl.coalesce(bare.field("3"), url["query"]),
        request_id="uid",
        action=pl.when(pl.col("follow_up").str.contains("CAPTCHA"))
        .then(pl.lit("CAPTCHA"))
        .otherwise(pl.col("action").replace(_DONE)),
        rule="attack",
        rule_type="rule_kind",
        reason="action",
        message=pl.coalesce("details", "attack"),
        extra=json_extra(severity=pl.col("severity"), follow_up=pl.col("follow_up")),
        refused=_refused(),
    )


def _access(lines: pl.Series) -> pl.DataFrame:
    rows = _named(lines, _TR, _TR_NAMES)
    served = pl.col("response") == "SERVER"
    status = pl.col("status").cast(pl.Int16, strict=False)
    address = pl.concat_str("server", pl.lit(":"), "server_port")
    proxy, client = pl.col("proxy"), pl.col("client")
    kept = ("response", "profile", "protected", "verdict")
    return rows.select(
        *("local_time", "utc_offset", "hostname", "user_agent", "method", "referrer"),
        hop=pl.lit("load_balancer"),  # it is a proxy, and knows who answered
        client_ip=client,
        forwarded_for=pl.when(proxy != client).then(proxy),
        scheme=pl.when(pl.col("protocol") == "HTTP")
        .then(pl.lit("http"))
        .when(pl.col("protocol").is_not_null())
        .then(pl.lit("https")),
        host=pl.col("host").str.replace(r":\d+$", ""),
        path="url",
        query="query",
        http_version=pl.col("version").str.strip_prefix("HTTP/"),
        status=status,
        bytes_sent=pl.col("bytes_sent").cast(pl.Int64, strict=False),
        bytes_received=pl.col("bytes_received").cast(pl.Int64, strict=False),
        duration=seconds(pl.col("took"), 1e3),
        upstream=pl.when(served).then(address),
        upstream_status=pl.when(served & (pl.col("cached") == "0")).then(status),
        upstream_duration=pl.when(served).then(seconds(pl.col("server_took"), 1e3)),
        request_id="uid",
        reason=pl.when(~served).then(pl.concat_str("response", pl.lit(" "), "verdict")),
        extra=json_extra(**{name: pl.col(name) for name in kept}),
        refused=_refused(),
    )


_PARSERS = [where_any(_TR, _access, _REFUSED), where_any(_WF, _attack, _REFUSED)]


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the firewall's lines."""
    return first_that_parses(lines, _PARSERS)


FORMAT = Format(
    name="barracuda",
    title="Barracuda Web Application Firewall",
    hop=None,
    reference="https://campus.barracuda.com/product/webapplicationfirewall/doc/4259935/how-to-configure-syslog-and-other-logs/",
    head=rf"^(?:<[0-9]{{1,3}}>)?{_STAMP} {{1,2}}\S+ (?:WF [A-Z]{{4}}|TR) ",
    parse=parse,
    paths=r"(?i)barracuda",
)
