"""Addresses ▶ their class: public, private, shared, loopback, link-local, unix."""

import functools
import ipaddress
import itertools

import numpy as np
import numpy.typing as npt
import polars as pl

from forensic.fields.octets import Ints, Mask, Octets, Words
from forensic.lines import octets_at
from forensic.schema import EVENT

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


#: The lengths of an address' four numbers, in all the ways that there are; none first.
_SIZES = np.array([(0,) * 4, *itertools.product((1, 2, 3), repeat=4)]).T
#: Places of the dots and of the end, as bits ▶ which of these ways it is.
_WAYS = np.zeros(1 << 16, np.uint8)
for _way, _sizes in enumerate(_SIZES.T[1:], 1):
    _WAYS[int((1 << (np.cumsum(_sizes + 1) - 1)).sum())] = _way
#: Where the networks of IPv4 begin and end, and the class from each of them on.
_BORDERS: dict[int, str] = {0: "public"}
for _scope_name, _networks in _NETWORKS:
    for _network in _networks:
        if isinstance(_network, ipaddress.IPv4Network):
            _BORDERS.setdefault(int(_network.broadcast_address) + 1, "public")
            _BORDERS[int(_network.network_address)] = _scope_name
_FROM = np.array(sorted(_BORDERS))
#: The last is for what is no address.
_SCOPE = EVENT["client_scope"]
_CLASS = pl.Series([*(_BORDERS[n] for n in sorted(_BORDERS)), None], dtype=_SCOPE)
_TEXT, _FOUR = np.dtype("V16"), np.dtype("<u4")
_DIGIT, _NONE, _EIGHT, _WIDE = np.uint32(15), np.uint32(0), np.uint32(8), np.uint32(16)
_TEN, _HUNDRED, _MOST = np.uint32(10), np.uint32(100), np.uint32(255)
#: Length of a number ▶ its digits among three bytes, and the least that it can be.
_DIGITS = np.array([0, 0x0F0000, 0x0F0F00, 0x0F0F0F], np.uint32)
_LEAST = np.array([0, 0, 10, 100], np.uint32)
_INSIDE = np.array([(1 << size) - 1 for size in range(17)], np.uint16)


def _numbers(addresses: pl.Series) -> Ints:
    """Each dotted address as a number; -1 for all other texts, and nulls."""
    parts = [_dotted(batch) for batch in Octets.of(addresses).batches()]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _dotted(octets: Octets) -> Ints:
    size = np.minimum(octets.end - octets.start, _TEXT.itemsize)
    text = octets.at(octets.start, _TEXT).view(np.uint8)

    def bits(mask: Mask) -> npt.NDArray[np.uint16]:
        packed = np.packbits(mask, bitorder="little").view(np.uint16)
        inside: npt.NDArray[np.uint16] = packed & _INSIDE[size]
        return inside

    dots = bits(text == ord("."))
    end = np.left_shift(1, size) & 0xFFFF  # none of these is sixteen bytes long
    way = _WAYS[np.where(bits(text - np.uint8(ord("0")) > 9) == dots, dots | end, 0)]
    fits = way > 0
    place = np.arange(len(size)) * _TEXT.itemsize
    whole = np.zeros(len(size), np.uint32)
    for sizes in _SIZES:
        length = sizes[way]
        # Three digits from behind, as bytes of a number; what lies before them is cut.
        digits = octets_at(text, place + length - 3, _FOUR) & _DIGITS[length]
        hundreds, tens, ones = (digits >> at & _DIGIT for at in (_NONE, _EIGHT, _WIDE))
        number = hundreds * _HUNDRED + tens * _TEN + ones
        fits &= (number <= _MOST) & (number >= _LEAST[length])
        whole = whole << _EIGHT | number
        place = place + length + 1
    return np.where(fits, whole.astype(np.int64), -1)


_LONG = np.dtype("V64")


def _public_ipv6(texts: pl.Series) -> Mask:
    """Which texts are addresses of 2000::/3, where all public ones of IPv6 are today.

    A character is a bit of a number here: groups are runs of bits.
    """
    octets = Octets.of(texts)
    size = octets.end - octets.start
    text = octets.at(octets.start, _LONG).view(np.uint8)
    inside = np.left_shift(1, np.minimum(size, 62)).astype(np.uint64) - np.uint64(1)

    def bits(mask: Mask) -> Words:
        packed = np.packbits(mask, bitorder="little").view(np.uint64)
        within: Words = packed & inside
        return within

    one = np.uint64(1)
    digit, letter = text - np.uint8(ord("0")) < 10, (text | 32) - np.uint8(ord("a")) < 6
    hexadecimal, colon = bits(digit | letter), bits(text == ord(":"))
    fits: Mask = (hexadecimal | colon == inside) & (size < 40) & (size > 5)
    two = hexadecimal & hexadecimal >> one
    fits &= two & two >> np.uint64(2) & hexadecimal >> np.uint64(4) == 0  # five digits
    fits &= (hexadecimal & np.uint64(31)) == 15  # four in the first group
    fits &= (text[::64] == ord("2")) | (text[::64] == ord("3"))
    gap = colon & colon >> one
    groups = np.bitwise_count(hexadecimal & ~(hexadecimal << one))
    fits &= np.where(gap == 0, groups == 8, (groups < 8) & (gap & (gap - one) == 0))
    ends = np.minimum(size, 62).astype(np.uint64) - one
    fits &= (hexadecimal | gap << one) >> ends & one == 1
    return fits


def _other_scopes(texts: pl.Series) -> pl.Series:
    """The class of texts that are no dotted address."""
    scopes = pl.repeat("public", len(texts), dtype=_SCOPE, eager=True)
    rest = np.flatnonzero(~_public_ipv6(texts))
    if not len(rest):
        return scopes
    known = {text: _scope(text) for text in texts.gather(rest).drop_nulls().unique()}
    left = [known.get(text) for text in texts.gather(rest)]
    return scopes.scatter(rest, pl.Series(left, dtype=_SCOPE))


def address_scopes(addresses: pl.Series) -> pl.Series:
    """The address class (schema.SCOPES) of each address; null for host names."""
    if addresses.null_count():
        none = pl.Series([None], dtype=_SCOPE).new_from_index(0, len(addresses))
        there = addresses.is_not_null().arg_true()
        if there.is_empty():
            return none
        return none.scatter(there, address_scopes(addresses.gather(there)))
    numbers = _numbers(addresses)
    dotted = numbers >= 0
    classes = np.where(dotted, np.searchsorted(_FROM, numbers, side="right") - 1, -1)
    scopes = _CLASS.gather(np.where(classes < 0, len(_CLASS) - 1, classes))
    if dotted.all():
        return scopes
    others = np.flatnonzero(~dotted)
    return scopes.scatter(others, _other_scopes(addresses.gather(others)))
