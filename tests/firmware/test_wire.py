"""Frames survive the wire or are dropped: nothing else ever comes out of it."""

from __future__ import annotations

import numpy as np
import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from ganglion.firmware.wire import (
    Frame,
    FrameReader,
    WireError,
    decode_frame,
    encode_frame,
    encode_observation,
    parse_health,
    parse_hello,
    parse_inference,
    parse_statistics,
)

digests = st.binary(min_size=32, max_size=32)
frames = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=600))


@given(frames, digests)
def test_round_trip(frame: Frame, digest: bytes) -> None:
    encoded = encode_frame(frame, digest)
    assert encoded.count(0) == 1 and encoded[-1] == 0
    assert decode_frame(encoded[:-1], digest) == frame


@given(frames, digests, st.integers(0, 700), st.integers(1, 255))
def test_a_changed_byte_never_gives_a_frame(frame: Frame, digest: bytes, at: int, change: int) -> None:
    damaged = bytearray(encode_frame(frame, digest)[:-1])
    damaged[at % len(damaged)] ^= change
    assert frame not in FrameReader(digest).feed(bytes(damaged) + b"\0")


@given(frames, digests, st.data())
def test_up_to_three_flipped_bits_of_a_short_frame_are_detected(
    frame: Frame, digest: bytes, data: st.DataObject
) -> None:
    """CRC-32's Hamming distance is at least 4 up to 11,454 bytes (Koopman 2002)."""
    content = bytearray(cobs.decode(encode_frame(frame, digest)[:-1]))
    for place in data.draw(st.sets(st.integers(16, 8 * len(content) - 1), min_size=1, max_size=3)):
        content[place // 8] ^= 1 << place % 8
    with pytest.raises(WireError):
        decode_frame(cobs.encode(bytes(content)), digest)


@given(frames, st.sets(st.sampled_from([bytes(32), bytes([1, *[0] * 31]), b"\xff" * 32]), min_size=2, max_size=2))
def test_another_digest_rejects_everything_but_hello(frame: Frame, pair: set[bytes]) -> None:
    ours, theirs = pair
    packet = encode_frame(frame, ours)[:-1]
    if frame.kind & 0x7F == 1:
        assert decode_frame(packet, theirs) == frame
    else:
        with pytest.raises(WireError, match="CRC"):
            decode_frame(packet, theirs)


@given(st.lists(st.binary(max_size=300)), digests)
def test_random_bytes_never_raise_and_never_give_a_frame(chunks: list[bytes], digest: bytes) -> None:
    reader = FrameReader(digest)
    assert [frame for chunk in chunks for frame in reader.feed(chunk)] == []


@given(st.binary(max_size=100), st.lists(frames, min_size=1, max_size=5), digests, st.integers(1, 50))
def test_the_reader_resynchronises(noise: bytes, sent: list[Frame], digest: bytes, step: int) -> None:
    stream = noise + b"\0" + b"".join(encode_frame(frame, digest) for frame in sent)
    reader = FrameReader(digest)
    assert [frame for at in range(0, len(stream), step) for frame in reader.feed(stream[at : at + step])] == sent


def test_the_reader_forgets_what_never_ends() -> None:
    reader = FrameReader()
    for _ in range(4):
        reader.feed(b"\x01" * reader.MAX_PACKET_BYTES)
    assert len(reader._pending) <= reader.MAX_PACKET_BYTES


@given(st.binary(max_size=120))
def test_parsers_raise_only_wire_errors(payload: bytes) -> None:
    for parse in (
        parse_hello,
        parse_statistics,
        lambda frame: parse_inference(frame, 3),
        lambda frame: parse_health(frame, 3),
    ):
        try:
            parse(Frame(0x81, 0, payload))
        except WireError as error:
            assert str(error)


def test_messages_say_what_is_wrong() -> None:
    with pytest.raises(WireError, match=r"0x82 \(untrusted\)"):
        parse_inference(Frame(0x83, 0, b"\x82"), 3)
    with pytest.raises(WireError, match="version 9, this host 1"):
        parse_hello(Frame(0x81, 0, b"\0\x09" + bytes(50)))
    with pytest.raises(WireError, match="health of 24 bytes; 3 actions take 29"):
        parse_health(Frame(0x87, 0, bytes(24)), 3)
    with pytest.raises(WireError, match="9 bytes; 3 actions take 11"):
        parse_inference(Frame(0x83, 0, bytes(9)), 3)


def test_observations_are_little_endian_float32() -> None:
    assert encode_observation(np.array([1.0, -2.0])) == bytes.fromhex("0000803f000000c0")
