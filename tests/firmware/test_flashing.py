"""Flashing: what is written is verified, nothing is erased or unlocked unasked, and every failure says what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyocd.core import exceptions

from ganglion.firmware.board import board_names, load_board
from ganglion.firmware.flashing import METHODS, FlashError, drive, flash
from ganglion.firmware.flashing.drive import INFO_FILE, copy_to_drive, find_drives
from ganglion.firmware.flashing.probe import flash_by_probe, list_probes, load_pyocd
from ganglion.firmware.flashing.programs import command_line, flash_by_program
from tests.support.fake_probe import FakeChip, FakeProbe, fake_pyocd
from tests.support.images import board_image

CONTENT = bytes(range(256)) * 20
BOARD = load_board("stm32f405")
FLASHED = [name for name in board_names() if load_board(name).flashing]


def write(chip: FakeChip, probe_id: str | None = None, probes: list[FakeProbe] | None = None) -> str:
    return flash_by_probe(CONTENT, chip.board, probe_id, fake_pyocd(chip, probes))


@pytest.mark.parametrize("name", FLASHED)
def test_an_image_is_written_read_back_and_started(name: str) -> None:
    chip = FakeChip(load_board(name))
    assert "5,120 bytes written to" in write(chip) and name in write(chip)
    assert chip.flash.startswith(CONTENT)
    assert chip.done[:5] == ["open", "written", "read back", "reset", "close"]
    assert chip.options == {"target_override": load_board(name).flashing.pyocd_target, "auto_unlock": False}


def test_no_probe_is_said_with_the_udev_rule() -> None:
    with pytest.raises(FlashError, match=r"there is no debug probe; connect .*SUBSYSTEM==.usb.*udevadm"):
        write(FakeChip(BOARD), probes=[])


def test_several_probes_are_listed_and_chosen_by_id() -> None:
    probes = [FakeProbe("A1", "ST-LINK"), FakeProbe("B2", "J-Link")]
    with pytest.raises(FlashError, match=r"2 debug probes: A1 \(ST-LINK\), B2 \(J-Link\); choose one with --probe ID"):
        write(FakeChip(BOARD), probes=probes)
    assert "by J-Link (B2)" in write(FakeChip(BOARD), "b2", probes)
    with pytest.raises(FlashError, match=r"no debug probe 'C3'; probes here: A1"):
        write(FakeChip(BOARD), "C3", probes)
    assert list_probes(fake_pyocd(FakeChip(BOARD), probes)) == ["A1 (ST-LINK)", "B2 (J-Link)"]


def test_the_wrong_chip_is_refused_before_anything_is_written() -> None:
    chip = FakeChip(BOARD, part=0x421)
    with pytest.raises(
        FlashError, match=r"not that of stm32f405: .*0xE0042000 says 0x421, expected 0x413; name the board"
    ):
        write(chip)
    assert chip.done == ["open", "close"]


@pytest.mark.parametrize(("name", "way"), [("stm32f405", "STM32CubeProgrammer"), ("nrf52840-dk", "erase --mass")])
def test_a_locked_chip_stays_locked(name: str, way: str) -> None:
    chip = FakeChip(load_board(name), locked=True)
    with pytest.raises(FlashError, match=f"is locked. .*erases all of it and is left to you: .*{way}"):
        write(chip)
    assert chip.done == ["open", "close"]


def test_a_chip_that_cannot_be_read_may_be_locked() -> None:
    chip = FakeChip(BOARD, unreadable=exceptions.TransferFaultError(0xE004_2000))
    with pytest.raises(FlashError, match=r"does not let itself be read .*If it is locked, unlocking erases"):
        write(chip)
    assert "written" not in chip.done


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (exceptions.TargetSupportError("unknown"), "pyocd pack install stm32f405rgtx"),
        (exceptions.TransferError("no ACK"), r"no chip answers behind 0670FF51 .*check the supply"),
        (exceptions.ProbeError("[Errno 13] Access denied (insufficient permissions)"), "udev"),
        (PermissionError(13, "Permission denied"), "udev"),
        (exceptions.ProbeError("could not claim interface: Resource busy"), "end the debugger"),
        (exceptions.ProbeError("unplugged"), "cannot be opened: unplugged. connect it again"),
    ],
)
def test_a_session_that_does_not_open_is_explained(error: Exception, message: str) -> None:
    with pytest.raises(FlashError, match=message):
        write(FakeChip(BOARD, opening=error))


def test_flash_that_does_not_hold_what_was_written_is_found() -> None:
    chip = FakeChip(BOARD, stuck=0x0800_0123)
    with pytest.raises(
        FlashError, match="reads 0xFF at 0x08000123, written was 0x23; the board does not run the image"
    ):
        write(chip)
    assert chip.done[-1] == "close" and "reset" not in chip.done


def test_an_error_while_writing_is_explained_and_the_session_closed() -> None:
    chip = FakeChip(BOARD, writing=exceptions.FlashProgramFailure("failed", address=0x0800_0000))
    with pytest.raises(FlashError, match="writing failed; check the cable"):
        write(chip)
    assert chip.done == ["open", "close"]


def test_pyocds_own_interface_is_the_one_that_is_used() -> None:
    """The real library, here without a probe: names, signatures and exceptions fit."""
    pyocd = load_pyocd()
    assert pyocd.find_probes(blocking=False) == []
    session = pyocd.Session(None, auto_open=False, options={"target_override": "nrf52840", "auto_unlock": False})
    assert session.options.get("auto_unlock") is False
    assert {"add_data", "commit"} <= set(dir(pyocd.FlashLoader))


def test_an_image_too_large_for_the_flash_is_refused() -> None:
    image = board_image("stm32f405")
    small = replace(BOARD, flash=replace(BOARD.flash, bytes=1024))
    with pytest.raises(FlashError, match=r"the image has [\d,]+ bytes, the flash of stm32f405 1,024; prune"):
        flash(replace(image, board=small))


def test_an_unknown_way_and_a_board_without_one_are_refused() -> None:
    with pytest.raises(FlashError, match=f"'jlink'; allowed: {', '.join(METHODS)}"):
        flash(board_image("stm32f405"), "jlink")
    with pytest.raises(FlashError, match="is here for its model in QEMU and cannot be flashed"):
        flash(board_image("mps2-an386"))


def make_drive(folder: Path, board_id: str = "RPI-RP2") -> Path:
    folder.mkdir()
    (folder / INFO_FILE).write_text(f"UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: {board_id}\n")
    return folder


@pytest.fixture
def mounts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    found = [tmp_path / "empty"]
    found[0].mkdir()
    monkeypatch.setattr(drive, "mount_points", lambda: found)
    return found


def test_the_uf2_file_is_copied_to_the_drive_which_then_vanishes(
    mounts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts.append(make_drive(tmp_path / "pico"))
    image = board_image("pico")
    monkeypatch.setattr(drive.time, "sleep", lambda seconds: (mounts[1] / INFO_FILE).unlink())
    assert "the board has taken it and restarted" in flash(image)
    assert (mounts[1] / "firmware.uf2").read_bytes() == image.uf2.read_bytes()


def test_a_drive_that_stays_has_not_taken_the_image(
    mounts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts.append(make_drive(tmp_path / "pico"))
    monkeypatch.setattr(drive, "RESTART_S", 0.0)
    with pytest.raises(FlashError, match="is still there after 0 s, so the board did not take the image"):
        flash(board_image("pico"))


def test_no_drive_another_boards_drive_and_two_drives_are_explained(mounts: list[Path], tmp_path: Path) -> None:
    pico, image = load_board("pico"), board_image("pico")
    mounts.append(make_drive(tmp_path / "other", "SAMD21-other"))
    with pytest.raises(FlashError, match="no drive of a pico; hold its button BOOTSEL"):
        flash(image)
    mounts += [make_drive(tmp_path / "one"), make_drive(tmp_path / "two")]
    assert find_drives(mounts, pico) == mounts[2:]
    with pytest.raises(FlashError, match=r"2 drives of a pico: .*one, .*two; choose one with --probe FOLDER"):
        flash(image)
    with pytest.raises(FlashError, match="other is no drive of a pico"):
        flash(image, probe=str(tmp_path / "other"))
    with pytest.raises(FlashError, match="shows no drive; use --with pyocd"):
        copy_to_drive(board_image("stm32f405"))


def test_a_drive_that_cannot_be_written_is_explained(
    mounts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_drive(tmp_path / "pico")
    mounts.append(folder)
    (folder / "firmware.uf2").mkdir()
    with pytest.raises(FlashError, match=r"the copy to .* failed: .*connect the board again"):
        flash(board_image("pico"))


@pytest.mark.parametrize("name", FLASHED)
def test_the_command_lines_name_image_chip_and_probe(name: str) -> None:
    board, elf, binary = load_board(name), Path("build/firmware.elf"), Path("build/firmware.bin")
    command = command_line("openocd", elf, binary, board, "A1")
    assert command[:3] == ["openocd", "-f", board.flashing.openocd[0]]
    assert command[-4:] == ["-c", "adapter serial A1", "-c", "program build/firmware.elf verify reset exit"]
    if board.flashing.st_flash:
        assert command_line("st-flash", elf, binary, board, "A1") == [
            "st-flash", "--serial", "A1", "--reset", "write", "build/firmware.bin", f"0x{board.flash.origin:08X}",
        ]  # fmt: skip
    else:
        with pytest.raises(FlashError, match=f"st-flash does not know {name}"):
            command_line("st-flash", elf, binary, board)


def program_in_path(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_program_is_run_with_the_line_that_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program_in_path(tmp_path, "openocd", f'printf "%s\\n" "$@" > {tmp_path}/said', monkeypatch)
    image = board_image("stm32f405")
    told = flash(image, "openocd")
    assert (tmp_path / "said").read_text().splitlines() == command_line("openocd", image.elf, image.bin, BOARD)[1:]
    assert "written, verified and reset by: openocd -f interface/stlink.cfg" in told


def test_a_program_that_fails_or_is_missing_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program_in_path(tmp_path, "openocd", "echo Error: init mode failed >&2; exit 1", monkeypatch)
    with pytest.raises(FlashError, match=r"stopped with exit code 1:\nError: init mode failed"):
        flash_by_program("openocd", board_image("stm32f405"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(FlashError, match=r"st-flash is missing; install it .*stlink-tools"):
        flash_by_program("st-flash", board_image("stm32f405"))
