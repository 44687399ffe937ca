"""Firmware images for the tests, each built once per run."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import pytest

from ganglion.codegen.compile import CompileOptions, compile_policy
from ganglion.codegen.policy import Policy
from ganglion.firmware.board import Board, load_board
from ganglion.firmware.image import Image, build_image
from ganglion.firmware.safety import Safety
from ganglion.firmware.toolchain import find_toolchain

from .policies import random_policy

TOOLCHAINS = [
    "zig",
    pytest.param(
        "gcc",
        marks=pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is missing"),
    ),
]
needs_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is missing")


@functools.cache
def board() -> Board:
    """The board of the tests."""
    return load_board("stm32f405")


@functools.cache
def hopper_policy() -> Policy:
    """A random policy of Hopper's shape and 98 % sparsity."""
    return random_policy(7, (11, 256, 256, 3), 0.98)


def hopper_image(toolchain: str = "zig") -> Image:
    """The image of `hopper_policy`."""
    return policy_image(hopper_policy(), "hopper", toolchain)


@functools.cache
def guarded_image(safety: Safety) -> Image:
    """The image of `hopper_policy` with settings of its own."""
    return _image(hopper_policy(), "hopper", "zig", board(), CompileOptions.kernel, safety)


def policy_image(policy: Policy, name: str, toolchain: str, kernel: str = CompileOptions.kernel) -> Image:
    """The image of any policy."""
    return _image(policy, name, toolchain, board(), kernel)


@functools.cache
def small_policy() -> Policy:
    """A random policy that every board has room for."""
    return random_policy(7, (11, 32, 3), 0.8)


def board_image(name: str, toolchain: str = "zig", kernel: str = CompileOptions.kernel) -> Image:
    """The image of `small_policy` for the board called `name`."""
    return _image(small_policy(), "small", toolchain, load_board(name), kernel)


@functools.cache
def _image(
    policy: Policy, name: str, toolchain: str, target: Board, kernel: str, safety: Safety | None = None
) -> Image:
    plan = compile_policy(policy, CompileOptions(name, kernel, core=target.core))
    folder = Path(tempfile.mkdtemp(prefix="ganglion-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return build_image(plan, target, find_toolchain(toolchain, target), folder, safety)
