"""C text: what a compiler would take, in bpftool's words, and never endless."""

from __future__ import annotations

import struct

import pytest

from stops_tui.btf import BtfError, Kind
from stops_tui.btf.c import declaration, definition, prototype, type_text
from tests.support.btf_builder import BtfBuilder


class Words(BtfBuilder):
    """A builder that starts with the types most declarations are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.i32 = self.integer("int", 4, signed=True)
        self.char = self.integer("char", 1, char=True)
        self.u32 = self.typedef("u32", self.integer("unsigned int", 4))
        self.sock = self.ptr(self.fwd("sock"))
        self.ssthresh = self.ptr(self.func_proto(self.u32, [("", self.sock)]))

    def declared(self, type_id: int, name: str = "x") -> str:
        return declaration(self.btf(), type_id, name)

    def worded(self, type_id: int) -> str:
        return type_text(self.btf(), type_id)

    def defined(self, type_id: int) -> str:
        return definition(self.btf(), type_id)


def test_type_text_of_struct_ops_members() -> None:
    w = Words()
    assert w.worded(w.sock) == "struct sock *"
    assert w.worded(w.array(w.char, 16)) == "char[16]"
    assert w.worded(w.ssthresh) == "u32 (struct sock *)"
    assert w.worded(w.typedef("get_t", w.const(w.ssthresh))) == "u32 (struct sock *)"
    assert w.worded(w.u32) == "u32"
    assert w.worded(0) == "void"
    assert w.worded(w.ptr(0)) == "void *"
    assert w.worded(w.ptr(w.ptr(w.const(w.char)))) == "const char **"


def test_type_text_is_one_line() -> None:
    w = Words()
    inner = w.union("", 4, [("a", w.i32, 0), ("b", w.u32, 0)])
    assert w.worded(inner) == "union {...}"
    assert w.worded(w.array(w.enum("", {"A": 0}), 2)) == "enum {...}[2]"


def test_signatures_are_worded_as_bpftool_does_above_programs() -> None:
    w = Words()
    nested = w.ptr(w.func_proto(0, [("", w.i32)]))
    params = [
        ("sk", w.sock),
        ("", w.ptr(w.const(w.char))),
        ("names", w.array(w.ptr(w.char), 4)),
        ("flags", w.const(w.volatile(w.type_tag("rcu", w.u32)))),
        ("state", w.enum("state", {})),
        ("u", w.union("u", 0)),
        ("later", w.fwd("later", union=True)),
        ("call", nested),
        ("", 0),
    ]
    func = w.func("f", w.func_proto(w.ptr(0), params))
    assert prototype(w.btf(), func) == (
        "void * f(struct sock * sk, const char *, char * [4]names, const volatile u32 flags, "
        "enum state state, union u u, union later later, void (int)* call, ...)"
    )


def test_prototype_wants_a_function() -> None:
    w = Words()
    stray = w.func("f", w.i32)
    for type_id in (w.i32, stray, 0):
        with pytest.raises(BtfError, match="no function"):
            prototype(w.btf(), type_id)


def test_declarations() -> None:
    w = Words()
    i32, char = w.i32, w.char
    assert w.declared(i32) == "int x"
    assert w.declared(w.ptr(w.const(char))) == "const char *x"
    assert w.declared(w.const(w.ptr(w.ptr(char)))) == "char ** const x"
    assert w.declared(w.restrict(w.volatile(i32))) == "volatile restrict int x"
    assert w.declared(w.array(w.array(w.ptr(char), 3), 2)) == "char *x[2][3]"
    assert w.declared(w.ptr(w.array(i32, 3))) == "int (*x)[3]"
    assert w.declared(w.ssthresh) == "u32 (*x)(struct sock *)"
    assert w.declared(w.array(w.ssthresh, 2)) == "u32 (*x[2])(struct sock *)"
    assert w.declared(w.ptr(w.func_proto(0))) == "void (*x)(void)"
    assert w.declared(w.func_proto(w.ptr(w.func_proto(i32, [("n", i32), ("", 0)])))) == (
        "int (*x(void))(int n, ...)"
    )
    assert w.declared(w.const(w.array(w.const(char), 2))) == "const char x[2]"
    assert w.declared(w.ptr(w.type_tag("user", char))) == (
        'char __attribute__((btf_type_tag("user"))) *x'
    )
    assert w.declared(w.type_tag("noderef", char, attribute=True)) == (
        "char __attribute__((noderef)) x"
    )
    assert w.declared(w.sock, "") == "struct sock *"


def test_definition_of_a_struct_with_all_that_is_odd() -> None:
    w = Words()
    inner = w.struct("", 8, [("a", w.i32, 0), ("b", w.i32, 32)])
    kind = w.enum("", {"ONE": 1, "TWO": 2})
    members = [
        ("flag", w.u32, 0, 1),
        ("rest", w.u32, 8, 3),
        ("", inner, 32, 0),
        ("kind", kind, 96, 0),
        ("call", w.ssthresh, 128, 0),
        ("tail", w.char, 256, 0),
    ]
    assert w.defined(w.bitfields("odd", 64, members)) == (
        "struct odd {\n"
        "\tu32 flag: 1;\n"
        "\tchar: 7;\n"
        "\tu32 rest: 3;\n"
        "\tstruct {\n"
        "\t\tint a;\n"
        "\t\tint b;\n"
        "\t};\n"
        "\tenum {\n"
        "\t\tONE = 1,\n"
        "\t\tTWO = 2,\n"
        "\t} kind;\n"
        "\tu32 (*call)(struct sock *);\n"
        "\tlong: 64;\n"
        "\tchar tail;\n"
        "\tlong: 64;\n"
        "\tlong: 64;\n"
        "\tlong: 64;\n"
        "}"
    )


def test_definition_of_packed_structs() -> None:
    w = Words()
    assert w.defined(w.struct("p", 5, [("c", w.char, 0), ("n", w.i32, 8)])) == (
        "struct p {\n\tchar c;\n\tint n;\n} __attribute__((packed))"
    )
    assert w.defined(w.struct("odd", 5, [("n", w.i32, 0), ("c", w.char, 32)])) == (
        "struct odd {\n\tint n;\n\tchar c;\n} __attribute__((packed))"
    )


def test_definition_of_other_types() -> None:
    w = Words()
    assert w.defined(w.struct("empty", 0)) == "struct empty {}"
    assert w.defined(w.union("u", 4, [("n", w.i32, 0)])) == "union u {\n\tint n;\n}"
    assert w.defined(w.enum("e", {"A": -1}, signed=True)) == "enum e {\n\tA = -1,\n}"
    assert w.defined(w.enum("small", {"A": 1}, 1)) == (
        "enum small {\n\tA = 1,\n} __attribute__((mode(byte)))"
    )
    assert w.defined(w.enum("none", {})) == "enum none"
    assert (
        w.defined(w.enum64("big", {"B": 1 << 63})) == "enum big {\n\tB = 9223372036854775808ULL,\n}"
    )
    assert w.defined(w.enum64("neg", {"N": -1}, signed=True)) == "enum neg {\n\tN = -1LL,\n}"
    assert w.defined(w.enum64("thin", {"T": 1})) == (
        "enum thin {\n\tT = 1ULL,\n} __attribute__((mode(word)))"
    )
    assert w.defined(w.typedef("fn_t", w.ssthresh)) == "typedef u32 (*fn_t)(struct sock *)"
    assert w.defined(w.fwd("later", union=True)) == "union later"
    proto = w.func_proto(w.i32, [("sk", w.sock)])
    assert w.defined(w.func("f", proto)) == "int f(struct sock *sk)"
    assert w.defined(w.var("v", w.array(w.char, 2))) == "char v[2]"


def test_text_of_what_is_no_type() -> None:
    w = Words()
    func = w.func("f", w.func_proto(0))
    pointer = w.ptr(func)
    for text in (type_text, definition):
        with pytest.raises(BtfError, match="FUNC where a type should be"):
            text(w.btf(), pointer)


def test_structs_that_hold_themselves() -> None:
    w = Words()
    named = w.next_id
    w.struct("s", 8, [("self", named, 0)])
    nameless = w.next_id
    w.struct("", 8, [("self", nameless, 0)])
    for type_id in (named, nameless):
        with pytest.raises(BtfError):
            w.defined(type_id)
    assert w.declared(named) == "struct s x"
    assert w.worded(nameless) == "struct {...}"


def test_pointers_without_end() -> None:
    w = Words()
    loop = w.ptr(w.next_id)
    for text in (type_text, definition):
        with pytest.raises(BtfError, match="without end"):
            text(w.btf(), loop)


def test_a_pointer_to_a_pointer_100_000_times() -> None:
    b = BtfBuilder()
    b.types = b"".join(struct.pack("<III", 0, Kind.PTR << 24, i + 2) for i in range(100_000))
    with pytest.raises(BtfError, match="without end"):
        type_text(b.btf(), 1)


def test_functions_that_take_functions_1_000_deep() -> None:
    w = Words()
    proto = w.func_proto(0)
    for _ in range(1000):
        proto = w.func_proto(0, [("f", proto)])
    for text in (type_text, definition):
        with pytest.raises(BtfError, match="nested more than 32 deep"):
            text(w.btf(), proto)


def test_functions_that_take_two_of_the_next_are_not_written_2_to_the_31_times() -> None:
    w = Words()
    proto = w.func_proto(0)
    for _ in range(30):
        proto = w.func_proto(0, [("a", proto), ("b", proto)])
    for text in (type_text, definition):
        with pytest.raises(BtfError, match="longer than"):
            text(w.btf(), proto)


def test_structs_of_two_of_the_next_are_not_written_2_to_the_28_times() -> None:
    w = Words()
    inner = w.struct("", 1, [("c", w.char, 0)])
    for depth in range(28):
        inner = w.struct("", 2 << depth, [("a", inner, 0), ("b", inner, 8 << depth)])
    with pytest.raises(BtfError, match="longer than"):
        w.defined(inner)


def test_a_hole_of_half_a_gigabyte() -> None:
    w = Words()
    hole = w.struct("hole", 0xFFFFFFF8, [("c", w.char, 0)])
    with pytest.raises(BtfError, match="longer than"):
        w.defined(hole)
