"""`stops-tui object`: what people and scripts are told of a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf.object_file import ObjectKfunc, read
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.kernels.live.sysfs_btf import sysfs_btfs
from stops_tui.report.object_file import needs_lines, report
from stops_tui.struct_ops.objects import needs_of_file
from tests.support.btf_builder import BtfBuilder
from tests.support.clang import bpf_object
from tests.support.debian import hid_objects


@cache
def another_kernel() -> list[KernelBtf]:
    """One that has no struct_ops type at all."""
    btf = BtfBuilder()
    btf.integer("int", 4)
    return [KernelBtf("vmlinux", 1, btf.btf())]


def no_kernel() -> list[KernelBtf]:
    return sysfs_btfs(Path("/nowhere"))


def told(capsys: pytest.CaptureFixture[str], path: Path, kernel: Any = sysfs_btfs) -> Any:
    assert report(str(path), kernel, as_json=True) == 0
    return json.loads(capsys.readouterr().out)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, bpf_object("dctcp_optional"))

    assert list(found) == ["license", "struct_ops", "programs", "maps", "needs"]
    assert found["license"] == "GPL"
    (variable,) = found["struct_ops"]
    assert list(variable) == ["variable", "type", "link", "optional", "members"]
    members = variable.pop("members")
    assert variable == {
        "variable": "dctcp",
        "type": "tcp_congestion_ops",
        "link": False,
        "optional": True,
    }
    assert members["ssthresh"] == "dctcp_ssthresh"
    assert members["set_state"] is None
    assert (members["name"], members["flags"], members["key"]) == ("stops_test_name", 2, 0)
    assert members["list"] == {"next": 0, "prev": 0}
    program = next(each for each in found["programs"] if each["name"] == "dctcp_init")
    assert program.pop("insns") > 5
    assert program == {
        "name": "dctcp_init",
        "section": "struct_ops/dctcp_init",
        "sleepable": False,
    }
    assert {
        "name": "totals",
        "type": "array",
        "key_size": 4,
        "value_size": 8,
        "max_entries": 2,
    } in found["maps"]
    assert found["needs"] == []


def test_needs(capsys: pytest.CaptureFixture[str]) -> None:
    path = bpf_object("suffixed_set")
    needs = told(capsys, path)["needs"]
    assert [(each["lack"], each["member"], each["stops"]) for each in needs] == [
        ("suffix", "", False),
        ("member", "future", True),
        ("member", "foresee", False),
    ]
    assert set(needs[0]) == {"variable", "member", "lack", "stops", "words"}
    assert [each["lack"] for each in told(capsys, path, another_kernel)["needs"]] == [
        "type",
        "suffix",
    ]
    assert told(capsys, path, no_kernel)["needs"] is None


def test_an_object_for_another_machine_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    path = bpf_object("dctcp_big_endian")
    needs = told(capsys, path)["needs"]
    words = "it is for big endian machines, and this one is not"
    assert needs == [
        {"variable": "", "member": "", "lack": "byteorder", "stops": True, "words": words}
    ]
    report(str(path), sysfs_btfs, as_json=False)
    assert f"It does not fit this kernel ({os.uname().release}):\n  {words}\n" in (
        capsys.readouterr().out
    )


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    path = bpf_object("suffixed_set")
    assert report(str(path), another_kernel, as_json=False) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{path}: a BPF object, license GPL, little endian, ")
    assert " sections, 1 CO-RE relocation, with BTF\n" in text
    assert "\n/* .struct_ops.link: registered by a link; 56 bytes */\n" in text
    assert "\nstruct tcp_congestion_ops___v2 suffixed = {\n" in text
    assert "\n\t.future     = 7,\n" in text
    assert "\n\t/* not set: foresee */\n" in text
    assert "\nsuffixed_window      struct_ops/suffixed_window      no          3  __u32 suf" in text
    assert "It does not fit this kernel (" in text
    assert "\n  suffixed: this kernel has no struct_ops type tcp_congestion_ops\n" in text

    report(str(path), no_kernel, as_json=False)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        "It was not compared with a kernel's types: /nowhere/vmlinux: No such file or directory"
    )


def test_members_of_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(str(bpf_object("odd")), no_kernel, as_json=False) == 0
    text = capsys.readouterr().out
    assert (
        """
/* .struct_ops: registered without a link; 80 bytes */
struct odd_ops___of_tests first = {
	.call     = called,
	.flag     = 5,
	.rest     = 7,
	.parts    = {{.a = 1, .bits = {.low = 2, .high = 3}}, {.a = 4, .bits = {.low = 5, .high = 6}}},
	.color    = GREEN (3),
	.text     = "hi \\x1b\\"",
	.full     = "abcd",
	.yes      = true,
	.negative = -3,
	.real     = 1.5,
	{.x = 9, .y = 1.2611686178923354e-44},
	/* not set: pointer, unset */
};
"""
        in text
    )
    assert (
        "\n/* ?.struct_ops.link: registered by a link, loaded only when asked for; 80 bytes" in text
    )

    first, second, third = told(capsys, bpf_object("odd"), no_kernel)["struct_ops"]
    assert [each["variable"] for each in (first, second, third)] == ["first", "second", "third"]
    members = first["members"]
    assert (members["call"], members["unset"], second["members"]["call"]) == (
        "called",
        None,
        "other",
    )
    assert (members["flag"], members["color"], members["yes"]) == ("0x5", "GREEN", True)
    assert (members["negative"], members["real"], members["pointer"]) == (-3, 1.5, 0)
    assert members["parts"][1] == {"a": 4, "bits": {"low": "0x5", "high": "0x6"}}
    assert members["full"] == [*b"abcd"]  # as bpftool: it is no string without its end
    assert (third["link"], third["optional"]) == (True, True)


def test_text_of_an_object_without_struct_ops(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(str(bpf_object("plain")), another_kernel, as_json=False) == 0
    text = capsys.readouterr().out
    assert "\nIt has no struct_ops.\n" in text
    assert "\nslow     fentry.s/bpf_prog_run_pin_on_cpu  yes" in text
    assert "fit" not in text


def test_a_kernel_whose_types_are_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "vmlinux").write_bytes(b"no BTF")
    path = bpf_object("pair")
    assert told(capsys, path, lambda: sysfs_btfs(tmp_path))["needs"] is None
    report(str(path), lambda: sysfs_btfs(tmp_path), as_json=False)
    assert "not compared with a kernel's types: BTF, offset" in capsys.readouterr().out


def test_of_an_object_without_struct_ops_only_calls_are_compared() -> None:
    weak = read(str(bpf_object("plain")))._replace(kfuncs=(ObjectKfunc("no_such", True),))
    words = "\n".join(needs_lines(weak, needs_of_file(weak, another_kernel()), ""))
    assert "\nIts calls of the kernel's functions fit this kernel (" in words
    assert words.endswith("no such function: they look before they call it")


def test_every_object_of_udev_hid_bpf(capsys: pytest.CaptureFixture[str]) -> None:
    """That the description is right is the concern of test_object_file_peers.py."""
    forms, kfuncs = set(), set()
    for path in hid_objects():
        found = told(capsys, path, another_kernel)
        sections = {each["section"].partition("/")[0] for each in found["programs"]}
        forms |= sections
        assert found["license"] == "GPL"
        assert ("struct_ops" in sections) == bool(found["struct_ops"])
        types = [each["variable"] for each in found["needs"] if each["lack"] == "type"]
        assert types == [each["variable"] for each in found["struct_ops"]]
        kfuncs |= {each["member"] for each in found["needs"] if each["lack"] == "kfunc"}
        for each in found["struct_ops"]:
            assert (each["type"], each["link"], each["optional"]) == ("hid_bpf_ops", True, False)
            assert each["members"]["hid_rdesc_fixup"] or each["members"]["hid_device_event"]
        assert report(str(path), another_kernel, as_json=False) == 0
        assert capsys.readouterr().out.startswith(f"{path}: a BPF object, license GPL")
    assert forms == {"struct_ops", "fmod_ret", "syscall"}
    assert "hid_bpf_get_data" in kfuncs


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_files_that_are_no_objects_are_one_line_and_exit_1(
    options: list[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "fifo")
    hostile = tmp_path / "\x1b[2J\n"
    hostile.write_text("text")
    paths = ["/bin/ls", tmp_path, tmp_path / "empty", tmp_path / "fifo", "/dev/zero", hostile]
    for path in [*paths, tmp_path / "none"]:
        done = subprocess.run(
            [sys.executable, "-m", "stops_tui", "object", str(path), *options],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("stops-tui: ")
        assert line.isprintable()


def test_it_needs_nothing_of_a_kernel() -> None:
    """It works on any system: what calls bpf(2) or libbpf is not even imported."""
    script = f"""
import sys
from stops_tui.cli import run
from stops_tui.cli.parser import parse
assert run(parse(["object", {str(bpf_object("pair"))!r}, "--json"]), None) == 0
found = {{"cffi", "_cffi_backend", "textual", "stops_tui.bpf.syscall"}} & set(sys.modules)
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_file_is_asked_for() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stops_tui", "object"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "FILE" in done.stderr
