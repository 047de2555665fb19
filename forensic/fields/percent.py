"""Percent-encoded text ▶ text, for logs that encode what clients sent."""

import re

import polars as pl

from forensic.fields.columns import by_value

__all__ = ["decoded", "decoded_text"]

_HEX = re.compile(rb"%([0-9A-Fa-f]{2})")


def decoded_text(text: str) -> str:
    r"""A text, percent-decoded once; a byte that is no text stands as `\xhh`."""
    if "%" not in text:
        return text
    octets = _HEX.sub(lambda m: bytes.fromhex(m[1].decode()), text.encode())
    return octets.decode("utf-8", "backslashreplace")


def _plain(texts: pl.Series) -> pl.DataFrame:
    plain = [text and decoded_text(text) for text in texts.to_list()]
    return pl.DataFrame({"text": pl.Series(plain, dtype=pl.String)})


def decoded(texts: pl.Series) -> pl.Series:
    """The texts, percent-decoded once."""
    return by_value(texts, _plain).to_series()
