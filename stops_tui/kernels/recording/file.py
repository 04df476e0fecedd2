"""The file of a recording: blocks written one by one, and read one by one.

The format is told in the package's docstring.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Final

import msgspec

from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.recording.records import FEW, Entry

MAGIC: Final = b"STOPSREC"
VERSION: Final = 1
UNPACKED_MOST: Final = 4 << 20
"""Bytes of a payload before it was compressed."""
BLOCKS_MOST: Final = 1_000_000
"""Blocks that are read of a file."""
_FIRST: Final = len(MAGIC) + 2
_PAYLOAD_MOST: Final = UNPACKED_MOST + (UNPACKED_MOST >> 8)
_HEAD: Final = struct.Struct("<IIQ")
_TIME_MOST: Final = 1000 * 10**9
"""Milliseconds of 30 years: more is damage, not patience."""


_DECODER: Final = msgspec.msgpack.Decoder(Annotated[list[Entry], FEW])


class Writer:
    """Appends blocks to a new file, which only its owner may read: it tells much of a host.

    What root makes by sudo is owned by who ran that, to be replayed and sent without it.

    Attributes:
        path: The file.
        size: Bytes in it.
        blocks: Blocks in it.
    """

    def __init__(self, path: str) -> None:
        """Make the file.

        Raises:
            RecordingError: It is there already, or cannot be made.
        """
        self.path = path
        self._encode = msgspec.msgpack.Encoder().encode
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise RecordingError(path, "is there already; choose another name") from None
        except OSError as error:
            raise RecordingError(path, error.strerror or str(error)) from None
        _give_to_sudoer(self._fd)
        self.size = self.blocks = 0
        try:
            self._write(MAGIC + VERSION.to_bytes(2, "little"))
        except RecordingError:
            self.discard()
            raise

    def pack(self, entries: Sequence[Entry]) -> bytes:
        """The payload of these records, which a reader takes.

        Raises:
            RecordingError: It is more than a block holds, or than a reader would take.
        """
        try:
            data = self._encode(entries)
            if len(data) > UNPACKED_MOST:
                raise RecordingError(self.path, f"{len(data):,} bytes do not fit into a block")
            _DECODER.decode(data)
        except (UnicodeEncodeError, msgspec.MsgspecError) as error:
            raise RecordingError(self.path, str(error)) from None
        return zlib.compress(data, 9)

    def size_of(self, payload: bytes) -> int:
        """Bytes that a block with this payload takes in the file."""
        return _HEAD.size + len(payload)

    def append(self, time_ms: int, payload: bytes) -> None:
        """Write one block, with one write(2): whole, unless the disk is full.

        Raises:
            RecordingError: It could not be written; the file ends with its last whole block.
        """
        checksum = _checksum(time_ms, payload)
        self._write(_HEAD.pack(len(payload), checksum, time_ms) + payload)
        self.blocks += 1

    def discard(self) -> None:
        """Close the file and remove it: its recording did not come to begin."""
        self.close()
        with suppress(OSError):
            os.unlink(self.path)  # noqa: PTH108 (as it was opened)

    def close(self) -> None:
        """Close the file. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
            if written < len(data):
                os.ftruncate(self._fd, self.size)
                raise RecordingError(self.path, "the disk is full")
        except OSError as error:
            raise RecordingError(self.path, error.strerror or str(error)) from None
        self.size += written


class Reader:
    """The blocks of a file, found at once, unpacked when asked for.

    Attributes:
        path: The file.
        problem: Why it ends before its end, in words; "" if every byte was understood.
    """

    def __init__(self, path: str) -> None:
        """Find the blocks.

        Raises:
            RecordingError: It is no recording, or has no whole block.
        """
        self.path = path
        self.problem = ""
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise RecordingError(path, error.strerror or str(error)) from None
        try:
            found = os.fstat(self._fd)
            if not stat.S_ISREG(found.st_mode):
                raise RecordingError(path, "is no regular file")
            self._check_head()
            self._places, self._times = self._find_blocks(found.st_size)
            if not self._places:
                raise RecordingError(path, self.problem or "it ends before its first block")
        except BaseException:
            self.close()
            raise
        self._decode: Callable[[bytes], list[Entry]] = _DECODER.decode

    def __len__(self) -> int:
        """How many blocks there are."""
        return len(self._places)

    def time_of(self, block: int) -> int:
        """The time of a block in milliseconds since the start."""
        return self._times[block]

    def last_before(self, time_ms: int) -> int:
        """The last block that is not after this time; the first where all are."""
        return max(0, bisect_right(self._times, time_ms) - 1)

    def entries(self, block: int) -> list[Entry]:
        """The records of a block.

        Raises:
            RecordingError: It is damaged.
        """
        length, _, _ = _HEAD.unpack(self._read(self._places[block], _HEAD.size))
        payload = self._read(self._places[block] + _HEAD.size, length)
        try:
            unpacking = zlib.decompressobj()
            data = unpacking.decompress(payload, UNPACKED_MOST)
            if not unpacking.eof:
                raise self._damaged(block, "it is more than a block holds, or is cut off")
            return self._decode(data)
        except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._damaged(block, str(error)) from None

    def close(self) -> None:
        """Close the file. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _damaged(self, block: int, reason: str) -> RecordingError:
        return RecordingError(self.path, f"block {block:,} is damaged: {reason}")

    def _check_head(self) -> None:
        head = self._read(0, _FIRST)
        if not head.startswith(MAGIC) or len(head) < _FIRST:
            raise RecordingError(self.path, "is no recording of stops-tui")
        version = int.from_bytes(head[len(MAGIC) :], "little")
        if version != VERSION:
            raise RecordingError(
                self.path, f"has version {version} of the format; this program reads {VERSION}"
            )

    def _find_blocks(self, size: int) -> tuple[array[int], array[int]]:
        """Where the whole blocks are, and their times, up to the end or the first damage."""
        places, times = array("Q"), array("Q")
        place, before = _FIRST, 0
        while place < size:
            if len(places) == BLOCKS_MOST:
                self.problem = f"only its first {BLOCKS_MOST:,} blocks are read"
                break
            head = self._read(place, _HEAD.size)
            length, checksum, time_ms = _HEAD.unpack(head.ljust(_HEAD.size, b"\0"))
            payload = self._read(place + _HEAD.size, min(length, _PAYLOAD_MOST))
            if not before <= time_ms <= _TIME_MOST or length > _PAYLOAD_MOST:
                self.problem = f"it is damaged from byte {place:,} on"
                break
            if len(head) + len(payload) < _HEAD.size + length:
                self.problem = f"its last {size - place:,} bytes are a block that was not finished"
                break
            if _checksum(time_ms, payload) != checksum:
                self.problem = f"it is damaged from byte {place:,} on"
                break
            places.append(place)
            times.append(time_ms)
            place, before = place + _HEAD.size + length, time_ms
        return places, times

    def _read(self, place: int, length: int) -> bytes:
        try:
            return os.pread(self._fd, length, place)
        except OSError as error:
            raise RecordingError(self.path, error.strerror or str(error)) from None


def _give_to_sudoer(fd: int) -> None:
    """Make who ran sudo, if anybody did, the owner of a new file; others keep theirs."""
    if os.geteuid() == 0:
        # Not by sudo, or on a file system without owners.
        with suppress(KeyError, ValueError, OverflowError, OSError):
            os.fchown(fd, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))


def _checksum(time_ms: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(struct.pack("<Q", time_ms)))
