"""Templates that print C: strict about missing values, with whitespace as it stands."""

from __future__ import annotations

import jinja2


def c_templates(package: str) -> jinja2.Environment:
    """The templates in `package`/templates."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader(package, "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
