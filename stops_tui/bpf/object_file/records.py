"""What a BPF object file holds: one record for each thing in it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from stops_tui.btf import Btf


class ObjectFileError(Exception):
    """A file that is no BPF object, or cannot be read as one.

    Attributes:
        path: The file.
        reason: What is wrong, in words.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path or repr(path)}: {reason}")


class ObjectProgram(NamedTuple):
    """A program: a function in a section that says how it is attached.

    Attributes:
        name: The function's name.
        section: "struct_ops/init", "?struct_ops.s", "fmod_ret/hid_bpf_device_event".
        offset: Bytes from the start of the section.
        size: Bytes of its instructions, without those of functions that it calls.
        prototype: `u32 dctcp_ssthresh(struct sock * sk)`; "" where the object does not tell.
    """

    name: str
    section: str
    offset: int
    size: int
    prototype: str

    @property
    def attach(self) -> str:
        """What it is for: the section's name up to the slash, "struct_ops" of "?struct_ops.s/x"."""
        return self._kind.removesuffix(".s")

    @property
    def sleepable(self) -> bool:
        """Whether it may sleep (the sections of libbpf's section_defs[] that say so)."""
        return self._kind.endswith(".s") or self._kind == "syscall"

    @property
    def insns(self) -> int:
        """How many instructions; one that loads 64 bits counts as two, as in the kernel."""
        return self.size // 8

    @property
    def _kind(self) -> str:
        return self.section.removeprefix("?").partition("/")[0]


class ObjectMember(NamedTuple):
    """One member of a struct_ops variable.

    Attributes:
        name: Its name; "" for an anonymous one.
        kind: "func" for a function pointer, "data" for anything else.
        type: C text: `u32 (struct sock *)` for a function, `char[16]` for data, `u8 : 3` for a
            bitfield.
        type_id: Its type, in the object's BTF.
        bit_offset: Bits from the start of the struct.
        bit_size: Bits of a bitfield; 0 for a member that is none.
        size: Bytes; of a bitfield those that it touches.
        program: The function that a function member points to; "" where it points to none.
    """

    name: str
    kind: Literal["func", "data"]
    type: str
    type_id: int
    bit_offset: int
    bit_size: int
    size: int
    program: str = ""

    @property
    def offset(self) -> int:
        """Bytes from the start of the struct."""
        return self.bit_offset // 8


class ObjectStructOps(NamedTuple):
    """One variable in a struct_ops section: a map to be.

    Attributes:
        variable: Its name, which libbpf gives to the map.
        section: ".struct_ops", ".struct_ops.link", "?.struct_ops" or "?.struct_ops.link".
        type_name: The kernel's struct that it implements: its own struct's name without suffix.
        suffix: What is after the name, as in struct tcp_congestion_ops___v2: "___v2"; or "".
        type_id: Its own struct, in the object's BTF.
        value: The bytes of its own struct; zeroes where a program belongs.
        members: All members, in order.
    """

    variable: str
    section: str
    type_name: str
    suffix: str
    type_id: int
    value: bytes
    members: tuple[ObjectMember, ...]

    @property
    def link(self) -> bool:
        """Whether it is registered by a link."""
        return self.section.endswith(".link")

    @property
    def optional(self) -> bool:
        """Whether libbpf makes it only when asked to."""
        return self.section.startswith("?")

    @property
    def programs(self) -> dict[str, str]:
        """Function member → its program, of those that have one."""
        return {member.name: member.program for member in self.members if member.program}


class ObjectMap(NamedTuple):
    """A map that is no struct_ops map.

    Attributes:
        name: The variable's name; of global data that of the section, ".rodata".
        type: BPF_MAP_TYPE_* in lower case, "sk_storage"; the number where it is not known.
        key_size: Bytes; 0 where the object does not tell.
        value_size: Bytes; 0 where the object does not tell.
        max_entries: How many; 0 where the object does not tell.
    """

    name: str
    type: str
    key_size: int
    value_size: int
    max_entries: int


class ObjectKfunc(NamedTuple):
    """A function of the kernel that programs call.

    Attributes:
        name: Its name, without a suffix as in bpf_x___v2.
        weak: Whether it may be missing: the programs look before they call it.
    """

    name: str
    weak: bool


class ObjectFile(NamedTuple):
    """What is in a BPF object file.

    Attributes:
        path: Where it was read from, for people.
        data: The whole file.
        byteorder: "little" or "big".
        license: What its section `license` says; "" where it has none.
        sections: The names of its sections, in order.
        btf: Its own types; None where it has none.
        programs: In the order of the file; functions that only programs call are none.
        struct_ops: Section by section, in the order of their variables.
        maps: Those that are no struct_ops maps.
        core_relocations: Places that are adjusted to the running kernel's types as it is loaded.
        kfuncs: The functions of the kernel that programs call, by name.
    """

    path: str
    data: bytes
    byteorder: Literal["little", "big"]
    license: str
    sections: tuple[str, ...]
    btf: Btf | None
    programs: tuple[ObjectProgram, ...]
    struct_ops: tuple[ObjectStructOps, ...]
    maps: tuple[ObjectMap, ...]
    core_relocations: int
    kfuncs: tuple[ObjectKfunc, ...] = ()
