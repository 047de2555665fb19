"""NetScaler's (Citrix ADC's) own lines: `02/06/2025:05:32:07 GMT ns1 0-PPE-0 : …`.

Its firewall (APPFW) tells the client, the profile, the check and whether it blocked;
of the rest, the kind of the event and its text. By syslog, whose parser takes the date
for the program's name: the time is then the envelope's.
"""

import polars as pl

from forensic.fields.columns import iso_stamp, prefix, target
from forensic.format import Format

__all__ = ["FORMAT"]

_DATE = r"(?:[0-9]{2}/[0-9]{2}/[0-9]{4}|[0-9]{4}/[0-9]{2}/[0-9]{2})"
_OPEN = r"(?:<[0-9]{1,3}> ?)?"
#: Without its zone where the appliance writes local time, and then one space too much.
_FRONT = (
    rf"(?:{_OPEN}(?:(?P<date>{_DATE}):)?(?P<clock>[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}) "
    r"(?:(?P<zone>[A-Z]{3,4})? )?(?:(?P<node>[^ ]+) )? *[0-9]+-PPE-[0-9]+ : "
    r"(?:default )?(?P<module>[A-Z_]+) (?P<event>[^:]+?)"
    # By syslog of RFC 5424, which has taken off the rest.
    r"|default (?P<check>APPFW_[^:]+?)) [0-9]+ [0-9]+ : +"
)
#: Client, transaction, session, profile, then the check with the URL before or in it.
_CHECKED = (
    r"^(\S+) ([0-9]+-PPE[0-9]+) (\S+) (\S+) (?:(https?://\S+) )?(.*?)"
    r" ?<(blocked|not blocked|transformed)>\s*$"
)
_DONE = {"blocked": "BLOCK", "not blocked": "COUNT", "transformed": "ALLOW"}


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the appliance's lines."""
    head = prefix(lines, _FRONT)
    text = pl.col("rest")
    named = pl.when(pl.col("check").is_not_null()).then(pl.lit("APPFW"))
    module, event = pl.coalesce("module", named), pl.coalesce("event", "check")
    check = pl.when(module == "APPFW").then(text.str.extract_groups(_CHECKED))
    part = check.struct
    url = target(
        pl.coalesce(part.field("5"), part.field("6").str.extract(r"(https?://\S+)$"))
    )
    date = pl.col("date")
    # The appliance's default is month, day, year.
    iso = pl.when(date.str.contains("^[0-9]{4}")).then(
        date.str.replace_all("/", "-", literal=True)
    )
    turned = date.str.replace("^([0-9]{2})/([0-9]{2})/([0-9]{4})$", "$3-$1-$2")
    stamp = iso_stamp(pl.concat_str(pl.coalesce(iso, turned), pl.lit(" "), "clock"))
    utc = pl.col("zone").is_in(["GMT", "UTC"]) & stamp.is_not_null()
    action = part.field("7").replace_strict(_DONE, default=None, return_dtype=pl.String)
    return head.select(
        local_time=stamp,
        utc_offset=pl.when(utc).then(pl.lit(0, pl.Int32)),
        hop=pl.when(module == "APPFW")
        .then(pl.lit("waf"))
        .otherwise(pl.lit("load_balancer")),
        hostname="node",
        client_ip=part.field("1"),
        host=url["host"],
        path=url["path"],
        query=url["query"],
        request_id=part.field("2"),
        action=action,
        rule=pl.when(action.is_not_null()).then(event),
        rule_group=part.field("4"),
        reason=part.field("7"),
        logger=pl.concat_str(module, pl.lit(" "), event),
        message=pl.coalesce(part.field("6"), text),
        refused=pl.when(text.is_null()).then(pl.lit("no line of NetScaler")),
    )


FORMAT = Format(
    name="netscaler",
    title="NetScaler (Citrix ADC)",
    hop="load_balancer",
    reference="https://developer-docs.netscaler.com/en-us/netscaler-syslog-message-reference/current-release",
    head=(
        rf"^{_OPEN}(?:{_DATE}:)?[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}} "
        r"(?:[A-Z]{3,4} | )?(?:[^ ]+ )? *[0-9]+-PPE-[0-9]+ : "
        r"|^default APPFW_[^:]+ [0-9]+ [0-9]+ : "
    ),
    parse=parse,
    paths=r"(?i)netscaler|citrix|(?:^|/)ns\.log",
)
