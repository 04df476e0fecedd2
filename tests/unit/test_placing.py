"""Other programs in the struct_ops variables of an object, in a copy of its bytes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.bpf.object_file import ObjectFile, ObjectFileError, parse
from stops_tui.bpf.object_file.placing import with_programs
from tests.support.clang import bpf_object
from tests.support.elf_editor import ElfEditor
from tests.support.mutated_objects import mutate, spans

Places = Mapping[str, Mapping[str, str]]


@cache
def compiled(name: str) -> ObjectFile:
    return parse(bpf_object(name).read_bytes(), name)


def own(file: ObjectFile) -> dict[str, dict[str, str]]:
    """The programs where the object has them."""
    return {each.variable: each.programs for each in file.struct_ops}


def placed(file: ObjectFile, places: Places) -> ObjectFile:
    return parse(with_programs(file, places), file.path)


def check(file: ObjectFile, places: Places) -> None:
    """The copy has these programs, no data, and all else is as it was."""
    copy = placed(file, places)
    assert own(copy) == {name: dict(places.get(name, {})) for name in own(file)}
    assert not any(any(each.value) for each in copy.struct_ops)
    assert copy._replace(data=b"", struct_ops=(), btf=None) == file._replace(
        data=b"", struct_ops=(), btf=None
    )
    assert len(copy.data) >= len(file.data)


@pytest.mark.parametrize("name", ["dctcp", "dctcp_link", "dctcp_optional", "pair", "suffixed_set"])
def test_the_same_programs_again(name: str) -> None:
    check(compiled(name), own(compiled(name)))


def test_big_endian_objects_are_changed_in_their_own_order() -> None:
    file = compiled("dctcp_big_endian")
    check(file, own(file))


def test_without_any_program() -> None:
    check(compiled("pair"), {})


def test_of_one_variable_alone() -> None:
    check(compiled("pair"), {"bold": {"ssthresh": "by_eighth", "undo_cwnd": "undone"}})


def test_in_members_that_had_none() -> None:
    check(compiled("pair"), {"meek": {"ssthresh": "by_eighth", "init": "grown"}})


def test_an_object_without_struct_ops_stays_as_it_is() -> None:
    file = compiled("plain")
    assert with_programs(file, {}) == file.data


@given(st.data())
def test_any_program_goes_into_any_function_member(data: st.DataObject) -> None:
    file = compiled(data.draw(st.sampled_from(["dctcp", "pair", "pair_link", "suffixed"])))
    programs = st.sampled_from([each.name for each in file.programs])
    places = {}
    for variable in file.struct_ops:
        members = [each.name for each in variable.members if each.kind == "func" and each.name]
        chosen = data.draw(st.dictionaries(st.sampled_from(members), programs, max_size=8))
        if chosen:
            places[variable.variable] = chosen
    check(file, places)


@pytest.mark.parametrize(
    ("places", "says"),
    [
        ({"absent": {}}, "there is no struct_ops variable absent"),
        ({"meek": {"absent": "grown"}}, "meek has no function member absent"),
        ({"meek": {"name": "grown"}}, "meek has no function member name"),
        ({"meek": {"init": "absent"}}, "there is no program absent"),
        ({"meek": {"init": "shrunk"}}, "there is no program shrunk"),
    ],
)
def test_what_is_not_there(places: Places, says: str) -> None:
    with pytest.raises(ObjectFileError, match=says):
        with_programs(compiled("pair"), places)


def test_a_program_that_is_in_no_section_is_none() -> None:
    file = compiled("pair")
    editor = ElfEditor(bytearray(file.data))
    editor.symbol("grown", "section", 0xFFF1)  # SHN_ABS
    changed = file._replace(data=bytes(editor.data))
    with pytest.raises(ObjectFileError, match="there is no program grown"):
        with_programs(changed, {"meek": {"init": "grown"}})


def test_damaged_objects_are_placed_or_refused() -> None:
    dice, done = random.Random(5), 0
    originals = [compiled(name).data for name in ("dctcp", "pair_link", "suffixed_set")]
    ways = [spans(original) for original in originals]
    for _ in range(1500):
        chosen = dice.randrange(len(originals))
        try:
            file = parse(mutate(dice, originals[chosen], ways[chosen]), "mutant.o")
            check(file, own(file))
        except ObjectFileError:
            continue
        done += 1
    assert done > 300
