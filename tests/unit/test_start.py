"""What a start may import: every module costs, and a library much more, before anything is seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BEFORE_THE_FIRST_FRAME = """
from stops_tui.cli import apps
from stops_tui.inventory_ahead import InventoryAhead
from stops_tui.app import StopsApp
from stops_tui.config import load
from stops_tui.hangup import end_with_terminal
load(None)
"""
SCHED_EXT = """
from stops_tui.kernels.live.users import LiveUsers
LiveUsers(lambda: None).sched_ext()
"""
LIST = """
from stops_tui.cli import run
from stops_tui.cli.parser import parse
from stops_tui.kernels.kernel import RawHolders, RawSubsystems, RawSweep
from stops_tui.kernels.live.kernel import LiveKernel
class Empty(LiveKernel):
    sweep = lambda self, resting=(): RawSweep({}, {}, RawSubsystems())
    holders = lambda self: self._pins and self._processes and RawHolders()
run(parse(["list", "--json"]), Empty)
"""
TELL = """
import sys
print(*sys.modules, sep="\\n", file=sys.stderr)
"""
SCREENS = {"base", "explorer", "map_sides"}
WIDGETS = {
    "columns", "detail", "detail_bar", "event_strip", "event_words", "key_line", "keys",
    "line_scroll", "line_table", "map_facts", "map_filter", "map_order", "map_table", "marks",
    "member_table", "palette", "row_paint", "status", "top_line",
}  # fmt: skip
KERNELS = {
    "kernel", "live", "live.access", "live.ahead", "live.btfs", "live.facts", "live.host",
    "live.kernel", "live.objects", "live.sysfs", "recording", "recording.error",
    "trouble", "writes",
}  # fmt: skip
STRUCT_OPS = {
    "events", "holders", "inventory", "members", "rates", "reasons", "scalars", "status",
    "subsystems", "text", "types", "value",
}  # fmt: skip
BPF = {"_cdefs", "errors", "info", "syscall"}
LATER = {
    "app", "screens", "widgets", "bpf.object_file", "bpf.libbpf", "kernels.demo",
    "kernels.recording.kernel", "kernels.recording.recorder", "kernels.live.users",
    "kernels.live.writes", "struct_ops.account", "struct_ops.registration",
}  # fmt: skip


def imported(script: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", script + TELL],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return set(ended.stderr.split())


def others(modules: set[str]) -> set[str]:
    """The packages that are neither Python's nor ours."""
    roots = {name.partition(".")[0] for name in modules}
    return roots - sys.stdlib_module_names - {"stops_tui", "tests", "__main__", "__mp_main__"}


@pytest.fixture(scope="module")
def at_first_frame() -> set[str]:
    return imported(BEFORE_THE_FIRST_FRAME)


def test_the_first_frame_needs_no_library_but_the_screen_s_and_cffi(
    at_first_frame: set[str],
) -> None:
    empty_app = imported("from textual.app import App\nfrom textual.widgets import Static\n")
    assert others(at_first_frame) - others(empty_app) == {"_cffi_backend"}


@pytest.mark.parametrize(
    ("floor", "needed"),
    [
        ("screens", SCREENS),
        ("widgets", WIDGETS),
        ("kernels", KERNELS),
        ("struct_ops", STRUCT_OPS),
        ("bpf", BPF),
        ("report", set()),
    ],
)
def test_the_first_frame_needs_few_of_our_modules(
    floor: str, needed: set[str], at_first_frame: set[str]
) -> None:
    """Is one more needed to paint it? Then name it here; else import it where it is used."""
    prefix = f"stops_tui.{floor}."
    found = {name.removeprefix(prefix) for name in at_first_frame if name.startswith(prefix)}
    if floor == "struct_ops":
        found = {name for name in found if not name.startswith("subsystems.")}
    assert found <= needed


def test_list_imports_what_reads_and_tells_and_no_more() -> None:
    modules = imported(LIST)
    ours = {name.removeprefix("stops_tui.") for name in modules}
    assert others(modules) - others(imported("")) == {"_cffi_backend"}
    assert not {name for name in ours for later in LATER if f"{name}.".startswith(f"{later}.")}


def test_who_asks_no_netlink_imports_no_library_for_it() -> None:
    assert "pyroute2" not in others(imported(SCHED_EXT))
