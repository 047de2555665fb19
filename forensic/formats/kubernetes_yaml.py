"""Pods and events as `kubectl get … -o yaml` prints them.

One item of the list, or the thing alone. What is inside is what its JSON would be: it
is put together as such, and read by the formats that know it.
"""

import functools
import re
from dataclasses import replace

import polars as pl

from forensic.fields.json_text import compact
from forensic.fields.yaml_text import yaml_object
from forensic.format import Format

__all__ = ["FORMAT"]

_LISTED = r"^- apiVersion: [a-z]"
_ALONE = r"^apiVersion: [a-z]"
_LIST = re.compile(rb"(?:---\r?\n)?apiVersion: v1\r?\nitems:\r?\n- apiVersion: ")
_THING = re.compile(
    rb"(?:---\r?\n)?apiVersion: \S+\n(?:[^\n]*\n){0,4000}?kind: (?:Event|Pod)\r?\n"
)
_BEHIND = re.compile(r"\n(?=[a-z])")
_SCHEMA = {"message": pl.String(), "refused": pl.String()}


def _row(text: str) -> dict[str, str | None]:
    if text.startswith("- "):  # up to what is said of the list
        text = "  " + _BEHIND.split(text, maxsplit=1)[0][2:]
    try:
        thing = yaml_object(text)
        record = compact(thing)
    except (ValueError, TypeError) as error:  # TypeError: half a character
        return {"refused": f"YAML: {error}"}
    return {"message": record} if "kind" in thing else {"refused": "YAML of no kind"}


def _parse(lines: pl.Series, head: str) -> pl.DataFrame:
    begins = lines.str.contains(head)
    other = {"refused": "it does not begin with its version"}
    rows = [
        _row(text) if mine else other
        for text, mine in zip(lines.to_list(), begins, strict=True)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _announced(lines: pl.Series, head: str) -> pl.DataFrame:
    """The same, in a file that is known for what it is: one line begins a thing."""
    alone = pl.lit(lines.str.contains(rf"{head}[^\n]*$"))
    refused = pl.when(~alone).then("refused")
    return _parse(lines, head).with_columns(refused=refused)


def templates(head: bytes) -> list[str]:
    """What the file is: a list, or a thing alone. A manifest has no state yet."""
    if _LIST.match(head):
        return ["list"]
    stated = b"\nstatus:" in head or b"\ninvolvedObject:" in head
    return ["alone"] if stated and _THING.match(head) else []


def from_template(template: str) -> Format:
    """The format of a file that `templates` knows."""
    head = _LISTED if template == "list" else _ALONE
    return replace(FORMAT, head=head, parse=functools.partial(_announced, head=head))


FORMAT = Format(
    name="kubernetes_yaml",
    title="kubectl get -o yaml",
    hop=None,
    reference="https://kubernetes.io/docs/reference/kubectl/#output-options",
    head=_LISTED,
    header=(
        r"^(?:---|apiVersion: v1|items:|kind: (?:[A-Z][a-z]+)?List|metadata:"
        r"|  (?:resourceVersion|selfLink): .*)$"
    ),
    parse=functools.partial(_parse, head=_LISTED),
    multiline=True,
    whole=True,
    envelope=True,
    payload=False,
    templates=templates,
    paths=r"(?i)kube|k8s|pods?|events|\.ya?ml$",
)
