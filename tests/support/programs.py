"""Small C programs for the emulated board, each linked once per run."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from pathlib import Path

from ganglion.firmware.board import FOLDER, load_board

SOURCES = Path(__file__).parent.parent / "firmware" / "programs"


@functools.cache
def program(name: str, *defines: str) -> Path:
    """The ELF file of tests/firmware/programs/`name`.c for the STM32F405."""
    elf = Path(tempfile.mkdtemp(prefix="ganglion-test-")) / f"{name}.elf"
    target = ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp", "-O2", "-g", "-std=gnu11"]
    options = ["-ffreestanding", "-nostdlib", "-fno-sanitize=all", "-fomit-frame-pointer", *(f"-D{d}" for d in defines)]
    link = ["-Wl,--entry=reset_handler", "-T", str(FOLDER / "runtime" / "cortex_m.ld")]
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "cc",
        *target,
        *options,
        *link,
        str(SOURCES / f"{name}.c"),
        "-o",
        str(elf),
    ]
    subprocess.run(command, check=True, cwd=load_board("stm32f405").folder)  # where the script finds memory.ld
    return elf
