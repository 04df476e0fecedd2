"""A subset of a BTF: the same ids, and only what was wanted."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.btf import Btf, BtfError, Fwd, Kind
from stops_tui.btf.c import declaration, definition
from stops_tui.btf.subset import subset
from tests.support.btf_builder import BtfBuilder
from tests.support.btf_types import Drawn, graphs


class Kernel(BtfBuilder):
    """`struct ops { int (*init)(struct sock *); struct list owner; struct sock *sk; }`."""

    def __init__(self, order: str = "<") -> None:
        super().__init__(order)
        self.int = self.integer("int", 4, signed=True)
        self.unused = self.struct("unused", 4, [("x", self.int, 0)])
        self.sock = self.struct("sock", 4, [("state", self.int, 0)])
        self.sk = self.ptr(self.const(self.sock))
        self.list = self.struct("list", 8, [("next", self.ptr(self.next_id + 1), 0)])
        proto = self.ptr(self.func_proto(self.int, [("", self.sk)]))
        members = [("init", proto, 0), ("owner", self.list, 64), ("sk", self.sk, 128)]
        self.ops = self.struct("ops", 24, members)


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_is_wanted_is_whole_and_what_it_points_to_is_named(order: str) -> None:
    kernel = Kernel(order)
    btf = kernel.btf()
    found = Btf.parse(subset([btf], [[kernel.ops]])[0])
    assert len(found) == len(btf)
    assert found.byteorder == btf.byteorder
    assert definition(found, kernel.ops) == definition(btf, kernel.ops)
    assert found.type(kernel.list) == btf.type(kernel.list)  # held by value
    assert found.type(kernel.sock) == Fwd(kernel.sock, Kind.FWD, "sock", False)
    assert found.type(kernel.unused) == Fwd(kernel.unused, Kind.FWD, "", False)
    assert found.find("unused", Kind.STRUCT) is None


def test_a_struct_that_is_both_pointed_to_and_held_is_whole() -> None:
    b = BtfBuilder()
    number = b.integer("int", 4)
    sock = b.struct("sock", 4, [("state", number, 0)])
    sock_t = b.typedef("sock_t", sock)
    pointing = b.struct("pointing", 8, [("sk", b.ptr(sock_t), 0)])
    holding = b.struct("holding", 4, [("sk", sock_t, 0)])
    for wanted in [pointing, holding], [holding, pointing]:
        assert Btf.parse(subset([b.btf()], [wanted])[0]).type(sock) == b.btf().type(sock)


def test_a_struct_without_a_name_is_whole_even_behind_a_pointer() -> None:
    b = BtfBuilder()
    nameless = b.struct("", 4, [("x", b.integer("int", 4), 0)])
    pointer = b.ptr(nameless)
    found = Btf.parse(subset([b.btf()], [[pointer]])[0])
    assert declaration(found, pointer, "p") == declaration(b.btf(), pointer, "p")


def test_a_union_stays_one_when_it_is_only_declared() -> None:
    b = BtfBuilder()
    info = b.union("info", 4, [("x", b.integer("int", 4), 0)])
    pointer = b.ptr(info)
    assert Btf.parse(subset([b.btf()], [[pointer]])[0]).type(info) == Fwd(
        info, Kind.FWD, "info", True
    )


def test_a_module_keeps_what_it_needs_of_the_kernel() -> None:
    kernel = Kernel()
    module = BtfBuilder(base=kernel)
    member = [("list", kernel.list, 0), ("sk", kernel.sk, 64)]
    ops = module.struct("module_ops", 16, member)
    other = module.struct("other", 4, [("x", kernel.int, 0)])
    base = kernel.btf()
    split = Btf.parse(module.data(), base)
    data = subset([base, split], [[], [ops]])
    new_base = Btf.parse(data[0])
    new_split = Btf.parse(data[1], new_base)
    assert definition(new_split, ops) == definition(split, ops)
    assert new_split.type(kernel.list) == base.type(kernel.list)
    assert new_split.type(kernel.sock) == Fwd(kernel.sock, Kind.FWD, "sock", False)
    assert new_split.type(other).name == ""
    assert new_base.find("ops", Kind.STRUCT) is None


def test_what_is_left_out_costs_next_to_nothing() -> None:
    b = BtfBuilder()
    number = b.integer("int", 4)
    for place in range(20_000):
        b.struct(f"struct_{place}", 4, [(f"member_{place}", number, 0)])
    assert len(zlib.compress(subset([b.btf()], [[number]])[0])) < 1024


def test_an_id_beyond_the_types_is_an_error() -> None:
    b = BtfBuilder()
    b.integer("int", 4)
    with pytest.raises(BtfError):
        subset([b.btf()], [[99]])


@given(graphs, st.sampled_from("<>"))
def test_wanting_everything_changes_nothing(graph: list[Drawn], order: str) -> None:
    b = BtfBuilder(order)
    ids = [each.build(b) for each in graph]
    found = Btf.parse(subset([b.btf()], [ids])[0])
    assert [found.type(i) for i in ids] == [
        each.read(i) for i, each in zip(ids, graph, strict=True)
    ]
