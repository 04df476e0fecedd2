"""Boot a kernel under QEMU, run a command in it, and bring back what it wrote."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import tarfile
from asyncio.subprocess import DEVNULL, PIPE
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from tests.support.guest import MARK
from tests.vm.initramfs import image
from tests.vm.kernels import Kernel

TCG, KVM = "tcg,thread=multi", "kvm"
MEMORY = "2G"

_CPU = {TCG: "Nehalem", KVM: "host"}
"""What a newer processor has beyond Nehalem (AVX, five levels of page tables) is slow in TCG."""

_ARGUMENTS = (
    "console=ttyS0 loglevel=4 panic=-1 oops=panic "
    "mitigations=off nokaslr audit=0 nowatchdog init_on_alloc=0 lsm="
)
"""A kernel that breaks ends the guest at once; what costs time and tests nothing here is off."""

_PORTS = ("output", "result")
"""Serial ports of the guest beside its console, as `session` knows them."""


@dataclass
class Guest:
    """What came of a guest.

    Attributes:
        status: The command's exit status; None if the guest ended before it.
        files: What it left in /run/guest/out, by name.
        console: The last lines of the kernel's console, and of QEMU's own complaints.
        ended: How the guest ended, in words.
    """

    status: int | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    console: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    ended: str = ""


def script(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """A shell script that runs a command in a folder."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(
        [*exports, f"cd {shlex.quote(str(folder))}", f"exec {shlex.join(command)}", ""]
    )


async def run(
    kernel: Kernel, command: str, said: Callable[[str], None], seconds: float, accelerator: str
) -> Guest:
    """Boot a kernel, run a shell script as root among the host's files, and power off.

    The guest sees the host's files at the same paths; what it writes is gone with it.

    Args:
        kernel: What to boot.
        command: The script.
        said: Called with each line that the command prints, when it does.
        seconds: How long all of it may take.
        accelerator: How QEMU runs it: TCG or KVM.
    """
    guest = Guest()
    async with _started(kernel, command, accelerator) as (qemu, ports):
        assert qemu.stderr
        result = asyncio.create_task(ports["result"].read())
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(
                    _each_line(ports["output"], said),
                    _each_line(ports["console"], guest.console.append),
                    _each_line(qemu.stderr, guest.console.append),
                )
                guest.files = _unpacked(await result)
                guest.ended = f"ended with QEMU's status {await qemu.wait()}"
        except TimeoutError:
            guest.ended = f"was ended after {seconds:.0f} s"
        finally:
            result.cancel()
    if guest.files.get("status"):
        guest.status = int(guest.files["status"])
    return guest


async def accelerator(kernel: Kernel) -> str:
    """KVM where a kernel boots under it; there may be a /dev/kvm that does not work."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TCG
    guest = await run(kernel, "true", lambda _line: None, seconds=20, accelerator=KVM)
    return KVM if guest.status == 0 else TCG


@asynccontextmanager
async def _started(
    kernel: Kernel, command: str, accelerator: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, asyncio.StreamReader]]]:
    """QEMU, and what comes out of its ports. It ends with this process, however that ends."""
    with ExitStack() as stack:
        initramfs = stack.enter_context(os.fdopen(os.memfd_create("initramfs"), "wb"))
        initramfs.write(image(kernel.folder, command))
        initramfs.flush()
        pairs = {name: socket.socketpair() for name in (*_PORTS, "console")}
        ports = {name: theirs.fileno() for name, (_ours, theirs) in pairs.items()}
        qemu = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL"),
            *_command(kernel, accelerator, initramfs.fileno(), ports),
            pass_fds=(initramfs.fileno(), *ports.values()),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        try:
            readers = {}
            for name, (ours, theirs) in pairs.items():
                theirs.close()
                readers[name], writer = await asyncio.open_connection(sock=ours)
                stack.callback(writer.close)
            yield qemu, readers
        finally:
            if qemu.returncode is None:
                qemu.kill()
            await qemu.wait()


def _command(
    kernel: Kernel, accelerator: str, initramfs: int, ports: Mapping[str, int]
) -> list[str]:
    """QEMU's command line, given file descriptors."""
    words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"]
    words += ["-accel", accelerator, "-machine", "q35", "-cpu", _CPU[accelerator]]
    words += ["-smp", "1", "-m", MEMORY]
    words += ["-display", "none", "-monitor", "none"]
    words += ["-kernel", str(kernel.vmlinux), "-initrd", f"/dev/fd/{initramfs}"]
    words += ["-append", f"{_ARGUMENTS} {MARK}{kernel.name}"]
    for name, fd in ports.items():
        words += ["-chardev", f"socket,id={name},fd={fd}"]
    words += ["-serial", "chardev:console", "-device", "virtio-serial-pci"]
    for name in _PORTS:
        words += ["-device", f"virtserialport,chardev={name},name={name}"]
    words += ["-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"]
    words += ["-device", "virtio-9p-pci,fsdev=host,mount_tag=host"]
    return words


async def _each_line(port: asyncio.StreamReader, said: Callable[[str], None]) -> None:
    """Hand on what comes line by line; the last one also when the guest did not get to its end."""
    rest = b""
    try:
        while chunk := await port.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                said(line.decode(errors="replace").rstrip())
    finally:
        if rest:
            said(rest.decode(errors="replace").rstrip())


def _unpacked(archive: bytes) -> dict[str, bytes]:
    """The files in a tar archive; none if it was cut off."""
    try:
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            return {
                member.name.removeprefix("./"): content.read()
                for member in tar
                if (content := tar.extractfile(member))
            }
    except tarfile.ReadError:
        return {}
