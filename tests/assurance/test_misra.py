"""cppcheck with its MISRA C:2012 addon over all C that ships: docs/safety.md lists every finding, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.kernels import KERNELS
from tests.support.policies import random_policy

ROOT = Path(__file__).parents[2]
OPTIONS = ("--std=c99", "--enable=warning,style,performance,portability", "--addon=misra", "--quiet")
SOURCE = """#include "{name}.h"
int {name}_entry(const {name}_code_t *codes, int16_t *actions);
int {name}_entry(const {name}_code_t *codes, int16_t *actions)
{{
    {name}_infer_codes(codes, actions);
    return {name}_self_test();
}}
"""

needs_cppcheck = pytest.mark.skipif(shutil.which("cppcheck") is None, reason="cppcheck is missing")


def findings(files: list[Path], place: str, *suffixes: str) -> set[tuple[str, str]]:
    """(identifier, `place`) of what cppcheck says of files with these endings."""
    command = ("cppcheck", *OPTIONS, "--template={id}|{file}", f"-I{ROOT / 'firmware/runtime'}", *map(str, files))
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.split("|") for line in result.stderr.splitlines() if line.count("|") == 1]
    return {(identifier, place) for identifier, file in lines if file.endswith(suffixes)}


def listed_deviations() -> set[tuple[str, str]]:
    """The rows of the table in docs/safety.md: finding and places."""
    text = (ROOT / "docs/safety.md").read_text()
    rows = re.findall(r"^\| ([\w.-]+) \| ((?:generated|runtime|drivers|boards|, )+) \| .+ \|$", text, re.MULTILINE)
    return {(identifier, place) for identifier, places in rows for place in places.split(", ")}


def generated(folder: Path) -> list[Path]:
    """A program for each kernel in C, whose header is cppcheck's food."""
    sources = []
    for kernel in (kernel for kernel in KERNELS.values() if kernel.instruction_set is None):
        name = f"net_{kernel.name}"
        plan = compile_policy(random_policy(3, (3, 6, 5, 2), 0.4, hidden_bits=16), CompileOptions(name, kernel.name))
        (folder / f"{name}.h").write_text(plan.files[f"{name}.h"])
        sources.append(folder / f"{name}.c")
        sources[-1].write_text(SOURCE.format(name=name))
    return sources


@needs_cppcheck
def test_every_finding_is_a_listed_deviation_and_every_listed_one_is_found(tmp_path: Path) -> None:
    found = findings(generated(tmp_path), "generated", ".h")
    for place in ("runtime", "drivers"):
        found |= findings(sorted((ROOT / "firmware" / place).glob("*.c")), place, ".c", ".h")
    found |= findings(sorted((ROOT / "firmware/boards").glob("*/*.c")), "boards", ".c")
    assert found == listed_deviations()
