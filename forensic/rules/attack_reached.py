"""Rule: requests with attack strings, and whether they were stopped or served."""

import polars as pl

from forensic.rule import (
    EVIDENCE,
    Example,
    Frames,
    Rule,
    gather,
    hop_words,
    plural,
    report,
)
from forensic.telling import held

#: Encoded bytes that matter to the patterns; decoded once, as a server does.
DECODED = {
    "%2e": ".",
    "%2f": "/",
    "%5c": "\\",
    "%24": "$",
    "%7b": "{",
    "%7d": "}",
    "%3a": ":",
    "%3c": "<",
    "%3e": ">",
    "%27": "'",
    "%22": '"',
    "%28": "(",
    "%29": ")",
    "%3d": "=",
    "%2c": ",",
    "%20": " ",
    "+": " ",
}
#: Families that leave no honest reading once decoded.
FAMILIES = {
    "path traversal": r"(?:^|[/\\=])(?:\.\.[/\\]){2,}"
    r"|/etc/(?:passwd|shadow)\b|\bwin\.ini\b|/proc/self/environ",
    "Log4Shell": r"\$\{(?:jndi|\$\{|[a-z]+:-)",
    "SQL injection": r"\bunion (?:all )?select\b|' or '?\d+'?='?\d"
    r"|\b(?:sleep|benchmark|waitfor delay)\s*[\('].*\b|\binformation_schema\b",
    "cross-site scripting": r"<script[ >/]|javascript:[a-z]+\(|\bon(?:error|load)=",
    "command injection": r"[;|&`] ?(?:cat /|(?:wget|curl) (?:-|http)|nc -|(?:ba)?sh -)"
    r"|\$\((?:id|curl|wget)|\(\) ?\{ ?:; ?\}",
    "template injection": r"\{\{ ?\d+ ?\* ?\d+ ?\}\}|\$\{t\(java",
}


_SHOWN = ["hop", "path", "client_ip", "status"]
_SENT = ["path", "query", "user_agent"]
#: Every family needs one of these in what was sent, as it was sent: most requests have
#: none, and all of them are looked for in one pass.
_SIGNS = [
    *("..", "%2e", "passwd", "shadow", "win.ini", "environ"),
    *("${", "$(", "()", "{{", "%24", "%7b", "%28", "%29"),
    *("union", "'", "%27", "sleep", "benchmark", "waitfor", "information_schema"),
    *("<script", "%3c", "javascript", "onerror", "onload"),
    *(
        f"{word}{space}"
        for word in ("cat", "wget", "curl", "nc", "sh")
        for space in (" ", "+", "%20")
    ),
]


def _asked() -> pl.Expr:
    """What a client sent, in lower case."""
    target = pl.concat_str(
        pl.col("path").fill_null(""), pl.col("query").fill_null(""), separator="?"
    )
    headers = pl.col("user_agent").fill_null("")
    return pl.concat_str(target, headers, separator="\n").str.to_lowercase()


def _family(asked: pl.Expr) -> pl.Expr:
    """Name of the first family that the decoded request belongs to."""
    plain = asked.str.replace_many(list(DECODED), list(DECODED.values()))
    found = pl.lit(None, pl.String)
    for name, pattern in reversed(FAMILIES.items()):
        found = pl.when(plain.str.contains(pattern)).then(pl.lit(name)).otherwise(found)
    return found


def suspects(events: pl.LazyFrame) -> pl.LazyFrame:
    """Those events that answer a request in which something may be an attack.

    The same few user agents come again and again: alone, a column is looked at by its
    distinct values.
    """
    path, query, agent = (
        pl.col(name).str.contains_any(_SIGNS, ascii_case_insensitive=True)
        for name in _SENT
    )
    answers = events.filter(pl.col("status").is_not_null()).select(
        *EVIDENCE, *_SHOWN, "query", "user_agent"
    )
    either = pl.concat([answers.filter(path | query), answers.filter(agent)])
    found = either.unique(["source", "offset"], maintain_order=False)
    return found.filter(pl.col("path").is_not_null())


def _query(frames: Frames) -> pl.LazyFrame:
    """Families by hop, those that a server answered with success first."""
    perhaps = suspects(frames.of("load_balancer", "web_server"))
    few = held(perhaps, part=4)
    attacks = (
        (perhaps if few is None else few)
        .with_columns(
            family=_family(_asked()), served=pl.col("status").is_between(200, 299)
        )
        .filter(pl.col("family").is_not_null())
    )
    keys = ["hop", "family", "served"]
    return report(
        gather(frames, attacks, keys, tops=["path", "client_ip", "status"]),
        summary=pl.format(
            "{} with the strings of {} {} at the {}: path {}; client {}; status {}",
            plural(pl.col("count"), "request"),
            "family",
            pl.when("served")
            .then(pl.lit("got an answer of success"))
            .otherwise(pl.lit("were refused or failed")),
            hop_words(),
            "path_list",
            "client_ip_list",
            "status_list",
        ),
        level=pl.when("served")
        .then(pl.lit("medium"))
        .otherwise(pl.lit("informational")),
        confidence=pl.when("served").then(pl.lit("weak")).otherwise(pl.lit("strong")),
        ask_for=["the body of the answers that succeeded, or the application's log"],
    )


def _line(status: int = 200, **columns: object) -> dict[str, object]:
    return {"hop": "web_server", "path": "/", "status": status} | columns


RULE = Rule(
    id="attack-reached",
    title="Requests with attack strings",
    level="medium",
    description="Decoded once and told apart by outcome: a success answer may mean "
    "that the attack worked, or that the page ignores what it does not know.",
    falsepositives=[
        "A page that answers 200 whatever is asked",
        "Text about attacks in a search field",
    ],
    references=["https://owasp.org/www-project-top-ten/"],
    tags=["security"],
    needs=["web_server|load_balancer"],
    query=_query,
    positives=[
        Example(
            title="encoded traversal",
            events=[_line(path="/static/..%2f..%2f..%2fetc/passwd")],
        ),
        Example(title="union select", events=[_line(404, query="id=1+UNION+SELECT+1")]),
        Example(title="a command", events=[_line(query="ip=127.0.0.1;cat%20/etc/x")]),
        Example(title="log4shell", events=[_line(user_agent="${jndi:ldap://x/a}")]),
        Example(title="script", events=[_line(query="q=%3Cscript%3Ealert(1)")]),
    ],
    negatives=[
        Example(title="well known", events=[_line(path="/.well-known/acme-challenge")]),
        Example(
            title="an identifier with such digits",
            events=[_line(path="/items/52e0ec80-12e0-a2f2-2e2e-2fa492f00000")],
        ),
        Example(
            title="a locale in a browser's name",
            events=[_line(user_agent="Mozilla/5.0 (Linux; U; Android 4.1; id-id; x)")],
        ),
        Example(
            title="ordinary queries",
            events=[
                _line(query="q=it%27s+a+union+of+states&sort=select"),
                _line(path="/a/../b", query="next=%2Fhome%3Fx%3D1"),
                _line(query="pattern=%7B%22a%22%3A1%7D", path="/sleep-tracker"),
            ],
        ),
    ],
)
