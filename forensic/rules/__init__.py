"""One file = one rule. Every module here that holds `RULE` is found by itself."""

import functools
import importlib
import pkgutil

from forensic.rule import Rule

__all__ = ["all_rules"]


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, sorted by id."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(sorted((module.RULE for module in modules), key=lambda r: r.id))
