"""`ganglion flash` from the command line: what the board answers afterwards, and what stands in the way."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from ganglion.building import Built, build_firmware
from ganglion.commands import flash as command
from ganglion.firmware.wire import ANSWER_BIT, Command, Frame, FrameReader, encode_frame
from ganglion.hil.emulator import EmulatorStream
from ganglion.main import main
from ganglion.options import BuildOptions
from tests.support.actors import hopper_actor, hopper_policy
from tests.support.images import board, hopper_image
from tests.support.serial_port import played_port


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_firmware(hopper_policy(), BuildOptions(build=tmp_path_factory.mktemp("build")))


@pytest.fixture
def flash(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command; the image is the real one, the writing is left out."""
    monkeypatch.setattr(command, "build_firmware", lambda policy, options, guard: built)
    monkeypatch.setattr(command, "flash", lambda image, way, probe: f"written by {way} and {probe}")
    actor, _ = hopper_actor(tmp_path)
    return lambda *options: main(["flash", "--actor", str(actor), *options])


@pytest.fixture
def emulated(built: Built) -> Iterator[Callable[[Path], Callable[[bytes], bytes]]]:
    """Makes an emulated board with an image; it answers bytes with bytes."""
    streams = []

    def start(elf: Path) -> Callable[[bytes], bytes]:
        stream = EmulatorStream(elf, board())
        streams.append(stream)

        def exchange(received: bytes) -> bytes:
            stream.write(received)
            return stream.read(1.0)

        return exchange

    yield start
    for stream in streams:
        stream.close()


def test_the_board_is_asked_what_it_runs(flash, emulated, built: Built, capsys) -> None:
    with played_port(emulated(built.image.elf)) as port:
        assert flash("--port", port, "--with", "openocd", "--probe", "A1") == 0
    told = capsys.readouterr().out
    assert "written by openocd and A1" in told
    assert f"stm32f405 runs hopper ({hopper_policy().digest[:8]}), kernel csr, 168 MHz; self-test passed" in told


def test_without_a_port_it_says_where_to_listen(flash, capsys) -> None:
    assert flash() == 0
    assert "--port): USART1, PA9 sends, PA10 receives, 921,600 baud" in capsys.readouterr().out


def test_a_board_with_another_actor_is_an_error(flash, emulated, capsys) -> None:
    with played_port(emulated(hopper_image().elf)) as port:
        assert flash("--port", port) == 2
    assert "runs the actor" in capsys.readouterr().err


def test_a_board_with_an_older_protocol_is_an_error(flash, capsys) -> None:
    reader = FrameReader()

    def answer(received: bytes) -> bytes:
        frames = reader.feed(received)
        return b"".join(
            encode_frame(Frame(Command.HELLO | ANSWER_BIT, frame.sequence, bytes(80)), bytes(32)) for frame in frames
        )

    with played_port(answer) as port:
        assert flash("--port", port) == 2
    message = capsys.readouterr().err
    assert "the device speaks protocol version 0" in message and "flash an image built by this version" in message


def test_a_port_with_nothing_behind_it_is_an_error(flash, capsys) -> None:
    with played_port(lambda received: b"") as port:
        assert flash("--port", port) == 2
    assert "not one byte came: check power, cable, port" in capsys.readouterr().err


def test_a_wrong_port_is_an_error(flash, capsys) -> None:
    assert flash("--port", "/dev/ttyNONE7") == 2
    assert "there is no serial port /dev/ttyNONE7; ports here: " in capsys.readouterr().err


@pytest.mark.parametrize(("code", "message"), [(errno.EACCES, "no permission to open"), (errno.EBUSY, "is in use")])
def test_a_port_that_does_not_open_is_an_error(flash, capsys, monkeypatch, code: int, message: str) -> None:
    def refuse(*arguments, **options):
        raise serial.SerialException(code, "refused")

    monkeypatch.setattr(serial, "Serial", refuse)
    assert flash("--port", "/dev/ttyACM0") == 2
    assert message in capsys.readouterr().err


def test_probes_are_listed_without_an_actor(monkeypatch, capsys) -> None:
    monkeypatch.setattr(command, "list_probes", lambda: ["A1 (ST-LINK)", "B2 (J-Link)"])
    assert main(["flash", "--probes"]) == 0
    assert capsys.readouterr().out == "A1 (ST-LINK)\nB2 (J-Link)\n"
    monkeypatch.setattr(command, "list_probes", lambda: [])
    assert main(["flash", "--probes"]) == 0
    assert "no debug probe is connected" in capsys.readouterr().out


def test_the_boards_are_listed(capsys) -> None:
    assert main(["boards", "--markdown"]) == 0
    assert "| microbit | M0, 16 MHz |" in capsys.readouterr().out
    assert main(["boards"]) == 0
    assert "nucleo" in capsys.readouterr().out
