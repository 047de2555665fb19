"""What is asked for: exact windows, and each log once."""

from datetime import UTC, datetime, timedelta

import pytest

from forensic.wish import ask, distinct, has_window

T = datetime(2025, 2, 6, 5, 32, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_short_window_names_its_one_object() -> None:
    wish = ask("load_balancer", T, T + MINUTE)
    assert wish.endswith("REGION/2025/02/06/, objects *_20250206T0535Z_*.log.gz")


def test_a_long_window_names_its_first_and_its_last_object() -> None:
    wish = ask("load_balancer", T, T + timedelta(days=1))
    assert "2025/02/06/ to 2025/02/07/, objects" in wish
    assert wish.endswith("*_20250206T0535Z_*.log.gz to *_20250207T0535Z_*.log.gz")


def test_each_log_is_asked_for_once_with_the_first_window() -> None:
    first = [ask(hop, T, T + MINUTE) for hop in ("load_balancer", "waf")]
    later = [ask(hop, T, T + 300 * MINUTE) for hop in ("waf", "web_server")]
    unknown = ask("load_balancer", None, None)
    found = distinct([*first, *later, unknown, "core dumps", "core dumps"])
    assert found == [*first, later[1], "core dumps"]


def test_what_has_a_window() -> None:
    assert has_window(ask("waf", T, T))
    assert has_window(ask("waf", None, None))
    assert not has_window("core dumps of that time")


@pytest.mark.parametrize(
    ("hop", "formats", "name"),
    [
        ("waf", {"azure_gateway"}, "Azure WAF log, 2025"),
        ("waf", {"cloudflare", "nginx_access"}, "Cloudflare firewall events, 2025"),
        ("waf", {"cloudflare", "aws_alb"}, "AWS WAF log of the web ACL"),
        ("load_balancer", {"haproxy", "apache_access"}, "HAProxy's access log"),
        ("web_server", {"apache_access"}, "Apache's access and error log"),
        ("web_server", {"apache_access", "nginx_error"}, "nginx access.log"),
        ("web_server", {"iis"}, "IIS's W3C log of the site (LogFiles\\W3SVC*"),
        ("application", {"iis"}, "the application's own log and the Windows event"),
        ("host", {"iis"}, "syslog or"),
    ],
)
def test_a_log_has_the_name_that_its_product_gives_it(
    hop: str, formats: set[str], name: str
) -> None:
    wish = ask(hop, T, T + MINUTE, formats)
    assert wish.startswith(name)
    assert has_window(wish)
    assert "{" not in wish.replace("%{X", "")
