"""What stands between this process and this kernel, and what mends it."""

from __future__ import annotations

import re
from collections.abc import Callable

from stops_tui.exit_codes import PERMISSION, UNSUPPORTED
from stops_tui.kernels.kernel import Obstacle
from stops_tui.kernels.live.facts import CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SYSLOG, Facts, facts

_EVERYTHING = "every struct_ops map, program and link"


def obstacles() -> list[Obstacle]:
    """Why this kernel cannot be read, the gravest first; empty if it can be.

    Where it can be, what is still out of reach is told where it is missing: `RawCode.withheld`,
    `RawHolders.unseen`.
    """
    return judge(facts())


def judge(found: Facts) -> list[Obstacle]:
    """The obstacles that follow from `found`: pure, so that any host can be imagined in a test."""
    if found.system != "Linux":
        return [_not_linux(found)]
    fatal = [obstacle for rule in _FATAL if (obstacle := rule(found))]
    lesser = [obstacle for rule in _LESSER if (obstacle := rule(found))]
    return fatal + lesser if fatal else []


def _not_linux(found: Facts) -> Obstacle:
    return Obstacle(
        what=f"this is {found.system}, not Linux",
        hides=f"{_EVERYTHING}: BPF struct_ops is a part of Linux",
        remedy="run it on a Linux host",
        exit_code=UNSUPPORTED,
    )


def _old_kernel(found: Facts) -> Obstacle | None:
    # struct_ops is of 5.6, but BPF_LINK_GET_NEXT_ID, which every look asks, of 5.8.
    release = re.match(r"(\d+)\.(\d+)", found.release)
    if release is None or (int(release[1]), int(release[2])) >= (5, 8):
        return None
    return Obstacle(
        what=f"Linux {found.release} is too old: its bpf(2) cannot list links, which came with 5.8",
        hides=_EVERYTHING,
        remedy="boot Linux 5.8 or newer",
        exit_code=UNSUPPORTED,
    )


def _no_btf(found: Facts) -> Obstacle | None:
    if found.btf != "absent":
        return None
    return Obstacle(
        what="this kernel's BTF is missing: there is no /sys/kernel/btf/vmlinux",
        hides=f"{_EVERYTHING}: only BTF tells their layout",
        remedy="boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (and mount sysfs on /sys)",
        exit_code=UNSUPPORTED,
    )


def _no_bpf(found: Facts) -> Obstacle | None:
    if found.probe != "ENOSYS" or found.seccomp:
        return None
    return Obstacle(
        what=f"bpf(2) cannot be called: {found.probe_cause}",
        hides=_EVERYTHING,
        remedy="use a 64-bit Python on a 64-bit kernel built with CONFIG_BPF_SYSCALL=y",
        exit_code=UNSUPPORTED,
    )


def _bpf_refused(found: Facts) -> Obstacle | None:
    if not found.probe or (found.probe == "ENOSYS" and not found.seccomp):
        return None
    if found.proc and not found.user_namespace and not _has(found, CAP_SYS_ADMIN):
        what, remedy = f"CAP_SYS_ADMIN is missing{_barred(found)}", _raise(found, "SYS_ADMIN")
    else:
        what, remedy = _refusal(found)
    return Obstacle(what=what, hides=_EVERYTHING, remedy=remedy, exit_code=PERMISSION)


def _refusal(found: Facts) -> tuple[str, str]:
    """Who refuses bpf(2) though no capability is known to be missing, and the way out."""
    if not found.proc:
        return (
            f"bpf(2) answers {found.probe}, and without /proc no one can say why",
            f"mount -t proc proc /proc, then {_sudo(found)}",
        )
    if found.user_namespace:
        return (
            f"bpf(2) answers {found.probe}: capabilities held in a user namespace do not count,"
            " CAP_SYS_ADMIN of the initial one does",
            "run it on the host, outside of the container",
        )
    if found.seccomp:
        return (
            f"bpf(2) answers {found.probe}: a seccomp filter is in force",
            "run it on the host, or in a container started with --privileged",
        )
    if found.lockdown == "confidentiality":
        return (
            f"bpf(2) answers {found.probe}: the kernel is locked down (confidentiality)",
            "boot with lockdown=integrity or lockdown=none",
        )
    return (
        f"bpf(2) answers {found.probe} despite CAP_SYS_ADMIN: a security module refuses it",
        "look for the denial in dmesg or the audit log (ausearch -m avc)",
    )


def _btf_unreadable(found: Facts) -> Obstacle | None:
    if found.btf != "unreadable":
        return None
    return Obstacle(
        what="/sys/kernel/btf/vmlinux may not be read",
        hides=f"{_EVERYTHING}: only BTF tells their layout",
        remedy=_sudo(found),
        exit_code=PERMISSION,
    )


def _no_proc(found: Facts) -> Obstacle | None:
    if found.proc:
        return None
    return Obstacle(
        what="/proc is not mounted",
        hides="processes that hold an object, pins, and this process's own capabilities",
        remedy="mount -t proc proc /proc",
        exit_code=PERMISSION,
    )


def _no_syslog(found: Facts) -> Obstacle | None:
    # kernel/kallsyms.c: kallsyms_show_value() decides whether code is dumped raw.
    hides = "kernel addresses in programs' code"
    return _missing(found, CAP_SYSLOG, "SYSLOG", hides)


def _no_ptrace(found: Facts) -> Obstacle | None:
    # fs/proc/fd.c: another user's fds are read with PTRACE_MODE_READ.
    hides = "which processes of other users hold an object"
    return _missing(found, CAP_SYS_PTRACE, "SYS_PTRACE", hides)


def _missing(found: Facts, capability: int, name: str, hides: str) -> Obstacle | None:
    if not found.proc or _has(found, capability):
        return None
    return Obstacle(
        what=f"CAP_{name} is missing", hides=hides, remedy=_raise(found, name), exit_code=PERMISSION
    )


def _has(found: Facts, capability: int) -> bool:
    return bool(found.effective >> capability & 1)


def _barred(found: Facts) -> str:
    """Why sudo typed in this very shell would not help; "" if it would."""
    if not found.proc:
        return ""
    if found.no_new_privs:
        return ", and no_new_privs keeps sudo from giving it"
    if not found.bounding >> CAP_SYS_ADMIN & 1:
        return ", and the bounding set keeps sudo from giving it"
    return ""


def _raise(found: Facts, name: str) -> str:
    """How to get CAP_`name`. Never by setcap: it would give it to every Python program."""
    if found.uid == 0:
        return f"run it on the host, or in a container started with --cap-add {name}"
    return _sudo(found)


def _sudo(found: Facts) -> str:
    command = found.command if found.uid == 0 else f"sudo {found.command}"
    return f"{command} (from a shell outside this sandbox)" if _barred(found) else command


# The gravest first: what no privilege mends comes before what some privilege does.
_Rule = Callable[[Facts], Obstacle | None]
_FATAL: tuple[_Rule, ...] = (_old_kernel, _no_btf, _no_bpf, _bpf_refused, _btf_unreadable)
_LESSER: tuple[_Rule, ...] = (_no_proc, _no_syslog, _no_ptrace)
