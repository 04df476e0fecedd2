"""Changing the running kernel: what the fake one is held to as well, and pins."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.writes import Handle
from tests.support.live import TCP, Kit, eventually
from tests.support.writes_contract import CONTRACT, Bench


def objects(kernel: LiveKernel) -> tuple[set[int], set[int], set[int]]:
    """The ids of all struct_ops maps, links and programs."""
    sweep = kernel.sweep()
    return set(sweep.maps), set(sweep.links), {program.id for program in kernel.programs()}


class LiveBench(Bench):
    """A bench on a kernel that may be older than links."""

    def __init__(self, kernel: LiveKernel, kit: Kit) -> None:
        super().__init__(kernel, kit.name("w"))
        self.kit = kit

    def map(self, *, link: bool = False, type_name: str = TCP, **other: int) -> Handle:
        """A map in INIT; the test is skipped where it cannot be for a link."""
        if link:
            self.kit.need_links()
        return super().map(link=link, type_name=type_name, **other)


@pytest.fixture
def bench(kit: Kit) -> Iterator[Bench]:
    """A bench on the running kernel; what it made must be gone afterwards."""
    kernel = LiveKernel.open()
    bench = LiveBench(kernel, kit)
    made: set[tuple[str, int]] = set()
    try:
        yield bench
    finally:
        made = {(call.command, call.result) for call in bench.calls if call.result}
        kit.map_ids |= {result for command, result in made if command == "BPF_MAP_CREATE"}
        bench.close()
        for map_id in kit.map_ids:
            kit.free(map_id)
    ids = [
        {result for command, result in made if command == wanted}
        for wanted in ("BPF_MAP_CREATE", "BPF_LINK_CREATE", "BPF_PROG_LOAD")
    ]

    def gone() -> bool:
        return not any(mine & there for mine, there in zip(ids, objects(kernel), strict=True))

    assert eventually(gone), "left in the kernel"


@pytest.mark.parametrize("test", CONTRACT, ids=lambda test: test.__name__)
def test_contract(bench: Bench, test: Callable[[Bench], None]) -> None:
    test(bench)
