"""Varnish's access log as varnishncsa writes it: `combined`, with whole addresses.

`203.0.113.9 - - [06/Feb/2025:05:32:07 +0000] "GET http://example.com/a HTTP/1.1" …`:
it puts the host into each request line. The stamp is when the request came. Where the
format asks for it, `%{Varnish:handling}x` behind the user agent tells how it was
handled: `synth` is an answer that Varnish's own configuration made.
"""

import polars as pl

from forensic.fields.combined import HEAD, combined
from forensic.format import Format

__all__ = ["FORMAT"]

_WHOLE = r'"[A-Z]+ https?://'
_HANDLING = r'^ "?(hit|miss|pass|pipe|synth|error)"?(?: |$)'


def _parse(lines: pl.Series) -> pl.DataFrame:
    short = pl.when(~lines.str.contains(_WHOLE)).then(pl.lit("no whole address"))
    frame = combined(lines)
    return frame.drop("tail").with_columns(
        reason=frame["tail"].str.extract(_HANDLING, 1),
        refused=pl.coalesce("refused", short),
    )


FORMAT = Format(
    name="varnish",
    title="Varnish access log (varnishncsa)",
    hop="load_balancer",
    reference="https://varnish-cache.org/docs/trunk/reference/varnishncsa.html",
    head=HEAD,
    parse=_parse,
    paths=r"(?i)varnish",
    stamps_start=True,
)
