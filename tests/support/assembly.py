"""Thumb machine code from assembly text, by the assembler that the project's toolchain brings."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from elftools.elf.elffile import ELFFile

_HEADER = ".syntax unified\n.thumb\n.cpu cortex-m4\n.fpu fpv4-sp-d16\n.text\n"


def assemble(texts: list[str]) -> list[bytes]:
    """Machine code of each text; one call of the assembler. A label `far` can be branched to from all."""
    source = _HEADER
    for index, text in enumerate(texts):
        source += f".balign 4\n.global start_{index}, end_{index}\nstart_{index}:\n{text}\nend_{index}:\n"
    source += ".balign 4\nfar: nop\n"
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "code.S"
        path.write_text(source)
        target = ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4"]
        subprocess.run(
            [sys.executable, "-m", "ziglang", "cc", *target, "-c", str(path), "-o", str(path.with_suffix(".o"))],
            check=True,
        )
        with path.with_suffix(".o").open("rb") as stream:
            file = ELFFile(stream)
            code = file.get_section_by_name(".text").data()
            at = {symbol.name: symbol["st_value"] & ~1 for symbol in file.get_section_by_name(".symtab").iter_symbols()}
    return [code[at[f"start_{index}"] : at[f"end_{index}"]] for index in range(len(texts))]


def link_functions(texts: Mapping[str, str]) -> Path:
    """An ELF file for a Cortex-M4 with a function of each name, from its instructions."""
    folder = Path(tempfile.mkdtemp(prefix="ganglion-test-"))
    functions = "".join(
        f".balign 4\n.global {name}\n.type {name}, %function\n{name}:\n{text}\n.size {name}, . - {name}\n"
        for name, text in texts.items()
    )
    (folder / "code.S").write_text(_HEADER + functions)
    options = (
        "-target",
        "thumb-freestanding-eabihf",
        "-mcpu=cortex_m4",
        "-nostdlib",
        f"-Wl,--entry={next(iter(texts))}",
    )
    command = (sys.executable, "-m", "ziglang", "cc", *options, "code.S", "-o", "code.elf")
    subprocess.run(command, check=True, cwd=folder)
    return folder / "code.elf"
