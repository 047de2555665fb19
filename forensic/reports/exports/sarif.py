"""The findings as SARIF 2.1.0, which editors and code hosts show beside the lines."""

import string
from typing import Any, BinaryIO

from forensic import __version__
from forensic.case import Case
from forensic.reports import digest
from forensic.reports.digest import Row
from forensic.reports.escape import json_text
from forensic.reports.exports.batches import Options

__all__ = ["sarif"]

#: What stands in a relative URI as it is (RFC 3986, unreserved and `/`).
_PLAIN = frozenset(string.ascii_letters + string.digits + "-._~/")
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "informational": "note",
}


def sarif(case: Case, sink: BinaryIO, options: Options) -> None:
    """Write one run: a rule a finding's id, a result a finding, its lines as places."""
    found = digest.findings(case)
    names = sorted(
        {place["source"] for f in found for place in f.get("evidence") or []}
    )
    index = {name: number for number, name in enumerate(names)}
    hashes = {row["source"]: row["sha256"] for row in digest.sources(case)}
    run = {
        "tool": {"driver": _driver(found)},
        "artifacts": [_artifact(name, hashes.get(name)) for name in names],
        "results": [_result(finding, index) for finding in found],
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    sink.write(json_text(log, secrets=options.secrets).encode() + b"\n")


def _uri(name: str) -> str:
    """A source's name as a relative URI."""
    codes = name.encode("utf-8", "surrogatepass")
    return "".join(chr(c) if chr(c) in _PLAIN else f"%{c:02X}" for c in codes)


def _driver(found: list[Row]) -> dict[str, Any]:
    rules = {}
    for finding in found:
        help_text = "; ".join(finding.get("falsepositives") or []) or finding["title"]
        rules[finding["id"]] = {
            "id": finding["id"],
            "shortDescription": {"text": finding["title"]},
            "help": {"text": help_text},
        }
    ordered = [rules[name] for name in sorted(rules)]
    return {"name": "forensic", "version": __version__, "rules": ordered}


def _artifact(name: str, digest_: str | None) -> dict[str, Any]:
    artifact: dict[str, Any] = {"location": {"uri": _uri(name)}}
    if digest_:
        artifact["hashes"] = {"sha-256": digest_}
    return artifact


def _result(finding: Row, index: dict[str, int]) -> dict[str, Any]:
    places = [_place(proof, index) for proof in finding.get("evidence") or []]
    return {
        "ruleId": finding["id"],
        "level": _LEVELS[finding["level"]],
        "message": {"text": f"{finding['title']}: {finding['summary']}"},
        "locations": places[:1],
        "relatedLocations": [
            {**place, "id": number} for number, place in enumerate(places[1:], 1)
        ],
        "occurrenceCount": max(1, finding.get("count") or 1),
        "properties": {
            name: finding.get(name)
            for name in ("confidence", "first_seen", "last_seen", "ask_for", "hop")
        },
    }


def _place(proof: Row, index: dict[str, int]) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": proof["line"], "byteOffset": proof["offset"]}
    if proof.get("length") is not None:
        region["byteLength"] = proof["length"]
    if proof.get("text"):
        region["snippet"] = {"text": proof["text"]}
    location = {"uri": _uri(proof["source"]), "index": index[proof["source"]]}
    return {"physicalLocation": {"artifactLocation": location, "region": region}}
