"""APISIX's access log as its configuration ships it; nginx writes it for the gateway.

Its `access_log_format` (apisix/cli/config.lua) puts the host before the request, and
behind everything the URL that it asked the upstream for.
"""

import polars as pl

from forensic.fields.log_format import event_columns, read, template
from forensic.format import Format

__all__ = ["FORMAT"]

_FORM = template(
    '$remote_addr - $remote_user [$time_local] $http_host "$request" $status'
    ' $body_bytes_sent $request_time "$http_referer" "$http_user_agent"'
    " $upstream_addr $upstream_status $upstream_response_time"
    ' "$upstream_scheme://$upstream_host$upstream_uri"'
)
#: The URL behind everything tells it from other orders that begin alike.
_TAIL = r'[^\n]* "[a-z]{4,5}://[^"\n]*"$'


def parse(lines: pl.Series) -> pl.DataFrame:
    """The columns of APISIX's access lines."""
    values = read(lines, _FORM)
    refused = pl.when(~values["fits"]).then(pl.lit("not in the order of APISIX's log"))
    return values.drop("fits").select(*event_columns(_FORM.names), refused=refused)


FORMAT = Format(
    name="nginx_apisix",
    title="APISIX access log",
    hop="web_server",
    reference="https://github.com/apache/apisix/blob/master/apisix/cli/config.lua",
    head=f"^{_FORM.pattern(5)}{_TAIL}",
    parse=parse,
    stamps_end=True,
    paths=r"(?i)apisix",
)
