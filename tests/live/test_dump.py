"""Dumps of real maps equal those of bpftool, the installed one and a newer one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.dump import dump_json, dump_text
from stops_tui.struct_ops.inventory import Inventory
from tests.support import bpftool
from tests.support.live import TCP_MANDATORY, Kit

EVERY_MEMBER = (*TCP_MANDATORY, "set_state", "cwnd_event", "in_ack_event", "init", "release")


def by_id(dump: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """The two objects of each map, by map id."""
    pairs = zip(dump[::2], dump[1::2], strict=True)
    return {pair[0]["bpf_map_info"]["id"]: list(pair) for pair in pairs}


@pytest.mark.parametrize("tool", [bpftool.installed, bpftool.newer])
def test_a_dump_equals_that_of_bpftool(kit: Kit, tool: Callable[[], Path]) -> None:
    with ExitStack() as stack:
        without_btf = stack.enter_context(kit.program("ssthresh", btf=False))
        ours = [
            stack.enter_context(made)
            for made in (
                kit.tcp_map(state="INIT"),
                kit.tcp_map(members=EVERY_MEMBER, data={"flags": b"\x02\0\0\0"}),
                kit.tcp_map(programs={"ssthresh": without_btf}),
                kit.tcp_map(state="TOBEFREE"),
                kit.tcp_map(name=kit.name("sixtn").ljust(15, "x")),
                kit.struct_ops_map("bpf_dummy_ops", {}),
                *([kit.tcp_map(link=True)] if kit.links else []),
            )
        ]
        stack.enter_context(kit.clients(ours[1].name, 3))
        if kit.links:
            stack.enter_context(ours[-1].link())
        kernel = LiveKernel.open()
        snapshot = Inventory(kernel).sweep()
        vmlinux = kernel.kernel_btfs()[0].btf
        expected = by_id(bpftool.parsed("struct_ops", "dump", bpftool=tool()))
        for made in ours:
            map_ = snapshot.maps[made.id]
            assert dump_json(map_, snapshot.programs, vmlinux) == expected[made.id]
            assert "\n".join(dump_text(map_, snapshot.programs)).startswith(f"/* {made.id} ")
