"""The facts that decide whether this process may read this kernel's BPF objects."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from stops_tui.record import Record

# The inode of the initial user namespace (include/linux/proc_ns.h: PROC_USER_INIT_INO).
_INITIAL_USER_NAMESPACE = 0xEFFFFFFD

# uapi/linux/seccomp.h: SECCOMP_MODE_FILTER, the `Seccomp:` line of proc(5) status.
_SECCOMP_FILTER = 2

# Bit numbers of CapEff (uapi/linux/capability.h).
CAP_NET_ADMIN = 12
CAP_SYS_PTRACE = 19
CAP_SYS_ADMIN = 21
CAP_SYSLOG = 34
CAP_PERFMON = 38
CAP_BPF = 39

CAPABILITIES = {
    "CAP_NET_ADMIN": CAP_NET_ADMIN,
    "CAP_SYS_ADMIN": CAP_SYS_ADMIN,
    "CAP_PERFMON": CAP_PERFMON,
    "CAP_BPF": CAP_BPF,
}
"""Those that writing may need, by name."""


class Facts(Record):
    """What was found, before any judgement. The defaults are those of a host with no obstacle.

    Attributes:
        system: uname -s.
        release: uname -r.
        uid: The effective user id.
        command: This command with its full path and its arguments, quoted for a shell.
        btf: Whether /sys/kernel/btf/vmlinux can be read.
        proc: Whether /proc is there; without it the five facts below it are unknown.
        effective: CapEff, a bit for each capability.
        bounding: CapBnd: the capabilities that this process could still gain by sudo.
        no_new_privs: Whether sudo is barred from giving it any (PR_SET_NO_NEW_PRIVS).
        seccomp: Whether a seccomp filter looks at its system calls.
        user_namespace: Whether it runs in another user namespace than the initial one.
        lockdown: "none", "integrity" or "confidentiality"; "" where the kernel does not say.
        probe: The errno's name that BPF_MAP_GET_NEXT_ID gave; "" if it answered.
        probe_cause: What that errno means, in words.
    """

    system: str = "Linux"
    release: str = "6.12.0"
    uid: int = 0
    command: str = "stops-tui"
    btf: Literal["readable", "absent", "unreadable"] = "readable"
    proc: bool = True
    effective: int = (1 << 64) - 1
    bounding: int = (1 << 64) - 1
    no_new_privs: bool = False
    seccomp: bool = False
    user_namespace: bool = False
    lockdown: str = ""
    probe: str = ""
    probe_cause: str = ""


def facts() -> Facts:
    """Read them all; one bpf(2) call, which changes nothing."""
    uname = os.uname()
    command = running_command(sys.argv, Path(sys.executable))
    if uname.sysname != "Linux":
        return Facts(system=uname.sysname, release=uname.release, command=command)
    status = parse_status(_text(Path("/proc/self/status")))
    probe, probe_cause = _probe()
    return Facts(
        release=uname.release,
        uid=os.geteuid(),
        command=command,
        btf=_btf(Path("/sys/kernel/btf/vmlinux")),
        proc=bool(status),
        effective=int(status.get("CapEff", "0"), 16),
        bounding=int(status.get("CapBnd", "0"), 16),
        no_new_privs=status.get("NoNewPrivs") == "1",
        seccomp=status.get("Seccomp") == str(_SECCOMP_FILTER),
        user_namespace=_in_user_namespace(Path("/proc/self/ns/user")),
        lockdown=parse_lockdown(_text(Path("/sys/kernel/security/lockdown"))),
        probe=probe,
        probe_cause=probe_cause,
    )


def has_capability(number: int) -> bool:
    """Whether this process's effective set has it; True where /proc does not tell."""
    effective = effective_capabilities()
    return effective is None or bool(effective >> number & 1)


def effective_capabilities() -> int | None:
    """CapEff of this process, a bit for each capability; None where /proc does not tell."""
    effective = parse_status(_text(Path("/proc/self/status"))).get("CapEff")
    return None if effective is None else int(effective, 16)


def running_command(argv: Sequence[str], python: Path) -> str:
    """How to run this command again from anywhere: its full path and arguments, quoted for a shell.

    Args:
        argv: sys.argv: the script's path, or a module's file under `python -m`; its arguments.
        python: The interpreter.
    """
    return shlex.join([*_program(Path(argv[0]), python.absolute()), *argv[1:]])


def _program(script: Path, python: Path) -> Sequence[str]:
    if script.name == "stops-tui" and script.exists():
        return [str(script.absolute())]
    beside = python.with_name("stops-tui")
    return [str(beside)] if beside.exists() else [str(python), "-m", "stops_tui"]


def parse_status(text: str) -> dict[str, str]:
    """The fields of /proc/PID/status (proc_pid_status(5)); {} of an empty text."""
    return dict(re.findall(r"^(\w+):[ \t]*(.*?)[ \t]*$", text, re.MULTILINE))


def parse_lockdown(text: str) -> str:
    """The mode in brackets of `none [integrity] confidentiality`; "" where there is none."""
    chosen = re.search(r"\[(\w+)\]", text)
    return chosen[1] if chosen else ""


def _text(path: Path) -> str:
    """A small file of the kernel's, or "" where it cannot be read."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _btf(path: Path) -> Literal["readable", "absent", "unreadable"]:
    try:
        path.open("rb").close()
    except FileNotFoundError:
        return "absent"
    except OSError:
        return "unreadable"
    return "readable"


def _in_user_namespace(path: Path) -> bool:
    try:
        return path.stat().st_ino != _INITIAL_USER_NAMESPACE
    except OSError:
        return False


def _probe() -> tuple[str, str]:
    # Imported here: on another system than Linux there is no bpf(2) to load.
    from stops_tui.bpf.errors import BpfError
    from stops_tui.bpf.syscall import Bpf

    try:
        Bpf().map_get_next_id(0)
    except BpfError as error:
        return error.errno_name, error.cause
    return "", ""
