"""Saving a plan: whole, or not at all."""

from __future__ import annotations

import resource
from pathlib import Path

from stops_tui.screens.register.plan_file import EXISTS, write


def test_what_is_there_is_replaced_only_if_told_to(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    assert write(str(path), "first", replace=False) == ""
    assert write(str(path), "second", replace=False) == EXISTS
    assert path.read_text() == "first"
    assert write(str(path), "second", replace=True) == ""
    assert path.read_text() == "second"


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))
    try:
        problem = write(str(path), "longer than that", replace=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert problem.startswith("Not saved: ")
    assert not path.exists()
