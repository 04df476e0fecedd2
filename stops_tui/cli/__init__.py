"""The door: arguments → the app, or one report. Textual is imported only when the app opens."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from stops_tui.cli.apps import open_app, open_demo, open_replay
from stops_tui.exit_codes import FINE, NOT_FOUND, PERMISSION, UNSUPPORTED, UNWRITTEN

if TYPE_CHECKING:
    from argparse import Namespace

    from stops_tui.kernels.kernel import Kernel, KernelUnreadable
    from stops_tui.report.order import Order


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `stops-tui`; a report ends the process, the app returns.

    Args:
        arguments: Those after the command's name; None: this process's.

    Returns:
        One of `exit_codes`.
    """
    gc.disable()  # looking for garbage costs a tenth of a report or a start, and finds none
    if sys.stderr is None:  # closed by whoever started this
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (for as long as this runs)
    given = sys.argv[1:] if arguments is None else arguments
    if not given:
        return open_app(_live_kernel, None, armed=False)  # to make the parser takes 10 ms
    from stops_tui.cli.parser import parse

    found = parse(given)
    if found.verb == "replay":
        return open_replay(found.file, found.speed)
    if found.verb is None and found.demo:
        return open_demo(found.seed, found.speed, found.interval, armed=found.write)
    if found.verb is None:
        return open_app(_live_kernel, found.interval, armed=found.write)
    try:
        _behave_as_a_filter()
        exit_code = run(found, _live_kernel)
        sys.stdout.flush()
    except OSError as error:
        _tell(str(error))
        exit_code = UNWRITTEN
    os._exit(exit_code)  # to take a thousand maps apart object by object takes a tenth as well


def run(found: Namespace, open_kernel: Callable[[], Kernel]) -> int:
    """Print the report of one verb; the exit code.

    Args:
        found: What `parser.parse` returned, with a verb.
        open_kernel: Called by verbs that look at a kernel; may raise KernelUnreadable.
    """
    if found.verb == "completion":
        return _print_completion(found.shell)
    if found.verb == "config":
        from stops_tui.config import load
        from stops_tui.report.settings import report

        return report(load(found.interval), as_json=found.json)
    if found.verb == "object":
        from stops_tui.kernels.live.sysfs_btf import sysfs_btfs
        from stops_tui.report import object_file

        return object_file.report(found.file, sysfs_btfs, as_json=found.json)
    from stops_tui.bpf.errors import BpfError
    from stops_tui.btf import BtfError
    from stops_tui.kernels.kernel import KernelUnreadable
    from stops_tui.kernels.recording.error import RecordingError

    try:
        return _report(found, _other_kernel(found) or open_kernel())
    except RecordingError as error:
        _tell(str(error))
        return NOT_FOUND
    except KernelUnreadable as unreadable:
        return _not_read(found, _remedy(unreadable), unreadable.obstacles[0].exit_code)
    except BpfError as error:
        denied = error.errno_name in ("EPERM", "EACCES")
        return _not_read(found, str(error), PERMISSION if denied else UNSUPPORTED)
    except BtfError as error:
        return _not_read(found, f"this kernel's BTF cannot be read: {error}", UNSUPPORTED)


def _not_read(found: Namespace, words: str, exit_code: int) -> int:
    """Tell why there is no kernel to look at; scripts that change it get an outcome even so."""
    from stops_tui.cli.writing import CHANGING

    if found.verb not in CHANGING:
        _tell(words)
        return exit_code
    from stops_tui.report.outcome import Unfulfilled, told_unfulfilled

    return told_unfulfilled(Unfulfilled(words, exit_code), as_json=found.json)


def _report(found: Namespace, kernel: Kernel) -> int:
    """The report of a verb that looks at a kernel; each imports no more than it needs."""
    match found.verb:
        case "list":
            from stops_tui.report import maps

            return maps.report(kernel, found.select, with_holders=found.holders, as_json=found.json)
        case "holders":
            from stops_tui.report import account

            return account.report(kernel, found.select, as_json=found.json)
        case "dump":
            from stops_tui.report import dump

            return dump.report(kernel, found.select, as_json=found.json)
        case "types":
            from stops_tui.report import types

            return types.report(kernel, found.name, as_json=found.json)
        case "progs":
            from stops_tui.report import programs

            return programs.report(kernel, as_json=found.json)
        case "prog":
            from stops_tui.report import program

            return program.report(kernel, found.select, found.form, as_json=found.json)
        case "examples":
            from stops_tui.report import examples

            return examples.report(kernel, as_json=found.json)
        case "watch":
            return _watch(found, kernel)
        case "record":
            return _record(found, kernel)
        case _:
            return _change(found, kernel)


def _change(found: Namespace, kernel: Kernel) -> int:
    """The report of a verb that changes the kernel: the verb itself is the request to."""
    from stops_tui.report.outcome import Unfulfilled, told_unfulfilled

    try:
        match found.verb:
            case "register":
                from stops_tui.report import register

                return register.report(kernel, _order(found), dry=found.dry_run, as_json=found.json)
            case "unregister":
                from stops_tui.report import unregister

                return unregister.report(kernel, *found.select, yes=found.yes, as_json=found.json)
            case _:
                from stops_tui.report import swap

                _, link_id = found.select
                new = found.map_id or _order(found)
                return swap.report(
                    kernel, link_id, new, dry=found.dry_run, yes=found.yes, as_json=found.json
                )
    except Unfulfilled as unfulfilled:
        return told_unfulfilled(unfulfilled, as_json=found.json)


def _order(found: Namespace) -> Order:
    from stops_tui.report.order import Order

    return Order(
        type_name=found.type_name,
        map_name=found.map_name,
        programs=tuple(found.programs),
        data=tuple(found.data),
        example=found.example,
        link=found.link,
        pin=found.pin,
        plan_file=found.plan_file,
        object_file=found.object_file,
        variables=tuple(found.variables),
    )


def _watch(found: Namespace, kernel: Kernel) -> int:
    gc.enable()  # this one may go on for days
    from stops_tui.config import load
    from stops_tui.report import watch
    from stops_tui.report.settings import tell_problems

    config = load(found.interval)
    tell_problems(config)
    return watch.report(kernel, config.interval, found.duration, as_json=found.json)


def _record(found: Namespace, kernel: Kernel) -> int:
    gc.enable()  # this one may go on for days
    from stops_tui.config import load
    from stops_tui.report import record
    from stops_tui.report.settings import tell_problems

    config = load(found.interval)
    tell_problems(config)
    return record.report(
        kernel, found.file, config.interval, found.duration, found.max_size, redact=found.redact
    )


def _live_kernel() -> Kernel:
    from stops_tui.kernels.live.kernel import LiveKernel

    return LiveKernel.open()


def _other_kernel(found: Namespace) -> Kernel | None:
    """The demo kernel or a recording, where one was asked for."""
    if found.demo:
        from stops_tui.kernels.demo.kernel import DemoKernel

        return DemoKernel(found.seed, found.speed)
    if not getattr(found, "replay", None):
        return None
    from stops_tui.kernels.recording.kernel import RecordedKernel

    kernel = RecordedKernel(found.replay)
    if kernel.problem:
        _tell(f"{found.replay}: {kernel.problem}")
    if found.at:
        kernel.playback.seek(found.at(kernel.start.time))
    return kernel


def _print_completion(shell: str) -> int:
    import shtab

    from stops_tui.cli.parser import build_parser

    sys.stdout.write(shtab.complete(build_parser(), shell) + "\n")
    return FINE


def _remedy(unreadable: KernelUnreadable) -> str:
    """The gravest obstacle and what mends it, on one line."""
    gravest = unreadable.obstacles[0]
    return f"{gravest.what}; to mend it: {gravest.remedy}" if gravest.remedy else gravest.what


def _behave_as_a_filter() -> None:
    """End at once and quietly on a broken pipe and on ^C, as cat and tail do.

    Nothing is held that would have to be given back. Text that the terminal's encoding lacks
    is escaped.

    Raises:
        OSError: There is no standard output.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
    for name in ("SIGPIPE", "SIGINT"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _tell(text: str) -> None:
    from stops_tui.report.output import note

    note(text)
