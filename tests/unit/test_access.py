"""What is said of a host that cannot be read, for every kind of host that can be imagined."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.kernels.live.access import judge
from stops_tui.kernels.live.facts import (
    CAP_SYS_ADMIN,
    CAP_SYS_PTRACE,
    CAP_SYSLOG,
    Facts,
    parse_lockdown,
    parse_status,
    running_command,
)

ALL = (1 << 64) - 1
COMMAND = "'/opt/a b/bin/stops-tui'"

a_host = st.builds(
    Facts,
    system=st.sampled_from(["Linux", "Darwin", "FreeBSD"]),
    release=st.sampled_from(["5.7.19", "5.8.0", "6.18.44-custom", "7.2", "", "strange"]),
    uid=st.sampled_from([0, 1000]),
    command=st.just(COMMAND),
    btf=st.sampled_from(["readable", "absent", "unreadable"]),
    proc=st.booleans(),
    effective=st.integers(0, ALL),
    bounding=st.integers(0, ALL),
    no_new_privs=st.booleans(),
    seccomp=st.booleans(),
    user_namespace=st.booleans(),
    lockdown=st.sampled_from(["", "none", "integrity", "confidentiality"]),
    probe=st.sampled_from(["", "EPERM", "EACCES", "ENOSYS"]),
)


def readable(host: Facts) -> bool:
    old = host.release.startswith("5.7")
    return host.system == "Linux" and not old and host.btf == "readable" and not host.probe


@given(a_host)
def test_obstacles_are_named_exactly_when_the_kernel_cannot_be_read(host: Facts) -> None:
    obstacles = judge(host)
    assert bool(obstacles) is not readable(host)
    for obstacle in obstacles:
        assert obstacle.what and obstacle.hides and obstacle.remedy
        assert "setcap" not in obstacle.remedy
    codes = [obstacle.exit_code for obstacle in obstacles]
    assert codes == sorted(codes, reverse=True), "what no privilege mends comes first"


def test_a_user_is_told_the_capability_and_the_whole_sudo_command() -> None:
    host = Facts(uid=1000, command=COMMAND, effective=0, probe="EPERM")
    gravest, *rest = judge(host)
    assert gravest.what == "CAP_SYS_ADMIN is missing"
    assert gravest.remedy == f"sudo {COMMAND}"
    assert gravest.exit_code == 3
    assert [obstacle.what for obstacle in rest] == [
        "CAP_SYSLOG is missing",
        "CAP_SYS_PTRACE is missing",
    ]


@pytest.mark.parametrize(
    ("barred", "why"),
    [({"no_new_privs": True}, "no_new_privs"), ({"bounding": 0}, "the bounding set")],
)
def test_sudo_is_not_promised_where_it_cannot_help(barred: dict[str, int], why: str) -> None:
    host = Facts(uid=1000, command=COMMAND, effective=0, probe="EPERM", **barred)  # type: ignore[arg-type] # one field of either type
    gravest = judge(host)[0]
    assert gravest.what == f"CAP_SYS_ADMIN is missing, and {why} keeps sudo from giving it"
    assert gravest.remedy == f"sudo {COMMAND} (from a shell outside this sandbox)"


def test_root_of_a_container_is_not_sent_to_sudo() -> None:
    effective = ALL & ~(1 << CAP_SYS_ADMIN | 1 << CAP_SYSLOG)
    sys_admin, syslog = judge(Facts(effective=effective, probe="EPERM"))
    assert "--cap-add SYS_ADMIN" in sys_admin.remedy and "sudo" not in sys_admin.remedy
    assert "--cap-add SYSLOG" in syslog.remedy


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ({"user_namespace": True}, "user namespace"),
        ({"user_namespace": True, "effective": 0}, "user namespace"),
        ({"seccomp": True, "lockdown": "confidentiality"}, "seccomp"),
        ({"seccomp": True, "probe": "ENOSYS"}, "seccomp"),
        ({"lockdown": "confidentiality"}, "locked down (confidentiality)"),
        ({"lockdown": "integrity"}, "security module"),
        ({"proc": False, "effective": 0, "bounding": 0}, "without /proc"),
    ],
)
def test_a_refusal_despite_the_capability_names_who_refuses(
    found: dict[str, object], word: str
) -> None:
    host = Facts(**({"probe": "EPERM"} | found))  # type: ignore[arg-type] # fields of any type
    gravest = judge(host)[0]
    assert word in gravest.what
    assert gravest.exit_code == 3


@pytest.mark.parametrize(
    ("host", "what"),
    [
        (Facts(system="Darwin", release="24.1"), "this is Darwin, not Linux"),
        (Facts(release="5.4.0-150-generic"), "Linux 5.4.0-150-generic is too old"),
        (Facts(release="5.7.19"), "Linux 5.7.19 is too old: its bpf(2) cannot list links"),
        (Facts(btf="absent"), "this kernel's BTF is missing"),
        (Facts(probe="ENOSYS", probe_cause="no number"), "bpf(2) cannot be called: no number"),
    ],
)
def test_an_unsupported_kernel_is_told_apart_from_a_missing_permission(
    host: Facts, what: str
) -> None:
    (obstacle,) = judge(host)
    assert obstacle.what.startswith(what)
    assert obstacle.exit_code == 4


def test_lockdown_alone_is_no_obstacle_while_the_kernel_answers() -> None:
    assert judge(Facts(lockdown="confidentiality", effective=0, seccomp=True)) == []


def test_proc_is_named_beside_a_graver_obstacle() -> None:
    what = [obstacle.what for obstacle in judge(Facts(btf="absent", proc=False))]
    assert what[1:] == ["/proc is not mounted"]


def test_capability_numbers_are_those_of_the_kernel() -> None:
    assert (CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_SYSLOG) == (19, 21, 34)


STATUS = """Name:\tcat
Umask:\t0022
CapInh:\t0000000000000000
CapEff:\t000001ffffffffff
CapBnd:\t000001ffffffffff
NoNewPrivs:\t0
Seccomp:\t2
Seccomp_filters:\t1
"""


def test_status_fields() -> None:
    fields = parse_status(STATUS)
    assert fields["CapEff"] == "000001ffffffffff"
    assert (fields["Seccomp"], fields["NoNewPrivs"], fields["Name"]) == ("2", "0", "cat")
    assert parse_status("") == {}


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("none [integrity] confidentiality\n", "integrity"),
        ("none integrity [confidentiality]\n", "confidentiality"),
        ("[none] integrity confidentiality\n", "none"),
        ("", ""),
    ],
)
def test_lockdown_modes(text: str, mode: str) -> None:
    assert parse_lockdown(text) == mode


def script(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_the_command_is_the_script_that_runs_with_its_full_path_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "a b/stops-tui")
    monkeypatch.chdir(tmp_path)
    assert running_command(["a b/stops-tui"], Path("/usr/bin/python3")) == (
        f"'{tmp_path}/a b/stops-tui'"
    )


def test_the_command_is_whole_to_its_last_argument(tmp_path: Path) -> None:
    found = str(script(tmp_path / "stops-tui"))
    argv = [found, "list", "name", "a b"]
    assert running_command(argv, Path("/usr/bin/python3")) == f"{found} list name 'a b'"


@pytest.mark.parametrize("argv0", ["", "-c", "/site-packages/stops_tui/__main__.py", "pytest"])
def test_a_module_is_named_by_the_script_of_its_environment_or_by_its_interpreter(
    argv0: str, tmp_path: Path
) -> None:
    python = tmp_path / "bin/python"
    assert running_command([argv0], python) == f"{python} -m stops_tui"
    beside = script(tmp_path / "bin/stops-tui")
    assert running_command([argv0], python) == str(beside)
