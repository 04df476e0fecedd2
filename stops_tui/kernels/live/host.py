"""Which machine, kernel and user this process runs as."""

from __future__ import annotations

import os
import pwd

from stops_tui.kernels.kernel import Host


def this_host() -> Host:
    """The running kernel, by uname(2), and the user behind the effective uid."""
    uname = os.uname()
    return Host(
        name=uname.nodename, release=uname.release, machine=uname.machine, user=_user(os.geteuid())
    )


def _user(uid: int) -> str:
    """The login name, or `uid 1000` where no name is known: a container often has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
