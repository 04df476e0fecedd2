"""What of the guests' harness needs no guest."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.clang import tool
from tests.vm import kernels, modules, qemu, report, selection
from tests.vm.initramfs import cpio
from tests.vm.kernels import Kernel

OFFERED = [
    "linux-image-6.1.0-9-amd64",
    "linux-image-6.1.0-56-amd64",
    "linux-image-6.12.117+deb12-amd64",
    "linux-image-7.2.9+deb13-amd64",
    "linux-image-7.2.12+deb13-amd64",
    "linux-image-7.2.13+deb13-amd64",
    "linux-image-7.4.1+deb13-amd64",
]
KERNEL = Kernel("7.2", "linux-image-7.2.12+deb13-amd64")
OLD = Kernel("6.1", "linux-image-6.1.0-56-amd64")
XML = b"""<testsuites><testsuite>
<testcase name="a"/><testcase classname="tests.x" name="b"><failure message="no"/></testcase>
<testcase name="c"><skipped message="this kernel has no Qdisc_ops"/></testcase>
<testcase name="d"><skipped message="this kernel has no Qdisc_ops"/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("6.1", "linux-image-6.1.0-56-amd64"),
        ("7.2", "linux-image-7.2.12+deb13-amd64"),
        ("7.3", "linux-image-7.4.1+deb13-amd64"),
    ],
)
def test_the_pin_the_newest_or_the_next_kernel(name: str, package: str) -> None:
    assert kernels.chosen(name, OFFERED) == package


def test_a_pin_that_is_gone_gives_way_to_the_newest() -> None:
    gone = [package for package in OFFERED if package != kernels.MATRIX["7.2"]]
    assert kernels.chosen("7.2", gone) == "linux-image-7.2.13+deb13-amd64"
    with pytest.raises(LookupError, match=r"kernel 7\.3 or newer"):
        kernels.chosen("7.3", OFFERED[:-1])


def test_a_kernel_that_was_fetched_stands_in_for_no_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Offered:
        def __init__(self, _folder: Path) -> None:
            pass

        def names(self, _pattern: str) -> list[str]:
            return OFFERED

    fetched = []
    monkeypatch.setattr(kernels, "CACHE", tmp_path)
    monkeypatch.setattr(kernels, "Archive", Offered)
    monkeypatch.setattr(kernels, "_fetch", lambda kernel, _archive: fetched.append(kernel.package))
    for package in ("linux-image-6.1.0-9-amd64", "linux-image-7.2.9+deb13-amd64", OFFERED[-1]):
        (tmp_path / package).mkdir()
    found = kernels.ready(["6.1", "7.2", "7.3"])
    assert [kernel.package for kernel in found] == [
        "linux-image-6.1.0-9-amd64",
        "linux-image-7.2.12+deb13-amd64",
        OFFERED[-1],  # its pin is gone, and what is offered instead is there
    ]
    assert fetched == ["linux-image-7.2.12+deb13-amd64"]


def test_the_archive_is_one_that_cpio_reads(tmp_path: Path) -> None:
    entries = [("bin", stat.S_IFDIR | 0o755, b""), ("bin/odd", stat.S_IFREG | 0o644, b"12345")]
    archive = cpio(entries)
    unpack = [tool("busybox"), "cpio", "-idm"]
    subprocess.run(unpack, input=archive, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "bin/odd").read_bytes() == b"12345"


def test_modules_come_with_what_they_need(tmp_path: Path) -> None:
    tree = tmp_path / "usr/lib/modules/7.2.12/kernel"
    tree.mkdir(parents=True)
    needs = {"uhid": b"\0depends=hid\0", "hid": b"\0softdep=pre: hid-base\0", "hid-base": b""}
    for name, content in needs.items():
        (tree / f"{name}.ko").write_bytes(content + bytes(64))
    (tree / "unwanted.ko").write_bytes(b"")
    tool("busybox")
    modules.gather(tmp_path, tmp_path / "made")
    made = (tmp_path / "made/lib/modules/7.2.12").glob("*.ko")
    assert {path.name for path in made} == {"uhid.ko", "hid.ko", "hid_base.ko"}


def test_a_script_runs_in_its_folder_with_its_environment(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    script = qemu.script(["sh", "-c", 'echo "$ODD" && pwd'], folder, {"ODD": "a 'b' $c"})
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["a 'b' $c", str(folder)]


def reported(status: int | None, xml: bytes, kernel: Kernel = KERNEL) -> report.Report:
    guest = qemu.Guest(status, {report.REPORT: xml}, ended="was ended after 60 s")
    return report.Report.of(kernel, guest, 125)


def test_of_a_kernel_is_told_what_failed_and_why_tests_were_skipped() -> None:
    found = reported(1, XML, OLD)
    assert found.lines() == [
        "6.1   6.1.0-56-amd64: 2 run: 1 passed, 1 failed; 2 skipped; 2 min 05 s",
        "      FAILED tests.x::b",
        "         2 skipped: this kernel has no Qdisc_ops",
    ]
    assert not found.good


def test_what_a_kernel_has_no_test_may_be_skipped_for() -> None:
    passed = XML.replace(b'<failure message="no"/>', b"")
    assert reported(0, passed, OLD).good
    found = reported(0, passed)
    assert not found.good
    assert found.lines()[-1] == (
        "         2 skipped: this kernel has no Qdisc_ops (it has: this counts as a failure)"
    )
    assert not reported(0, passed.replace(b"this kernel has no Qdisc_ops", b"no tc"), OLD).good


@pytest.mark.parametrize(
    ("status", "xml", "told"),
    [
        (None, b"", "was ended after 60 s; 2 min 05 s"),
        (1, b"", "left no report; 2 min 05 s"),
        (0, XML[:-9], "left no report; 2 min 05 s"),
        (
            2,
            XML,
            "2 run: 1 passed, 1 failed; 2 skipped; pytest was interrupted "
            "(its time was up, or a test file cannot be read); 2 min 05 s",
        ),
        (3, XML, "2 run: 1 passed, 1 failed; 2 skipped; pytest ended with 3; 2 min 05 s"),
    ],
)
def test_a_guest_that_broke_says_so(status: int | None, xml: bytes, told: str) -> None:
    found = reported(status, xml)
    assert found.lines()[0] == f"7.2   7.2.12+deb13-amd64: {told}"
    assert not found.good


def test_tests_that_are_named_are_all_that_runs() -> None:
    assert selection.arguments("7.2", ["-x", "tests/unit/test_vm.py::test_x"]) == [
        "-x",
        "tests/unit/test_vm.py::test_x",
    ]
    assert "tests/live" in selection.arguments("6.12", ["-x"])
    assert "tests/live" in selection.arguments("6.12", ["-k", "tests"])
    dear, other = selection.arguments("6.1", ["-k", "app"]), selection.arguments("6.12", [])
    assert set(selection.PILOT) <= set(dear)
    assert not set(selection.PILOT) & set(other)
    objects = f"--deselect={selection.OBJECTS}"
    assert (objects in dear, objects in other) == (False, True)
    for test in (*selection.PILOT, *selection.LEFT_OUT, *selection.EVERYWHERE, selection.OBJECTS):
        assert (selection.PROJECT / test.partition("::")[0]).exists()


async def test_without_kvm_a_guest_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "os", SimpleNamespace(access=lambda *_: False, R_OK=4, W_OK=2))
    assert await qemu.accelerator(KERNEL) == qemu.TCG
