"""docker compose's joined output: `web-1  | text`, and that of pm2: `0|web  | text`.

Also that of `docker service logs`: `shop_web.1.k3j4h5m6n7p8@node1    | text`.

Lines of several services, without stamps of their own unless asked for. A container
that was given a name of its own has no number; two spaces then stand before the bar,
as compose pads every name. Tables look alike, but have more bars and no log lines.
"""

import polars as pl

from forensic.fields.columns import json_extra, moments, prefix, without_colour
from forensic.format import Format

__all__ = ["FORMAT"]

_COLOUR = r"(?:\x1b\[[0-9;]*[A-Za-z])*"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_NUMBERED = rf"{_NAME}[_-][0-9]{{1,3}}{_COLOUR} *"
_NAMED = rf"{_NAME}{_COLOUR} {{2,}}"
#: pm2 puts the number of the process before its name.
_COUNTED = rf"[0-9]{{1,4}}\|{_NAME}{_COLOUR} *"
#: A task of a swarm: service, slot, the task's id, the node.
_TASK = rf"{_NAME}\.[0-9]{{1,5}}\.[a-z0-9]{{12,25}}@{_NAME}{_COLOUR} *"
_BAR = rf"{_COLOUR}\|{_COLOUR}(?: |$)"
#: How lines of logs that hold bars begin.
_LOGGED = rf"{_COLOUR}(?:[\[{{\"<]|[0-9]{{4}}-[0-9]{{2}}-|[A-Z]{{3,8}}[ :])"
_HEAD = (
    rf"^{_COLOUR}(?:(?:{_COUNTED}|{_TASK}|{_NUMBERED}){_BAR}"
    rf"|{_NAMED}{_BAR}(?:[^|]*$|{_LOGGED}))"
)
_STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2}) "
)


def parse(lines: pl.Series) -> pl.DataFrame:
    """The envelope's columns of compose lines; `message` is the payload."""
    head = prefix(
        lines,
        rf"{_COLOUR}(?P<service>{_COUNTED}|{_TASK}|{_NUMBERED}|{_NAMED}){_BAR}{_COLOUR}(?P<stamp>{_STAMP})?",
    )
    fits = lines.str.contains(_HEAD)
    stamps = moments(head["stamp"].str.strip_chars(" "))
    names = without_colour(head["service"]).str.strip_chars(" ")
    services = names.str.replace(r"^[0-9]+\|", "")
    return head.select(
        envelope_local=stamps["local_time"],
        envelope_offset=stamps["utc_offset"],
        process=pl.lit(services),
        message=without_colour(head["rest"]),
        extra=json_extra(service=pl.lit(services)),
        refused=pl.when(~fits | pl.col("rest").is_null()).then(
            pl.lit("no compose line")
        ),
    )


FORMAT = Format(
    name="docker_compose",
    title="docker compose and service logs, pm2 logs",
    hop=None,
    reference="https://docs.docker.com/reference/cli/docker/compose/logs/",
    head=_HEAD,
    parse=parse,
    envelope=True,
    payload=False,
    header=r"^\[TAILING\] Tailing last |^/[^ ]+ last [0-9]+ lines:",
    paths=r"(?i)compose|pm2",
)
