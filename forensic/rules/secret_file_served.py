"""Rule: files that must stay secret were served."""

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

_PATHS = (
    r"(?i)(?:^|/)(?:\.env(?:\.[a-z]+)?|\.git/(?:config|HEAD|index)|\.svn/entries"
    r"|\.aws/credentials|\.ssh/[^/]+|id_rsa|\.htpasswd|\.DS_Store|wp-config\.php\.\w+"
    r"|actuator/(?:env|heapdump)|server-status|phpinfo\.php"
    r"|[^/]*(?:dump|backup|database)[^/]*\.(?:sql|zip|tar|gz|bak)(?:\.gz)?)$"
)
_SHOWN = ["path", "client_ip", "bytes_sent"]


def _query(frames: Frames) -> pl.LazyFrame:
    """Such paths with a success and a body that the front page does not have."""
    served = pl.col("status").is_in([200, 206])
    answers = frames.of("load_balancer", "web_server").filter(served)
    secret = pl.col("path").str.contains(_PATHS) & (pl.col("bytes_sent") > 0)
    found = answers.filter(secret).select(*EVIDENCE, "hop", *_SHOWN)
    few = held(found, part=4)
    if few is not None:
        found = few
    if few is None or few.collect().height:
        front = answers.filter(pl.col("path") == "/").select("hop", "bytes_sent")
        found = found.join(front.unique(), on=["hop", "bytes_sent"], how="anti")
    return report(
        gather(frames, found, ["hop"], tops=_SHOWN),
        summary=pl.format(
            "The {} served {} for files that should be secret: path {}; client {}; "
            "bytes {}",
            hop_words(),
            plural(pl.col("count"), "answer"),
            "path_list",
            "client_ip_list",
            "bytes_sent_list",
        ),
        confidence="weak",
        ask_for=["what these paths answer today, and the files behind them"],
    )


def _line(path: str, status: int = 200, size: int = 1200) -> dict[str, object]:
    return {
        "hop": "web_server",
        "path": path,
        "status": status,
        "bytes_sent": size,
    }


RULE = Rule(
    id="secret-file-served",
    title="A file that should be secret was served",
    level="high",
    description="Configuration, version control or backups answered with success; "
    "answers as large as the front page are left out.",
    falsepositives=["A site that answers every path with a page of its own"],
    references=["https://cwe.mitre.org/data/definitions/538.html"],
    tags=["security"],
    needs=["web_server|load_balancer"],
    query=_query,
    positives=[
        Example(title="environment", events=[_line("/.env")]),
        Example(title="git", events=[_line("/shop/.git/config", size=92)]),
    ],
    negatives=[
        Example(title="not there", events=[_line("/.env", 404)]),
        Example(title="a catch-all", events=[_line("/"), _line("/.env")]),
        Example(title="well known", events=[_line("/.well-known/security.txt")]),
    ],
)
