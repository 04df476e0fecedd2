"""Netlink messages as a kernel writes them, and as nobody should."""

from __future__ import annotations

import os
import struct
from errno import EBADMSG, ENOENT

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.kernels.live.netlink import attributes, dump, messages, text

ERROR, DONE, ANSWER = 2, 3, 20


def message(kind: int, body: bytes) -> bytes:
    padding = bytes(-len(body) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body + padding


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


@given(st.lists(st.binary(max_size=40)), st.booleans())
def test_every_answer_until_the_end(bodies: list[bytes], ended: bool) -> None:
    chunk = b"".join(message(ANSWER, body) for body in bodies)
    chunk += message(DONE, bytes(4)) + b"beyond" if ended else b""
    read, found = messages(chunk), []
    with pytest.raises(StopIteration) as end:
        while True:
            found.append(next(read))
    assert [data[start:stop] for data, start, stop in found] == bodies
    assert end.value.value is ended


@pytest.mark.parametrize("kind", [ERROR, DONE])
def test_an_error_is_raised(kind: int) -> None:
    chunk = message(ANSWER, b"one") + message(kind, struct.pack("=i", -ENOENT) + bytes(16))
    read = messages(chunk)
    assert next(read)
    with pytest.raises(FileNotFoundError):
        next(read)


@given(st.binary(max_size=200))
def test_any_bytes_end(data: bytes) -> None:
    try:
        for _, start, end in messages(data):
            assert 16 <= start <= end <= len(data)
    except OSError as error:
        assert error.errno == EBADMSG or error.strerror == os.strerror(error.errno or 0)


def test_a_message_cut_off() -> None:
    with pytest.raises(OSError, match="cut off"):
        list(messages(message(ANSWER, b"12345678")[:-4]))
    with pytest.raises(OSError, match="cut off"):
        list(messages(b"1234"))
    with pytest.raises(OSError, match="cut off"):
        list(messages(struct.pack("=IHHII", 0, ANSWER, 0, 0, 0)))


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=30))), st.integers(0, 3))
def test_attributes(wanted: list[tuple[int, bytes]], flags: int) -> None:
    chunk = b"head" + b"".join(attribute(kind | flags << 14, value) for kind, value in wanted)
    found = [(kind, chunk[at:end]) for kind, at, end in attributes(chunk, 4, len(chunk))]
    assert found == wanted


@given(st.binary(max_size=100))
def test_attributes_of_any_bytes_stay_inside(data: bytes) -> None:
    for _, at, end in attributes(data, 0, len(data)):
        assert 4 <= at <= end <= len(data)


def test_text_of_a_string_attribute() -> None:
    assert text(b"..cubic\0..", 2, 8) == "cubic"
    assert text(b"\xff\0", 0, 2) == "\\xff"


def test_a_protocol_that_there_is_not() -> None:
    with pytest.raises(OSError):
        list(dump(31, 16, b""))
