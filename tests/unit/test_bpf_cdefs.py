"""The committed cffi definitions are those that cdefs.py makes."""

from __future__ import annotations

from pathlib import Path

from stops_tui.bpf import _cdefs, cdefs


def test_generated_file_is_current(tmp_path: Path) -> None:
    made = cdefs.generate(tmp_path)
    assert made.relative_to(tmp_path) == Path("stops_tui/bpf/_cdefs.py")
    assert made.read_text() == Path(_cdefs.__file__).read_text(), (
        "run: python -m stops_tui.bpf.cdefs"
    )
