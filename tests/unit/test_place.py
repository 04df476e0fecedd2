"""Where members are, in a BTF built for it."""

from __future__ import annotations

import pytest

from stops_tui.btf import BtfError, place_of
from tests.support.btf_builder import BtfBuilder


def test_members_of_members_and_of_anonymous_ones() -> None:
    b = BtfBuilder()
    u32 = b.integer("unsigned int", 4)
    inner = b.struct("inner", 8, [("a", u32, 0), ("b", u32, 32)])
    anonymous = b.struct("", 8, [("c", u32, 0), ("d", u32, 32)])
    deeper = b.struct("", 8, [("", anonymous, 0)])
    alias = b.typedef("inner_t", inner)
    b.struct("outer", 24, [("first", alias, 0), ("", deeper, 64), ("last", inner, 128)])
    btf = b.btf()
    assert place_of(btf, "outer", "first") == 0
    assert place_of(btf, "outer", "first.b") == 4
    assert place_of(btf, "outer", "d") == 12
    assert place_of(btf, "outer", "last.b") == 20


@pytest.mark.parametrize("path", ["nothing", "a.b", "a.", ""])
def test_what_is_not_there(path: str) -> None:
    b = BtfBuilder()
    b.struct("s", 4, [("a", b.integer("int", 4), 0)])
    with pytest.raises(BtfError, match="struct s has no"):
        place_of(b.btf(), "s", path)


def test_a_struct_that_is_not_there() -> None:
    b = BtfBuilder()
    b.integer("int", 4)
    with pytest.raises(BtfError, match="this kernel has no struct s"):
        place_of(b.btf(), "s", "a")
