"""Reports of a simulated kernel: the JSON's shape, the text's honesty, the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stops_tui import cli
from stops_tui.cli.parser import parse
from stops_tui.kernels.kernel import RawCode
from stops_tui.kernels.recording.redact import Redacted
from stops_tui.kernels.users import RawNetns
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.struct_ops.types import offered_types
from tests.support.fake_kernel import FakeKernel
from tests.support.recorded import Tape


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel.busy()


@pytest.fixture
def capture(kernel: FakeKernel, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command line on the kernel: (exit code, standard output, standard error)."""

    def run(arguments: str) -> tuple[int, str, str]:
        exit_code = cli.run(parse(arguments.split()), lambda: kernel)
        return exit_code, *capsys.readouterr()

    return run


@pytest.fixture
def loaded(capture: Any) -> Any:
    """Run a command line with --json: the parsed JSON."""
    return lambda arguments: json.loads(capture(f"{arguments} --json")[1])


def test_list_tells_all_of_a_map(loaded: Any) -> None:
    assert loaded("list id 72") == [
        {
            "id": 72,
            "name": "simple",
            "kernel_struct_ops": "sched_ext_ops",
            "btf": "vmlinux",
            "state": "READY",
            "status": "ejected",
            "refcnt": 1,
            "holders": 0,
            "map_flags": 1 << 13,
            "links": [22],
            "pins": [],
            "pids": [{"pid": 812, "comm": "scx_simple"}],
            "link_pins": [],
            "link_pids": [{"pid": 812, "comm": "scx_simple"}],
            "members": {
                "enqueue": {"prog_id": 40, "prog_name": "simple_enqueue"},
                "init": {"prog_id": 41, "prog_name": "simple_init"},
            },
            "problem": "",
        }
    ]


def test_list_is_by_id_and_has_every_state(loaded: Any) -> None:
    maps = loaded("list")
    assert [found["id"] for found in maps] == [58, 61, 72, 80, 81, 82, 83, 84, 90]
    told = {found["id"]: (found["state"], found["refcnt"], found["holders"]) for found in maps}
    assert told[58] == ("INUSE", 6, 5)
    assert told[61] == ("TOBEFREE", 2, 2)
    assert told[82] == ("INIT", 0, 0)


def test_list_tells_a_long_function_name_whole(loaded: Any) -> None:
    (found,) = loaded("list id 58")
    assert found["members"]["cwnd_event"]["prog_name"] == "dctcp_cwnd_event_of_a_long_name"


def test_list_tells_a_program_that_went_away_by_its_id_alone(
    kernel: FakeKernel, loaded: Any
) -> None:
    kernel.remove_program(25)
    (found,) = loaded("list id 58")
    assert found["members"]["ssthresh"] == {"prog_id": 25, "prog_name": ""}


def test_list_keeps_a_maps_own_pins_apart_from_its_links(loaded: Any) -> None:
    by_id = {found["id"]: found for found in loaded("list")}
    assert by_id[80]["pins"] == ["/sys/fs/bpf/[bold]lab"]
    assert by_id[80]["pids"] == [{"pid": 901, "comm": "bpftool"}]
    assert (by_id[83]["pins"], by_id[83]["link_pins"]) == ([], ["/sys/fs/bpf/mouse"])


@pytest.mark.parametrize(
    ("choice", "ids"),
    [
        ("id 61", [61]),
        ("name dctcp", [58]),
        ("name bpf_dctcp", [58]),
        ("name same", [70, 71]),
        ("type hid_bpf_ops", [83]),
        ("type hid", []),
        ("name 58", []),
    ],
)
def test_list_filters(kernel: FakeKernel, capture: Any, choice: str, ids: list[int]) -> None:
    kernel.add_map(70, "same")
    kernel.add_map(71, "same")
    exit_code, out, _ = capture(f"list {choice} --json")
    assert [found["id"] for found in json.loads(out)] == ids
    assert exit_code == (0 if ids else 1)


@pytest.mark.parametrize("verb", ["list", "dump", "types", "prog"])
def test_what_is_asked_for_and_not_there_is_exit_1(capture: Any, verb: str) -> None:
    asked = "types no_such_ops" if verb == "types" else f"{verb} name nobody"
    exit_code, out, err = capture(f"{asked} --json")
    assert (exit_code, out) == (1, "[]\n")
    exit_code, out, err = capture(asked)
    assert (exit_code, out) == (1, "")
    assert err.startswith("stops-tui: no struct_ops ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", ["list", "dump", "progs"])
def test_an_empty_host_is_fine(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(parse([verb, "--json"]), FakeKernel) == 0
    assert capsys.readouterr() == ("[]\n", "")
    assert cli.run(parse([verb]), FakeKernel) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("stops-tui: this kernel has no struct_ops ")


def test_holders_are_not_looked_for_where_there_is_no_map(
    kernel: FakeKernel, capture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "holders", None)  # calling it would fail
    assert capture("list id 999")[0] == 1


def test_text_says_what_could_not_be_looked_at(kernel: FakeKernel, capture: Any) -> None:
    kernel.hide("processes of another user")
    assert capture("list")[2] == "stops-tui: not seen: processes of another user\n"


@pytest.mark.parametrize(
    "arguments",
    ["list", "dump", "types", "types tcp_congestion_ops", "progs", "prog id 25", "prog id 41"],
)
def test_text_is_literal_printable_and_whole(
    kernel: FakeKernel, capture: Any, arguments: str
) -> None:
    kernel.add_map(91, "a\x1b]0;x\x07", type_name="tcp_congestion_ops")
    kernel.open_fd(7, "\x1b[31mevil\n[/]", 3, "map", 91)
    kernel.pin("/sys/fs/bpf/" + "long/" * 30, "map", 91)
    exit_code, out, _ = capture(arguments)
    assert exit_code == 0
    assert out.replace("\n", "").replace("\t", "").isprintable()
    assert not any(line != line.rstrip() for line in out.splitlines())


def test_hostile_text_is_shown_as_it_is(kernel: FakeKernel, capture: Any) -> None:
    kernel.add_map(91, "[red]")
    kernel.open_fd(7, "\x1b[31mevil\n[/]", 3, "map", 91)
    kernel.pin("/sys/fs/bpf/" + "long/" * 30, "map", 91)
    line = capture("list id 91")[1].splitlines()[1]
    assert "[red]" in line
    assert "\\x1b[31mevil\\x0a[/] 7" in line
    assert "/sys/fs/bpf/" + "long/" * 30 in line
    assert '"[/]\\x1b[31m\\x07\\xff"' in capture("dump id 90")[1]


def test_a_table_in_a_pipe_is_never_cut(capture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    lines = capture("list")[1].splitlines()
    assert len(lines) == 10
    head, first = (" ".join(line.split()) for line in lines[:2])
    assert head == "ID NAME TYPE STATE STATUS REFCNT HOLDERS MEMBERS LINKS HELD BY"
    assert first == "58 dctcp tcp_congestion_ops INUSE registered 6 5 6/9 - -"


@pytest.mark.parametrize("columns", ["20", "80", "105"])
@pytest.mark.parametrize("verb", ["list", "types tcp_congestion_ops", "progs"])
def test_a_terminal_breaks_no_name(
    capture: Any, monkeypatch: pytest.MonkeyPatch, verb: str, columns: str
) -> None:
    words = {word for line in capture(verb)[1].splitlines()[1:] for word in line.split()}
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "dumb")
    told = capture(verb)[1].splitlines()
    assert {word for line in told[1:] for word in line.split()} == words
    assert told[0] == told[0].rstrip()


def test_a_map_that_cannot_be_decoded_is_told_not_hidden(
    kernel: FakeKernel, capture: Any, loaded: Any
) -> None:
    raw = kernel.sweep().maps[58]
    kernel.replace_map(raw._replace(value=b"\0" * 8))
    (found,) = loaded("list id 58")
    assert "8 bytes" in found["problem"]
    assert "8 bytes" in capture("list id 58")[1]
    exit_code, out, err = capture("dump --json")
    assert exit_code == 4
    assert "map 58 is left out" in err
    assert len(json.loads(out)) == 2 * 8
    assert "8 bytes" in capture("dump id 58")[1]


def test_dump_prints_two_objects_a_map(loaded: Any) -> None:
    info, value = loaded("dump id 58")
    assert info["bpf_map_info"]["name"] == "dctcp"
    data = value["bpf_struct_ops_tcp_congestion_ops"]["data"]
    assert data["ssthresh"] == "u32 (struct sock *) dctcp_ssthresh/prog_id:25"


def test_types_tell_every_member(kernel: FakeKernel, loaded: Any) -> None:
    found = {type_["name"]: type_ for type_ in loaded("types")}
    assert set(found) == {type_.name for type_ in offered_types(kernel)}
    assert found["smc_hs_ctrl"]["btf"] == "smc"
    assert found["smc_hs_ctrl"]["maps"] == [84]
    tcp = found["tcp_congestion_ops"]
    assert tcp["maps"] == [58, 61, 80, 81, 82, 90]
    assert tcp["members"][0] == {
        "index": 0,
        "name": "ssthresh",
        "kind": "func",
        "type": "u32 (struct sock *)",
        "offset": 0,
        "size": 8,
        "mandatory": True,
        "instead": "",
    }
    assert [member["type"] for member in tcp["members"] if member["name"] == "name"] == ["char[16]"]
    assert loaded("types tcp_congestion_ops") == [tcp]


def test_types_in_text_name_members_only_of_the_one_asked_for(capture: Any) -> None:
    assert "ssthresh" not in capture("types")[1]
    assert "yes, or cong_control" in capture("types tcp_congestion_ops")[1]


def test_a_type_of_a_hostile_module_is_told_escaped(
    capture: Any, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (type_, *_) = offered_types(kernel)
    hostile = type_._replace(name="x", btf_name="\x1b[2J")
    monkeypatch.setattr("stops_tui.report.types.offered_types", lambda _: (hostile,))
    for arguments in ("types", "types x"):
        out = capture(arguments)[1]
        assert "\\x1b[2J" in out and "\x1b" not in out


def test_progs_tell_member_and_maps_only_where_a_map_does(loaded: Any) -> None:
    found = {program["id"]: program for program in loaded("progs")}
    assert list(found) == sorted(found)
    assert (found[25]["struct"], found[25]["member"]) == ("tcp_congestion_ops", "ssthresh")
    assert found[25]["maps"] == [58, 61, 80, 81, 90]
    assert (found[50]["member"], found[50]["maps"]) == (None, [])
    assert found[41]["prototype"] == ""


def test_progs_tell_their_runs(kernel: FakeKernel, capture: Any, loaded: Any) -> None:
    kernel.count_runs(True)
    kernel.run(25, 4, 100)
    (found,) = loaded("prog id 25")
    assert (found["run_cnt"], found["run_time_ns"]) == (4, 100)
    assert "4 times, 25 ns each" in capture("prog id 25")[1]


XLATED = """\
u32 dctcp_ssthresh(struct sock * sk):
; u32 BPF_PROG(dctcp_ssthresh, struct sock *sk)
   0: (79) r6 = *(u64 *)(r1 +0)
; return 10; /* [b] */
   1: (b7) r0 = 10
   2: (95) exit
"""


def test_prog_prints_one_form_of_the_code_alone(capture: Any) -> None:
    assert capture("prog id 25 --xlated") == (0, XLATED, "")
    exit_code, out, _ = capture("prog name dctcp_ssthresh --jited")
    assert exit_code == 0
    assert out.splitlines()[1] == "bpf_prog_0000000000000019_dctcp_ssthresh:"


def test_prog_tells_everything(capture: Any, loaded: Any) -> None:
    out = capture("prog id 25")[1]
    facts = dict(line.split(maxsplit=1) for line in out.splitlines()[:4])
    assert facts["name"] == "dctcp_ssthresh"
    assert facts["implements"] == "ssthresh of tcp_congestion_ops"
    assert all(f"  {line}" in out.splitlines() for line in XLATED.splitlines())
    assert "bpf_prog_0000000000000019_dctcp_ssthresh:" in out
    (found,) = loaded("prog id 25")
    assert [line["text"] for line in found["xlated"]] == XLATED.splitlines()
    assert found["xlated"][1]["line"] == 12
    assert found["xlated"][2]["code"] == "7916000000000000"
    assert found["jited"]


def test_prog_takes_the_name_that_the_kernel_cut(loaded: Any) -> None:
    assert [found["id"] for found in loaded("prog name dctcp_cwnd_even")] == [28]


@pytest.mark.parametrize("form", ["--xlated", "--jited"])
def test_code_that_is_withheld_is_exit_3_and_says_why(capture: Any, form: str) -> None:
    exit_code, out, err = capture(f"prog id 26 {form}")
    assert (exit_code, out) == (3, "")
    assert err == "stops-tui: program 26: not in this fake kernel\n"


def test_code_that_a_recording_leaves_out_is_exit_1_and_says_why(
    kernel: FakeKernel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = Tape(kernel, tmp_path / "night.stops", keep=Redacted())
    tape.look()
    exit_code = cli.run(parse(["prog", "id", "25", "--xlated"]), tape.play)
    out, err = capsys.readouterr()
    assert (exit_code, out) == (1, "")
    assert "left out of this record" in err


def test_code_that_does_not_exist_is_exit_1(kernel: FakeKernel, capture: Any) -> None:
    kernel.set_code(26, RawCode(bytes.fromhex("9500000000000000"), b""))
    exit_code, out, err = capture("prog id 26 --jited")
    assert (exit_code, out) == (1, "")
    assert "no JITed code" in err


def test_what_the_screens_show_is_what_is_printed(kernel: FakeKernel, loaded: Any) -> None:
    snapshot = Inventory(kernel).sweep()
    for found in loaded("list"):
        map_ = snapshot.maps[found["id"]]
        assert (found["state"], found["status"]) == (map_.state, map_.status)
        assert (found["refcnt"], found["holders"]) == (map_.refcnt, map_.holders)


# Accounts

WEB = RawNetns(4026532001, "web")
KEYS = {"sentence", "parts", "unexplained", "settled", "not_looked_at", "reason", "subsystem"}


@pytest.fixture
def used(kernel: FakeKernel) -> FakeKernel:
    """Map 61 is unregistered, and kept by two sockets."""
    kernel.users.add_sockets(61, 2, "nginx", 812, WEB)
    return kernel


def test_holders_tell_the_sum(used: FakeKernel, loaded: Any) -> None:
    assert loaded("holders id 61") == [
        {
            "id": 61,
            "name": "cubic_old",
            "kernel_struct_ops": "tcp_congestion_ops",
            "state": "TOBEFREE",
            "status": "unregistered, held",
            "refcnt": 2,
            "sentence": "Unregistered; kept by 2 TCP sockets of nginx (pid 812) in netns web",
            "parts": [{"what": "TCP sockets", "n": 2, "netns": "web", "detail": "nginx (pid 812)"}],
            "unexplained": 0,
            "settled": True,
            "not_looked_at": [],
            "reason": "",
            "subsystem": [],
            "pins": [],
            "fds": [],
        }
    ]


def test_holders_tell_pins_fds_and_the_subsystem(loaded: Any) -> None:
    (found,) = loaded("holders id 83")
    assert found["pins"] == [{"path": "/sys/fs/bpf/mouse", "kind": "link", "id": 23}]
    assert found["subsystem"][0]["what"] == "device"
    (found,) = loaded("holders id 72")
    assert found["fds"][0] == {"pid": 812, "comm": "scx_simple", "fd": 4, "kind": "map", "id": 72}


def test_holders_as_text(used: FakeKernel, capture: Any) -> None:
    exit_code, out, err = capture("holders id 61")
    assert (exit_code, err) == (0, "")
    assert out.splitlines() == [
        "61 cubic_old  tcp_congestion_ops  unregistered, held",
        "Unregistered; kept by 2 TCP sockets of nginx (pid 812) in netns web",
        "",
        "COUNT  WHAT         NETNS  DETAIL",
        "    2  TCP sockets  web    nginx (pid 812)",
        "    2  refcnt       -",
    ]


def test_holders_say_what_could_not_be_looked_at(kernel: FakeKernel, capture: Any) -> None:
    kernel.users.unseen = ("netns of process 1: Permission denied",)
    kernel.hide("open files of process 1: Permission denied")
    exit_code, out, err = capture("holders id 81")
    assert exit_code == 0
    assert "    3  unexplained" in out
    assert err.splitlines()[:2] == [
        "stops-tui: not seen: open files of process 1: Permission denied",
        "stops-tui: not looked at: netns of process 1: Permission denied",
    ]


def test_holders_of_every_map_of_a_name(kernel: FakeKernel, capture: Any) -> None:
    kernel.add_map(95, "dctcp")
    _, out, _ = capture("holders name dctcp")
    heads = [line for line in out.splitlines() if "dctcp  tcp" in line]
    assert [head.split()[0] for head in heads] == ["58", "95"]


def test_holders_of_nothing(capture: Any) -> None:
    assert capture("holders name nope") == (1, "", "stops-tui: no struct_ops map has name nope\n")
    assert capture("holders id 7 --json")[:2] == (1, "[]\n")


def test_list_with_holders_is_list_and_more(used: FakeKernel, loaded: Any) -> None:
    plain, more = loaded("list"), loaded("list --holders")
    assert [{key: map_[key] for key in plain[0]} for map_ in more] == plain
    assert all(map_.keys() - plain[0].keys() == KEYS for map_ in more)
    for map_ in more:
        assert sum(part["n"] for part in map_["parts"]) + map_["unexplained"] == map_["refcnt"]


def test_list_with_holders_as_text(used: FakeKernel, capture: Any) -> None:
    exit_code, out, _ = capture("list --holders type tcp_congestion_ops")
    assert exit_code == 0
    assert out.splitlines()[0].endswith("WHY IT IS THERE")
    assert "Unregistered; kept by 2 TCP sockets of nginx (pid 812) in netns web" in out
