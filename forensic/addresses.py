"""Addresses ▶ their class: public, private, shared, loopback, link-local, unix."""

import functools
import ipaddress

import polars as pl

__all__ = ["address_scopes"]

#: Not `ipaddress.is_private`, whose meaning changed between Python releases.
_SCOPES: list[tuple[str, list[str]]] = [
    ("loopback", ["127.0.0.0/8", "::1/128"]),
    ("private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]),
    ("shared", ["100.64.0.0/10"]),
    ("link_local", ["169.254.0.0/16", "fe80::/10"]),
    (
        "other",
        [
            "0.0.0.0/8",
            "192.0.0.0/24",
            "224.0.0.0/3",
            "::/128",
            "ff00::/8",
        ],
    ),
]
_NETWORKS = [
    (scope, [ipaddress.ip_network(text) for text in texts]) for scope, texts in _SCOPES
]


@functools.lru_cache(1 << 16)
def _scope(text: str) -> str | None:
    if text.startswith("unix:"):
        return "unix"
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    for scope, networks in _NETWORKS:
        if any(address in network for network in networks):
            return scope
    return "public"


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"
#: The IPv4 networks of `_SCOPES` as texts begin in them: most clients are of IPv4.
_IPV4_SCOPES = {
    "loopback": r"^127\.",
    "private": r"^(?:10|192\.168|172\.(?:1[6-9]|2[0-9]|3[01]))\.",
    "shared": r"^100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.",
    "link_local": r"^169\.254\.",
    "other": r"^(?:0|192\.0\.0|22[4-9]|2[3-5][0-9])\.",
}


def _ipv4_scopes(addresses: pl.Series) -> pl.Series:
    """The class of each dotted address, by its first numbers."""
    address = pl.col("address")
    classes = [
        pl.when(address.str.contains(pattern)).then(pl.lit(scope))
        for scope, pattern in _IPV4_SCOPES.items()
    ]
    frame = addresses.to_frame("address")
    return frame.select(pl.coalesce(*classes, pl.lit("public"))).to_series()


def address_scopes(addresses: pl.Series) -> pl.Series:
    """The address class (schema.SCOPES) of each address; null for host names.

    Works on the distinct values, because logs repeat their clients.
    """
    distinct = addresses.unique().drop_nulls()
    dotted = distinct.str.contains(_IPV4)
    usual, rest = distinct.filter(dotted), distinct.filter(~dotted)
    others = pl.Series([_scope(text) for text in rest.to_list()], dtype=pl.String)
    return addresses.replace_strict(
        pl.concat([usual, rest]),
        pl.concat([_ipv4_scopes(usual), others]),
        default=None,
        return_dtype=pl.String,
    )
