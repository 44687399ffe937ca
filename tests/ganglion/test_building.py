"""Which board a build is for, and which folder it gets."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from ganglion.boards import DEFAULT_BOARD, pick_board
from ganglion.building import build_firmware
from ganglion.devices import open_device
from ganglion.errors import UsageError
from ganglion.firmware.board import BoardError, board_names, load_board
from ganglion.options import BuildOptions, SafetyOptions
from tests.support.images import small_policy


def test_without_a_word_it_is_the_default_board() -> None:
    assert pick_board(None, None).name == pick_board("cortex-m4", None).name == DEFAULT_BOARD


@pytest.mark.parametrize("name", board_names())
def test_a_board_alone_is_enough_and_its_core_fits(name: str) -> None:
    assert pick_board(None, name).name == pick_board(load_board(name).core, name).name == name


@pytest.mark.parametrize("core", sorted({load_board(name).core for name in board_names()}))
def test_a_core_alone_takes_a_board_on_the_desk_before_a_model(core: str) -> None:
    board = pick_board(core, None)
    others = [other for other in map(load_board, board_names()) if other.core == core]
    assert board.core == core
    assert board.flashing is not None or all(other.flashing is None for other in others)


def test_a_board_with_another_core_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(UsageError, match="board microbit has a cortex-m0, the target is cortex-m4; leave --target out"):
        pick_board("cortex-m4", "microbit")
    with pytest.raises(UsageError, match=r"no target 'cortex-m8'; .*targets: cortex-m0, cortex-m0plus"):
        pick_board("cortex-m8", None)
    with pytest.raises(BoardError, match="did you mean 'microbit'"):
        pick_board(None, "micro-bit")


def test_builds_for_two_boards_with_one_core_do_not_share_a_folder(tmp_path) -> None:
    folders = [
        build_firmware(small_policy(), BuildOptions(board=name, build=tmp_path)).folder.name
        for name in ("stm32f405", "nrf52840-dk")
    ]
    assert [folder.split("-", 3)[3] for folder in folders] == ["cortex-m4", "cortex-m4-nrf52840-dk"]


@pytest.mark.parametrize("name", ["microbit", "mps3-an547"])
def test_a_board_without_an_emulator_is_sent_to_qemu(name: str) -> None:
    built = SimpleNamespace(image=SimpleNamespace(board=load_board(name)))
    with pytest.raises(UsageError, match=rf"board {name} has no emulator; run its image in QEMU .*stm32f405"):
        open_device("emulator", built)


def test_builds_that_differ_in_compiler_kernel_or_guard_do_not_share_a_folder(tmp_path) -> None:
    def folder(guard: SafetyOptions | None = None, **how: str) -> str:
        return build_firmware(small_policy(), BuildOptions(build=tmp_path, **how), guard).folder.name

    usual = folder()
    assert folder(SafetyOptions(watchdog_ms=1000)) == usual, "as the board's file says"
    others = [
        folder(kernel="rows"),
        folder(SafetyOptions(watchdog_ms=0)),
        folder(SafetyOptions(safe_timeout_ms=50)),
        folder(SafetyOptions(safe_timeout_ms=50, safe_when_not_finite=True)),
        folder(SafetyOptions(safe_action=(1, 2, 3))),
        folder(SafetyOptions(safe_action=(3, 2, 1))),
    ]
    assert len({usual, *others}) == 7
    assert usual.endswith("-cortex-m4") and others[3] == f"{usual}-timeout50-finite"


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
def test_each_compiler_has_its_folder(tmp_path) -> None:
    built = build_firmware(small_policy(), BuildOptions(build=tmp_path, toolchain="gcc"))
    assert built.folder.name.endswith("-cortex-m4-gcc")
