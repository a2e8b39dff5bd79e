"""The screen of `otel-replay play`: keys in, a `Playback` in the middle, its text out. Built with Textual."""

from __future__ import annotations

import shlex

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Footer, Input, Static

from otel_replay.analysis.playback import Playback
from otel_replay.cli.play_text import decision_text, grid_text, head_text, near_text
from otel_replay.cli.selecting import conditions, selection
from otel_replay.errors import UsageError

__all__ = ["PlayScreen"]

_ASKED = {
    "filter": "filter: an action or conditions, such as CLAMPING cell.rpm=3500; nothing for all",
    "break": "stop where: conditions, such as after>5 action~CLAMP; nothing for never",
}


class PlayScreen(App[None]):
    """Shows a playback and lets a person move in it."""

    TITLE = "otel-replay play"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None  # keys are the screen's, but while something is asked
    CSS = """
    #head { height: 1; padding: 0 1; background: $panel; }
    #body { height: 1fr; }
    #left { width: 2fr; }
    #decision { height: 1fr; padding: 0 1; }
    #near { height: 30%; padding: 0 1; border-top: solid $panel; }
    #grid { width: 3fr; height: 100%; padding: 0 1; border-left: solid $panel; }
    #ask { display: none; }
    #said { height: auto; padding: 0 1; color: $error; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's own way; it is never changed
        Binding("right", "step(1)", "next"),
        Binding("left", "step(-1)", "back"),
        Binding("down,pagedown", "step(10)", "10 on", show=False),
        Binding("up,pageup", "step(-10)", "10 back", show=False),
        Binding("space", "play", "play"),
        Binding("home", "first", "start"),
        Binding("end", "last", "end"),
        Binding("plus,equals_sign", "faster", "faster", key_display="+"),
        Binding("minus", "slower", "slower", key_display="-"),
        Binding("slash", "ask('filter')", "filter", key_display="/"),
        Binding("b", "ask('break')", "breakpoint"),
        Binding("n", "run_on", "to breakpoint"),
        Binding("q", "quit", "quit"),
        Binding("escape", "give_up", show=False),
    ]

    def __init__(self, playback: Playback, *, run_id: str, started_ns: int) -> None:
        super().__init__()
        self.playback = playback
        self._run_id = run_id
        self._started_ns = started_ns
        self._asking = ""
        self._ticking: Timer | None = None

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        yield Static(id="head", markup=False)
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield Static(id="decision", markup=False)
                yield Static(id="near", markup=False)
            yield Static(id="grid", markup=False)
        yield Static(id="said", markup=False)
        yield Input(id="ask")
        yield Footer()

    def on_mount(self) -> None:
        """Show the beginning."""
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Show as much as there is room for now."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        grid, near = self.query_one("#grid", Static), self.query_one("#near", Static)
        self.query_one("#head", Static).update(head_text(self.playback, self._run_id))
        self.query_one("#decision", Static).update(decision_text(self.playback, self._started_ns))
        near.update(near_text(self.playback, near.size.width, near.size.height))
        grid.update(grid_text(self.playback, grid.size.width, grid.size.height))

    def _say(self, text: str = "") -> None:
        self.query_one("#said", Static).update(text)

    # -- moving ----------------------------------------------------------------------------------------------

    def action_step(self, count: int) -> None:
        """On or back by some decisions; playing stops."""
        self.playback.playing = False
        self.playback.step(count)
        self._show()

    def action_first(self) -> None:
        """Before the first decision."""
        self.playback.playing = False
        self.playback.first()
        self._show()

    def action_last(self) -> None:
        """After the last decision."""
        self.playback.playing = False
        self.playback.last()
        self._show()

    def action_run_on(self) -> None:
        """To the next breakpoint."""
        self.playback.run_to_breakpoint()
        self._show()

    def action_play(self) -> None:
        """Play or stand still."""
        self.playback.toggle()
        self._pace()
        self._show()

    def action_faster(self) -> None:
        """More decisions a second."""
        self.playback.faster()
        self._pace()
        self._show()

    def action_slower(self) -> None:
        """Fewer decisions a second."""
        self.playback.slower()
        self._pace()
        self._show()

    def _pace(self) -> None:
        if self._ticking is not None:
            self._ticking.stop()
            self._ticking = None
        if self.playback.playing:
            self._ticking = self.set_interval(1 / self.playback.speed, self._tick)

    def _tick(self) -> None:
        if self.playback.tick():
            self._show()
        if not self.playback.playing:
            self._pace()

    # -- asking ----------------------------------------------------------------------------------------------

    def action_ask(self, what: str) -> None:
        """Ask for a filter or for breakpoints."""
        self._asking = what
        self.playback.playing = False
        self._say()
        ask = self.query_one("#ask", Input)
        ask.value, ask.placeholder, ask.display = "", _ASKED[what], True
        ask.focus()
        self._show()

    def action_give_up(self) -> None:
        """Ask no more, and leave everything as it is."""
        self._say()
        self._close()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the answer, or say what is wrong with it."""
        try:
            words = shlex.split(event.value)
            if self._asking == "filter":
                plain = [word for word in words if not set(word) & set("<>=!~")]
                where = [word for word in words if word not in plain]
                self.playback.filter = selection(self._started_ns, action=" ".join(plain), where=where)
            else:
                self.playback.breakpoints = conditions(words)
        except (UsageError, ValueError) as error:
            self._say(str(error))
            return
        self._say()
        self._close()

    def _close(self) -> None:
        self.query_one("#ask", Input).display = False
        self.set_focus(None)
        self._show()
