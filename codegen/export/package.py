"""A compiled policy as a folder for another build system."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from importlib.resources import files
from xml.sax.saxutils import escape

from ..c_text import check_identifier
from ..plan import Plan
from ..templating import c_templates
from .formats import FORMATS, Format, Package

_VERSION = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
_ONE_LINE = r"[^\x00-\x1f\x7f\"\\:#]+"
_URL = r"https?://[^\s\"\\<>&]+"


class ExportError(ValueError):
    """A format or a package description that cannot be exported; says what is allowed."""


def export_plan(plan: Plan, form: str, package: Package | None = None) -> Plan:
    """`plan` with the files of a folder for build system `form` (a key of FORMATS) in place of its own: header,
    example, known-answer test, README and LICENSE. `write_plan` writes it, and replaces no folder that was edited.

    ExportError when the format is unknown or `package` does not fit into a manifest.
    """
    package = package or Package()
    check_identifier(plan.name)
    _check_package(package)
    if form not in FORMATS:
        near = get_close_matches(form, FORMATS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ExportError(f"there is no format {form!r}; allowed: {', '.join(FORMATS)}{hint}")
    chosen, context = FORMATS[form], _context(plan, form, package)
    templates = c_templates(__package__)
    texts = {
        "README.md": templates.get_template("README.md.j2").render(context),
        "LICENSE": files(__package__).joinpath("LICENSE").read_text(encoding="utf-8"),
        chosen.header.format(name=plan.name): plan.files[f"{plan.name}.h"],
    }
    for path, template in chosen.files.items():
        texts[path.format(name=plan.name)] = templates.get_template(template).render(context)
    return replace(plan, files=texts)


def library_source(name: str) -> str:
    """C text of a shared library around `<name>.h`, which `ganglion.load` opens."""
    return c_templates(__package__).get_template("library.c.j2").render(name=name, NAME=name.upper())


def _context(plan: Plan, form: str, package: Package) -> dict:
    chosen: Format = FORMATS[form]
    policy = plan.policy
    env_id = re.sub(r"[^A-Za-z0-9_./-]", "?", policy.env_id)
    return {
        "name": plan.name,
        "NAME": plan.name.upper(),
        "title": plan.name.replace("_", " ").title(),
        "slug": plan.name.replace("_", "-").lower(),
        "env_id": env_id,
        "digest": policy.digest,
        "kernel": plan.kernel,
        "features": policy.features,
        "actions": policy.actions,
        "discrete": policy.head.kind == "argmax",
        "format": form,
        "format_title": chosen.title,
        "header": chosen.header.format(name=plan.name),
        "paths": [path.format(name=plan.name) for path in chosen.files],
        "package": package,
        "xml": {"author": escape(package.author), "url": escape(package.url)},
    }


def _check_package(package: Package) -> None:
    for field, pattern, allowed in (
        ("version", _VERSION, "three numbers, such as 1.0.0,"),
        ("author", _ONE_LINE, 'a name on one line, without " \\ : #'),
        ("url", _URL, "an address that begins with http:// or https://"),
    ):
        value = getattr(package, field)
        if not re.fullmatch(pattern, value):
            raise ExportError(f"{field} {value!r} does not fit into a manifest; needed: {allowed}")
