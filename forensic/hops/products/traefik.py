"""What Traefik answers itself: by the status, and by the server that it names.

For a server that fails it logs its own 502 or 504 as the origin's status too; the
size of its short body tells them apart.
"""

import polars as pl

from forensic.hops.said import made_by
from forensic.hops.table import Line, has, sure_of

__all__ = ["lines"]

_HOP = "load_balancer"
_STATUS = pl.col(f"{_HOP}_status")
_ASKED = pl.col(f"{_HOP}_upstream_status")
_SERVER = pl.col(f"{_HOP}_upstream")
#: Status ▶ the cause, what it says, and the size of Traefik's own body.
_FAILED = {
    499: ("client_closed", "it writes this when the client goes away", 21),
    502: ("target_connection_error", "it writes this for a server that fails", 11),
    504: ("target_timeout", "it writes this for a server that is not in time", 15),
}


def lines() -> list[Line]:
    """The lines about what Traefik answers itself."""
    own = made_by(_HOP, "traefik")
    same = _ASKED.is_null() | (_ASKED == _STATUS)
    brief = pl.col(f"{_HOP}_bytes_sent")
    failed = [
        Line(
            when=own & (_STATUS == status) & same & ~has("web_server"),
            by=_HOP,
            cause=cause,
            sure=pl.when(sure_of(brief == size) | (status == 499))
            .then(pl.lit("strong"))
            .otherwise(pl.lit("weak")),
            because=because,
        )
        for status, (cause, because, size) in _FAILED.items()
    ]
    return [
        *failed,
        Line(
            when=own & (_STATUS == 503) & _ASKED.is_null() & _SERVER.is_null(),
            by=_HOP,
            cause="no_target",
            sure="strong",
            because="it asked no server, and writes this where none is healthy",
        ),
        Line(
            when=own & (_STATUS == 404) & _ASKED.is_null() & _SERVER.is_null(),
            by=_HOP,
            cause="no_route",
            sure="strong",
            because="it asked no server, and writes this where no router fits",
        ),
    ]
