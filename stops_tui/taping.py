"""The side of the app that records what it looks at."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final

from textual.message import Message
from textual.reactive import var

from stops_tui.config import Config
from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.trouble import TROUBLE
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

    def __init__(self, config: Config, ansi_color: bool | None) -> None:
        super().__init__(config, ansi_color)
        self._tape: Recorder | None = None
        self._tape_lock = Lock()

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

    # Begin

    def action_record(self) -> None:
        """Ask where to, and begin; or end it."""
        if self.taping:
            self.lookup(self, partial(self.end_tape, None), self._ended)
            return
        from stops_tui.screens.record_to import RecordTo

        self.push_screen(RecordTo(self.kernel.host.name), self._begin_tape)

    def _begin_tape(self, answer: tuple[str, bool] | None) -> None:
        if answer:
            self.taping, redact = answer
            job = partial(self._make_tape, self.taping, redact)
            self.lookup(self, job, partial(self._begun, self.taping))

    def _make_tape(self, path: str, redact: bool) -> Recorder | str:
        """A recording with its first look; or why there is none."""
        from stops_tui.kernels.recording.file import Writer
        from stops_tui.kernels.recording.recorder import Recorder
        from stops_tui.kernels.recording.redact import Redacted, Whole
        from stops_tui.screens.files import TROUBLE as BAD_PATH
        from stops_tui.screens.files import place_of
        from stops_tui.struct_ops.recording import types_shown

        keep = Redacted() if redact else Whole()
        try:
            types = types_shown(self.kernel)
            writer = Writer(str(place_of(path)))
            tape = Recorder(
                self.kernel, writer, types, interval=self.interval, most=LARGEST, keep=keep
            )
        except (*TROUBLE, *BAD_PATH) as error:
            return str(error)
        try:
            tape.look()
        except TROUBLE as error:
            writer.discard()
            return str(error)
        return tape

    def _begun(self, path: str, tape: Recorder | str) -> None:
        if isinstance(tape, str):
            self.taping = ""
            self.notify(tape, severity="error", markup=False)
        elif self.taping == path:
            self._tape = tape
        else:  # it was ended meanwhile
            tape.close(BY_HAND)

    # End

    def on_tape_ended(self, message: TapeEnded) -> None:
        """Tell why it ended."""
        self.notify(f"The recording ended: {message.why}", severity="warning", markup=False)
        self.taping = ""

    def end_tape(self, patience: float | None) -> str:
        """End the recording, if there is one; tells of it.

        Args:
            patience: Seconds to wait for a look that is under way; None: as long as it takes.
        """
        if not self._tape_lock.acquire(timeout=-1 if patience is None else patience):
            return ""  # it ends where it was; what was seen is in the file
        try:
            tape, self._tape = self._tape, None
            if tape is None:
                return ""
            tape.close(BY_HAND)
            return f"{tape.size:,} bytes. To see it: stops-tui replay {tape.path}"
        finally:
            self._tape_lock.release()

    def _ended(self, words: str) -> None:
        self.taping = ""
        if words:
            self.notify(words, title="recorded", markup=False)
