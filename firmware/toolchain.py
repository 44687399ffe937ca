"""Cross compilers: zig cc (a pip package, the default) and arm-none-eabi-gcc."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .board import Board

TOOLCHAINS = ("zig", "gcc")

_COMMON = (
    "-std=c11", "-g", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror",
    "-ffreestanding", "-fno-builtin", "-ffp-contract=off", "-ffunction-sections", "-fdata-sections",
    "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-fno-common", "-fomit-frame-pointer", "-fno-unroll-loops",
)  # fmt: skip


class ToolchainError(RuntimeError):
    """A compiler that is missing, unknown, or that refused its input; says what to install or shows its words."""


@dataclass(frozen=True)
class Toolchain:
    """A C compiler for one core. `command` starts every call, `link_options` only the last, which `libraries` end."""

    name: str
    version: str
    command: tuple[str, ...]
    compile_options: tuple[str, ...]
    link_options: tuple[str, ...]
    libraries: tuple[str, ...] = ()

    def compile(self, source: str, folder: Path, defines: dict[str, str], optimise: str = "-Os") -> str:
        """Compile `source`, a path in `folder`; returns the path of the object file beside it."""
        target = str(Path(source).with_suffix(".o"))
        options = self._options(folder, defines, optimise)
        _call([*self.command, *options, "-c", source, "-o", target], folder)
        return target

    def _options(self, folder: Path, defines: dict[str, str], optimise: str) -> list[str]:
        given = [f"-D{name}={value}" for name, value in defines.items()]
        return [*self.compile_options, optimise, f"-ffile-prefix-map={folder}=.", "-Iruntime", "-Idrivers", *given]

    def link(
        self, files: list[str], defines: dict[str, str], script: str, entry: str, folder: Path, optimise: str = "-Os"
    ) -> Path:
        """Compile what is source among `files` and link all with a linker script, all of it in `folder`, where
        the script finds what it includes; returns the ELF file. One call for many files is the fastest way."""
        options = [*self._options(folder, defines, optimise), *self.link_options, f"-Wl,--entry={entry}", "-T", script]
        _call([*self.command, *options, *files, *self.libraries, "-o", "firmware.elf"], folder)
        return folder / "firmware.elf"


def find_toolchain(name: str, board: Board) -> Toolchain:
    """The toolchain called `name` ("zig" or "gcc") for `board`; ToolchainError when it is not there."""
    if name not in TOOLCHAINS:
        raise ToolchainError(f"there is no toolchain {name!r}; allowed: {', '.join(TOOLCHAINS)}")
    if board.core not in _CORES:
        raise ToolchainError(
            f"board {board.name}: core {board.core!r} has no compiler options; known: {', '.join(_CORES)}"
        )
    return _zig(board) if name == "zig" else _gcc(board)


@dataclass(frozen=True)
class _Core:
    zig: str
    zig_fpu: str
    gcc: str
    gcc_fpu: str


# Without an FPU, floats (and on ARMv6-M division) come from the compiler's own library: IEEE 754, round half to even.
# A Cortex-M55 runs the code of a Cortex-M33: firmware/stack.py reads no instruction of Armv8.1-M.
_CORES = {
    "cortex-m0": _Core("cortex_m0", "", "cortex-m0", ""),
    "cortex-m0plus": _Core("cortex_m0plus", "", "cortex-m0plus", ""),
    "cortex-m3": _Core("cortex_m3", "", "cortex-m3", ""),
    "cortex-m4": _Core("cortex_m4", "+vfp4d16sp", "cortex-m4", "fpv4-sp-d16"),
    "cortex-m7": _Core("cortex_m7", "+fp_armv8d16sp", "cortex-m7", "fpv5-sp-d16"),
    "cortex-m33": _Core("cortex_m33+dsp", "+fp_armv8d16sp", "cortex-m33", "fpv5-sp-d16"),
    "cortex-m55": _Core("cortex_m33+dsp", "+fp_armv8d16sp", "cortex-m33", "fpv5-sp-d16"),
}


def _zig(board: Board) -> Toolchain:
    package = importlib.util.find_spec("ziglang")
    folder = Path(package.origin).parent if package and package.origin else Path()
    zig = shutil.which("zig", path=str(folder))
    if zig is None:
        raise ToolchainError("the compiler zig is missing; install it with: pip install ziglang")
    core, abi = _CORES[board.core], "eabihf" if board.fpu else "eabi"
    cpu = core.zig + (core.zig_fpu if board.fpu else "")
    command = (zig, "cc", "-target", f"thumb-freestanding-{abi}", f"-mcpu={cpu}")
    own_folder = f"-ffile-prefix-map={folder}=zig"
    version = _output([zig, "version"])
    return Toolchain(
        "zig", f"zig cc {version}", command,
        (*_COMMON, "-fno-sanitize=all", "-fstack-size-section", own_folder), ("-nostdlib", "-Wl,--gc-sections"),
        () if board.fpu else ("-lcompiler_rt",),
    )  # fmt: skip


def _gcc(board: Board) -> Toolchain:
    path = shutil.which("arm-none-eabi-gcc")
    if path is None:
        raise ToolchainError(
            "the compiler arm-none-eabi-gcc is missing; install it (Debian: apt install gcc-arm-none-eabi) "
            "or use the toolchain zig, which pip installs"
        )
    core = _CORES[board.core]
    floats = ("-mfloat-abi=hard", f"-mfpu={core.gcc_fpu}") if board.fpu else ("-mfloat-abi=soft",)
    version = _output([path, "-dumpfullversion"])
    return Toolchain(
        "gcc", f"arm-none-eabi-gcc {version}", (path, f"-mcpu={core.gcc}", "-mthumb", *floats),
        (*_COMMON, "-fstack-usage"), ("-nostdlib", "-nostartfiles", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"),
        () if board.fpu else ("-lgcc",),
    )  # fmt: skip


def _call(command: list[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode != 0:
        words = (result.stderr or result.stdout).strip()
        raise ToolchainError(f"{Path(command[0]).name} stopped with exit code {result.returncode}:\n{words}")


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise ToolchainError(f"{' '.join(command)} does not run ({error}); install the toolchain again") from error
