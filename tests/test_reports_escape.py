"""Credentials are hidden whether or not their signs are looked for first."""

from hypothesis import given
from hypothesis import strategies as st

from forensic.reports.escape import redacted

_PIECES = [
    *[" ", '"', "'", "=", ": ", ":", ",", "\\", "&", "?", "%3d", "[", "]", "\n", "a9"],
    *["%22", "%5d", ", ", "(", ")", "=>", "-key", "-token", "db_", '\\"', "x" * 130],
    *['"name":', '"value":', '"Cookie"', '"x-csrf-a"', '"X-XSRF-b"', '"x-access-c"'],
    *["pass", "PWD", "sid", "Sig", "jwt", "otp", "phpsessid", "connect.", "session_id"],
    *["api_", "key", "secret", "token", "credential", "signature", "private_key"],
    *["Authorization", "Basic dXNlcjpwYXNz", "bearer abcdefghijklmnop1234"],
    *["AKIAABCDEFGHIJKLMNOP", "eyJhbGciOi.abc", "ghp_abcdefghijklmnopqrstu"],
    *["glpat-abcdefghijklmnopq", "xoxb-1234567890a", "sk_live_abcdefghij1"],
    *["AIzaabcdefghijklmnopqrstuvwxyz1234", "://u:p@h", '"matchedData":["a"]'],
    "-----BEGIN RSA PRIVATE KEY-----abc",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join))
def test_looking_for_signs_first_hides_the_same(text: str) -> None:
    # Where a text is not plain ASCII, every pattern is tried.
    assert redacted(f"é\n{text}") == f"é\n{redacted(text)}"
