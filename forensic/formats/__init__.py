"""One file = one format. Every module here that holds `FORMAT` is found by itself.

A key names a format across processes: the module's name, or `name:template` for a
format that is built from a template (an nginx `log_format`), which the module's
`from_template` makes.
"""

import functools
import importlib
import pkgutil

from forensic.format import Format

__all__ = ["all_formats", "ending_formats", "load", "starting_formats"]


@functools.cache
def all_formats() -> tuple[Format, ...]:
    """Every built-in format, sorted by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(module.FORMAT for module in modules)


@functools.cache
def ending_formats() -> list[str]:
    """Names of the formats that stamp the end of a request."""
    return [f.name for f in all_formats() if f.stamps_end]


@functools.cache
def starting_formats() -> list[str]:
    """Names of the formats that stamp the start of a request."""
    return [f.name for f in all_formats() if f.stamps_start]


@functools.cache
def load(key: str) -> Format:
    """The format that a key names."""
    name, colon, template = key.partition(":")
    module = importlib.import_module(f"{__name__}.{name}")
    found: Format = module.from_template(template) if colon else module.FORMAT
    return found
