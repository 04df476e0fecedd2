"""What a failed bpf(2) call means, in words.

Causes were found by experiment on Linux 6.1 to 7.2 and by reading kernel/bpf/bpf_struct_ops.c,
kernel/bpf/syscall.c, kernel/bpf/inode.c and net/ipv4/tcp_cong.c.
"""

from __future__ import annotations

import errno as _errno
from errno import (
    E2BIG,
    EACCES,
    EAGAIN,
    EBADF,
    EBUSY,
    EEXIST,
    EINPROGRESS,
    EINVAL,
    EMFILE,
    ENFILE,
    ENOENT,
    ENOLINK,
    ENOMEM,
    ENOSYS,
    EOPNOTSUPP,
    EPERM,
)

ENOTSUPP = 524
"""The kernel's own "not supported"; it has no strerror(3) (include/linux/errno.h)."""

# Python calls 95 by its other name, "ENOTSUP", which would read like the kernel's 524.
_NAMES = {ENOTSUPP: "ENOTSUPP", EOPNOTSUPP: "EOPNOTSUPP"}

_ANY = {
    EBADF: "a file descriptor is not open",
    EMFILE: "this process has too many open files (see `ulimit -n`)",
    ENFILE: "the host has too many open files",
    ENOMEM: "the kernel has no memory for it",
    ENOSYS: "this kernel was built without bpf(2)",
}

_LISTING = {
    EPERM: "CAP_SYS_ADMIN is needed to list BPF objects",
    ENOENT: "the object is gone",
    EAGAIN: "the object is still being made",
}

_CAUSES: dict[str, dict[int, str]] = {
    "BPF_PROG_LOAD": {
        EPERM: "CAP_BPF and CAP_PERFMON are needed (CAP_SYS_ADMIN does too)",
        ENOTSUPP: "the struct is no struct_ops type, or takes no program for this member",
        EACCES: "the verifier refused the program",
        EAGAIN: "signals kept interrupting the verifier",
        EINVAL: "one of: no GPL-compatible license; no such function member; "
        "a program name with characters outside A-Za-z0-9_.; an instruction the verifier refuses",
    },
    "BPF_BTF_LOAD": {EPERM: "CAP_BPF is needed (CAP_SYS_ADMIN does too)"},
    "BPF_MAP_CREATE": {
        EPERM: "CAP_BPF is needed (CAP_SYS_ADMIN does too)",
        ENOTSUPP: "the value type is no struct_ops type registered in this kernel",
        EBADF: "the file descriptor of a BTF is not open",
        EACCES: "the kernel's own BTF was given where a program's is needed",
        E2BIG: "the kernel is too old for one of the attributes",
        EINVAL: "one of: a size that is not the value type's (the key is of 4 bytes, and there is "
        "one entry); no value type; a flag this kernel does not take (BPF_F_LINK is since 6.4); "
        "a map name with characters outside A-Za-z0-9_.; no BTF given",
    },
    "BPF_MAP_UPDATE_ELEM": {
        EPERM: "the map was opened read-only",
        EBUSY: "the map is past INIT: it can be registered only once",
        EBADF: "a function member holds a file descriptor that is not open",
        EEXIST: "the subsystem already has one of this name",
        EOPNOTSUPP: "the subsystem never registers this type",
        E2BIG: "one of: the key is not 0; a data member beyond its limit; "
        "more trampolines than one map may have",
        EINVAL: "one of: a mandatory member is missing; a program made for another struct or "
        "member, or no program at all; a data member this type does not take; a bad name or flags; "
        "state, refcnt or padding not zero; update flags",
    },
    "BPF_MAP_DELETE_ELEM": {
        EPERM: "the map was opened read-only",
        EOPNOTSUPP: "the map was made with BPF_F_LINK: detach its link instead",
        EINPROGRESS: "already unregistered; it stays until its last holder goes (TOBEFREE)",
        ENOENT: "the map is not registered (INIT)",
    },
    "BPF_LINK_CREATE": {
        EINVAL: "one of: it is no struct_ops map; the map was made without BPF_F_LINK; the map is "
        "still in INIT; the subsystem refuses it",
        ENOMEM: "the kernel has no memory for it (sched_ext: dispatch_max_batch may be too large)",
        EEXIST: "the subsystem already has one of this name",
        EBUSY: "the subsystem already runs one",
        EOPNOTSUPP: "the subsystem takes no links, or not for what this map names",
    },
    "BPF_LINK_UPDATE": {
        EINVAL: "one of: the new map is still in INIT, of another type or without BPF_F_LINK; "
        "another congestion control's name",
        EPERM: "the link no longer holds the map it was expected to hold",
        EOPNOTSUPP: "the subsystem cannot replace a map: detach and link again",
        ENOLINK: "the link is already detached",
        EBADF: "a map's file descriptor is not open",
    },
    "BPF_LINK_DETACH": {
        EOPNOTSUPP: "this kernel cannot detach a struct_ops link (needs 6.11): close its holders",
        EINVAL: "it is no link",
    },
    "BPF_OBJ_PIN": {
        EPERM: "one of: the folder is not in a bpffs; the name has a dot in it",
        EEXIST: "the path exists already",
        ENOENT: "the folder does not exist",
        EACCES: "the folder may not be written",
    },
    "BPF_OBJ_GET": {
        ENOENT: "nothing is pinned there",
        EACCES: "the path is no pinned object, or may not be read",
    },
    "BPF_ENABLE_STATS": {EPERM: "CAP_SYS_ADMIN is needed to count runs"},
}


def errno_name(errno: int) -> str:
    """The symbol of an errno: "EEXIST", "ENOTSUPP" for 524; the number as text if it has none."""
    return _NAMES.get(errno) or _errno.errorcode.get(errno, str(errno))


def cause_of(command: str, errno: int) -> str:
    """Why `command` failed so with a struct_ops object; "" where the two do not tell."""
    causes = _CAUSES.get(command)
    if causes is None and command.endswith(("_GET_NEXT_ID", "_GET_FD_BY_ID")):
        causes = _LISTING
    return (causes or {}).get(errno) or _ANY.get(errno, "")


EXPLAINED = "Verification failed: "
"""What begins the explanation that kernels from 7.3 on write below some reasons."""

_NO_REASON = (
    *("processed ", "verification time", "stack depth", "-- ", "insns per state"),
    *("cur state:", "old state:"),
)
"""What begins lines below the reason: statistics, and the two states of an infinite loop."""


def verifier_cause(log: str) -> str:
    """The verifier's reason: the last line of its log that says why; "" if there is none.

    Source: kernel/bpf/verifier.c.
    """
    lines = [line.strip() for line in log.partition(f"\n{EXPLAINED}")[0].splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith(_NO_REASON)), "")


class BpfError(Exception):
    """A bpf(2) command did not do what it was asked.

    Attributes:
        command: "BPF_MAP_UPDATE_ELEM".
        errno: The kernel's error; 0 where it claimed success with another value than 0.
        errno_name: "EEXIST"; "ENOTSUPP" for 524.
        cause: What that means here, in words; "" if it is not known.
        log: What the verifier, the BTF checker or libbpf wrote; "" for other commands.
        program: The program of an object file that was refused; "" for all else.
    """

    def __init__(
        self, command: str, errno: int, cause: str = "", log: str = "", program: str = ""
    ) -> None:
        self.command = command
        self.errno = errno
        self.errno_name = errno_name(errno) if errno else "no errno"
        self.cause = cause or verifier_cause(log) or cause_of(command, errno)
        self.log = log
        self.program = program
        super().__init__(f"{command}: {self.errno_name}" + (self.cause and f" ({self.cause})"))
