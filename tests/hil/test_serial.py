"""A serial port, played by a pseudo-terminal with the firmware's protocol code behind it."""

from __future__ import annotations

import os
import pty
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serial import SerialTimeoutException

from ganglion.hil.device import DeviceError
from ganglion.hil.serial import serial_device
from tests.support.host_device import DIGEST, CDevice, tiny_infer


@pytest.fixture
def port() -> Iterator[str]:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    device = CDevice()

    def play() -> None:
        while True:
            try:
                received = os.read(ours, 4096)
            except OSError:
                return
            os.write(ours, device.exchange(received))

    player = threading.Thread(target=play, daemon=True)
    player.start()
    yield os.ttyname(theirs)
    os.close(theirs)
    player.join(5)
    os.close(ours)


def test_a_board_on_a_port_infers(port: str) -> None:
    with serial_device(port, 921_600, DIGEST.hex()) as board:
        assert board.info.name == f"serial:{port}"
        for value in np.linspace(-3, 3, 50, dtype=np.float32):
            observation = np.full(3, value, np.float32)
            reply = board.infer(observation)
            assert (reply.status, reply.codes.tolist()) == tiny_infer(observation)


def test_a_port_in_use_is_explained(port: str) -> None:
    with serial_device(port, 921_600, None), pytest.raises(DeviceError, match="in use; end the terminal program"):
        serial_device(port, 921_600, None).__enter__()


def test_a_missing_port_is_explained() -> None:
    with pytest.raises(DeviceError, match=r"no serial port /dev/ttyNONE7; ports here: .*Connect the board"):
        serial_device("/dev/ttyNONE7", 921_600, None).__enter__()


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeviceError, match="at 921600 baud cannot be opened"):
        serial_device(str(tmp_path / "file"), 921_600, None).__enter__()


def test_a_plug_pulled_in_the_middle_is_a_clear_error() -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    device, answers = CDevice(), []

    def play() -> None:
        while len(answers) < 8:
            answers.append(device.exchange(os.read(ours, 4096)))
            os.write(ours, answers[-1])
        os.read(ours, 4096)
        os.close(theirs)
        os.close(ours)

    player = threading.Thread(target=play, daemon=True)
    player.start()
    sample = np.array([0.5, -1.0, 0.25], np.float32)
    replies = []
    with (
        pytest.raises(DeviceError, match=r"is gone .*connect the board again"),
        serial_device(os.ttyname(theirs), 921_600, DIGEST.hex()) as board,
    ):
        while True:
            replies.append(board.infer(sample))
    player.join(5)
    assert 1 <= len(replies) < 8
    assert all(reply.codes.tolist() == tiny_infer(sample)[1] for reply in replies)


def test_a_port_that_takes_nothing_does_not_hang(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    with serial_device(port, 921_600, DIGEST.hex()) as board:
        monkeypatch.setattr(
            board._open_stream()._serial, "write", lambda content: (_ for _ in ()).throw(SerialTimeoutException())
        )
        with pytest.raises(DeviceError, match="has taken no bytes for 5 s; reset the board"):
            board.infer(np.zeros(3, np.float32))


def test_the_boards_counter_is_where_cycles_come_from(port: str) -> None:
    with serial_device(port, 921_600, DIGEST.hex(), cycle_counter="systick") as board:
        assert board.info.cycles_source == "systick"
