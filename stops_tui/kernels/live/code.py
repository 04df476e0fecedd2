"""A program's code from the running kernel, and the names that its numbers stand for.

The kernel withholds code that shows kernel addresses by the rule it has for /proc/kallsyms:
kernel/bpf/syscall.c, bpf_prog_get_info_by_fd(), and kernel/ksyms_common.c, kallsyms_show_value().
"""

from __future__ import annotations

import io
import platform
import struct
from collections.abc import Iterable, Iterator, Sequence
from errno import ENOENT
from itertools import accumulate
from pathlib import Path

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import ProgArray, ProgInfo
from stops_tui.bpf.insns import JMP, JMP_OPS, Insn, PseudoCall, decode
from stops_tui.bpf.jited import branch_targets
from stops_tui.bpf.syscall import Bpf, opened
from stops_tui.btf import Btf, Enum, Kind
from stops_tui.kernels.kernel import RawCode

_KALLSYMS = Path("/proc/kallsyms")
_KPTR_RESTRICT = Path("/proc/sys/kernel/kptr_restrict")
_CALL = JMP | JMP_OPS["call"]
_FUNC_PREFIX = "BPF_FUNC_"


def program_code(bpf: Bpf, prog_id: int, vmlinux: Btf | None) -> RawCode | None:
    """The translated and JITed code of a program; None if it is gone.

    Args:
        bpf: The system call.
        prog_id: Any program's id.
        vmlinux: The kernel's BTF, which names helpers; without it they stay numbers.

    Raises:
        BpfError: The kernel refuses, other than by withholding.
    """
    try:
        with opened(bpf.prog_get_fd_by_id(prog_id)) as fd:
            info = bpf.prog_get_info_by_fd(
                fd,
                "xlated_prog_insns",
                "jited_prog_insns",
                "jited_ksyms",
                "jited_func_lens",
                "func_info",
                "line_info",
                "jited_line_info",
                "map_ids",
            )
    except BpfError as error:
        if error.errno == ENOENT:
            return None
        raise
    xlated, jited = info.arrays["xlated_prog_insns"], info.arrays["jited_prog_insns"]
    lengths = tuple(length for (length,) in _records(info, "jited_func_lens", "I"))
    functions = _function_addresses(info)
    call_base, symbols = _symbols(decode(xlated), jited, lengths, functions)
    return RawCode(
        xlated=xlated,
        jited=jited,
        jited_func_lens=lengths,
        jited_ksyms=functions,
        func_info=tuple((at, type_id) for at, type_id in _records(info, "func_info", "II")),
        line_info=tuple(
            (at, file, line, column)
            for at, file, line, column in _records(info, "line_info", "IIII")
        ),
        jited_line_info=tuple(at for (at,) in _records(info, "jited_line_info", "Q")),
        symbols=symbols,
        maps=dict(_map_names(bpf, (map_id for (map_id,) in _records(info, "map_ids", "I")))),
        helpers=helper_names(vmlinux) if vmlinux else {},
        call_base=call_base,
        withheld=_withheld(info),
    )


def helper_names(vmlinux: Btf) -> dict[int, str]:
    """Helper id → name, such as 1 → "bpf_map_lookup_elem", by the kernel's enum bpf_func_id."""
    type_id = vmlinux.find("bpf_func_id", Kind.ENUM)
    enum = vmlinux.type(type_id) if type_id else None
    if not isinstance(enum, Enum):
        return {}
    return {
        value: f"bpf_{name.removeprefix(_FUNC_PREFIX)}"
        for name, value in enum.values
        if name.startswith(_FUNC_PREFIX)
    }


def _records(info: ProgInfo, array: ProgArray, fields: str) -> Iterator[tuple[int, ...]]:
    """The leading fields of each record; a newer kernel's records may be longer."""
    layout, size = struct.Struct(f"={fields}"), info.record_sizes[array]
    data = info.arrays[array]
    if size < layout.size:
        return
    for start in range(0, len(data) - size + 1, size):
        yield layout.unpack_from(data, start)


def _function_addresses(info: ProgInfo) -> tuple[int, ...]:
    """Where each function of a JITed program is; zeroes if that is withheld."""
    addresses = tuple(address for (address,) in _records(info, "jited_ksyms", "Q"))
    if addresses or not info.jited_len:
        return addresses
    return (0,) * max(1, len(list(_records(info, "func_info", "II"))))


def _symbols(
    insns: Sequence[Insn], jited: bytes, lengths: Sequence[int], functions: Sequence[int]
) -> tuple[int, dict[int, str]]:
    """The address of __bpf_call_base, and the symbols of what the program calls and is."""
    try:
        kallsyms = _KALLSYMS.read_bytes()
    except OSError:  # a kernel without CONFIG_KALLSYMS
        kallsyms = b""
    call_base = _address_of(b"__bpf_call_base", kallsyms)
    if not call_base:  # the kernel shows no addresses
        return 0, {}
    wanted = set(functions)
    wanted.update(
        call_base + insn.imm
        for insn in insns
        if insn.code == _CALL and insn.src != PseudoCall.SUBPROGRAM
    )
    machine = platform.machine()
    starts = accumulate(lengths, initial=0)
    for address, start, length in zip(functions, starts, lengths, strict=False):
        wanted |= branch_targets(jited[start : start + length], address, machine)
    return call_base, dict(_names_at(wanted, kallsyms))


def _address_of(name: bytes, kallsyms: bytes) -> int:
    """The address of a symbol; 0 if there is none or it is withheld."""
    end = kallsyms.find(b" %b\n" % name)
    start = kallsyms.rfind(b"\n", 0, max(end, 0)) + 1
    return int(kallsyms[start:end].split()[0], 16) if end > 0 else 0


def _names_at(addresses: Iterable[int], kallsyms: bytes) -> Iterator[tuple[int, str]]:
    """The symbol at each address that has one; of several, the last."""
    wanted = {b"%016x" % address: address for address in addresses if address > 0}
    for line in io.BytesIO(kallsyms):
        address = wanted.get(line[:16])
        if address:
            yield address, line.split()[2].decode(errors="backslashreplace")


def _map_names(bpf: Bpf, map_ids: Iterable[int]) -> Iterator[tuple[int, str]]:
    for map_id in map_ids:
        try:
            with opened(bpf.map_get_fd_by_id(map_id)) as fd:
                yield map_id, bpf.map_get_info_by_fd(fd).name
        except BpfError:  # gone with its program
            continue


def _withheld(info: ProgInfo) -> str:
    """What the kernel keeps back, why, and how to see it; "" if nothing."""
    if not info.xlated_len:
        return "CAP_PERFMON is missing: the kernel shows no code without it. Run as root."
    if not info.jited_len or info.arrays["jited_prog_insns"]:
        return ""
    what = "JITed code and the targets of calls"
    if not info.arrays["xlated_prog_insns"]:  # net.core.bpf_jit_harden
        what = "all code, its constants being blinded,"
    try:
        restrict = int(_KPTR_RESTRICT.read_text())
    except (OSError, ValueError):
        restrict = 1
    if restrict >= 2:
        return (
            f"kernel.kptr_restrict is {restrict}: the kernel withholds {what} from everyone. "
            "To see them: sysctl kernel.kptr_restrict=1"
        )
    return f"CAP_SYSLOG is missing: the kernel withholds {what} without it. Run as root."
