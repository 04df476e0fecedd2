"""Puts the man page and the completions into the wheel's share folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))


class ShareHook(BuildHookInterface[Any]):
    """Called by hatchling for every wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the files and name them as shared data."""
        from manual import write

        build_data["shared_data"] |= write(Path(self.root) / "build" / "share")
