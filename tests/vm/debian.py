"""Debian's package archive, read with apt lists of our own: nothing is installed or changed.

The mirror is the one that the machine's own apt uses; apt verifies all it takes from it.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SUITES = ("bookworm", "bookworm-security", "trixie-backports")


class Archive:
    """The packages of a few suites.

    Args:
        folder: An empty folder for apt's lists and what it fetches.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sources = folder / "sources.list"
        sources.write_text("".join(f"{_source(suite)}\n" for suite in _SUITES))
        for name in ("lists/partial", "archives/partial"):
            (folder / name).mkdir(parents=True)
        self._options = [
            "-qq",
            *("-o", "APT::Sandbox::User=root"),
            *("-o", "Acquire::Languages=none"),
            *("-o", "Acquire::Retries=2"),
            *("-o", f"Dir::Etc::SourceList={sources}"),
            *("-o", "Dir::Etc::SourceParts=/dev/null"),
            *("-o", f"Dir::State::Lists={folder / 'lists'}"),
            *("-o", f"Dir::Cache={folder}"),
        ]
        self._run("apt-get", "update")

    def names(self, pattern: str) -> list[str]:
        """The names of packages that match an extended regular expression as a whole."""
        found = self._run("apt-cache", "search", "--names-only", f"^{pattern}$")
        return [line.split()[0] for line in found.splitlines()]

    def depends(self, package: str) -> list[str]:
        """The names of the packages that one depends on; of alternatives the first."""
        shown = self._run("apt-cache", "show", "--no-all-versions", package)
        listed = re.findall(r"^Depends: (.*)$", shown, re.MULTILINE)
        return [part.split()[0] for line in listed for part in line.split(",")]

    def unpack(self, packages: list[str], into: Path) -> None:
        """Fetch packages and unpack them into a folder."""
        self._run("apt-get", "download", *packages)
        for package in packages:
            (file,) = self.folder.glob(f"{package}_*.deb")
            subprocess.run(["dpkg-deb", "-x", file, into], check=True)
            file.unlink()

    def _run(self, command: str, *args: str) -> str:
        line = [command, *self._options, *args]
        done = subprocess.run(line, cwd=self.folder, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout


def _source(suite: str) -> str:
    """A suite's line of a sources.list."""
    name = "debian-security" if suite.endswith("-security") else "debian"
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    known = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    mirrors = [url for url in known if urlsplit(url).path.strip("/").endswith(name)]
    mirror = next(iter(mirrors), f"http://deb.debian.org/{name}")
    return f"deb [signed-by={_KEYRING}] {mirror} {suite} main"
