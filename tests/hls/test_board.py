"""The whole board, simulated at its pins, speaks docs/protocol.md."""

import shutil
import subprocess

import numpy as np
import pytest

from ganglion.codegen import reference
from ganglion.firmware.wire import Command, Frame, FrameReader, encode_codes, encode_frame, parse_hello, parse_inference
from ganglion.hil.device import DeviceError
from ganglion.hil.equality import check_equality
from ganglion.hil.observations import corner_observations
from ganglion.hil.rtl import TIMEOUT_S, rtl_device
from ganglion.hls.board_design import board_design
from ganglion.hls.core.sequential import sequential_design
from ganglion.hls.design import DesignError
from ganglion.hls.simulator import board_bench, build_simulator, simulate
from tests.support.policies import random_policy

from .support import broad, quick_engine


class Board:
    """A simulated board that answers a whole conversation at once."""

    def __init__(self, policy, folder):
        self.policy = policy
        self.digest = bytes.fromhex(policy.digest)
        self.design = board_design(sequential_design(policy), "test", "bench", 12_000_000)
        self.simulator = build_simulator(self.design, board_bench(self.design), folder, engine=quick_engine())

    def frame(self, kind, sequence, payload=b""):
        return encode_frame(Frame(kind, sequence, payload), self.digest)

    def codes(self, sequence, codes):
        return self.frame(Command.INFER_CODES, sequence, encode_codes(codes, self.policy.observation.bits))

    def say(self, *packets):
        return FrameReader(self.digest).feed(simulate(self.simulator, b"\0" + b"".join(packets)))


@pytest.fixture(scope="module", params=[8, pytest.param(16, marks=broad)])
def board(request, tmp_path_factory):
    policy = random_policy(shape=(5, 12, 3), sparsity=0.5, observation_bits=request.param)
    return Board(policy, tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def codes(board):
    return np.random.default_rng(0).integers(*board.policy.observation.code_range, (4, 5))


def test_nothing_comes_before_the_first_answer(board):
    answer = simulate(board.simulator, b"\0" + board.frame(Command.HELLO, 9))
    assert answer.count(0) == 1 and answer.endswith(b"\0")
    assert len(FrameReader(board.digest).feed(answer)) == 1


def test_hello_says_who_is_there(board):
    (answer,) = board.say(board.frame(Command.HELLO, 9))
    hello = parse_hello(answer)
    assert (hello.digest, hello.features, hello.actions) == (board.digest, 5, 3)
    assert (hello.policy, hello.kernel, hello.board, hello.clock_hz) == ("test", "sequential-1", "bench", 12_000_000)


def test_inferences_are_the_oracles_in_exact_cycles(board, codes):
    answers = board.say(*(board.codes(k, row) for k, row in enumerate(codes)))
    found = [parse_inference(answer, 3) for answer in answers]
    np.testing.assert_array_equal([f.codes for f in found], reference.infer_codes(board.policy, codes))
    assert [answer.sequence for answer in answers] == [0, 1, 2, 3]
    assert {(f.status, f.cycles) for f in found} == {(0, board.design.cycles)}


def test_a_repeated_frame_gets_the_same_answer(board, codes):
    first, again, other = board.say(board.codes(7, codes[0]), board.codes(7, codes[1]), board.codes(8, codes[1]))
    assert first == again
    assert other.payload != first.payload


def test_what_it_does_not_know_is_answered_by_status(board):
    answers = board.say(board.frame(Command.SELF_TEST, 1), board.frame(Command.INFER_CODES, 2), board.frame(99, 3))
    assert [(a.sequence, a.payload) for a in answers] == [(1, b"\x83"), (2, b"\x81"), (3, b"\x83")]


def test_damage_is_dropped_and_the_next_frame_answered(board, codes):
    good = board.codes(1, codes[0])
    flipped = bytes([*good[:4], good[4] ^ 0x10 or 0x20, *good[5:]])
    foreign = encode_frame(
        Frame(Command.INFER_CODES, 3, encode_codes(codes[0], board.policy.observation.bits)), bytes(32)
    )
    cut, long = good[:6] + b"\0", board.frame(Command.INFER_CODES, 4, bytes(range(1, 60)))
    answer_kind = board.frame(0x86, 5)
    answers = board.say(flipped, foreign, cut, long, answer_kind, b"\0\0\x05\0\x01\0", board.codes(6, codes[1]))
    assert [answer.sequence for answer in answers] == [6]
    np.testing.assert_array_equal(
        parse_inference(answers[0], 3).codes, reference.infer_codes(board.policy, codes[1:2])[0]
    )


@pytest.mark.parametrize("engine", [None, pytest.param("verilator", marks=pytest.mark.long)])
def test_as_a_device_it_is_equal_to_the_oracle(engine, tmp_path):
    policy = random_policy(shape=(3, 6, 2), sparsity=0.3)
    design = board_design(sequential_design(policy), "test", "bench", 12_000_000)
    trace = tmp_path / "trace.vcd"
    with rtl_device(policy, design, tmp_path / "build", trace=trace, engine=engine or quick_engine()) as device:
        assert device.info.cycles_source == "rtl"
        assert check_equality(policy, device, corner_observations(policy, 20)).mismatches == 0
        assert device.infer(np.zeros(3, np.float32)).cycles == design.cycles
    assert "$enddefinitions" in trace.read_text()


def test_the_trace_does_not_disturb_the_conversation(tmp_path):
    policy = random_policy(shape=(3, 6, 2))
    design = board_design(sequential_design(policy), "test", "bench", 12_000_000)
    device = rtl_device(policy, design, tmp_path, trace=tmp_path / "trace.vcd", engine=quick_engine())
    with device.through(lambda stream: stream, attempts=1, timeout_s=TIMEOUT_S):
        assert device.info.digest == policy.digest


def test_a_bitstream_of_another_actor_is_refused(tmp_path):
    policy, other = random_policy(1, shape=(3, 6, 2)), random_policy(2, shape=(3, 6, 2))
    design = board_design(sequential_design(policy), "test", "bench", 12_000_000)
    with pytest.raises(DeviceError, match="expected was"), rtl_device(other, design, tmp_path, engine=quick_engine()):
        pass


def test_a_name_that_does_not_fit_the_wire_is_refused():
    with pytest.raises(DesignError, match="up to 23 ASCII"):
        board_design(sequential_design(random_policy()), "n" * 24, "bench", 12_000_000)


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is not installed")
def test_the_sources_are_verilog_2005(tmp_path):
    policy = random_policy(shape=(3, 6, 2))
    design = board_design(sequential_design(policy, 2), "test", "bench", 12_000_000)
    for path, text in design.files.items():
        (tmp_path / path).write_text(text)
    command = ["iverilog", "-g2005", "-s", "ganglion_top", "-o", "x.vvp", *design.sources]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
