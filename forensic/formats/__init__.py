"""One file = one format. Every module here that holds `FORMAT` is found by itself.

A key names a format across processes: the module's name, or `name:template` for a
format that is built from a template (an nginx `log_format`), which the module's
`from_template` makes.
"""

import functools
import importlib
import pkgutil

from forensic.format import Format

__all__ = ["all_formats", "load"]


@functools.cache
def all_formats() -> tuple[Format, ...]:
    """Every built-in format, sorted by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(module.FORMAT for module in modules)


@functools.cache
def load(key: str) -> Format:
    """The format that a key names."""
    name, colon, template = key.partition(":")
    module = importlib.import_module(f"{__name__}.{name}")
    found: Format = module.from_template(template) if colon else module.FORMAT
    return found
