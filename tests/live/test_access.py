"""The obstacles of this host's users, sandboxes and namespaces."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from stops_tui.kernels.live import facts as live_facts
from stops_tui.kernels.live.access import obstacles
from stops_tui.kernels.live.facts import facts
from tests.support.child import in_child

SHOW = """
import json, sys
from stops_tui.kernels.live.access import obstacles
sys.argv[0] = "/opt/bin/stops-tui"
print(json.dumps([[o.what, o.remedy, o.exit_code] for o in obstacles()]))
"""


def test_root_on_a_host_has_none() -> None:
    assert obstacles() == []


def test_nobody_lacks_a_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_facts, "running_command", lambda *_: "/opt/bin/stops-tui")
    facts()  # imports everything: an unprivileged user may not be able to read this folder

    def as_nobody() -> list[tuple[str, str, int]]:
        os.setresuid(65534, 65534, 65534)
        return [(found.what, found.remedy, found.exit_code) for found in obstacles()]

    found = in_child(as_nobody)
    assert found[0] == ["CAP_SYS_ADMIN is missing", "sudo /opt/bin/stops-tui", 3]
    assert [what for what, _, _ in found[1:]] == [
        "CAP_SYSLOG is missing",
        "CAP_SYS_PTRACE is missing",
    ]


def run(*wrapper: str) -> list[list[object]]:
    answer = subprocess.run(
        [*wrapper, sys.executable, "-c", SHOW], capture_output=True, text=True, check=True
    )
    found: list[list[object]] = json.loads(answer.stdout)
    return found


def test_root_of_a_user_namespace_is_told_so() -> None:
    ((what, remedy, exit_code),) = run("unshare", "--user", "--map-root-user")
    assert "capabilities held in a user namespace do not count" in str(what)
    assert "EPERM" in str(what)
    assert remedy == "run it on the host, outside of the container"
    assert exit_code == 3


def test_root_without_the_capability_is_sent_to_the_container_s_owner() -> None:
    ((what, remedy, exit_code),) = run(
        "setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"
    )
    assert what == "CAP_SYS_ADMIN is missing, and the bounding set keeps sudo from giving it"
    assert remedy == "run it on the host, or in a container started with --cap-add SYS_ADMIN"
    assert exit_code == 3


def test_a_host_without_proc_can_still_be_read() -> None:
    script = f"umount -l /proc && exec {sys.executable} -c '{SHOW}'"
    answer = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout) == []


def test_the_facts_of_this_process() -> None:
    found = facts()
    assert found.proc and not found.user_namespace
    assert (found.release, found.uid) == (os.uname().release, os.geteuid())
    assert found.btf == "readable"
