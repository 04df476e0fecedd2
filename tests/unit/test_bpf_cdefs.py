"""The committed cffi definitions are those that the modules of declarations make."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from stops_tui.bpf import _cdefs, _libbpf_cdefs, cdefs, libbpf_cdefs


@pytest.mark.parametrize(
    ("source", "generated"), [(cdefs, _cdefs), (libbpf_cdefs, _libbpf_cdefs)], ids=["bpf", "libbpf"]
)
def test_generated_file_is_current(
    source: ModuleType, generated: ModuleType, tmp_path: Path
) -> None:
    made: Path = source.generate(tmp_path)
    assert generated.__file__ is not None
    committed = Path(generated.__file__)
    assert made.relative_to(tmp_path) == Path("stops_tui/bpf", committed.name)
    assert made.read_text() == committed.read_text(), f"run: python -m {source.__name__}"
