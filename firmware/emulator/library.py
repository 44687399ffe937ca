"""The C part of the emulator: compiled at first use, kept in the user's cache, loaded with ctypes."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from ctypes import POINTER, c_int, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

FOLDER = Path(__file__).parent
SOURCES = (
    "library.c", "run.c", "events.c", "machine.c", "exceptions.c", "peripherals.c", "port.c", "line.c", "watchdog.c",
    "system.c", "counter.c", "timer.c", "nvic.c", "edges.c", "flash.c", "spans.c", "alignment.c", "access.c",
    "memory.c", "core.c",
)  # fmt: skip
MAX_RAM = 8
FLAGS = ("-std=c11", "-O2", "-shared", "-fPIC", "-fno-semantic-interposition")

PRICE = ctypes.CFUNCTYPE(c_int, c_uint32, c_uint32, c_uint32, POINTER(c_uint32), POINTER(c_uint32))
PLACE = ctypes.CFUNCTYPE(c_uint32, c_uint32, c_uint32, c_uint32, c_uint32, c_int)
ACCESSES = ctypes.CFUNCTYPE(c_uint32, c_uint32, c_uint32, c_int, c_void_p)
STARTS = ctypes.CFUNCTYPE(c_int, c_uint32, c_uint32, POINTER(c_uint32))


class LibraryError(RuntimeError):
    """The C part cannot be compiled or loaded; says what to install or shows the compiler's words."""


class Access(ctypes.Structure):
    """`struct access` of access.h."""

    _fields_ = (
        ("pc", c_uint32), ("base", c_int32), ("index", c_int32), ("shift", c_uint32), ("displacement", c_uint32),
    )  # fmt: skip


class LoadConfig(ctypes.Structure):
    """`struct load_config` of alignment.h."""

    _fields_ = (("access", Access), ("cycles", c_uint32 * 4))


class FlashConfig(ctypes.Structure):
    """`struct flash_config` of flash.h."""

    _fields_ = tuple(
        (name, c_uint32)
        for name in ("begin", "end", "wait_states", "line_bytes", "instruction_lines", "data_lines", "prefetch")
    )


class Range(ctypes.Structure):
    """`struct range` of range.h."""

    _fields_ = (("begin", c_uint32), ("end", c_uint32))


class ExceptionConfig(ctypes.Structure):
    """`struct exception_config` of exceptions.h."""

    _fields_ = (("entry_cycles", c_uint32), ("return_cycles", c_uint32), ("return_float_cycles", c_uint32))


class Config(ctypes.Structure):
    """`struct config` of machine.h."""

    _fields_ = (
        ("price", PRICE), ("place", PLACE), ("accesses", ACCESSES), ("starts", STARTS), ("flash", FlashConfig),
        ("ram", Range * MAX_RAM), ("ram_count", c_uint32),
        ("vectors", c_uint32), ("usart_base", c_uint32), ("usart_interrupt", c_uint32), ("cpuid", c_uint32),
        ("exceptions", ExceptionConfig),
    )  # fmt: skip


class Report(ctypes.Structure):
    """`struct report` of library.h."""

    _fields_ = (
        ("idle_cycles", c_uint64), ("overruns", c_uint64), ("cycles", c_uint64), ("instructions", c_uint64),
        ("interrupts", c_uint64), ("pc", c_uint32), ("fault", c_uint32), ("fault_detail", c_uint32),
        ("fault_address", c_uint32),
    )  # fmt: skip


class WatchdogConfig(ctypes.Structure):
    """`struct watchdog_config` of watchdog.h."""

    _fields_ = (
        ("base", c_uint32), ("tick_cycles", c_uint32), ("flags_register", c_uint32), ("all_flags", c_uint32),
        ("power_flags", c_uint32), ("software_flags", c_uint32), ("watchdog_flags", c_uint32),
        ("clear_flags", c_uint32),
    )  # fmt: skip


class Edge(ctypes.Structure):
    """`struct edge` of edges.h."""

    _fields_ = (
        ("count", c_uint64), ("from_address", c_uint32), ("from_size", c_uint32), ("to_address", c_uint32),
        ("cycles", c_uint32), ("instructions", c_uint32), ("follower", c_uint32),
    )  # fmt: skip


class Span(ctypes.Structure):
    """`struct span` of spans.h."""

    _fields_ = (
        ("calls", c_uint64), ("total_cycles", c_uint64), ("min_cycles", c_uint64), ("max_cycles", c_uint64),
        ("start_cycles", c_uint64), ("entry", c_uint32), ("return_address", c_uint32), ("stack", c_uint32),
        ("running", c_uint32),
    )  # fmt: skip


class Status(ctypes.Structure):
    """`struct status` of port.h."""

    _fields_ = (("offset", c_uint32), ("always", c_uint32), ("waiting", c_uint32), ("empty", c_uint32))


class Condition(ctypes.Structure):
    """`struct condition` of port.h."""

    _fields_ = (("offset", c_uint32), ("mask", c_uint32), ("value", c_uint32))


class Usart(ctypes.Structure):
    """`struct usart` of port.h."""

    _fields_ = (
        ("bytes", c_uint32), ("receive", c_uint32), ("send", c_uint32), ("set", c_uint32), ("clear", c_uint32),
        ("statuses", Status * 2), ("receiver", Condition * 2), ("transmitter", Condition * 2),
        ("receive_interrupt", Condition), ("other_interrupts", Condition),
    )  # fmt: skip


_PROTOTYPES = {
    "machine_new": (c_void_p, (c_void_p, POINTER(Config))),
    "machine_free": (None, (c_void_p,)),
    "machine_reset": (None, (c_void_p,)),
    "machine_forget_flash": (None, (c_void_p,)),
    "machine_jump": (None, (c_void_p, c_uint32)),
    "machine_run": (c_int, (c_void_p, c_uint32, c_uint64)),
    "machine_report": (None, (c_void_p, POINTER(Report))),
    "machine_add_window": (c_int, (c_void_p, c_uint32, c_uint32)),
    "machine_set_usart": (c_int, (c_void_p, POINTER(Usart))),
    "machine_add_range": (c_int, (c_void_p, c_uint32, c_uint32)),
    "machine_add_follow": (c_int, (c_void_p, c_uint32, c_uint32, c_int32)),
    "machine_add_reset_value": (c_int, (c_void_p, c_uint32, c_uint32)),
    "machine_set_line": (None, (c_void_p, c_uint32)),
    "machine_set_watchdog": (c_int, (c_void_p, POINTER(WatchdogConfig))),
    "machine_sleep": (None, (c_void_p, c_uint64)),
    "machine_send": (c_int, (c_void_p, ctypes.c_char_p, c_size_t)),
    "machine_receive": (c_size_t, (c_void_p, ctypes.c_char_p, c_size_t)),
    "machine_word": (c_uint32, (c_void_p, c_uint32)),
    "machine_watch_loads": (c_int, (c_void_p, POINTER(LoadConfig), c_size_t)),
    "machine_watch": (c_int, (c_void_p, c_uint32)),
    "machine_span": (None, (c_void_p, c_int, POINTER(Span))),
    "machine_clear_counts": (None, (c_void_p,)),
    "machine_edges": (c_size_t, (c_void_p, POINTER(Edge), c_size_t)),
}


@cache
def load_library() -> ctypes.CDLL:
    """The compiled C part, with its prototypes set; LibraryError when there is no C compiler or it fails."""
    path = _build(_compiler(), _cache_folder())
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise LibraryError(f"{path} cannot be loaded ({error}); delete it and try again") from error
    for name, (result, arguments) in _PROTOTYPES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _compiler() -> tuple[str, ...]:
    """The host's C compiler: `cc`, or zig's, which pip installs."""
    found = shutil.which("cc")
    return (found,) if found else (sys.executable, "-m", "ziglang", "cc")


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "ganglion"


def _build(compiler: tuple[str, ...], cache_folder: Path) -> Path:
    files = [*(FOLDER / name for name in SOURCES), *sorted(FOLDER.glob("*.h"))]
    engine = uclib._name
    # NUL bytes keep the parts of the key apart.
    parts = [*(file.read_bytes() for file in files), *map(str.encode, (*compiler, *FLAGS, engine, unicorn.__version__))]
    key = hashlib.sha256(b"\0".join((platform.machine().encode(), *parts))).hexdigest()[:16]
    target = cache_folder / f"emulator-{key}.so"
    if target.exists():
        return target
    cache_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder) as folder:
        partial = Path(folder) / target.name
        include = Path(unicorn.__file__).parent / "include"
        sources = [str(FOLDER / name) for name in SOURCES]
        search = f"-Wl,-rpath,{Path(engine).parent}"
        _compile([*compiler, *FLAGS, f"-I{include}", *sources, engine, search, "-o", str(partial)])
        os.replace(partial, target)
    return target


def _compile(command: list[str]) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise LibraryError(
            f"{command[0]} does not run ({error}); install a C compiler or the pip package ziglang"
        ) from error
    if result.returncode:
        raise LibraryError(f"{command[0]} stopped with exit code {result.returncode}:\n{result.stderr.strip()}")
