"""The combined access-log line ▶ columns.

`IP - user [06/Feb/2025:14:32:07 +0900] "GET /p?q HTTP/1.1" 200 512 "referer" "agent"…`

Web servers write this line by the gigabyte, so no regular expression reads it where
it is of the plainest shape (`plain`); all other lines are left to a stricter, slower
path (`strict`).
"""

import functools

import numpy as np
import polars as pl

from forensic.fields.combined.plain import plain
from forensic.fields.combined.strict import HEAD, LINE, REFUSED, strict
from forensic.fields.octets import Octets
from forensic.fields.rowwise import patched

__all__ = ["COMBINED", "HEAD", "JOINED", "LINE", "combined", "of_traefik"]

#: The nginx `log_format` of the line; what follows it is the `tail`.
COMBINED = (
    "$remote_addr - $remote_user [$time_local] "
    '"$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
#: A tail that holds this is another record, whose line end was lost.
JOINED = r'\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "'


#: Its count of requests, the router, the server's URL and the milliseconds.
_TRAEFIK = r' [0-9]+ "[^"]*" "[^"]*" [0-9]+ms$'


def of_traefik(tails: pl.Series) -> pl.Series:
    """Whether what stands behind the user agent is what Traefik writes there."""
    ends = tails.str.ends_with("ms")
    if not ends.any():
        return ends
    return ends & tails.str.contains(_TRAEFIK)


@functools.cache
def _nothing() -> pl.DataFrame:
    return strict(pl.Series(["-"], dtype=pl.String)).clear(1)


def _left(lines: pl.Series) -> pl.DataFrame:
    """What `strict` finds, or only why the lines are refused where all of them are."""
    if lines.str.contains(LINE).any():
        return strict(lines)
    none = _nothing()[np.zeros(len(lines), np.uint32)]
    return none.with_columns(refused=pl.lit(REFUSED))


def combined(lines: pl.Series) -> pl.DataFrame:
    """The columns of combined lines, and `tail`: what follows the user agent."""
    frame = _combined(lines)
    proxied = of_traefik(frame["tail"])
    if not proxied.any():
        return frame
    told = pl.when(pl.lit(proxied)).then(pl.lit("a line of Traefik's"))
    return frame.with_columns(refused=pl.coalesce("refused", told))


def _combined(lines: pl.Series) -> pl.DataFrame:
    frame, fits = plain(Octets.of(lines, partly=True))
    if not fits.any():
        return _left(lines)
    if fits.all():
        return frame
    others = pl.Series(np.flatnonzero(~fits)).cast(pl.UInt32)
    left = _left(lines.gather(others))
    if not left["refused"].null_count():
        return frame.with_columns(frame["refused"].scatter(others, left["refused"]))
    return patched(frame, others, left)
