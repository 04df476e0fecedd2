"""The pictures that `make screenshots-vm` brings out of a guest."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from socket import create_server

from stops_tui.kernels.kernel import Host, RawProgram, RawSweep
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.examples import example_plan
from stops_tui.struct_ops.registration import unregister
from stops_tui.struct_ops.registration.execute import execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Outcome
from stops_tui.struct_ops.registration.plan import Plan
from tests.screenshots import CLOCK, SIZE, app_on, shoot
from tests.support import guest
from tests.support.live import Kit, connected
from tests.tui.pilot import until_shown
from tests.vm.guest.netns import default_congestion_control, inside, namespaces
from tests.vm.guest.stage import command, loaded
from tests.vm.guest.test_qdisc import plan as qdisc_plan
from tests.vm.guest.test_qdisc import send
from tests.vm.guest.test_sched_ext import loses, queue, tasks

OUT = Path("/run/guest/out")
PINS = Path("/sys/fs/bpf")
NETNS = ("cache", "db", "web")


class Stage(LiveKernel):
    """The running kernel under another name, of which only the maps on the stage are seen."""

    seen: frozenset[int] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self._ticks = count(CLOCK, 7)

    def now(self) -> float:
        return next(self._ticks)

    @property
    def host(self) -> Host:
        host = super().host
        return host._replace(name="vm", release=host.release.split("-")[0])

    def sweep(self, resting: Collection[int] = ()) -> RawSweep:
        whole = super().sweep(resting)
        maps = {map_id: raw for map_id, raw in whole.maps.items() if map_id in self.seen}
        links = {link_id: raw for link_id, raw in whole.links.items() if raw.map_id in self.seen}
        return RawSweep(maps, links, whole.subsystems)

    def program(self, prog_id: int) -> RawProgram | None:
        raw = super().program(prog_id)
        return raw._replace(load_time=CLOCK) if raw else None


class Theatre:
    """Registers plans on one kernel, and shows only what it registered.

    Attributes:
        kernel: What the app looks at.
        own: The same, as whoever registers sees it.
        kit: Makes the rest.
        bpffs: Where objects are loaded from.
    """

    def __init__(self, bpffs: Path) -> None:
        self.kernel = Stage()
        self.own = LiveKernel.open()
        self.own.writes.armed = True  # the app keeps to looking
        self.kit = Kit()
        self.bpffs = bpffs

    def facts(self) -> RegistrationFacts:
        """All that a plan is judged by, as of now."""
        return RegistrationFacts.gather(self.own)

    def show(self, *outcomes: Outcome) -> None:
        """Only these maps are there."""
        self.kernel.seen = frozenset(outcome.map_id for outcome in outcomes)

    def register(self, plan: Plan, stack: ExitStack, name: str) -> Outcome:
        """Carry out a plan, the link pinned; it ends with the picture."""
        pin = "" if plan.replace_link else str(PINS / name)
        plan = replace(plan, map_name=name, pin=pin)
        outcome = execute(plan, self.facts(), self.own.writes)
        assert outcome.ok, outcome.words
        if plan.pin:
            stack.callback(Path(plan.pin).unlink, missing_ok=True)
        return outcome

    def unregister(self, outcome: Outcome) -> None:
        """End a registration as the app does."""
        facts = self.facts()
        wanted = unregister.plan_for(facts, map_id=outcome.map_id)
        assert unregister.execute(wanted, facts, self.own.writes).ok


async def schedulers(theatre: Theatre) -> None:
    """One that was ejected, and why, while another runs."""
    with ExitStack() as stack:
        programs = stack.enter_context(loaded("scx", theatre.bpffs, theatre.kit))
        lazy = replace(loses(programs), data={**loses(programs).data, "name": "scx_lazy"})
        ejected = theatre.register(lazy, stack, "scx_lazy")
        theatre.show(ejected)
        async with app_on(theatre.kernel).run_test(size=SIZE) as pilot:
            await until_shown(pilot, "scx_lazy", "attached")
            with tasks():
                await until_shown(pilot, "ejected")
            fifo = queue(programs, theatre.facts())
            fifo = replace(fifo, data={**fifo.data, "name": "scx_fifo"})
            runs = theatre.register(fifo, stack, "scx_fifo")
            theatre.show(ejected, runs)
            stack.enter_context(tasks(3))
            await until_shown(pilot, "scx_fifo")
            await pilot.press("3")
            await until_shown(pilot, "runnable task stall")
            shoot(pilot, "sched_ext", OUT)


@contextmanager
def wires() -> Iterator[None]:
    """A cable to each of two namespaces."""
    with namespaces("db", "web"):
        for number, netns in enumerate(("db", "web"), 1):
            net = f"10.111.{number}"
            command(f"ip link add to_{netns} type veth peer name eth0 netns {netns}")
            command(f"ip addr add {net}.1/24 dev to_{netns}")
            command(f"ip link set to_{netns} up")
            command(f"ip -n {netns} addr add {net}.2/24 dev eth0")
            command(f"ip -n {netns} link set eth0 up")
        yield


async def qdisc(theatre: Theatre) -> None:
    """One whose link is gone, and the instances that keep it."""
    guest.load("veth")
    with ExitStack() as stack:
        programs = stack.enter_context(loaded("qdisc", theatre.bpffs, theatre.kit))
        plan = replace(qdisc_plan(programs), data={"id": "bpf_fifo"})
        outcome = theatre.register(plan, stack, "bpf_fifo")
        stack.enter_context(wires())
        theatre.show(outcome)
        async with app_on(theatre.kernel).run_test(size=SIZE) as pilot:
            await until_shown(pilot, "bpf_fifo", "attached")
            for handle, words in enumerate(("dev to_db", "dev to_web"), 1):
                command(f"tc qdisc add {words} root handle {handle}: bpf_fifo")
            command("tc -n web qdisc add dev eth0 root handle 1: bpf_fifo")
            send(30, to="10.111.2.2")
            await until_shown(pilot, "refcnt 1 → 4")
            theatre.unregister(outcome)
            theatre.show(outcome)
            await pilot.press("3")
            await until_shown(pilot, "unregistered, held", "to_db", "to_web", "eth0")
            shoot(pilot, "qdisc", OUT)


async def swap(theatre: Theatre) -> None:
    """One congestion control swapped for another: who is with the old one still."""
    guest.load("inet_diag", "tcp_diag")
    with ExitStack() as stack:
        reno = example_plan("reno", theatre.facts().types, link=True)
        plan = replace(reno, data={"name": "bpf_reno"})
        old = theatre.register(plan, stack, "reno_v1")
        theatre.show(old)
        async with app_on(theatre.kernel).run_test(size=SIZE) as pilot:
            await until_shown(pilot, "reno_v1", "attached")
            with default_congestion_control("bpf_reno"):
                stack.enter_context(namespaces(*NETNS))
            servers = {}
            for number, netns in enumerate(NETNS, 2):
                with inside(netns):
                    servers[netns] = stack.enter_context(closing(create_server(("127.0.0.1", 0))))
                    stack.enter_context(connected(servers[netns], number))
            await until_shown(pilot, "refcnt 1 → ")
            replacing = replace(plan, replace_link=old.link_id)
            new = theatre.register(replacing, stack, "reno_v2")
            theatre.show(old, new)
            for number, netns in enumerate(NETNS, 1):
                with inside(netns):
                    stack.enter_context(connected(servers[netns], number, "bpf_reno"))
            await until_shown(pilot, "reno_v2", "unregistered, held")
            await pilot.press("3")
            await until_shown(pilot, "TCP sockets", *NETNS)
            shoot(pilot, "swap", OUT)


def main() -> int:
    """Make all of them."""
    assert guest.kernel(), "this may break a kernel: make screenshots-vm"
    with tempfile.TemporaryDirectory() as folder:
        command(f"mount -t bpf bpf {folder}")
        try:
            for picture in (swap, qdisc, schedulers):
                asyncio.run(picture(Theatre(Path(folder))))
        finally:
            command(f"umount {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
