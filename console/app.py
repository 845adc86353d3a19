"""The application: owns the venue's session, the keys, and the way out."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from console.messages import Act, Open
from console.options import who
from console.screens.dialog import Dialog
from console.screens.following import Following
from console.screens.main import Main, is_typing
from console.textual_app import TextualApp

if TYPE_CHECKING:
    from backends.contract import Id
    from console.acting import Acting
    from console.session import Session
    from console.venue.incidents import Incident
    from console.venue.journal import RunRow
    from console.venue.venue import Update, Venue

TOGETHER = 0.03  # seconds: what changes so close together is painted together
CLOSING = 0.5  # seconds for sources to end; what hangs is left behind
STAMP = 10.0  # seconds between repaints of what ages
SILENCE = 3600.0  # seconds


class Foh(TextualApp):
    """The console. `open_session` is called after the first frame, so that nothing waits for a source."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "foh"
    CSS = "Screen { background: transparent; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", "quit", show=False, priority=True),
        Binding("question_mark", "help", "help", show=False, priority=True),
        Binding("colon,ctrl+p", "commands", "commands", show=False, priority=True),
        Binding("y", "copy", "copy", show=False, priority=True),
        Binding("l", "history", "history", show=False, priority=True),
    ]
    CHANGING: ClassVar[dict[str, str]] = {"a": "actions", "f": "fix", "A": "acknowledge", "S": "silence"}

    def __init__(self, open_session: Callable[[], Awaitable[Session]], read_only: bool = False) -> None:
        super().__init__()
        self.venue: Venue | None = None
        self.read_only = read_only
        self._open_session = open_session
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None
        self._due: list[Update] = []
        if not read_only:  # a read-only console does not have these keys at all
            for key, action in self.CHANGING.items():
                self._bindings.bind(key, action, show=False, priority=True)

    def get_default_screen(self) -> Screen[None]:
        return Main(self.read_only)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters typed into an input or a dialog are no commands.

        All keys here and in `Rows` have priority, which has one effect that matters: they are obeyed one after
        the other, however fast they arrive. Without it a burst over a slow line acts on an earlier selection.
        """
        ours = {binding.action.partition("(")[0] for binding, *_ in self._bindings.key_to_bindings.values()}
        return action not in ours or not (self.screen.is_modal or is_typing(self.screen.focused))

    # --- life -----------------------------------------------------------------------------------------------

    def on_ready(self) -> None:
        gc.freeze()
        gc.enable()
        self._task = asyncio.create_task(self._run())

    async def on_unmount(self) -> None:
        await self._close()

    async def run_async(self, **options: Any) -> None:
        try:
            await super().run_async(**options)
        finally:
            await self._close()

    async def _close(self) -> None:
        """Ends the sources, their children and the journal, once what is being done is finished or written down."""
        task, self._task = self._task, None
        if task:
            if self.venue:
                await self.venue.runs.finish()
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSING)

    async def _run(self) -> None:
        from console.config import ConfigError
        from console.options import USAGE

        try:
            self._session = await self._open_session()
            self.venue = self._session.venue
            for screen in self._following():
                screen.venue = self.venue
            self.venue.listeners.append(self._changed)
            self.venue.runs.listeners.append(self._run_ended)
            self.set_interval(STAMP, self._repaint)
            await self._session.run(self.read_only)
        except ConfigError as error:
            self.leave(USAGE, str(error))
        except Exception as error:  # noqa: BLE001  (a defect of ours: end with its traceback and a status that says so)
            self._handle_exception(error)

    def leave(self, code: int, message: str = "") -> None:
        """Ends, once what is being done is finished or written down. The screen says what it waits for."""
        doing = self.venue.runs.finishing if self.venue else []
        if not doing:
            super().leave(code, message)
        elif self._finishing is None:
            self._finishing = asyncio.create_task(self._finish(code, message))
            self.say(f"{', '.join(doing)}...", "warn")

    async def _finish(self, code: int, message: str) -> None:
        if self.venue:
            await self.venue.runs.finish()
        super().leave(code, message)

    async def action_quit(self) -> None:
        self.leave(0)

    # --- painting -------------------------------------------------------------------------------------------

    def _changed(self, update: Update) -> None:
        # By the loop: Textual's timers skip what they are late for, and one that fires once never does.
        if not self._due:
            asyncio.get_running_loop().call_later(TOGETHER, self.call_next, self._paint_due)
        self._due.append(update)

    def _bind_shortcuts(self) -> None:
        """Gives the kinds' shortcuts the keys that the console does not need itself."""
        from console.panes.help import shortcuts

        if self.venue and not self.read_only:
            for shortcut in shortcuts(self.venue.state.kinds.values()):
                if shortcut.key not in self._bindings.key_to_bindings:
                    self._bindings.bind(shortcut.key, f"shortcut({shortcut.action!r})", show=False, priority=True)

    def _paint_due(self) -> None:
        from console.venue.venue import Update

        due, self._due = self._due, []
        everything = any(not update.ids for update in due)
        if everything:
            self._bind_shortcuts()
        ids = frozenset[("Id")]() if everything else frozenset().union(*(update.ids for update in due))
        for screen in self._following():
            screen.paint(Update(ids, any(update.incidents for update in due)))

    def _repaint(self) -> None:
        """What ages by itself: the header's stamp, the incidents, a detail."""
        for screen in self._following():
            screen.paint_ages()

    def say(self, text: str, style: str = "") -> None:
        """One line of news at the foot of every screen that has one. While it ends: what it waits for."""
        text = f"finishing: {text}" if self._finishing and text else text
        for screen in self._following():
            screen.say(text, style)

    def _run_ended(self, row: RunRow) -> None:
        self.say(f"{row.label} ({row.who}): {row.text}", "good" if row.outcome == "done" else "crit")

    def _following(self) -> list[Following]:
        """The screens that follow the venue. One that was pushed a moment ago has nothing on it yet: it paints itself
        when it is mounted."""
        return [screen for screen in self.screen_stack if isinstance(screen, Following) and screen.is_mounted]

    # --- reading --------------------------------------------------------------------------------------------

    def on_open(self, message: Open) -> None:
        from console import reading

        if self.venue is None or self.is_asking:
            return
        if isinstance(message.key, tuple):
            self.push_screen(reading.incident(self.venue, message.key, self.read_only))
        else:
            self._push_when_read(reading.resource(self.venue, message.key, self.read_only))

    def action_help(self) -> None:
        from console import reading

        self.push_screen(reading.keys(self.venue, self.read_only))

    def action_history(self) -> None:
        from console import reading

        id, incident = self._selection()
        if self.venue and (id is not None or incident is not None):
            self._push_when_read(reading.past(self.venue, id, incident, self.read_only))

    def _push_when_read(self, made: Awaitable[Screen[None]]) -> None:
        """Pushes a screen that reads the journal first. What is asked for next takes its place."""

        async def push() -> None:
            screen = await made
            if not self.is_asking:
                await self.push_screen(screen)

        self.run_worker(push(), exclusive=True, group="open")

    @property
    def is_asking(self) -> bool:
        """Whether a dialog waits for its answer: then nothing is opened above it."""
        return isinstance(self.screen, Dialog)

    def action_commands(self) -> None:
        from textual.command import CommandPalette

        from console.commands import Finder

        finder = Finder.of(self.venue, self.read_only)
        self.push_screen(CommandPalette(providers=[finder], placeholder="a command, a resource, an action"))

    def action_copy(self) -> None:
        """The command that fixes the selected incident, or the id, to the clipboard and to a file."""
        from backends.shell import shell
        from console.venue.incidents import command

        id, incident = self._selection()
        if self._session is None or (id is None and incident is None):
            return
        text = next(filter(None, map(shell, map(command, incident.remedies))), "") if incident else ""
        text = text or str(id)
        self.copy_to_clipboard(text)
        self.say(self._session.keep_copy(text))

    # --- doing ----------------------------------------------------------------------------------------------

    def action_acknowledge(self) -> None:
        _, incident = self._selection()
        if self.venue and incident and not incident.cleared:
            self.venue.acknowledge(incident.key, who())

    def action_silence(self) -> None:
        _, incident = self._selection()
        if self.venue and incident and not incident.cleared:
            silenced = incident.is_silenced(self.venue.clock.now())
            self.venue.silence(incident.key, who(), 0 if silenced else SILENCE)
            self.say("no longer silenced" if silenced else "silenced for one hour")

    def action_actions(self) -> None:
        if ids := self._targets():
            self._acting.choose(ids)

    def action_shortcut(self, action: str) -> None:
        """One that a kind declares (contract.Shortcut)."""
        if ids := self._targets():
            self._acting.act(ids, action)

    def action_fix(self) -> None:
        _, incident = self._selection()
        remedy = next((r for r in incident.remedies if r.action and r.target), None) if incident else None
        if remedy and remedy.target:
            self._acting.act([remedy.target], remedy.action, remedy.args, ask=False)
        else:
            self.say(_by_hand(incident))

    def on_act(self, message: Act) -> None:
        self._acting.act(message.targets, message.action)

    @cached_property
    def _acting(self) -> Acting:
        """Made when the first action starts: dialogs are heavy to import."""
        from console.acting import Acting

        assert self.venue is not None  # nothing can be selected before
        return Acting(self, self.venue)

    def _targets(self) -> Sequence[Id]:
        """What an action is for."""
        return self.screen.targets() if isinstance(self.screen, Following) else []

    def _selection(self) -> tuple[Id | None, Incident | None]:
        screen = self.screen
        return (screen.selected_id(), screen.selected_incident()) if isinstance(screen, Following) else (None, None)


def _by_hand(incident: Incident | None) -> str:
    """What an operator does where the console has no action for it."""
    if incident is None:
        return "no incident is selected"
    return f"by hand: {incident.remedies[0].text}" if incident.remedies else "no remedy is known; Enter shows what is"
