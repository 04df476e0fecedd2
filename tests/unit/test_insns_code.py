"""What is made of the kernel's answers about code: larger records, withholding, kallsyms."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf import insns as asm
from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import PROG_ARRAYS, MapInfo, ProgArray, ProgInfo
from stops_tui.bpf.insns import R0, encode
from stops_tui.bpf.syscall import Bpf
from stops_tui.kernels.kernel import RawCode
from stops_tui.kernels.live import code as live_code

BASE = 0xFFFF_FFFF_8100_0000
XLATED = encode([asm.call(70000), asm.call_kfunc(-16), asm.mov(R0, 0), asm.exit_()])
KALLSYMS = f"""\
{BASE - 16:016x} T tcp_slow_start
{BASE:016x} T __bpf_call_base
{BASE + 70000:016x} t bpf_user_rnd_u32
{BASE + 80000:016x} t other
ffffffffc0001000 t bpf_prog_0123456789abcdef_first\t[bpf]
"""
FULL: dict[ProgArray, bytes] = {
    "xlated_prog_insns": XLATED,
    "jited_prog_insns": b"\xc3" * 8,
    "jited_ksyms": struct.pack("=Q", 0xFFFF_FFFF_C000_1000),
    "jited_func_lens": struct.pack("=I", 8),
    "func_info": struct.pack("=II", 0, 5),
    "line_info": struct.pack("=IIII", 0, 1, 2, 3 << 10),
    "jited_line_info": struct.pack("=Q", 0xFFFF_FFFF_C000_1000),
    "map_ids": struct.pack("=II", 7, 8),
}
SIZES: dict[ProgArray, int] = {
    name: size if isinstance(size, int) else 0 for name, (_, size) in PROG_ARRAYS.items()
} | {"func_info": 8, "line_info": 16, "jited_line_info": 8}
INFO = ProgInfo(
    type=27,
    id=1,
    name="first",
    tag=bytes(8),
    load_time=0,
    uid=0,
    gpl_compatible=True,
    xlated_len=len(XLATED),
    jited_len=8,
    btf_id=0,
    attach_btf_id=0,
    attach_btf_obj_id=0,
    verified_insns=4,
    run_cnt=0,
    run_time_ns=0,
    recursion_misses=0,
    record_sizes=SIZES,
    arrays=FULL,
)


class Kernel(Bpf):
    """A bpf(2) with one program, and map 7 of the two that it uses."""

    def __init__(self, info: ProgInfo) -> None:
        self.info = info

    def prog_get_fd_by_id(self, prog_id: int) -> int:
        return os.open(os.devnull, os.O_RDONLY)

    def prog_get_info_by_fd(self, fd: int, *arrays: ProgArray) -> ProgInfo:
        return self.info

    def map_get_fd_by_id(self, map_id: int, flags: int = 0) -> int:
        if map_id != 7:
            raise BpfError("BPF_MAP_GET_FD_BY_ID", 2)
        return os.open(os.devnull, os.O_RDONLY)

    def map_get_info_by_fd(self, fd: int) -> MapInfo:
        return MapInfo(2, 7, "tallies", 0, 16, 0, 0, b"")


@pytest.fixture(autouse=True)
def kallsyms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kallsyms"
    path.write_text(KALLSYMS)
    monkeypatch.setattr(live_code, "_KALLSYMS", path)
    monkeypatch.setattr(live_code, "_KPTR_RESTRICT", tmp_path / "kptr_restrict")
    return path


def read(**changes: Any) -> RawCode:
    code = live_code.program_code(Kernel(INFO._replace(**changes)), 1, None)
    assert code is not None
    return code


def test_what_only_jited_code_calls_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    start = 0xFFFF_FFFF_C000_1000
    jump = b"\xe9" + struct.pack("<i", BASE + 80000 - (start + 5)) + b"\xcc" * 3
    code = read(arrays=FULL | {"jited_prog_insns": jump})
    assert code.symbols[BASE + 80000] == "other"


def without(*names: ProgArray) -> dict[ProgArray, bytes]:
    return FULL | dict.fromkeys(names, b"")


def test_everything_told() -> None:
    assert read() == RawCode(
        xlated=XLATED,
        jited=b"\xc3" * 8,
        jited_func_lens=(8,),
        jited_ksyms=(0xFFFF_FFFF_C000_1000,),
        func_info=((0, 5),),
        line_info=((0, 1, 2, 3 << 10),),
        jited_line_info=(0xFFFF_FFFF_C000_1000,),
        symbols={
            BASE - 16: "tcp_slow_start",
            BASE + 70000: "bpf_user_rnd_u32",
            0xFFFF_FFFF_C000_1000: "bpf_prog_0123456789abcdef_first",
        },
        maps={7: "tallies"},
        call_base=BASE,
    )


def test_larger_records_of_a_newer_kernel() -> None:
    arrays = FULL | {
        "func_info": struct.pack("=IIQ", 0, 5, 9) + struct.pack("=IIQ", 2, 6, 9),
        "line_info": struct.pack("=IIIIQ", 0, 1, 2, 3, 9),
    }
    code = read(arrays=arrays, record_sizes=SIZES | {"func_info": 16, "line_info": 24})
    assert code.func_info == ((0, 5), (2, 6))
    assert code.line_info == ((0, 1, 2, 3),)


@pytest.mark.parametrize("size", [0, 4, 7])
def test_records_too_small_tell_nothing(size: int) -> None:
    assert read(record_sizes=SIZES | {"func_info": size}).func_info == ()


RAW: tuple[ProgArray, ...] = (
    "jited_prog_insns",
    "jited_ksyms",
    "jited_func_lens",
    "jited_line_info",
)


def test_addresses_withheld(kallsyms: Path) -> None:
    kallsyms.write_text("".join(f"{0:016x} {line[17:]}\n" for line in KALLSYMS.splitlines()))
    code = read(arrays=without(*RAW))
    assert (code.call_base, code.symbols) == (0, {})
    assert code.jited_ksyms == (0,)  # JITed, at an address that is not told
    assert code.withheld == (
        "CAP_SYSLOG is missing: the kernel withholds JITed code and the targets of calls "
        "without it. Run as root."
    )


def test_withheld_from_everyone(kallsyms: Path) -> None:
    kallsyms.with_name("kptr_restrict").write_text("2\n")
    assert read(arrays=without(*RAW)).withheld == (
        "kernel.kptr_restrict is 2: the kernel withholds JITed code and the targets of calls "
        "from everyone. To see them: sysctl kernel.kptr_restrict=1"
    )


def test_blinded_code_is_withheld_whole() -> None:
    code = read(arrays=without(*RAW, "xlated_prog_insns"))
    assert code.xlated == b""
    assert "withholds all code, its constants being blinded," in code.withheld


def test_without_cap_perfmon() -> None:
    code = read(xlated_len=0, jited_len=0, arrays=dict.fromkeys(FULL, b""))
    assert (code.xlated, code.jited, code.jited_ksyms) == (b"", b"", ())
    assert code.withheld.startswith("CAP_PERFMON is missing")


def test_an_interpreted_program_withholds_nothing() -> None:
    code = read(jited_len=0, arrays=without(*RAW))
    assert (code.jited_ksyms, code.withheld) == ((), "")


def test_a_kernel_without_kallsyms(kallsyms: Path) -> None:
    kallsyms.unlink()
    assert (read().call_base, read().symbols) == (0, {})


def test_other_refusals_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Kernel, prog_id: int) -> int:
        raise BpfError("BPF_PROG_GET_FD_BY_ID", 1)

    monkeypatch.setattr(Kernel, "prog_get_fd_by_id", refuse)
    with pytest.raises(BpfError):
        read()
