"""The vectorised classes of addresses are those of the networks themselves."""

import ipaddress

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from forensic.fields.addresses import _SCOPES, address_scopes

_EDGES = [
    0, 1, 9, 10, 11, 15, 16, 31, 32, 63, 64, 99, 100, 101, 126, 127, 128, 168, 169,
    170, 172, 191, 192, 193, 199, 223, 224, 229, 230, 239, 240, 250, 253, 254, 255,
]  # fmt: skip


def _class_of(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    for scope, networks in _SCOPES:
        if any(address in ipaddress.ip_network(network) for network in networks):
            return scope
    return "public"


def _agrees(texts: list[str]) -> None:
    found = address_scopes(pl.Series(texts, dtype=pl.String)).to_list()
    assert dict(zip(texts, found, strict=True)) == {t: _class_of(t) for t in texts}


def test_the_borders_of_every_network() -> None:
    numbers = [(a, b, c) for a in range(256) for b in _EDGES for c in (0, 1, 254)]
    _agrees([f"{a}.{b}.{c}.7" for a, b, c in numbers])


@given(st.lists(st.integers(0, 2**32 - 1).map(lambda n: str(ipaddress.IPv4Address(n)))))
def test_any_ipv4_address(texts: list[str]) -> None:
    _agrees(texts)


_GROUPS = st.sampled_from(
    ["", "2001", "3fff", "fe80", "fd00", "ff02", "0", "1a2b", "1"]
)


@given(st.lists(st.lists(_GROUPS, min_size=2, max_size=10).map(":".join), unique=True))
def test_any_ipv6_address_and_what_looks_like_one(texts: list[str]) -> None:
    _agrees(texts)


@given(
    st.lists(st.integers(0, 2**128 - 1).map(lambda n: str(ipaddress.IPv6Address(n))))
)
def test_ipv6_addresses_anywhere(texts: list[str]) -> None:
    _agrees(texts)


def test_what_is_no_dotted_address() -> None:
    texts = ["010.0.0.1", "10.0.0", "10.0.0.256", "10.0.0.1.1", "web1", "fd00::1", "::"]
    _agrees(texts)
