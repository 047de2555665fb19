"""A web server's answer ▶ the line of nginx's configuration that gives such an answer.

`return 403` leaves no word in any log: only the configuration tells it from a refusal
of what stands behind. It is as old as the archive's copy, and counts where the log of
the path does not belie it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from forensic.hops.explain import NAMES
from forensic.hops.nginx_blocks import Place, around, chosen, holding, serving
from forensic.nginx_conf import Directive

__all__ = ["aside", "configured", "refusing"]

#: Directive ▶ the statuses with which it refuses a request.
_REFUSING = {
    "deny": [403],
    "limit_except": [403],
    "auth_basic": [401],
    "auth_request": [401, 403],
    "auth_jwt": [401],
    "internal": [404],
    "client_max_body_size": [413],
    "limit_req": [429, 503],
    "limit_conn": [429, 503],
}
_CAUSES = {401: "auth_failed", 403: "access_forbidden", 444: "access_forbidden"}
#: Levels of an error log at which no refusal is written.
_SPARSE = {"crit", "alert", "emerg"}
#: What every server of a site does for plain HTTP or an unknown name.
_ASIDE = {"301", "302", "307", "308", "444"}
#: Of these no log would tell more.
_TOLD = {"application", "app_server", "web_server"}
#: Directives of which those of an inner block replace those of an outer one.
_SAME = {"allow": "deny"}
#: Directives that hold in their own block alone.
_OWN = {"return", "try_files"}
#: Directives that refuse every request, unless they stand under a condition.
_WHOLE = {"return", "deny"}
#: Where a location has its answer from.
_PASSES = {"proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"}
_NUMBERS = re.compile("[0-9]+")


class _Rule(NamedTuple):
    """A directive that may end a request: where it is, and whether it always does."""

    place: Place
    always: bool

    @property
    def name(self) -> str:
        """The directive's own name."""
        return self.place.directive.words[0]

    @property
    def values(self) -> list[str]:
        """What stands behind the name."""
        return self.place.directive.words[1:]

    def words(self) -> str:
        """What it says and where."""
        partly = self.name in _WHOLE and not self.always
        return self.place.words() + (", under a condition" if partly else "")


def configured(
    verdict: Mapping[str, Any],
    files: Mapping[str, bytes],
    events: pl.LazyFrame,
    *,
    error_log: bool,
) -> dict[str, Any]:
    """What the configuration adds to the verdict: a sentence, its line, who answered.

    Empty where it tells nothing. Asked of answers that a web server's own log has last,
    unless what stands behind is known to have sent them; `error_log` says that what
    nginx writes of a `deny` would have been found.
    """
    request, by = verdict["request"], verdict["answered_by"]
    status, path, lines = request["status"], request["path"], verdict["evidence"]
    weak = verdict["confidence"] == "weak"
    last = bool(lines) and lines[-1]["hop"] == "web_server"
    asked = by == "web_server" or (last and (weak or by == "unknown"))
    if not (asked and path and status and lines):
        return {}
    servers = [_rules(server, path) for server in serving(files, request["host"])]
    giving = [rule for rules in servers for rule in rules if _gives(rule, status)]
    if not giving:
        return {}
    rule = next((rule for rule in giving if rule.always), giving[0])
    shown: dict[str, Any] = {"evidence": [*lines, rule.place.evidence()]}
    returns = rule.name == "return"
    always = all(_always(rules, status) for rules in servers)
    others = rule.always and _belied(events, lines[-1], path, status)
    heard = error_log and not _muted(files, request["host"], path)
    if weak and always and not others and (returns or not heard):
        return shown | _made_by_web(verdict, rule, status)
    but = ", though its log has other answers for that path" if others else ""
    more = f"{verdict['sentence']} nginx's configuration has {rule.words()}{but}."
    if rule.name == "auth_request":
        asks = _asked_first(files, request["host"], rule.values)
        shown["ask_for"] = [*asks, *verdict["ask_for"]]
    unknown = by == "web_server" and verdict["cause"] == "unknown"
    fixed = {"return": "fixed_response", "try_files": "file_not_found"}
    cause = {"cause": fixed[rule.name]} if unknown and rule.name in fixed else {}
    return shown | cause | {"sentence": more}


def _asked_first(
    files: Mapping[str, bytes], host: str | None, values: Sequence[str]
) -> list[str]:
    """The wish for the log of what nginx asks before it lets a request in."""
    for served in serving(files, host):
        for block in reversed(chosen(served.directive, values[0])):
            for directive in block.inside:
                name, *rest = directive.words
                if name in _PASSES and rest:
                    text = (
                        f"the log of {rest[0]}, which the web server asks whom to let"
                        " in (auth_request): it says why it said no"
                    )
                    return [text]
    return []


def refusing(served: Place, path: str, status: int) -> str:
    """The directive with which a server may give that status, in words, or nothing."""
    rules = [rule for rule in _rules(served, path) if _gives(rule, status)]
    return rules[0].words() if rules else ""


def aside(served: Place, path: str, status: int) -> bool:
    """Whether a server returns something else to each request for that path."""
    always = [rule for rule in _rules(served, path) if rule.always]
    return any(rule.name == "return" for rule in always) and not any(
        _gives(rule, status) for rule in always
    )


def _muted(files: Mapping[str, bytes], host: str | None, path: str) -> bool:
    """Whether the error log is told to leave refusals out, which are of level error."""
    outer = around(files, "error_log")
    logs = [
        holding(served, path, "error_log", outer) for served in serving(files, host)
    ]
    levels = [{*log.directive.words[2:]} for held in logs for log in held]
    return bool(levels) and all(words & _SPARSE for words in levels)


def _why(verdict: Mapping[str, Any]) -> str:
    return str(verdict["request"]["explanation"])


def _made_by_web(
    verdict: Mapping[str, Any], rule: _Rule, status: int
) -> dict[str, Any]:
    """The verdict where the configuration gives each such request that answer."""
    cause = _CAUSES.get(status, "fixed_response")
    asked = f"{verdict['request']['method'] or 'a request for'}"
    first = f"{NAMES['web_server'].capitalize()} answered {asked}"
    first += f" {verdict['request']['path']} with {status} ({cause.replace('_', ' ')}):"
    rest = verdict["sentence"].removeprefix(_why(verdict))
    return {
        "answered_by": "web_server",
        "cause": cause,
        "confidence": "strong",
        "candidates": ["web_server"],
        "missing": [hop for hop in verdict["missing"] if hop != "application"],
        "wanted": [hop for hop in verdict["wanted"] if hop not in _TOLD],
        "sentence": f"{first} its configuration has {rule.words()}.{rest}",
    }


def _rules(served: Place, path: str) -> list[_Rule]:
    """What a server does with a path: the directives that may end the request.

    What a block says takes the place of what those around it say of the same, but for
    a server's `return`, which comes before any location is chosen.
    """
    server = served.directive
    blocks = chosen(server, path)
    held: dict[str, list[_Rule]] = {}
    for block in blocks:
        ends = block is server or block is blocks[-1]
        here: dict[str, list[_Rule]] = {}
        for directive, bare in _acting(block.inside):
            name = directive.words[0]
            always = bare and _unconditional(directive, block.inside)
            where = " ".join(block.words)
            place = served._replace(directive=directive, block=where)
            rule = _Rule(place, always)
            if ends or name not in _OWN:
                here.setdefault(_SAME.get(name, name), []).append(rule)
        first = held.get("return", [])
        held |= here | {"return": [*first, *here.get("return", [])]}
    found = [rule for rules in held.values() for rule in rules]
    first = [rule for rule in found if rule.always and rule.place.block == "server"]
    return [rule for rule in first if rule.name == "return"] or found


def _acting(inside: Sequence[Directive]) -> Iterator[tuple[Directive, bool]]:
    """The directives of a block, those of its conditions too, and which are bare."""
    for directive in inside:
        if directive.words[0] == "if":
            yield from ((held, False) for held in directive.inside)
        elif directive.words[0] != "location":
            yield directive, True


def _unconditional(directive: Directive, beside: Sequence[Directive]) -> bool:
    """Whether each request that comes to the block gets that answer."""
    name, *values = directive.words
    if name == "deny":
        allowed = any(other.words[0] == "allow" for other in beside)
        return values == ["all"] and not allowed
    return name == "return"


def _gives(rule: _Rule, status: int) -> bool:
    """Whether a directive can be what gives the status."""
    if rule.name == "return":
        return rule.values[:1] == [str(status)]
    if rule.name == "try_files":
        return rule.values[-1:] == [f"={status}"]
    return status in _REFUSING.get(rule.name, []) and rule.values[:1] != ["off"]


def _always(rules: Sequence[_Rule], status: int) -> bool:
    """Whether a server gives that status to each such request, or is for none.

    Where it rewrites paths, another location may be the one.
    """
    always = [rule for rule in rules if rule.always]
    if any(_gives(rule, status) for rule in always):
        return not any(r.name == "rewrite" and r.place.block == "server" for r in rules)
    return any(r.name == "return" and _ASIDE & {*r.values[:1]} for r in always)


def _belied(
    events: pl.LazyFrame, own: Mapping[str, Any], path: str, status: int
) -> bool:
    """Whether the log of that web server has another answer for the path."""
    source = _NUMBERS.sub("", own["source"])
    logs = pl.col("source").str.replace_all(_NUMBERS.pattern, "") == source
    other = (pl.col("path") == path) & (pl.col("status") != status)
    rows = events.filter(pl.col("hop").cast(pl.String) == "web_server", other, logs)
    return rows.select("status").head(1).collect(engine="streaming").height > 0
