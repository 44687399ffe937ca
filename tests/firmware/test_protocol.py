"""The C protocol code does what docs/protocol.md says, whatever arrives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ganglion.firmware.wire import (
    NOTICE_SAFE_ACTION,
    SAFE_ACTION,
    Command,
    Frame,
    FrameReader,
    ResetCause,
    Status,
    encode_observation,
    parse_health,
    parse_inference,
    parse_statistics,
)
from tests.support.host_device import (
    ACTIONS,
    CYCLES,
    DIGEST,
    FEATURES,
    SAFE_CODES,
    WATCHDOG_MS,
    CDevice,
    ModelDevice,
    frame,
    packet,
    tiny_infer,
    with_crc,
)

OBSERVATION = encode_observation(np.array([0.5, -1.0, 0.25], np.float32))


def flip(whole: bytes, at: int, bit: int) -> bytes:
    """`whole` with one bit of byte `at` changed."""
    return whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]


sequences = st.integers(0, 3)
floats = st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=True)
observations = st.lists(floats, min_size=FEATURES, max_size=FEATURES).map(
    lambda values: encode_observation(np.array(values, np.float32))
)
payloads = st.one_of(st.just(b""), observations, st.binary(max_size=40))
valid = st.builds(frame, st.sampled_from(Command), sequences, payloads)
any_kind = st.builds(frame, st.integers(0, 255), sequences, payloads)
other_actor = st.builds(frame, st.sampled_from(Command), sequences, payloads, st.binary(min_size=32, max_size=32))
flipped = st.builds(
    lambda whole, at, bit: flip(whole, at % len(whole), bit), valid, st.integers(0, 200), st.integers(0, 7)
)
cut = st.builds(lambda whole, at: whole[: at % len(whole)], valid, st.integers(0, 200))
pieces = st.one_of(
    valid, valid, any_kind, other_actor, flipped, cut, st.binary(max_size=60), st.binary(max_size=30).map(packet)
)
streams = st.lists(pieces, max_size=12).map(b"".join)


@given(streams, st.booleans(), st.booleans())
def test_c_equals_the_model_on_any_stream(stream: bytes, self_test_works: bool, safe: bool) -> None:
    device = CDevice(0 if self_test_works else 1, safe_when_not_finite=safe)
    model = ModelDevice(self_test_works, safe)
    assert device.exchange(stream) == model.exchange(stream)
    question = b"\0" + b"".join(frame(kind, 9) for kind in (Command.HELLO, Command.STATISTICS, Command.HEALTH))
    assert device.exchange(question) == model.exchange(question)


@given(streams, st.lists(st.integers(0, 400), max_size=5))
def test_the_cuts_of_a_stream_do_not_matter(stream: bytes, cuts: list[int]) -> None:
    whole = CDevice().exchange(stream)
    device = CDevice()
    places = [0, *sorted(cuts), len(stream)]
    assert b"".join(device.exchange(stream[a:b]) for a, b in pairwise(places)) == whole


@given(st.one_of(st.binary(max_size=80), cut, flipped))
def test_it_resynchronises_at_the_next_zero(damage: bytes) -> None:
    device = CDevice()
    device.exchange(damage + b"\0")
    reader = FrameReader(DIGEST)
    device.exchange(frame(Command.HELLO, 1))
    (answer,) = reader.feed(device.exchange(frame(Command.INFER, 2, OBSERVATION)))
    assert (answer.kind, answer.sequence, answer.payload[0]) == (0x83, 2, 0)


@given(observations)
def test_inferences_equal_the_policy(observation: bytes) -> None:
    (answer,) = FrameReader(DIGEST).feed(CDevice().exchange(frame(Command.INFER, 1, observation)))
    status, codes = tiny_infer(np.frombuffer(observation, "<f4"))
    assert answer.payload[0] == status
    assert np.frombuffer(answer.payload[5:], "<i2").tolist() == codes


@given(st.integers(0, 143), st.integers(0, 7))
def test_no_flipped_bit_moves_an_actuator(at: int, bit: int) -> None:
    content = bytearray(with_crc(bytes([Command.INFER, 1]) + OBSERVATION))
    content[at % len(content)] ^= 1 << bit
    assert CDevice().exchange(packet(bytes(content))) == b""


def test_another_actors_frame_gets_no_answer() -> None:
    other = bytes([DIGEST[0] ^ 1]) + DIGEST[1:]
    assert CDevice().exchange(frame(Command.INFER, 1, OBSERVATION, other)) == b""


def test_a_repeated_frame_gets_the_same_answer_without_a_second_inference() -> None:
    device, request = CDevice(), frame(Command.INFER, 7, OBSERVATION)
    assert device.exchange(request) == device.exchange(request)
    (answer,) = FrameReader(DIGEST).feed(device.exchange(frame(Command.STATISTICS, 8)))
    statistics = parse_statistics(answer)
    assert (statistics.inferences, statistics.repeated, statistics.frames) == (1, 1, 3)


def test_the_same_sequence_number_infers_again_after_hello() -> None:
    device, request = CDevice(), frame(Command.INFER, 7, OBSERVATION)
    device.exchange(request + frame(Command.HELLO, 8) + request)
    (answer,) = FrameReader(DIGEST).feed(device.exchange(frame(Command.STATISTICS, 8)))
    assert parse_statistics(answer).inferences == 2


def test_a_failed_self_test_never_yields_an_action() -> None:
    device = CDevice(self_test_result=3)
    for sequence in range(3):
        (answer,) = FrameReader(DIGEST).feed(device.exchange(frame(Command.INFER, sequence, OBSERVATION)))
        assert answer.payload == bytes([Status.UNTRUSTED])


def test_a_self_test_that_fails_later_is_remembered() -> None:
    device, reader = CDevice(), FrameReader(DIGEST)
    device.fail_self_test()
    device.exchange(frame(Command.SELF_TEST, 1))
    device.library.host_set_self_test(0)
    answers = reader.feed(device.exchange(frame(Command.SELF_TEST, 2) + frame(Command.INFER, 3, OBSERVATION)))
    assert [answer.payload for answer in answers] == [bytes([Status.UNTRUSTED])] * 2


def test_a_policy_larger_than_its_memory_never_infers() -> None:
    device = CDevice(features=FEATURES + 1)
    for payload in (OBSERVATION, OBSERVATION + bytes(4)):
        for answer in FrameReader(DIGEST).feed(device.exchange(frame(Command.INFER, len(payload), payload))):
            assert answer.payload[0] >= 0x80


def test_reset_answers_first_and_then_starts_afresh() -> None:
    device, reader = CDevice(), FrameReader(DIGEST)
    answers = reader.feed(device.exchange(frame(Command.RESET, 4) + frame(Command.STATISTICS, 5)))
    assert answers[0].payload == bytes([Status.DONE])
    assert device.resets == 1
    assert parse_statistics(answers[1]).frames == 1


def ask(device: CDevice, kind: int, sequence: int, payload: bytes = b"") -> Frame:
    """The one answer to one frame."""
    (answer,) = FrameReader(DIGEST).feed(device.exchange(frame(kind, sequence, payload)))
    return answer


def test_either_of_two_frames_in_flight_can_be_asked_again() -> None:
    device = CDevice()
    first, second = frame(Command.INFER, 1, OBSERVATION), frame(Command.INFER, 2, encode_observation(np.ones(3)))
    answers = device.exchange(first), device.exchange(second)
    assert (device.exchange(first), device.exchange(second), device.exchange(first)) == (*answers, answers[0])
    assert parse_statistics(ask(device, Command.STATISTICS, 3)).inferences == 2


def test_the_safe_action_stands_in_where_an_observation_is_not_finite() -> None:
    device = CDevice(safe_when_not_finite=True)
    unsound = encode_observation(np.array([np.nan, 0, 0]))
    reply = parse_inference(ask(device, Command.INFER, 1, unsound), ACTIONS)
    assert (reply.status, tuple(reply.codes)) == (1 | SAFE_ACTION, SAFE_CODES)
    assert device.actuated() == (1, list(SAFE_CODES))
    sound = parse_inference(ask(device, Command.INFER, 2, OBSERVATION), ACTIONS)
    assert (sound.status, sound.codes.tolist()) == tiny_infer(np.frombuffer(OBSERVATION, "<f4"))
    assert device.actuated() == (2, sound.codes.tolist())


def test_the_safe_action_is_given_once_when_observations_stop_coming() -> None:
    device = CDevice(timeout_ms=20)
    device.tick(5)
    assert device.tick(10_000) == b"", "nothing was driven yet"
    codes = parse_inference(ask(device, Command.INFER, 1, OBSERVATION), ACTIONS).codes.tolist()
    assert device.actuated() == (1, codes)
    assert device.tick(10_019) == b""
    (notice,) = FrameReader(DIGEST).feed(device.tick(10_020))
    assert (notice.kind, notice.sequence, notice.payload[0]) == (NOTICE_SAFE_ACTION, 1, SAFE_ACTION)
    assert tuple(np.frombuffer(notice.payload[1:], "<i2")) == SAFE_CODES
    assert device.actuated() == (2, list(SAFE_CODES))
    assert device.tick(20_000) == b""
    ask(device, Command.INFER, 2, OBSERVATION)
    assert device.actuated()[0] == 3
    assert device.tick(20_020) != b""
    assert parse_health(ask(device, Command.HEALTH, 3), ACTIONS).timeouts == 2


def test_other_frames_do_not_put_the_time_out_off() -> None:
    device = CDevice(timeout_ms=20)
    ask(device, Command.INFER, 1, OBSERVATION)
    device.tick(19)
    ask(device, Command.STATISTICS, 2)
    device.exchange(frame(Command.INFER, 1, OBSERVATION))
    assert device.tick(20) != b"", "a repeated observation is no new one"


def test_time_may_wrap() -> None:
    device = CDevice(timeout_ms=20)
    device.tick(0xFFFFFFFA)
    ask(device, Command.INFER, 1, OBSERVATION)
    assert device.tick(13) == b""
    assert device.tick(14) != b""


def test_a_notice_answers_nothing() -> None:
    device = CDevice(timeout_ms=20)
    ask(device, Command.INFER, 1, OBSERVATION)
    device.tick(20)
    assert ask(device, NOTICE_SAFE_ACTION & 0x7F, 1).payload == bytes([Status.UNKNOWN_COMMAND])


def test_health_tells_what_guards_the_device() -> None:
    device = CDevice(timeout_ms=300, safe_when_not_finite=True)
    ask(device, Command.INFER, 1, OBSERVATION)
    ask(device, Command.INFER, 2, encode_observation(np.full(3, np.inf)))
    health = parse_health(ask(device, Command.HEALTH, 3), ACTIONS)
    assert (health.watchdog_ms, health.timeout_ms, health.safe_when_not_finite) == (WATCHDOG_MS, 300, True)
    assert (health.cycles_min, health.cycles_max, health.not_finite, health.timeouts) == (CYCLES, CYCLES, 1, 0)
    assert (health.reset_cause, health.action) == (ResetCause.POWER, SAFE_CODES)
    ask(device, Command.RESET, 4)
    assert parse_health(ask(device, Command.HEALTH, 5), ACTIONS).reset_cause == ResetCause.SOFTWARE
