"""Messages of programs ▶ whose they are, and the class of what they say.

Free text is only read where its shape is certain; whatever else stands in it stays in
the message. Functions are row-aligned and work on the few rows that can matter.
"""

import polars as pl

from forensic.fields.columns import by_value
from forensic.fields.rowwise import (
    only_where,
)
from forensic.schema import HOPS

__all__ = ["first_class", "programs", "system_messages", "with_errno"]

#: Programs that tell which hop speaks; every other program is the host's own.
_PROGRAMS = {
    "web_server": "nginx apache apache2 httpd caddy lighttpd openresty",
    "load_balancer": "haproxy envoy traefik varnishd varnishncsa squid",
    "app_server": "gunicorn gunicorn3 uwsgi uvicorn hypercorn waitress daphne mod_wsgi"
    " php-fpm puma unicorn passenger tomcat",
    "application": "celery flask django werkzeug streamlit fastapi",
}
_HOP_OF = {name: hop for hop, names in _PROGRAMS.items() for name in names.split()}
#: Programs whose messages `system_messages` understands.
_SYSTEM = (
    r"^(?:kernel|systemd|systemd-[a-z]+|init|sshd|chronyd|ntpd|rsyslogd|syslogd"
    r"|dockerd|containerd)\b"
)

#: The class of a system message ▶ a regular expression that is certain of it.
_REASONS = {
    "oom_kill": r"(?i)\bout of memory: kill|invoked oom-killer|oom-kill:constraint"
    r"|result 'oom-kill'|killed by the OOM killer|oom_reaper: reaped",
    "segfault": r": segfault at |general protection fault|trap (?:invalid opcode"
    r"|divide)",
    "start_limit": r"Start request repeated too quickly",
    "unit_failed": r"Failed with result '|Main process exited, code=|entered failed"
    r" state|^Failed to start ",
    "unit_restart": r"Scheduled restart job|Service hold-off time over",
    "service_started": r"^Started ",
    "service_stopped": r"^Stopped ",
    "service_reloaded": r"^Reloaded ",
    "boot": r"^(?:\[ *[0-9.]+\] )?Linux version |^Startup finished in ",
    "shutdown": r"^(?:Shutting down\.|Reached target (?:Power-Off|Reboot|Shutdown))"
    r"|Power down$|^System is (?:rebooting|powering down)",
    "time_step": r"(?:Initial clock synchronization|System clock wrong by"
    r"|System clock was stepped by|Time has been changed|time reset [+-]"
    r"|step time server|clock time unset or jumped backwards)",
    "logging_lost": r"messages? lost due to rate-limiting|drop messages due to rate"
    r"|^Suppressed [0-9]+ messages|^Missed [0-9]+ kernel messages"
    r"|lost [0-9]+ messages from pid|callbacks suppressed",
    "logging_restarted": r"\[origin software=\"rsyslogd\".*(?:start|HUPed|exiting on)",
    "connections_dropped": r"nf_conntrack: .*table full|Possible SYN flooding",
    "disk_full": r"No space left on device",
    "disk_error": r"I/O error, dev |EXT4-fs error|Remounting filesystem read-only",
}
_ADDRESS = r"(?:::ffff:)?([0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)"


def programs(names: pl.Series) -> pl.DataFrame:
    """`hop` of the programs of an envelope, and whether each is a `system` program."""

    def convert(distinct: pl.Series) -> pl.DataFrame:
        base = pl.col("name").str.to_lowercase().str.extract(r"([^/]*)$", 1)
        known = base.str.extract(r"^([a-z]+[0-9]?(?:-fpm|_wsgi)?)", 1)
        hop = known.replace_strict(_HOP_OF, default="host", return_dtype=pl.String)
        return pl.DataFrame({"name": distinct}).select(
            hop=hop.cast(pl.Enum(HOPS)),
            system=base.str.contains(_SYSTEM).fill_null(value=False),
        )

    return by_value(names, convert)


def first_class(text: pl.Expr, classes: dict[str, str]) -> pl.Expr:
    """The name of the first class whose regular expression the text contains."""
    found = pl.lit(None, pl.String)
    for name, pattern in reversed(classes.items()):
        found = pl.when(text.str.contains(pattern)).then(pl.lit(name)).otherwise(found)
    return found


#: Why a connection was not made, by the number of the system's error, of Windows from
#: 10013 on; what APR says of its own timeout is one of them.
_CONNECT = {
    "2": "connect_no_socket",
    "11": "connect_backlog_full",
    "13": "connect_denied",
    "101": "connect_unreachable",
    "104": "connect_reset",
    "110": "connect_timed_out",
    "111": "connect_refused",
    "113": "connect_unreachable",
    "70007": "connect_timed_out",
    "10013": "connect_denied",
    "10051": "connect_unreachable",
    "10054": "connect_reset",
    "10060": "connect_timed_out",
    "10061": "connect_refused",
    "10065": "connect_unreachable",
}


def with_errno(reason: pl.Expr, errno: pl.Expr) -> pl.Expr:
    """The class of a message, where `connect_failed` is made finer by its errno."""
    finer = errno.replace_strict(_CONNECT, default="connect_failed")
    return pl.when(reason == "connect_failed").then(finer).otherwise(reason)


def _peer(message: pl.Expr) -> pl.Expr:
    """The address that sshd names last (users forge others), or a packet's sender."""
    return pl.coalesce(
        message.str.extract(rf"^.*[ @]{_ADDRESS} port [0-9]+", 1),
        message.str.extract(rf" rhost={_ADDRESS}", 1),
        message.str.extract(rf"^refused connect from .*\({_ADDRESS}\)$", 1),
        message.str.extract(rf"(?: from| for) {_ADDRESS}$", 1),
        message.str.extract(rf"\bIN=[^ ]* OUT=[^ ]* (?:.* )?SRC={_ADDRESS} DST=", 1),
    )


def _system_facts(messages: pl.Series) -> pl.DataFrame:
    message = pl.col("message")
    return pl.DataFrame({"message": messages}).select(
        reason=first_class(message, _REASONS), client_ip=_peer(message)
    )


def system_messages(system: pl.Series, message: pl.Series) -> pl.DataFrame:
    """`reason` and `client_ip` of the rows where `system` holds; null elsewhere."""
    return only_where(system, message, _system_facts)
