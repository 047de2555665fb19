"""Syslog: host, program, payload and stamp of every shape that files have."""

from datetime import datetime
from typing import Any

import polars as pl
import pytest

from forensic.formats.syslog import FORMAT
from forensic.schema import YEARLESS


def row(line: str) -> dict[str, Any]:
    parsed = FORMAT.parse(pl.Series("text", [line]))
    assert parsed.height == 1
    return {k: v for k, v in parsed.row(0, named=True).items() if v is not None}


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - naive columns


@pytest.mark.parametrize(
    ("line", "hostname", "process", "pid", "message"),
    [
        ("Feb  6 05:32:07 web1 app[7]: hi", "web1", "app", 7, "hi"),
        ("Feb 6 05:32:07 web1 app[7]: hi", "web1", "app", 7, "hi"),
        ("Feb 06 05:32:07 web1 app: hi: you", "web1", "app", None, "hi: you"),
        ("Feb  6 05:32:07 web1 app:  two", "web1", "app", None, " two"),
        ("Feb  6 05:32:07 web1 /usr/bin/a[7]: x", "web1", "/usr/bin/a", 7, "x"),
        ("Feb  6 05:32:07 web1 sshd(pam)[7]: x", "web1", "sshd(pam)", 7, "x"),
        ("Feb  6 05:32:07 2001:db8::1 app[7]: x", "2001:db8::1", "app", 7, "x"),
        ("Feb  6 05:32:07 app[7]: error: x", None, "app", 7, "error: x"),
        ("Feb  6 05:32:07 kernel: eth0: up", None, "kernel", None, "eth0: up"),
        ("Feb  6 05:32:07 web1 app[7] x", "web1", "app", 7, "x"),
        ("Feb  6 05:32:07 web1 word of text", "web1", "word", None, "of text"),
        ("Feb  6 05:32:07 web1 [7] x", "web1", None, None, "[7] x"),
        (
            "Feb  6 05:32:07 web1 last message repeated 3 times",
            *("web1", None, None, "last message repeated 3 times"),
        ),
        ("Feb  6 05:32:07 web1 -- MARK --", "web1", None, None, "-- MARK --"),
        ("<30>Feb  6 05:32:07 web1 app: x", "web1", "app", None, "x"),
        ("83 <34>1 2025-02-06T14:32:11Z web1 su 7 - - x", "web1", "su", 7, "x"),
        (
            '<34>1 2025-02-06T14:32:11Z - su - ID [a b="]"] \ufeffx',
            None,
            "su",
            None,
            "x",
        ),
        ("2025-02-06T05:32:07.1+00:00 web1 app[7]: x", "web1", "app", 7, "x"),
        ("2025-02-06T14:32:07+0900 web1 app[7]: x", "web1", "app", 7, "x"),
        ("Thu 2025-02-06 14:32:07 JST web1 app[7]: x", "web1", "app", 7, "x"),
        (" 2月 06 14:32:07 web1 app[7]: x", "web1", "app", 7, "x"),
    ],
)
def test_origin(
    line: str, hostname: str | None, process: str | None, pid: int | None, message: str
) -> None:
    found = row(line)
    assert "refused" not in found
    assert found.get("hostname") == hostname
    assert found.get("process") == process
    assert found.get("pid") == pid
    assert found["message"] == message


@pytest.mark.parametrize(
    ("stamp", "local", "offset"),
    [
        ("Feb  6 05:32:07", at(YEARLESS, 2, 6, 5, 32, 7), None),
        ("Feb 29 05:32:07.25", at(YEARLESS, 2, 29, 5, 32, 7, 250_000), None),
        ("Feb  6 2025 05:32:07", at(2025, 2, 6, 5, 32, 7), None),
        ("2025-02-06T05:32:07Z", at(2025, 2, 6, 5, 32, 7), 0),
        ("2025-02-06T05:32:07.5-07:00", at(2025, 2, 6, 5, 32, 7, 500_000), -25_200),
        ("Thu 2025-02-06 14:32:07 JST", at(2025, 2, 6, 14, 32, 7), None),
        ("Thu 2025-02-06 14:32:07 UTC", at(2025, 2, 6, 14, 32, 7), 0),
        ("1738819927.123456", at(2025, 2, 6, 5, 32, 7, 123_456), 0),
    ],
)
def test_stamp(stamp: str, local: datetime, offset: int | None) -> None:
    found = row(f"{stamp} web1 app[7]: x")
    assert found["envelope_local"] == local
    assert found.get("envelope_offset") == offset
    assert "flags" not in found


def test_a_date_that_cannot_be_is_flagged_and_kept() -> None:
    found = row("2026-02-29T05:32:07+00:00 oldbox app: a guess")
    assert found["flags"] == ["bad_time"]
    assert found["message"] == "a guess"
    assert "refused" not in found


@pytest.mark.parametrize(
    "line",
    [
        "2025-02-06T05:32:07.123Z INFO shop started",
        "2025-02-06T05:32:07.123Z INFO shop: started",
        "2025-02-06 14:32:07,123 INFO shop: started",
        '127.0.0.1 - - [06/Feb/2025:14:32:07 +0900] "GET / HTTP/1.1" 200 1',
        "Traceback (most recent call last):",
        "",
    ],
)
def test_other_logs_are_refused(line: str) -> None:
    assert "refused" in row(line)


def test_a_forged_address_in_a_user_name_does_not_win() -> None:
    text = "Failed password for invalid user x from 198.51.100.9 port 22 ssh2"
    found = row(f"Feb  6 05:32:07 web1 sshd[9]: {text} from 203.0.113.7 port 4242 ssh2")
    assert found["client_ip"] == "203.0.113.7"


def test_repeats_are_unwrapped_and_counted() -> None:
    found = row("Feb  6 05:32:07 web1 app[9]: message repeated 4 times: [ a [b]]")
    assert found["message"] == "a [b]"
    assert found["extra"] == '{"repeated":4}'


@pytest.mark.parametrize(
    ("process", "message", "reason"),
    [
        ("kernel", "[1.2] Out of memory: Killed process 8 (gunicorn)", "oom_kill"),
        ("kernel", "python3[8]: segfault at 0 ip 1 sp 2 error 4", "segfault"),
        ("systemd[1]", "a.service: Failed with result 'exit-code'.", "unit_failed"),
        ("systemd[1]", "Started A.", "service_started"),
        ("rsyslogd", "imuxsock lost 3 messages from pid 7 due to", "logging_lost"),
        ("systemd-timesyncd[3]", "System clock wrong by 9 seconds", "time_step"),
        ("app[7]", "Started A.", None),
    ],
)
def test_reason(process: str, message: str, reason: str | None) -> None:
    assert row(f"Feb  6 05:32:07 web1 {process}: {message}").get("reason") == reason


@pytest.mark.parametrize(
    ("process", "hop"),
    [
        ("nginx", "web_server"),
        ("gunicorn[8]", "app_server"),
        ("haproxy[8]", "load_balancer"),
        ("kernel", "host"),
        ("nginxwatcher[8]", "host"),
    ],
)
def test_the_program_tells_the_hop(process: str, hop: str) -> None:
    assert row(f"Feb  6 05:32:07 web1 {process}: x")["hop"] == hop


def test_levels_come_from_the_priority() -> None:
    assert row("<34>Feb  6 05:32:07 web1 su: x")["level"] == "crit"
    assert "level" not in row("<999>Feb  6 05:32:07 web1 su: x")


def test_mixed_shapes_keep_their_order() -> None:
    lines = [
        "no syslog",
        "<34>1 2025-02-06T14:32:11Z web1 su - - - five",
        "Feb  6 05:32:07 web1 app: one",
        "2025-02-06T05:32:07+00:00 web1 app: two",
        "Feb 6 05:32:07 app: three",
    ]
    parsed = FORMAT.parse(pl.Series("text", lines))
    assert parsed["message"].to_list() == [None, "five", "one", "two", "three"]
    assert parsed["refused"].is_not_null().to_list() == [True, *[False] * 4]


def test_an_application_s_own_line_is_none_alone_either() -> None:
    line = "2025-02-06 14:32:15 INFO app[812]: an application's own line"
    assert row(line)["refused"] == "no syslog shape"


@pytest.mark.parametrize("space", ["", " ", "  "])
def test_a_space_before_a_message_is_read_alike_by_both_ways(space: str) -> None:
    spelled = f"<30>1 2025-02-06T05:32:13Z web1 app - - - {space}hi"
    other = ["Feb  6 05:32:07 web1 app[7]: hi"] * 2  # a block of this shape
    alone = FORMAT.parse(pl.Series([spelled]))["message"].item()
    assert FORMAT.parse(pl.Series([spelled, *other]))["message"][0] == alone
    assert alone == f"{space[1:]}hi"
