"""IIS's substatus, such as 404.13, and HTTP.SYS's own words: why it answered itself."""

import polars as pl

from forensic.hops.said import Said, made_by, spoken
from forensic.hops.table import Line, has

__all__ = ["lines"]

_HOP = "web_server"
_FILTERED = "its request filtering refuses such a request"
_WORDS = [
    Said(r"^401\.5\b", "auth_failed", "the application refused", by="application"),
    Said(r"^401\.", "auth_failed", "it accepts no such login"),
    Said(r"^403\.50[12]\b", "rate_limited", "a limit for one address was met"),
    Said(r"^403\.14\b", "access_forbidden", "it may not list the folder"),
    Said(r"^403\.", "access_forbidden", "a rule of its own forbids it"),
    Said(r"^404\.13\b|^413\.", "body_too_large", "the body is too large"),
    Said(r"^404\.1[0-245]\b", "bad_request", _FILTERED),
    Said(r"^404\.(?:[5-9]|1[89]|2\d)\b", "access_forbidden", _FILTERED),
    Said(r"^404\.[234]\b", "access_forbidden", "it serves no such kind of file"),
    Said(r"^400\.", "bad_request", "it could not read the request"),
    Said(
        r"^(?:502\.5|500\.3\d)\b",
        "boot_failed",
        "the application behind it did not start",
    ),
    Said(r"^500\.100\b", "exception", "the script failed", by="application"),
    Said(r"^500\.13\b", "rate_limited", "it was too busy"),
    Said(
        r"^500\.(?:19|2\d|5\d)\b",
        "configuration_error",
        "its own configuration is at fault",
    ),
    Said(
        r"^502\.\d+ 12002$|^502\.1\b",
        "upstream_timeout",
        "the server behind it did not answer in time",
    ),
    Said(
        r"^502\.\d+ 12(?:007|029)$|^502\.4\b",
        "upstream_refused",
        "no server behind it could be reached",
    ),
    Said(
        r"^502\.\d+ 1203[01]$|^502\.2\b",
        "upstream_closed",
        "the server behind it broke off",
    ),
    Said(r"^502\.", "bad_gateway", "the server behind it gave no answer that fits"),
    # HTTP.SYS writes these where no worker process of IIS was asked.
    Said(
        r"^(?:AppOffline|AppShutdown|Disabled|N/A)$",
        "no_target",
        "its application pool is not running",
        (503,),
    ),
    Said(
        r"^(?:QueueFull|ConnLimit|AppPoolTimer|Connections_Refused)$",
        "rate_limited",
        "more requests came than its limits let in",
        (503,),
    ),
    Said(r"^EntityTooLarge$", "body_too_large", "the body is too large"),
    Said(
        r"^(?:BadRequest|FieldLength|Forbidden|Header|Hostname|Invalid_CR/LF|N/I|Number"
        r"|LengthRequired|Precondition|RequestLength|URL(?:_Length)?|Verb|Version_N/S)$",
        "bad_request",
        "HTTP.SYS could not read the request",
    ),
    Said(r"^Timer_", "bad_request", "no whole request came in time", (400, 408)),
    Said(r"^Internal$", "unknown", "HTTP.SYS failed itself"),
    Said(r"^503\.", "rate_limited", "a limit on requests at a time was met"),
]


def lines() -> list[Line]:
    """The lines about what IIS answers itself, and what runs in it."""
    bare = pl.col(f"{_HOP}_reason").is_null() & (pl.col(f"{_HOP}_status") == 500)
    return [
        *spoken(_HOP, "iis", _WORDS),
        Line(
            # What an application's log says of it comes after this table's line.
            when=made_by(_HOP, "iis")
            & bare
            & ~has("application")
            & pl.col("trace").is_null(),
            by="application",
            cause="exception",
            sure="weak",
            because="an error of IIS itself has a substatus, and this one has none",
        ),
    ]
