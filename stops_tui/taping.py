"""The side of the app that records what it looks at."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from textual.message import Message
from textual.reactive import var

from stops_tui.kernels.recording.error import RecordingError
from stops_tui.looking import Look, LookingApp

if TYPE_CHECKING:
    from stops_tui.kernels.recording.recorder import Recorder

LARGEST: Final = 64 << 20
"""Bytes after which a recording made in the app ends."""
BY_HAND: Final = "it was ended by hand"


class TapeEnded(Message):
    """A recording ended by itself."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class TapingApp(LookingApp):
    """What `StopsApp` is, as far as it records.

    Attributes:
        taping: Where to; "" while it does not.
    """

    taping: var[str] = var("")

    _tape: Recorder | None = None
    _tape_lock = Lock()

    def _look(self, wanted: Iterable[int]) -> Look:
        look = super()._look(wanted)
        with self._tape_lock:
            if self._tape:
                self._record(self._tape, look)
        return look

    def _record(self, tape: Recorder, look: Look) -> None:
        try:
            if tape.look(look.counts):
                return
            why = tape.ended
        except RecordingError as error:
            why = str(error)
        tape.close(why)
        self._tape = None
        self.post_message(TapeEnded(why))

    def action_record(self) -> None:
        """Ask where to, and begin; or end it."""
        if self.taping:
            self.end_tape()
            return
        from stops_tui.screens.record_to import RecordTo

        self.push_screen(RecordTo(self.kernel.host.name), self._begin_tape)

    def _begin_tape(self, answer: tuple[str, bool] | None) -> None:
        if answer:
            path, redact = answer
            job = partial(self._make_tape, path, redact)
            self.lookup(self, job, partial(self._begun, path))

    def _make_tape(self, path: str, redact: bool) -> None:
        from stops_tui.kernels.recording.file import Writer
        from stops_tui.kernels.recording.recorder import Recorder
        from stops_tui.kernels.recording.redact import Redacted, Whole
        from stops_tui.struct_ops.recording import types_shown

        tape = Recorder(
            self.kernel,
            Writer(str(Path(path).expanduser())),
            types_shown(self.kernel),
            interval=self.interval,
            most=LARGEST,
            keep=Redacted() if redact else Whole(),
        )
        tape.look()
        with self._tape_lock:
            self._tape = tape

    def _begun(self, path: str, _: None) -> None:
        self.taping = path

    def on_tape_ended(self, message: TapeEnded) -> None:
        """Tell why it ended."""
        self.notify(f"The recording ended: {message.why}", severity="warning", markup=False)
        self.taping = ""

    def end_tape(self) -> None:
        """End the recording, if there is one; may wait for a look that is under way."""
        with self._tape_lock:
            tape, self._tape = self._tape, None
        if tape:
            tape.close(BY_HAND)
            words = f"{tape.size:,} bytes. To see it: stops-tui replay {self.taping}"
            self.notify(words, title="recorded", markup=False)
        self.taping = ""
