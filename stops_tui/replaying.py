"""The app on a recording: it plays, pauses, seeks, and steps between events."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Final

from textual.binding import BindingType
from textual.reactive import var
from textual.screen import Screen

from stops_tui.actions import Action, actions_of
from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.recording.kernel import RecordedKernel
from stops_tui.struct_ops.story import Story, Told, tell
from stops_tui.widgets.event_words import clock
from stops_tui.widgets.keys import bindings
from stops_tui.widgets.timeline import Mark, Played, Timeline

TICK: Final = 0.25
"""Seconds between two looks while it plays."""
STEP: Final = 10.0
SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


class ReplayApp(StopsApp):
    """What `StopsApp` is, of the past.

    Attributes:
        played: How far it is.
        marks: Where something happens.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("replay")

    played: var[Played] = var(Played())
    marks: var[tuple[Mark, ...]] = var(())

    def __init__(self, kernel: RecordedKernel, config: Config, speed: float = 1.0) -> None:
        """At the recording's beginning, playing.

        Args:
            kernel: The recording.
            config: The settings.
            speed: Times as fast as life.
        """
        super().__init__(kernel, config)
        self._recording = kernel
        self._playback = kernel.playback
        self._playback.speed = speed
        self._playback.seek(0.0)
        self._playback.play()
        self._story = Story(kernel.now)
        self.history = self._story

    def on_mount(self) -> None:
        """Move on while it plays; know what happens as soon as it was gone through."""
        self.set_interval(TICK, self._tick)
        self.lookup(self, partial(tell, self._recording.path), self._take_story)
        if self._recording.problem:
            self._warn(f"{self._recording.path}: {self._recording.problem}")
        elif not self._recording.ended:
            self._warn("Its recorder was killed: this is all there is.")
        self._show_played()

    def _warn(self, words: str) -> None:
        self.notify(words, severity="warning", markup=False)

    def _take_trouble(self, error: Exception) -> None:
        """Damage is told in whole, once: the header has no room for it."""
        before = self._trouble
        super()._take_trouble(error)
        if self._trouble != before:
            self._warn(str(error))

    def _take_story(self, told: Told) -> None:
        self._story.take(told)
        if told.problem:
            last = f" after {clock(told.events[-1].time)}" if told.events else ""
            self._warn(f"No events are known{last}: {told.problem}")
        start = self._recording.start.time
        self.marks = tuple(Mark(time - start, strong) for time, strong in self._story.marks)
        self.look()

    # Moving

    def _tick(self) -> None:
        if self.played.playing:
            self._moved()

    def _moved(self) -> None:
        """Show where it is now."""
        self._show_played()
        self.look()  # at who holds what, too

    def _show_played(self) -> None:
        playback = self._playback
        position, length = playback.position, playback.length
        self.played = Played(position, length, playback.speed, playback.playing)
        self._show_pulse()

    def _show_pulse(self) -> None:
        """The time it shows, instead of how fresh it is."""
        self.pulse = self._trouble or clock(self._recording.now())

    def _seek(self, position: float) -> None:
        self._playback.seek(position)
        self._moved()

    def on_timeline_sought(self, message: Timeline.Sought) -> None:
        """Go where was clicked."""
        self._seek(message.position)

    # Actions

    def actions_here(self, screen: Screen[Any]) -> list[Action]:
        """Those of every kernel, and those that move a recording."""
        return [*super().actions_here(screen), *actions_of("replay")]

    def action_pause(self) -> None:
        """Stay, or go on."""
        if self._playback.playing:
            self._playback.pause()
        else:
            self._playback.play()
        self._moved()

    def action_seek_back(self) -> None:
        """Some seconds back."""
        self._seek(self._playback.position - STEP)

    def action_seek_on(self) -> None:
        """Some seconds on."""
        self._seek(self._playback.position + STEP)

    def action_next_event(self) -> None:
        """To the next event, and stay there."""
        self._step(self._story.next_event(), "Nothing happens after this.")

    def action_previous_event(self) -> None:
        """To the event before, and stay there."""
        self._step(self._story.previous_event(), "Nothing happens before this.")

    def _step(self, time: float | None, nothing: str) -> None:
        if time is None:
            self.notify(nothing if self._story.is_known else "Still reading what happens in it…")
            return
        self._playback.pause()
        self._seek(time - self._recording.start.time)

    def action_faster(self) -> None:
        """Play faster."""
        self._change_speed(min((s for s in SPEEDS if s > self._playback.speed), default=None))

    def action_slower(self) -> None:
        """Play slower."""
        self._change_speed(max((s for s in SPEEDS if s < self._playback.speed), default=None))

    def _change_speed(self, speed: float | None) -> None:
        if speed is not None:
            self._playback.speed = speed
            self._show_played()

    def action_record(self) -> None:
        """It is a recording already."""
        self._warn("A recording: copy its file.")

    def action_arm(self) -> None:
        """Nothing can be changed."""
        self._warn("A recording: nothing in it can be changed.")

    def register(self, type_name: str = "", map_id: int = 0, member: str = "") -> None:
        """Nothing can be changed."""
        self.action_arm()

    @property
    def how_to_arm(self) -> str:
        """Nothing does."""
        return "it is a recording"

    def count_runs(self, on: bool) -> None:
        """What was not counted then cannot be counted now."""
        if on:
            self._warn("A recording: what ran in it cannot be counted now.")
