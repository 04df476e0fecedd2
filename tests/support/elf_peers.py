"""What others tell of a BPF object: LLVM of the file, libbpf of the object it opens."""

from __future__ import annotations

import ctypes
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.clang import tool
from tests.support.debian import unpacked

EXECINSTR = 4  # SHF_EXECINSTR
FUNC = 2  # STT_FUNC
LINK = 1 << 13  # BPF_F_LINK
STRUCT_OPS = 26  # BPF_MAP_TYPE_STRUCT_OPS


class Told(NamedTuple):
    """What LLVM tells of an object.

    Attributes:
        programs: (Name, section, instructions) of every function in a section of its own, in order.
        license: What section license says.
    """

    programs: list[tuple[str, str, int]]
    license: str


def told_by_llvm(data: bytes) -> Told:
    """What llvm-readobj tells of an object.

    Raises:
        ValueError: It finds something wrong with it.
    """
    command = [tool("llvm-readobj"), "--elf-output-style=JSON", "--sections", "--symbols", "-"]
    done = subprocess.run(command, input=data, capture_output=True)
    if done.returncode or done.stderr:
        raise ValueError(done.stderr)
    (told,) = json.loads(done.stdout.decode(errors="replace"))
    told = told.get("<stdin>", told)  # LLVM 19 does not name the file
    sections = [each["Section"] for each in told["Sections"]]
    code = {
        each["Index"]: _word_of(each["Name"])
        for each in sections
        if _number_of(each["Flags"]) & EXECINSTR and _word_of(each["Name"]) != ".text"
    }
    found = []
    for symbol in (each["Symbol"] for each in told["Symbols"]):
        number = _number_of(symbol["Section"])
        if _number_of(symbol["Type"]) == FUNC and number in code:
            program = _word_of(symbol["Name"]), code[number], symbol["Size"] // 8
            found.append(((number, symbol["Value"]), program))
    licenses = (
        data[each["Offset"] :][: each["Size"]].split(b"\0")[0].decode()
        for each in sections
        if _word_of(each["Name"]) == "license"
    )
    return Told([program for _, program in sorted(found)], next(licenses, ""))


def _word_of(field: dict[str, Any]) -> str:
    """The name of what has a name and a number; LLVM 19 calls them otherwise than LLVM 14."""
    return next(each for each in field.values() if isinstance(each, str))


def _number_of(field: dict[str, Any]) -> int:
    return next(each for each in field.values() if isinstance(each, int))


class LibbpfObject:
    """An object that libbpf opened; not loaded."""

    def __init__(self, lib: Any, handle: Any) -> None:
        self._lib = lib
        self._handle = handle

    def programs(self) -> list[tuple[str, str, int]]:
        """(Name, section, instructions), in libbpf's order."""
        call = self._lib
        return [
            (
                _text(call.bpf_program__name, program),
                _text(call.bpf_program__section_name, program),
                _number(call.bpf_program__insn_cnt, program),
            )
            for program in self._each(call.bpf_object__next_program)
        ]

    def struct_ops(self) -> dict[str, tuple[int, bool]]:
        """Variable → (bytes of its struct, registered by a link)."""
        call = self._lib
        return {
            _text(call.bpf_map__name, each): (
                _number(call.bpf_map__value_size, each),
                bool(_number(call.bpf_map__map_flags, each) & LINK),
            )
            for each in self._each(call.bpf_object__next_map)
            if _number(call.bpf_map__type, each) == STRUCT_OPS
        }

    def maps(self) -> list[tuple[str, int, int, int]]:
        """(Name, key size, value size, entries) of those that are no struct_ops maps.

        Global data is named by its section alone.
        """
        call = self._lib
        return [
            (
                _text(call.bpf_map__name, each).lstrip("_").partition(".")[2]
                or _text(call.bpf_map__name, each),
                _number(call.bpf_map__key_size, each),
                _number(call.bpf_map__value_size, each),
                _number(call.bpf_map__max_entries, each),
            )
            for each in self._each(call.bpf_object__next_map)
            if _number(call.bpf_map__type, each) != STRUCT_OPS
        ]

    def _each(self, following: Any) -> Iterator[int]:
        following.restype = ctypes.c_void_p
        each = following(self._handle, None)
        while each:
            yield each
            each = following(self._handle, ctypes.c_void_p(each))


@contextmanager
def opened(path: Path) -> Iterator[LibbpfObject]:
    """The object as libbpf 1.4 or later sees it (bpf_object__open)."""
    folder = unpacked("bookworm-backports", "libbpf1")
    lib = ctypes.CDLL(str(next(folder.glob("usr/lib/*/libbpf.so.1"))))
    lib.bpf_object__open.restype = ctypes.c_void_p
    handle = lib.bpf_object__open(str(path).encode())
    assert handle, f"libbpf does not open {path}"
    try:
        yield LibbpfObject(lib, ctypes.c_void_p(handle))
    finally:
        lib.bpf_object__close(ctypes.c_void_p(handle))


def _text(call: Any, handle: int) -> str:
    call.restype = ctypes.c_char_p
    return bytes(call(ctypes.c_void_p(handle))).decode()


def _number(call: Any, handle: int) -> int:
    call.restype = ctypes.c_size_t if call.__name__ == "bpf_program__insn_cnt" else ctypes.c_uint32
    return int(call(ctypes.c_void_p(handle)))
