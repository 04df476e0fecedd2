"""Print eBPF instructions in the kernel's own notation: the text of `bpftool prog dump xlated`.

The words and the order of tests are those of kernel/bpf/disasm.c, up to Linux 6.19 (ISA v4 and
the kernel's internal forms); how names are resolved is tools/bpf/bpftool/xlated_dumper.c. What
those print for a code that no kernel accepts is printed here too; nothing raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from stops_tui.bpf.insns import (
    ABS,
    ALU,
    ALU64,
    ALU_OPS,
    ATOMIC,
    ATOMIC_OPS,
    FETCH,
    IMM,
    IND,
    JMP,
    JMP32,
    JMP_OPS,
    LD,
    MEM,
    MEMSX,
    SIGNED_ALU_OPS,
    SIGNED_SIZES,
    SIZES,
    Insn,
    PseudoCall,
    PseudoLoad,
    X,
)

_MISSING = "(null)"  # what C's printf makes of a word the kernel's tables lack
_U32, _U64 = 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF

_LDIMM64 = LD | IMM | SIZES["u64"]
_NOSPEC = 0xC0  # a mode of ST: speculation barrier, internal to the kernel
_CALL, _EXIT = JMP_OPS["call"], JMP_OPS["exit"]
_NEG, _END, _MOV = ALU_OPS["neg"], ALU_OPS["endian"], ALU_OPS["="]

_ALU_WORD = {code: word for word, code in ALU_OPS.items()}
_SIGNED_ALU_WORD = {code: word for word, code in SIGNED_ALU_OPS.items()}
_JMP_WORD = {code: word for word, code in JMP_OPS.items() if word != "may_goto"}
_SIZE_WORD = {code: word for word, code in SIZES.items()}
_SIGNED_SIZE_WORD = {code: word for word, code in SIGNED_SIZES.items()}
_ATOMIC_WORD = {code: word for word, code in ATOMIC_OPS.items()}

# Variants of a 64-bit register move, told by `off`.
_ADDR_SPACE_CAST, _PERCPU_ADDRESS = 1, -1
_SIGN_EXTENSION = {8: "(s8)", 16: "(s16)", 32: "(s32)"}


@dataclass(frozen=True, slots=True)
class Names:
    """What turns numbers in call instructions into names; empty, the numbers are printed.

    Attributes:
        helpers: Helper id → name, such as "bpf_map_lookup_elem".
        symbols: Kernel address → symbol.
        call_base: The address of __bpf_call_base, which calls count from; 0 if unknown.
        functions: The JITed address of each of the program's functions; () if interpreted.
    """

    helpers: Mapping[int, str] = field(default_factory=dict)
    symbols: Mapping[int, str] = field(default_factory=dict)
    call_base: int = 0
    functions: Sequence[int] = ()


NO_NAMES = Names()


def insn_text(insn: Insn, following: Insn | None = None, names: Names = NO_NAMES) -> str:
    """One instruction: `(b7) r0 = 0`. `following` holds the upper half of an ldimm64."""
    if insn.code == _LDIMM64:
        return f"(18) r{insn.dst} = {_imm64_text(insn, following)}"
    if insn.code & 7 in (JMP, JMP32) and insn.code & 0xF0 == _CALL:
        return f"({insn.code:02x}) call {_callee(insn, names)}"
    return _CLASSES[insn.code & 7](insn)


def is_wide(insn: Insn) -> bool:
    """Whether this is an ldimm64, which takes two instructions."""
    return insn.code == _LDIMM64


def _imm64_text(insn: Insn, following: Insn | None) -> str:
    high = following.imm if following else 0
    match insn.src:
        case PseudoLoad.MAP_FD:
            return f"map[id:{insn.imm & _U32}]"
        case PseudoLoad.MAP_VALUE:
            return f"map[id:{insn.imm & _U32}][0]+{high & _U32}"
        case PseudoLoad.FUNC:
            return f"subprog[{insn.imm:+d}]"
        case PseudoLoad.MAP_IDX_VALUE:
            return f"map[idx:{insn.imm & _U32}]+{high & _U32}"
        case _:
            return f"0x{(high & _U32) << 32 | insn.imm & _U32:x}"


def _callee(insn: Insn, names: Names) -> str:
    address = (names.call_base + insn.imm) & _U64
    if insn.src == PseudoCall.SUBPROGRAM:
        return f"pc{insn.off:+d}{_function(insn, address, names)}"
    helper = names.helpers.get(insn.imm) if insn.src == PseudoCall.HELPER else None
    return f"{helper or names.symbols.get(address) or f'0x{address:x}'}#{insn.imm}"


def _function(insn: Insn, address: int, names: Names) -> str:
    """`#symbol` of a function of the program; an interpreted one has no address to show."""
    if not names.functions:
        return ""
    if 0 <= insn.imm < len(names.functions):
        address = names.functions[insn.imm]
    return f"#{names.symbols.get(address) or f'0x{address:x}'}"


def _alu(insn: Insn) -> str:
    code, dst, op = insn.code, insn.dst, insn.code & 0xF0
    reg = "w" if code & 7 == ALU else "r"
    if op == _END:
        return f"({code:02x}) r{dst} = {_byte_swap(code)}{insn.imm} r{dst}"
    if op == _NEG:
        return f"({code:02x}) {reg}{dst} = -{reg}{dst}"
    if code == ALU64 | _MOV | X and insn.off == _ADDR_SPACE_CAST:
        return (
            f"({code:02x}) r{dst} = addr_space_cast(r{insn.src}, "
            f"{(insn.imm & _U32) >> 16}, {insn.imm & 0xFFFF})"
        )
    if code == ALU64 | _MOV | X and insn.off == _PERCPU_ADDRESS:
        return f"({code:02x}) r{dst} = &(void __percpu *)(r{insn.src})"
    words = _SIGNED_ALU_WORD if insn.off == 1 and op in _SIGNED_ALU_WORD else _ALU_WORD
    operator = words.get(op, _MISSING)
    if code & X:
        extension = _SIGN_EXTENSION.get(insn.off, "") if op == _MOV else ""
        return f"({code:02x}) {reg}{dst} {operator} {extension}{reg}{insn.src}"
    return f"({code:02x}) {reg}{dst} {operator} {insn.imm}"


def _byte_swap(code: int) -> str:
    if code & 7 == ALU64:
        return "bswap"
    return "be" if code & X else "le"


def _memory(insn: Insn, base: int, sizes: Mapping[int, str] = _SIZE_WORD) -> str:
    return f"({sizes.get(insn.code & 0x18, _MISSING)} *)(r{base} {insn.off:+d})"


def _ldx(insn: Insn) -> str:
    sizes = {MEM: _SIZE_WORD, MEMSX: _SIGNED_SIZE_WORD}.get(insn.code & 0xE0)
    if sizes is None:
        return f"BUG_ldx_{insn.code:02x}"
    return f"({insn.code:02x}) r{insn.dst} = *{_memory(insn, insn.src, sizes)}"


def _st(insn: Insn) -> str:
    mode = insn.code & 0xE0
    if mode == MEM:
        return f"({insn.code:02x}) *{_memory(insn, insn.dst)} = {insn.imm}"
    if mode == _NOSPEC:
        return f"({insn.code:02x}) nospec"
    return f"BUG_st_{insn.code:02x}"


def _stx(insn: Insn) -> str:
    mode = insn.code & 0xE0
    if mode == MEM:
        return f"({insn.code:02x}) *{_memory(insn, insn.dst)} = r{insn.src}"
    if mode == ATOMIC and insn.imm in _ATOMIC_WORD:
        return f"({insn.code:02x}) {_atomic(insn, _ATOMIC_WORD[insn.imm])}"
    return f"BUG_{insn.code:02x}"


def _atomic(insn: Insn, word: str) -> str:
    memory, src = _memory(insn, insn.dst), f"r{insn.src}"
    function = f"atomic{'64' if insn.code & 0x18 == SIZES['u64'] else ''}_{word}"
    match word:
        case "cmpxchg":
            return f"r0 = {function}({memory}, r0, {src})"
        case "load_acquire":
            return f"r{insn.dst} = load_acquire({_memory(insn, insn.src)})"
        case "store_release":
            return f"store_release({memory}, {src})"
    if insn.imm & FETCH:
        return f"{src} = {function}({memory}, {src})"
    return f"lock *{memory} {_ALU_WORD[insn.imm]} {src}"


def _ld(insn: Insn) -> str:
    mode, size = insn.code & 0xE0, _SIZE_WORD[insn.code & 0x18]
    if mode == ABS:
        return f"({insn.code:02x}) r0 = *({size} *)skb[{insn.imm}]"
    if mode == IND:
        return f"({insn.code:02x}) r0 = *({size} *)skb[r{insn.src} + {insn.imm}]"
    return f"BUG_ld_{insn.code:02x}"


_JUMPS: Mapping[int, Callable[[Insn], str]] = {
    JMP | JMP_OPS["jmp"]: lambda insn: f"goto pc{insn.off:+d}",
    JMP | JMP_OPS["jmp"] | X: lambda insn: f"gotox r{insn.dst}",
    JMP32 | JMP_OPS["jmp"]: lambda insn: f"gotol pc{insn.imm:+d}",
    JMP | _EXIT: lambda insn: "exit",
}


def _jmp(insn: Insn) -> str:
    code = insn.code
    if code in _JUMPS:
        return f"({code:02x}) {_JUMPS[code](insn)}"
    if code == JMP | JMP_OPS["may_goto"] and insn.src == 0:
        return f"({code:02x}) may_goto pc{insn.off:+d}"
    reg = "w" if code & 7 == JMP32 else "r"
    operand = f"{reg}{insn.src}" if code & X else f"0x{insn.imm & _U32:x}"
    operator = _JMP_WORD.get(code & 0xF0, _MISSING)
    return f"({code:02x}) if {reg}{insn.dst} {operator} {operand} goto pc{insn.off:+d}"


# By the low three bits of the code: LD LDX ST STX ALU JMP JMP32 ALU64.
_CLASSES: Sequence[Callable[[Insn], str]] = (_ld, _ldx, _st, _stx, _alu, _jmp, _jmp, _alu)
