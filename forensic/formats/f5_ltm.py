"""F5 BIG-IP's own messages: `01070638:5: Pool /Common/shop member /Common/web1:80 …`.

The payload of its syslog (`/var/log/ltm`): a code of eight digits, a level, a text. The
checks of its pools tell which server was out, and when nobody was left.
"""

import polars as pl

from forensic.fields.columns import json_extra, prefix
from forensic.fields.messages import first_class
from forensic.format import Format

__all__ = ["FORMAT", "REASONS"]

_LEVELS = "emerg alert crit err warning notice info debug".split()
#: The class of a message ▶ its code, or words that are certain of it.
REASONS = {
    "server_down": r"^0107(?:0638|0639|0640|0641) .* monitor status (?:forced )?down",
    "server_up": r"^0107(?:0727|0728) .* monitor status up",
    "no_live_upstreams": r"^01010028 No members available for pool",
    "upstreams_back": r"^01010221 Pool .* now has available members",
    "virtual_down": r"^01071681 .* has become unavailable",
    "ssl_handshake": r"^01260(?:013|009|006|008|015|026) ",
    "script_error": r"^01220001 TCL error",
    "connection_limit": r"^01200(?:012|015) |^01010201 Inet port exhaustion",
    "failover": r"^010c00(?:18|19|52|53|4[0-9]) |^01340(?:001|011) ",
    "other": r"",
}
_NAME = r"(?:/[^/ ]+/)*([^ ]+)"
_MEMBER = rf"^Pool {_NAME} member {_NAME} "
_NODE = rf"^Node {_NAME} address "
_FLOW = r"(?:TCP |^)([0-9A-Fa-f.:]+?)[:.][0-9]+ -> ([0-9A-Fa-f.:]+[:.][0-9]+)"


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of the messages."""
    head = prefix(lines, r"(?P<code>[0-9a-f]{8}):(?P<level>[0-7]): ")
    text = pl.col("rest")
    known = text.is_not_null()
    level = pl.col("level").replace_strict(
        {str(number): name for number, name in enumerate(_LEVELS)},
        default=None,
        return_dtype=pl.String,
    )
    told = pl.concat_str("code", text, separator=" ")
    member = text.str.extract_groups(_MEMBER).struct
    # As HAProxy has it: the group, then the server in it.
    server = pl.concat_str(member.field("1"), member.field("2"), separator="/")
    flow = text.str.extract_groups(_FLOW).struct
    return head.select(
        level=level,
        message="rest",
        reason=pl.when(known).then(first_class(told, REASONS)),
        upstream=pl.coalesce(server, text.str.extract(_NODE)),
        client_ip=flow.field("1"),
        extra=json_extra(
            code=pl.col("code"),
            pool=text.str.extract(rf"(?i)(?:for |^)pool {_NAME}"),
            virtual=flow.field("2"),
        ),
        refused=pl.when(~known).then(pl.lit("no message of BIG-IP")),
    )


FORMAT = Format(
    name="f5_ltm",
    title="F5 BIG-IP's own messages",
    hop="load_balancer",
    reference="https://my.f5.com/manage/s/article/K10524 (LTM log messages)",
    head=r"^[0-9a-f]{8}:[0-7]: ",
    parse=parse,
    paths=r"(?i)(?:^|/)ltm|big-?ip|f5",
)
