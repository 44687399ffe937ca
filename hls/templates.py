"""Rendering of the Verilog and C++ templates in templates/."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    loader = PackageLoader(__package__, "templates")
    return Environment(
        loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )


def render(template: str, **values: object) -> str:
    """The text of `template` with `values`; a value that is missing is an error."""
    return _environment().get_template(template).render(**values)
