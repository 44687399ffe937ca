"""A policy as a shared library with floats on both sides: built by anyone from the exported C, opened by ctypes."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganglion.codegen.actor import read_actor
from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.export.package import library_source
from ganglion.codegen.plan import MANIFEST, Plan, PlanError, read_files

from .device import DeviceError
from .native import build_library, default_cache, find_compiler

VERSION = 1
SUFFIXES = (".so", ".dylib", ".dll")
_SYMBOL = "ganglion_library"
_HOW_TO_MAKE = "make one with: ganglion compile ACTOR --out DIR --shared policy.so"
_FLOATS = ctypes.POINTER(ctypes.c_float)


class LibraryError(DeviceError):
    """A file or folder that is no library of a policy; says what is allowed and what to do."""


class _CLibrary(ctypes.Structure):
    """`struct ganglion_library` of codegen/export/templates/library.c.j2."""

    _fields_ = (
        ("version", ctypes.c_uint32), ("features", ctypes.c_uint32), ("actions", ctypes.c_uint32),
        ("outputs", ctypes.c_uint32), ("environment", ctypes.c_char_p), ("kernel", ctypes.c_char_p),
        ("digest", ctypes.c_char_p), ("self_test", ctypes.CFUNCTYPE(ctypes.c_int)),
        ("infer", ctypes.CFUNCTYPE(None, _FLOATS, ctypes.c_uint32, _FLOATS, ctypes.POINTER(ctypes.c_uint8))),
    )  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What a library says of itself; `discrete`: the action is an index below `outputs`."""

    env_id: str
    kernel: str
    digest: str
    features: int
    actions: int
    outputs: int

    @property
    def discrete(self) -> bool:
        """Whether the action is an index."""
        return self.outputs != self.actions


class Library:
    """An open library, whose known answers have come out."""

    def __init__(self, path: Path) -> None:
        self._c = _open(path)
        if self._c.version != VERSION:
            raise LibraryError(f"{path}: library version {self._c.version}, {VERSION} is needed; build it again")
        failed = self._c.self_test()
        if failed:
            raise LibraryError(
                f"{path}: known answer {failed} does not come out; its compiler broke exact arithmetic: "
                "build it again without -ffast-math, or with another compiler"
            )
        self.facts = Facts(
            self._c.environment.decode(), self._c.kernel.decode(), self._c.digest.decode(),
            self._c.features, self._c.actions, self._c.outputs,
        )  # fmt: skip

    def infer(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Actions float32 (n, actions) and status uint8 (n,) of observations, float32 (n, features)."""
        rows = np.ascontiguousarray(observations, np.float32)
        actions = np.empty((len(rows), self.facts.actions), np.float32)
        status = np.empty(len(rows), np.uint8)
        to_bytes = ctypes.POINTER(ctypes.c_uint8)
        self._c.infer(
            rows.ctypes.data_as(_FLOATS), len(rows), actions.ctypes.data_as(_FLOATS), status.ctypes.data_as(to_bytes)
        )
        return actions, status


def build_policy_library(plan: Plan, path: Path, compiler: tuple[str, ...] | None = None) -> None:
    """Compile `plan` (a portable kernel) for this machine and write the library to `path`, whole or not at all."""
    built = _build(plan.files, plan.name, compiler)
    partial = path.with_name(f".{path.name}.partial")
    try:
        shutil.copyfile(built, partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def find_library(path: Path) -> Path:
    """The library that `path` means: itself; or built from an actor (.safetensors) or the folder of a compiled or
    exported policy, and kept in the user's cache."""
    if path.is_dir():
        return _from_folder(path)
    if path.suffix == ".safetensors":
        plan = compile_policy(read_actor(path).policy, CompileOptions())
        return _build(plan.files, plan.name)
    if path.suffix not in SUFFIXES:
        raise LibraryError(
            f"{path}: give a library ({', '.join(SUFFIXES)}), an actor (.safetensors), or a folder of compiled C"
        )
    if not path.is_file():
        raise LibraryError(f"{path}: there is no such library; {_HOW_TO_MAKE}")
    return path


def _from_folder(folder: Path) -> Path:
    try:
        sources = read_files(folder)
    except PlanError as error:
        raise LibraryError(str(error)) from error
    name = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["name"]
    header = next((text for path, text in sources.items() if Path(path).name == f"{name}.h"), None)
    if header is None:
        raise LibraryError(f"{folder}: there is no {name}.h in it; compile the policy again")
    return _build({f"{name}.h": header}, name)


def _build(sources: dict[str, str], name: str, compiler: tuple[str, ...] | None = None) -> Path:
    files = {**sources, "library.c": library_source(name)}
    return build_library(files, compiler or find_compiler(), default_cache(), "library.c")


def _open(path: Path) -> _CLibrary:
    try:
        return _CLibrary.in_dll(ctypes.CDLL(str(path.resolve())), _SYMBOL)
    except (OSError, ValueError) as error:
        raise LibraryError(f"{path}: not a library of a policy ({error}); {_HOW_TO_MAKE}") from error
