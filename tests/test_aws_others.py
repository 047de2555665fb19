"""Envelopes and the smaller AWS logs: what is claimed, and what must not be."""

import polars as pl
import pytest

from forensic.formats import load


@pytest.mark.parametrize(
    "line",
    [
        "2025-02-06T05:32:07.123Z web1 nginx[12]: hello",
        "2025-02-06T05:32:07.123456+00:00 web1 nginx[12]: hello",
    ],
)
def test_syslog_is_no_export(line: str) -> None:
    parsed = load("cloudwatch_export").parse(pl.Series([line]))
    assert parsed["refused"].to_list() != [None]


def test_an_export_carries_any_message() -> None:
    lines = [
        '2025-02-06T05:32:07.123Z {"a":1}',
        "2025-02-06T05:32:07.123Z Feb  6 14:32:07 web1 nginx[12]: hello",
        "2025-02-06T05:32:07.123456+00:00 ecs/app/0 hello",
        "1738819927123 hello",
    ]
    parsed = load("cloudwatch_export").parse(pl.Series(lines))
    assert parsed["refused"].null_count() == len(lines)
    assert parsed["message"].to_list() == [
        '{"a":1}',
        "Feb  6 14:32:07 web1 nginx[12]: hello",
        "hello",
        "hello",
    ]


def test_cloudfront_text_is_decoded_once() -> None:
    fields = "2025-02-06 05:32:07 NRT57-P1 919 203.0.113.9 GET d.cloudfront.net /a 403"
    fields += " - Mozilla/5.0%20(X)%2520 a=b"
    parsed = load("cloudfront").parse(pl.Series([fields.replace(" ", "\t")]))
    assert parsed["user_agent"].to_list() == ["Mozilla/5.0 (X)%20"]
    assert parsed["status"].to_list() == [403]
