"""From a compiled policy to a firmware image: firmware.elf and firmware.bin (and firmware.uf2), measured."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .board import FOLDER, Board, board_names, load_board
from .elf import Program, read_program
from .policy_record import PolicyRecord, read_record, read_shape
from .rp2040 import seal_boot2
from .safety import Safety, safety_defines
from .sizes import Sizes, measure_sizes
from .toolchain import Toolchain, ToolchainError
from .uf2 import uf2_file

RUNTIME_SOURCES = (
    "main.c",
    "protocol.c",
    "timed_infer.c",
    "payload.c",
    "cobs.c",
    "crc32.c",
    "memory.c",
    "board_defaults.c",
)
POLICY_OPTIMISATION = "-O2"
LINKER_SCRIPT = "runtime/cortex_m.ld"


class ImageError(ValueError):
    """A policy that cannot become an image for a board; says what is missing and what would fit."""


class Plan(Protocol):
    """What the compiler hands over: {relative path: text}, `policy.c` among them."""

    files: Mapping[str, str]


@dataclass(frozen=True)
class Image:
    """A firmware image: the files, what it is made of, and what it takes. `uf2` is None where the board is no drive."""

    elf: Path
    bin: Path
    board: Board
    toolchain: str
    policy: PolicyRecord
    sizes: Sizes
    uf2: Path | None = None


def build_image(
    plan: Plan | Path, board: Board, toolchain: Toolchain, folder: Path, safety: Safety | None = None
) -> Image:
    """Compile runtime, board and policy, link them, and leave firmware.elf and firmware.bin in `folder`, and
    firmware.uf2 for a board that shows itself as a drive.

    `plan` is the compiler's Plan or a folder with its files. The same input gives the same bytes. The files
    get their names when all are whole. ImageError when the policy does not fit the board, ToolchainError
    when the compiler refuses it, SafetyError when the board cannot keep `safety`.
    """
    with tempfile.TemporaryDirectory(prefix="ganglion-") as name:
        work = Path(name).resolve()
        _stage(plan, board, work)
        program = _link(board, toolchain, work, safety or Safety())
        record = read_record(program)
        sizes = measure_sizes(program, record)
        _check_ram(sizes, board)
        contents = _contents(program, board)
        for file, content in contents.items():
            (work / file).write_bytes(content)
        elf, *others = _publish([work / "firmware.elf", *(work / file for file in contents)], folder)
    return Image(elf, others[0], board, toolchain.version, record, sizes, *others[1:])


def _contents(program: Program, board: Board) -> dict[str, bytes]:
    """What is written to the board, in each form that it takes."""
    contents = {"firmware.bin": program.flash}
    if board.flashing and board.flashing.uf2_family:
        contents["firmware.uf2"] = uf2_file(program.flash, board.flash.origin, board.flashing.uf2_family)
    return contents


def _stage(plan: Plan | Path, board: Board, work: Path) -> None:
    for part, source in (("runtime", FOLDER / "runtime"), ("drivers", FOLDER / "drivers"), ("board", board.folder)):
        shutil.copytree(source, work / part)
    shutil.copy(board.folder / "memory.ld", work)
    if isinstance(plan, Path):
        if not (plan / "policy.c").is_file():
            raise ImageError(f"{plan} has no policy.c; give the folder that the compiler wrote")
        shutil.copytree(plan, work / "policy")
        return
    for path, text in plan.files.items():
        target = work / "policy" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def _link(board: Board, toolchain: Toolchain, work: Path, safety: Safety) -> Program:
    policy = toolchain.compile("policy/policy.c", work, {}, optimise=POLICY_OPTIMISATION)
    try:
        features, actions = read_shape(work / policy)
    except ValueError as error:
        raise ImageError(f"{error}; compile the policy again") from error
    defines = board.defines | {"GANGLION_FEATURES": f"{features}u", "GANGLION_ACTIONS": f"{actions}u"}
    defines |= safety_defines(safety, board, actions)
    sources = [
        *(f"runtime/{name}" for name in RUNTIME_SOURCES),
        *board.files,
    ]
    try:
        elf = toolchain.link([policy, *sources], defines, LINKER_SCRIPT, "reset_handler", work)
    except ToolchainError as error:
        overflow = _explain_overflow(error, board)
        if overflow is None:
            raise
        raise overflow from error
    if board.boot2:
        seal_boot2(elf)
    return read_program(elf)


def _explain_overflow(error: ToolchainError, board: Board) -> ImageError | None:
    """Both linkers say how much is missing; None when it was something else."""
    for region, name, memory in (("FLASH", "flash", board.flash), ("RAM", "RAM", board.ram)):
        missing = [int(n) for n in re.findall(rf"region\s+[`']{region}':?\s+overflowed by (\d+) bytes", str(error))]
        if missing:
            return _too_big(name, memory.bytes + max(missing), board)
    return None


def _check_ram(sizes: Sizes, board: Board) -> None:
    needed = sizes.ram.static + sizes.ram.stack
    if needed > board.ram.bytes:
        raise _too_big("RAM", needed, board)


def _too_big(memory: str, needed_bytes: int, board: Board) -> ImageError:
    has = {b.name: b.ram.bytes if memory == "RAM" else b.flash.bytes for b in map(load_board, board_names())}
    missing = needed_bytes - has[board.name]
    larger = [f"{name} ({size:,} bytes)" for name, size in has.items() if size >= needed_bytes]
    choice = f"choose a larger board ({', '.join(larger)})" if larger else "no board here has that much"
    if memory == "RAM":
        remedy = "use a policy with fewer hidden neurons"
    else:
        remedy = f"prune the policy to at most {has[board.name] / needed_bytes:.0%} of its nonzero weights"
    return ImageError(
        f"the image needs {needed_bytes:,} bytes of {memory}, board {board.name} has {has[board.name]:,}: "
        f"{missing:,} are missing. {choice}, or {remedy}"
    )


def _publish(files: list[Path], folder: Path) -> list[Path]:
    """Copy all files under temporary names first, then give them their names."""
    folder.mkdir(parents=True, exist_ok=True)
    partials = [folder / f".{file.name}.partial" for file in files]
    try:
        for file, partial in zip(files, partials, strict=True):
            shutil.copyfile(file, partial)
        for file, partial in zip(files, partials, strict=True):
            os.replace(partial, folder / file.name)
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)
    return [folder / file.name for file in files]
