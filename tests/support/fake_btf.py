"""The types of a small kernel: four struct_ops types in vmlinux, one in the module `smc`."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.btf_builder import BtfBuilder

DATA = 64
"""Where `data` starts in a value struct: the next cache line."""


class Types:
    """The words that struct_ops types are made of, added to a builder as they are asked for."""

    def __init__(self, builder: BtfBuilder) -> None:
        self.builder = builder
        b = builder
        self.int = b.integer("int", 4, signed=True)
        unsigned = b.integer("unsigned int", 4)
        self.u32 = b.typedef("u32", b.typedef("__u32", unsigned))
        self.u64 = b.typedef("u64", b.integer("unsigned long long", 8))
        self.u8 = b.typedef("u8", b.integer("unsigned char", 1))
        self.char = b.integer("char", 1)
        self.bool = b.integer("_Bool", 1, boolean=True)
        self.sock = b.ptr(b.fwd("sock"))
        self.task = b.ptr(b.fwd("task_struct"))
        self.list_head = self._list_head()

    def _list_head(self) -> int:
        itself = self.builder.next_id + 1  # the pointer comes first, then the struct it points to
        pointer = self.builder.ptr(itself)
        return self.builder.struct("list_head", 16, [("next", pointer, 0), ("prev", pointer, 64)])

    def chars(self, length: int) -> int:
        return self.builder.array(self.char, length)

    def function(self, returns: int, *params: int) -> int:
        """A pointer to a function whose parameters have no names, as members' have none."""
        return self.builder.ptr(self.builder.func_proto(returns, [("", p) for p in params]))

    def laid_out(self, name: str, members: Sequence[tuple[str, int, int]]) -> tuple[int, int]:
        """A struct of (name, type, bytes) members at their natural places: its id and size."""
        at, placed, align = 0, [], 1
        for member, type_id, size in members:
            unit = min(8, size & -size)
            align = max(align, unit)
            at = (at + unit - 1) // unit * unit
            placed.append((member, type_id, 8 * at))
            at += size
        size = (at + align - 1) // align * align
        return self.builder.struct(name, size, placed), size

    def struct_ops(self, name: str, members: Sequence[tuple[str, int, int]], common: int) -> int:
        """struct X and struct bpf_struct_ops_X; the latter's id."""
        data, size = self.laid_out(name, members)
        return self.builder.struct(
            f"bpf_struct_ops_{name}",
            (DATA + size + 63) // 64 * 64,
            [("common", common, 0), ("data", data, 8 * DATA)],
        )


def vmlinux() -> tuple[BtfBuilder, int]:
    """The kernel's own BTF, and the id of struct bpf_struct_ops_common_value in it."""
    b = BtfBuilder()
    t = Types(b)
    counter = b.struct(
        "refcount_struct", 4, [("refs", b.struct("", 4, [("counter", t.int, 0)]), 0)]
    )
    state = b.enum(
        "bpf_struct_ops_state",
        {
            f"BPF_STRUCT_OPS_STATE_{s}": i
            for i, s in enumerate(("INIT", "INUSE", "TOBEFREE", "READY"))
        },
    )
    common = b.struct(
        "bpf_struct_ops_common_value",
        8,
        [("refcnt", b.typedef("refcount_t", counter), 0), ("state", state, 32)],
    )
    _internals(b, t, common)
    _map_info(b, t)
    _tcp(b, t, common)
    _sched_ext(b, t, common)
    _hid(t, common)
    test = t.function(t.int, b.ptr(b.fwd("bpf_dummy_ops_state")))
    t.struct_ops("bpf_dummy_ops", [("test_1", test, 8), ("test_2", test, 8)], common)
    _functions(b, t)
    return b, common


def smc(base: BtfBuilder, common: int) -> BtfBuilder:
    """The BTF of a module with a struct_ops type, split on vmlinux."""
    b = BtfBuilder(base=base)
    t = Types(b)
    option = t.function(t.int, b.ptr(b.const(b.fwd("tcp_sock"))))
    t.struct_ops(
        "smc_hs_ctrl",
        [
            ("list", t.list_head, 16),
            ("name", t.chars(16), 16),
            ("flags", t.int, 4),
            ("syn_option", option, 8),
            ("synack_option", option, 8),
        ],
        common,
    )
    return b


def _functions(b: BtfBuilder, t: Types) -> None:
    """The kernel's functions and structs that programs or this kernel's age are told by."""
    link = b.func_proto(t.int, [("link", b.ptr(b.fwd("bpf_link")))])
    b.func("bpf_struct_ops_map_link_detach", link, 0)
    for name, returns in (("ssthresh", t.u32), ("undo_cwnd", t.u32), ("cong_avoid", 0)):
        b.func(f"tcp_reno_{name}", b.func_proto(returns, [("sk", t.sock)]))
    inner = b.struct("", 8, [("snd_cwnd_cnt", t.u32, 0), ("snd_cwnd", t.u32, 32)])
    b.struct("tcp_sock", 16, [("sk_state", t.u32, 0), ("", inner, 64)])


def _internals(b: BtfBuilder, t: Types, common: int) -> None:
    """What the kernel calls bpf_struct_ops_* and is no type to implement."""
    b.struct("bpf_struct_ops_value", DATA, [("common", common, 0), ("data", t.chars(0), 8 * DATA)])
    b.struct("bpf_struct_ops_map", 8, [("lock", t.u64, 0)])
    b.struct("bpf_struct_ops_link", 8, [("map", t.u64, 0)])
    b.struct("bpf_struct_ops_desc", 8, [("type_id", t.u32, 0), ("value_id", t.u32, 32)])
    b.struct("bpf_struct_ops_arg_info", 8, [("info", t.u64, 0)])


def _map_info(b: BtfBuilder, t: Types) -> None:
    words = ["type", "id", "key_size", "value_size", "max_entries", "map_flags"]
    late = ["btf_id", "btf_key_type_id", "btf_value_type_id", "btf_vmlinux_id"]
    t.laid_out(
        "bpf_map_info",
        [
            *((word, t.u32, 4) for word in words),
            ("name", t.chars(16), 16),
            ("ifindex", t.u32, 4),
            ("btf_vmlinux_value_type_id", t.u32, 4),
            ("netns_dev", t.u64, 8),
            ("netns_ino", t.u64, 8),
            *((word, t.u32, 4) for word in late),
            ("map_extra", t.u64, 8),
        ],
    )


def _tcp(b: BtfBuilder, t: Types, common: int) -> None:
    event = b.enum("tcp_ca_event", {"CA_EVENT_TX_START": 0, "CA_EVENT_CWND_RESTART": 1})
    sample = b.ptr(b.const(b.fwd("ack_sample")))
    rate = b.ptr(b.const(b.fwd("rate_sample")))
    gives_u32 = t.function(t.u32, t.sock)
    t.struct_ops(
        "tcp_congestion_ops",
        [
            ("ssthresh", gives_u32, 8),
            ("cong_avoid", t.function(0, t.sock, t.u32, t.u32), 8),
            ("set_state", t.function(0, t.sock, t.u8), 8),
            ("cwnd_event", t.function(0, t.sock, event), 8),
            ("pkts_acked", t.function(0, t.sock, sample), 8),
            ("cong_control", t.function(0, t.sock, t.u32, t.int, rate), 8),
            ("undo_cwnd", gives_u32, 8),
            ("name", t.chars(16), 16),
            ("list", t.list_head, 16),
            ("key", t.u32, 4),
            ("flags", t.u32, 4),
            ("init", t.function(0, t.sock), 8),
            ("release", t.function(0, t.sock), 8),
        ],
        common,
    )


def _sched_ext(b: BtfBuilder, t: Types, common: int) -> None:
    b.enum64(
        "scx_ops_flags",
        {
            "SCX_OPS_KEEP_BUILTIN_IDLE": 1,
            "SCX_OPS_ENQ_LAST": 2,
            "SCX_OPS_ENQ_EXITING": 4,
            "SCX_OPS_SWITCH_PARTIAL": 8,
            "SCX_OPS_ALL_FLAGS": 15,
        },
    )
    exit_info = b.ptr(b.fwd("scx_exit_info"))
    t.struct_ops(
        "sched_ext_ops",
        [
            ("select_cpu", t.function(t.int, t.task, t.int, t.u64), 8),
            ("enqueue", t.function(0, t.task, t.u64), 8),
            ("dispatch", t.function(0, t.int, t.task), 8),
            ("init", t.function(t.int), 8),
            ("exit", t.function(0, exit_info), 8),
            ("dispatch_max_batch", t.u32, 4),
            ("flags", t.u64, 8),
            ("timeout_ms", t.u32, 4),
            ("name", t.chars(128), 128),
        ],
        common,
    )


def _hid(t: Types, common: int) -> None:
    device = t.builder.ptr(t.builder.fwd("hid_bpf_ctx"))
    t.struct_ops(
        "hid_bpf_ops",
        [
            ("hid_id", t.int, 4),
            ("flags", t.u32, 4),
            ("list", t.list_head, 16),
            ("hid_device_event", t.function(t.int, device, t.u64), 8),
            ("hid_rdesc_fixup", t.function(t.int, device), 8),
        ],
        common,
    )
