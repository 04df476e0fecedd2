"""What an object file is, in two lines; what it needs, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text

from stops_tui.bpf.object_file import ObjectFile
from stops_tui.struct_ops.objects import Comparison, Need
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.text import bytes_text, count, printable
from stops_tui.widgets.columns import Tone
from stops_tui.widgets.palette import Palette
from stops_tui.widgets.plan_text import checks_text


def file_text(file: ObjectFile, styles: Palette) -> Text:
    """Its name and folder; then size, license, how much is in it."""
    facts = [
        bytes_text(len(file.data)),
        f"license {printable(file.license, 30)}" if file.license else "no license",
        count(len(file.programs), "program"),
        count(file.core_relocations, "CO-RE relocation"),
        f"{file.byteorder} endian",
        *([] if file.btf else ["no BTF"]),
    ]
    folder, _, name = file.path.rpartition("/")
    return Text.assemble(
        (printable(name), styles["strong"]),
        (f"  in {printable(folder)}/\n", styles["dim"]),
        " · ".join(facts),
    )


def size_text(found: Comparison) -> str:
    """The size of a map's struct, beside that of this kernel's."""
    own = f"{len(found.variable.value):,} bytes"
    if found.type is None:
        return own
    same = found.type.size == len(found.variable.value)
    return f"{own}, {'as' if same else f'{found.type.size:,}'} in this kernel"


def fit_of(found: Comparison, problem: str) -> tuple[str, Tone]:
    """Whether this kernel takes a map, in few words.

    Args:
        found: The map beside the kernel's type.
        problem: Why its programs cannot be loaded; "" if they can.
    """
    if found.type is None:
        return "no such type", "bad"
    if wrong := sum(need.stops for need in found.needs):
        return f"{count(wrong, 'member')} {'does' if wrong == 1 else 'do'} not fit", "bad"
    if problem:
        return "cannot be loaded", "bad"
    return "fits", "good"


def problem_of(found: Comparison, problem: str) -> str:
    """The gravest thing that stands in the way of a map; "" if nothing does.

    Args:
        found: The map beside the kernel's type.
        problem: Why its programs cannot be loaded; "" if they can.
    """
    return next((need.words for need in found.needs if need.stops), problem)


def lacks(
    needs: Iterable[Need], comparisons: Iterable[Comparison], problems: Mapping[str, str]
) -> list[Check]:
    """What an object needs that is missing here, each once, the gravest first.

    Args:
        needs: What all of the object needs.
        comparisons: Every struct_ops map of it beside the kernel's type.
        problems: By variable: why its programs cannot be loaded.
    """
    told = {need.words: Check("failed" if need.stops else "warned", need.words) for need in needs}
    for found in comparisons:
        name = printable(found.variable.variable)
        for need in found.needs:
            words = f"{name}: {need.words}"
            told[words] = Check("failed" if need.stops else "warned", words)
        if problem := problems.get(found.variable.variable):
            told[problem] = Check("failed", problem)
    return sorted(told.values(), key=lambda check: check.level != "failed")


def lacks_text(lacking: Sequence[Check], styles: Palette) -> RenderableType:
    """What `lacks` found; that nothing is missing, where nothing is."""
    if not lacking:
        return Text("Nothing is missing of the struct_ops, functions and libbpf that it needs.")
    return checks_text(lacking, styles)
