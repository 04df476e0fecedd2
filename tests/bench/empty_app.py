"""The yardstick of the screen: the least that a Textual app can be."""

from textual.app import App, ComposeResult
from textual.widgets import Static

MARK = "nothing-at-all"


class EmptyApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Static(MARK)


if __name__ == "__main__":
    EmptyApp().run()
