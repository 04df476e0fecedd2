"""A struct_ops implementation that this program assembles itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stops_tui.bpf.insns import Insn
from stops_tui.btf import Btf, BtfError, Composite, Kind

Assemble = Callable[[Btf], tuple[Insn, ...]]
"""Makes one program for the kernel of this BTF; Missing if that kernel lacks what it needs."""


class Missing(Exception):  # noqa: N818 (a fact about a kernel, not a failure)
    """What an example needs and this kernel does not have, in words."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """An example: programs by member, and the data members that go with them.

    Attributes:
        name: "reno".
        type_name: The struct it implements.
        summary: What it does, in one line.
        programs: By function member, how its program is made.
        data: By data member.
        needs: Says what this kernel lacks beside what the programs need; "" for nothing.
    """

    name: str
    type_name: str
    summary: str
    programs: Mapping[str, Assemble] = field(default_factory=dict)
    data: Mapping[str, int | str] = field(default_factory=dict)
    needs: Callable[[Btf], str] | None = None

    def missing(self, btf: Btf) -> str:
        """Why this kernel cannot run it; "" if it can, as far as its BTF tells."""
        if lacking := self.needs(btf) if self.needs else "":
            return lacking
        try:
            for assemble in self.programs.values():
                assemble(btf)
        except (Missing, BtfError) as error:
            return str(error)
        return ""

    def program_name(self, member: str) -> str:
        """The name its program has in the kernel, at most 15 characters."""
        return f"{self.name}_{member}"[:15]


def kfunc(btf: Btf, name: str) -> int:
    """The BTF id of a kernel function, for `call_kfunc`.

    Raises:
        Missing: This kernel has none of this name.
    """
    found = btf.find(name, Kind.FUNC)
    if found is None:
        raise Missing(f"this kernel's BTF has no function {name}()")
    return found


def offset_of(btf: Btf, struct: str, member: str) -> int:
    """Where a member is, in bytes from the start of a struct; also within nameless ones in it.

    Raises:
        Missing: There is no such struct or member.
    """
    type_id = btf.find(struct, Kind.STRUCT)
    found = _place(btf, type_id, member) if type_id else None
    if found is None:
        raise Missing(f"this kernel's BTF has no member {member} in struct {struct}")
    return found


def _place(btf: Btf, type_id: int, member: str, depth: int = 8) -> int | None:
    struct = btf.resolve(type_id)
    for field_ in struct.members if isinstance(struct, Composite) and depth else ():
        if field_.name == member and not field_.bit_size:
            return field_.bit_offset // 8
        inner = None if field_.name else _place(btf, field_.type_id, member, depth - 1)
        if inner is not None:
            return field_.bit_offset // 8 + inner
    return None
