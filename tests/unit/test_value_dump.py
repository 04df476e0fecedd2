"""Dumps: in bpftool's JSON (compared with bpftool itself in tests/live), and as C."""

from __future__ import annotations

import struct

import pytest

from stops_tui.struct_ops.dump import Json, dump_json, dump_text
from stops_tui.struct_ops.inventory import Inventory, Snapshot
from stops_tui.struct_ops.scalars import DecodeError
from tests.support.btf_builder import BtfBuilder
from tests.support.fake_btf import Types
from tests.support.fake_kernel import FakeKernel


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel.busy()


def dumped(kernel: FakeKernel, map_id: int) -> list[dict[str, Json]]:
    snapshot = Inventory(kernel).sweep()
    vmlinux = kernel.kernel_btfs()[0].btf
    return dump_json(snapshot.maps[map_id], snapshot.programs, vmlinux)


def test_info_and_value_of_a_map(kernel: FakeKernel) -> None:
    info, value = dumped(kernel, 58)
    tcp = kernel.sweep().maps[58].value_type_id
    assert info == {
        "bpf_map_info": {
            "type": 26,
            "id": 58,
            "key_size": 4,
            "value_size": 192,
            "max_entries": 1,
            "map_flags": 0,
            "name": "dctcp",
            "ifindex": 0,
            "btf_vmlinux_value_type_id": tcp,
            "netns_dev": 0,
            "netns_ino": 0,
            "btf_id": 0,
            "btf_key_type_id": 0,
            "btf_value_type_id": 0,
            "btf_vmlinux_id": 1,
            "map_extra": 0,
        }
    }
    assert value == {
        "bpf_struct_ops_tcp_congestion_ops": {
            "common": {
                "refcnt": {"refs": {"counter": 6}},
                "state": "BPF_STRUCT_OPS_STATE_INUSE",
            },
            "data": {
                "ssthresh": "u32 (struct sock *) dctcp_ssthresh/prog_id:25",
                "cong_avoid": "void (struct sock *, u32, u32) dctcp_cong_avoid/prog_id:26",
                "set_state": "void (struct sock *, u8) dctcp_state/prog_id:27",
                "cwnd_event": "void (struct sock *, enum tcp_ca_event) "
                "dctcp_cwnd_event_of_a_long_name/prog_id:28",
                "pkts_acked": "void (struct sock *, const struct ack_sample *) 0",
                "cong_control": "void (struct sock *, u32, int, const struct rate_sample *) 0",
                "undo_cwnd": "u32 (struct sock *) dctcp_cwnd_undo/prog_id:29",
                "name": "bpf_dctcp",
                "list": {"next": 0, "prev": 0},
                "key": 0,
                "flags": 2,
                "init": "void (struct sock *) dctcp_init/prog_id:24",
                "release": "void (struct sock *) 0",
            },
        }
    }


def data_of(kernel: FakeKernel, map_id: int) -> dict[str, Json]:
    ((_, value),) = dumped(kernel, map_id)[1].items()
    assert isinstance(value, dict)
    data = value["data"]
    assert isinstance(data, dict)
    return data


def test_programs_without_btf_and_gone_ones_have_no_name(kernel: FakeKernel) -> None:
    assert data_of(kernel, 72)["init"] == "int () <unknown_prog_name>/prog_id:41"
    kernel.remove_program(25)
    gone = "u32 (struct sock *) <unknown_prog_name>/prog_id:25"
    assert data_of(kernel, 58)["ssthresh"] == gone


def test_char_arrays_that_are_no_printable_string_are_numbers(kernel: FakeKernel) -> None:
    assert data_of(kernel, 90)["name"] == [*b"[/]\x1b[31m\x07\xff", *bytes(6)]
    kernel.set(90, members={"name": b"sixteen_letters!"})
    assert data_of(kernel, 90)["name"] == list(b"sixteen_letters!")
    kernel.set(90, members={"name": b"six\0\xff"})
    assert data_of(kernel, 90)["name"] == "six"


def test_an_address_in_a_function_slot_is_a_number(kernel: FakeKernel) -> None:
    kernel.set(58, members={"init": 1 << 32})
    assert data_of(kernel, 58)["init"] == 1 << 32


def test_a_module_type_is_dumped_by_its_own_btf(kernel: FakeKernel) -> None:
    assert list(dumped(kernel, 84)[1]) == ["bpf_struct_ops_smc_hs_ctrl"]


def test_info_of_an_older_kernel_is_shorter(kernel: FakeKernel) -> None:
    raw = kernel.sweep().maps[58]
    kernel.replace_map(raw._replace(info=raw.info[:64]))
    info = dumped(kernel, 58)[0]["bpf_map_info"]
    assert isinstance(info, dict)
    assert (info["name"], info["btf_vmlinux_id"], info["map_extra"]) == ("dctcp", 0, 0)


@pytest.mark.parametrize("change", [{"value_type_id": 1}, {"value": b""}, {"value": bytes(100)}])
def test_what_cannot_be_decoded_is_refused(
    kernel: FakeKernel, change: dict[str, int | bytes]
) -> None:
    kernel.replace_map(kernel.sweep().maps[58]._replace(**change))  # type: ignore[arg-type]
    with pytest.raises(DecodeError):
        dumped(kernel, 58)


def test_every_kind_of_data_member_in_bpftools_words() -> None:
    b = BtfBuilder()
    t = Types(b)
    letter = b.integer("letter", 1, char=True)
    wide = b.integer("__int128", 16)
    old_bits = b.integer("old_bits", 4, bits=5, offset=3)
    byte_enum = b.enum("small", {"SMALL_A": 1}, 1)
    minus = b.enum("minus", {"MINUS_ONE": -1}, 4, signed=True)
    unsigned = b.enum("unsigned_enum", {"ALL": 0xFFFFFFFF}, 4)
    big = b.enum64("big", {"BIG": 1 << 40})
    members = [
        ("letter", letter, b"z"),
        ("control", letter, b"\x07"),
        ("yes", t.bool, b"\1"),
        ("signed", t.int, struct.pack("<i", -5)),
        ("wide", wide, b"\x01" + bytes(7) + b"\x02" + bytes(7)),
        ("narrow", wide, b"\xff" + bytes(15)),
        ("old_bits", old_bits, struct.pack("<I", 21 << 3)),
        ("small", byte_enum, b"\1"),
        ("unknown", byte_enum, b"\xff"),
        ("minus", minus, b"\xff" * 4),
        ("all", unsigned, b"\xff" * 4),
        ("big", big, struct.pack("<Q", 1 << 40)),
        ("huge", big, b"\xff" * 8),
        ("array", b.array(b.array(t.u8, 2), 2), b"\1\2\3\4"),
        ("typedef", b.array(b.typedef("letter_t", t.char), 2), b"a\0"),
        ("const", b.array(b.const(t.char), 2), b"a\0"),
        ("empty", b.array(t.char, 0), b""),
        ("pointer", t.task, struct.pack("<Q", 0xFFFF8880DEADBEEF)),
        ("double", b.floating("double", 8), struct.pack("<d", 0.5)),
    ]
    value, fields = b"", []
    for name, type_id, raw in members:
        fields.append((name, type_id, 8 * len(value), 0))
        value += raw.ljust(-(-len(raw) // 16) * 16, b"\0")
    bits = 8 * len(value)
    fields += [("low", t.u32, bits, 3), ("high", t.int, bits + 3, 6), ("", t.u8, bits + 16, 0)]
    value += struct.pack("<H", 5 | 33 << 3) + b"\x09"
    type_id = b.bitfields("bpf_map_info", len(value), fields)
    kernel = FakeKernel.busy()
    map_ = Inventory(kernel).sweep().maps[58]
    info = dump_json(map_._replace(raw=map_.raw._replace(info=value)), {}, b.btf())[0]
    assert b.btf().type(type_id).name == "bpf_map_info"
    assert info["bpf_map_info"] == {
        "letter": "z",
        "control": "\x07",
        "yes": True,
        "signed": -5,
        "wide": "0x20000000000000001",
        "narrow": "0xff",
        "old_bits": "0x15",
        "small": "SMALL_A",
        "unknown": -1,
        "minus": "MINUS_ONE",
        "all": "ALL",
        "big": "BIG",
        "huge": -1,
        "array": [[1, 2], [3, 4]],
        "typedef": [97, 0],
        "const": "a",
        "empty": [],
        "pointer": 0xFFFF8880DEADBEEF,
        "double": 0.5,
        "low": "0x5",
        "high": "0x21",
        "": 9,
    }


def test_values_without_end_are_refused() -> None:
    b = BtfBuilder()
    nothing = b.struct("nothing", 0)
    b.struct("bpf_map_info", 8, [("many", b.array(b.array(nothing, 60000), 60000), 0)])
    map_ = Inventory(FakeKernel.busy()).sweep().maps[58]
    with pytest.raises(DecodeError, match="no end"):
        dump_json(map_, {}, b.btf())
    b = BtfBuilder()
    b.struct("bpf_map_info", 8, [("itself", 1, 0)])
    with pytest.raises(DecodeError, match="no end"):
        dump_json(map_, {}, b.btf())


def text_of(snapshot: Snapshot, map_id: int) -> list[str]:
    return list(dump_text(snapshot.maps[map_id], snapshot.programs))


def test_a_map_as_c(kernel: FakeKernel) -> None:
    snapshot = Inventory(kernel).sweep()
    assert text_of(snapshot, 58) == [
        "/* 58 dctcp: INUSE, registered, refcnt 6, holders 5 */",
        "struct tcp_congestion_ops dctcp = {",
        "\t.ssthresh   = dctcp_ssthresh, /* program 25: u32 (struct sock *) */",
        "\t.cong_avoid = dctcp_cong_avoid, /* program 26: void (struct sock *, u32, u32) */",
        "\t.set_state  = dctcp_state, /* program 27: void (struct sock *, u8) */",
        "\t.cwnd_event = dctcp_cwnd_event_of_a_long_name, "
        "/* program 28: void (struct sock *, enum tcp_ca_event) */",
        "\t.undo_cwnd  = dctcp_cwnd_undo, /* program 29: u32 (struct sock *) */",
        '\t.name       = "bpf_dctcp",',
        "\t.flags      = 0x2,",
        "\t.init       = dctcp_init, /* program 24: void (struct sock *) */",
        "\t/* not set: pkts_acked, cong_control, list, key, release */",
        "};",
    ]
    assert text_of(snapshot, 72)[0].endswith("READY, ejected, refcnt 1, holders 0, links 22 */")


def test_c_escapes_what_is_hostile(kernel: FakeKernel) -> None:
    kernel.add_map(91, "\x1b[2J", members={"name": b"\x1b]0;x\x07"})
    kernel.replace_map(kernel.sweep().maps[90]._replace(value=b"short"))
    snapshot = Inventory(kernel).sweep()
    for map_id in snapshot.maps:
        for line in text_of(snapshot, map_id):
            assert line.replace("\t", "").isprintable()
    assert text_of(snapshot, 90) == [
        "/* 90 [red]: a value of 5 bytes, where tcp_congestion_ops has 192 */"
    ]
