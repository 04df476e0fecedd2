"""Plans as text: sources, files, names, lifetimes."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stops_tui.struct_ops.registration.lifetime import (
    bpftool_equivalent,
    holding,
    keeping,
    lifetime,
    undoing,
)
from stops_tui.struct_ops.registration.naming import map_name_for, name_problem
from stops_tui.struct_ops.registration.plan import (
    Example,
    Loaded,
    Pinned,
    Plan,
    PlanError,
    parse_source,
)
from stops_tui.struct_ops.registration.plan_file import from_toml, to_toml

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
some = words.filter(bool)
ids = st.integers(1, 2**32 - 1)
sources = st.one_of(
    st.builds(Loaded, ids),
    st.builds(lambda rest: Pinned(f"/{rest}"), words),
    st.builds(Example, some.filter(lambda name: "/" not in name), some),
)
plans = st.builds(
    Plan,
    type_name=some,
    map_name=some,
    programs=st.dictionaries(words, sources, max_size=4),
    data=st.dictionaries(words, words | st.integers(-(2**63), 2**64), max_size=4),
    link=st.booleans(),
    pin=words,
    replace_link=st.just(0) | ids,
    mount=words,
)

RENO = """\
type = "tcp_congestion_ops"
name = "stops_reno"

[programs]
ssthresh = "example:reno/ssthresh"
cong_avoid = 484
undo_cwnd = "/sys/fs/bpf/undo"

[data]
name = "stops_reno"
flags = 2
"""


@given(plans)
@example(Plan("t", "m", data={"x": '"\\\n\r\t\x1b\x7f\u2028 #[a]'}))
def test_a_plan_comes_back_from_its_file(plan: Plan) -> None:
    found = from_toml(to_toml(plan))
    limits = range(-(2**63) + 1, 2**63)
    data = {
        k: str(v) if isinstance(v, int) and v not in limits else v for k, v in plan.data.items()
    }
    assert found == Plan(
        plan.type_name, plan.map_name, plan.programs, data, plan.link, plan.pin,
        plan.replace_link, plan.mount,
    )  # fmt: skip


@given(st.text(max_size=200))
def test_any_text_is_a_plan_or_refused_in_one_line(text: str) -> None:
    try:
        from_toml(text, "x.toml")
    except PlanError as error:
        assert str(error).startswith("x.toml")
        assert "\n" not in str(error)


table = st.dictionaries(
    st.sampled_from(["type", "name", "link", "pin", "replace_link", "programs", "data", "odd"]),
    st.sampled_from(
        ["1", "-1", '"a"', "true", "1.5", "[]", "{}", "{a = 1}", "{a = [1]}", "{a='x'}"]
    ),
)


@given(table)
def test_any_table_is_a_plan_or_refused(found: dict[str, Any]) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in found.items())
    tomllib.loads(text)
    try:
        from_toml(text)
    except PlanError as error:
        assert str(error).startswith("the plan")


def test_a_file_as_a_person_writes_it() -> None:
    assert from_toml(RENO) == Plan(
        "tcp_congestion_ops",
        "stops_reno",
        {
            "ssthresh": Example("reno", "ssthresh"),
            "cong_avoid": Loaded(484),
            "undo_cwnd": Pinned("/sys/fs/bpf/undo"),
        },
        {"name": "stops_reno", "flags": 2},
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("= 484", '= "t_avoid"'), "f.toml, line 6: programs.cong_avoid: 't_avoid' is no program"),
        (("= 484", "= 0"), "line 6: programs.cong_avoid: '0' is no program"),
        (("= 484", "= true"), "line 6: programs.cong_avoid: it is to be a program's id or text"),
        (("= 2", "= 2.5"), "line 11: data.flags: it is to be a number, text, true or false"),
        (('name = "stops_reno"\n\n', "\n"), "f.toml: the key name is missing"),
        (("type =", "kind ="), "line 1: kind: there is no such key: a plan has type, name,"),
        (("[data]", "[dato]"), "line 9: dato: there is no such key"),
        (("type =", "link = 1\ntype ="), "line 1: link: it is to be true or false"),
        (("type =", "replace_link = -1\ntype ="), "line 1: replace_link: it is to be the id"),
        (("flags = 2", "flags = "), "line 11"),
        (("flags = 2", f"flags = {'9' * 5000}"), "f.toml: too long a number, or too deep"),
        (("flags = 2", f"flags = 0x{'f' * 5000}"), "line 11: data.flags: it is to be a number"),
        (("= 484", f"= 0x{'f' * 5000}"), "line 6: programs.cong_avoid: it is to be a program's"),
        (("type =", f"x = {'[' * 5000}\ntype ="), "f.toml: too long a number, or too deep"),
    ],
)
def test_errors_name_file_line_and_key(change: tuple[str, str], words: str) -> None:
    with pytest.raises(PlanError) as error:
        from_toml(RENO.replace(*change), "f.toml")
    assert words in str(error.value)


def test_text_that_is_no_unicode_cannot_be_kept() -> None:
    with pytest.raises(PlanError, match="no Unicode"):
        to_toml(Plan("t", "m", data={"name": "\udcff"}))


@given(sources)
def test_a_source_comes_back_from_its_text(source: Loaded | Pinned | Example) -> None:
    assert parse_source(str(source)) == source


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "4294967296", "x", "example:reno", "example:/a", "²", "9" * 5000]
)
def test_what_is_no_source(text: str) -> None:
    with pytest.raises(PlanError, match="is no program: give its id, the path of a pin, example"):
        parse_source(text)


@pytest.mark.parametrize(
    ("type_name", "data", "name"),
    [
        ("tcp_congestion_ops", {"name": "stops_reno"}, "stops_reno"),
        ("tcp_congestion_ops", {"name": "a b/c-d"}, "abcd"),
        ("tcp_congestion_ops", {}, "tcp_congestion_"),
        ("Qdisc_ops", {"id": "fifo", "name": "x"}, "fifo"),
        ("hid_bpf_ops", {"hid_id": 3}, "hid_bpf_ops"),
        ("-", {}, "struct_ops"),
    ],
)
def test_a_map_is_named_after_what_it_is_to_the_subsystem(
    type_name: str, data: dict[str, int | str], name: str
) -> None:
    assert map_name_for(type_name, data) == name
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "empty"), ("a" * 16, "shorten it to 15"), ("a b", "not ' '"), ("ä", r"not '\xe4'")],
)
def test_names_the_kernel_refuses(name: str, words: str) -> None:
    assert words in name_problem(name)


def test_lifetimes_tell_what_ends_them() -> None:
    plain = Plan("t", "m")
    assert "outlives this program" in lifetime(plain).words
    assert holding(plain) == ("the kernel, by the registration itself",)
    assert undoing(plain, map_id=58) == ("stops-tui unregister id 58",)
    unpinned = Plan("t", "m", link=True)
    assert "SIGHUP" in lifetime(unpinned).words
    assert not lifetime(unpinned).safe
    assert undoing(unpinned, link_id=3)[-1] == "stops-tui unregister link 3"
    pinned = Plan("t", "m", link=True, pin="/b/a b")
    assert lifetime(pinned).safe
    assert holding(pinned) == ("pin /b/a b",)
    assert undoing(pinned) == ("stops-tui unregister pinned '/b/a b'",)
    replacing = Plan("t", "m", replace_link=22)
    assert "as long as link 22" in lifetime(replacing).words
    assert holding(replacing) == ("link 22 and what holds that",)
    assert undoing(replacing, replaced=58) == (
        "stops-tui swap link 22 map 58, if anything else keeps that map",
    )
    assert undoing(replacing) == ()


def test_users_keep_what_they_have() -> None:
    assert keeping(1) == "1 who uses it now keeps it until it ends"
    assert keeping(2) == "2 who use it now keep it until they end"


def test_what_bpftool_can_do_of_it() -> None:
    def commands(plan: Plan, **ids: int) -> list[str]:
        return [each.command for each in bpftool_equivalent(plan, **ids)]

    assert commands(Plan("t", "m")) == [
        "", "bpftool struct_ops dump name m", "bpftool struct_ops unregister name m",
    ]  # fmt: skip
    assert commands(Plan("t", "m"), map_id=5)[-1] == "bpftool struct_ops unregister id 5"
    assert commands(Plan("t", "m", link=True), link_id=7)[-1] == "bpftool link detach id 7"
    assert commands(Plan("t", "m", link=True, pin="/b/x", mount="/b"))[::3] == [
        "mount -t bpf bpf /b", "rm /b/x",
    ]  # fmt: skip
