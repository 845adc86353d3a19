"""The private names of Textual that the console uses, each with what it relies on: a new version that changes one fails
here, by its name, and not somewhere on the screen."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
from textual import _compositor
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.binding import BindingsMap
from textual.drivers.linux_driver import LinuxDriver


def parameters(of: Callable[..., object]) -> list[str]:
    return list(inspect.signature(of).parameters)


@pytest.mark.parametrize(
    ("of", "takes"),
    [
        (App._display, ["self", "screen", "renderable"]),  # app.py: every frame passes it
        (App._handle_exception, ["self", "error"]),  # app.py: how a defect of ours ends the console
        (App._fatal_error, ["self"]),  # app.py: what is said of it then
        (App._close_messages_no_wait, ["self"]),
        (_compositor.ChopsUpdate.__init__, ["self", "chops", "spans", "chop_ends"]),  # widgets/trim.py
        (_compositor.CompositorUpdate.render_segments, ["self", "console"]),
        (BindingsMap.bind, ["self", "keys", "action", "description", "show", "key_display", "priority"]),
    ],
)
def test_a_private_method_is_called_as_it_is_declared(of: Callable[..., object], takes: list[str]) -> None:
    assert parameters(of) == takes


def test_an_application_has_the_private_fields_that_are_read() -> None:
    app = App[None]()
    assert app._exception is None
    assert app._exit_renderables == []
    assert isinstance(app._bindings, BindingsMap)
    assert isinstance(app._bindings.key_to_bindings, dict)


def test_a_driver_has_the_private_fields_that_are_read() -> None:
    source = inspect.getsource(inspect.getmodule(LinuxDriver.__mro__[1]) or LinuxDriver)
    assert "self._app = app" in source
    assert "self._loop = " in source
    assert "self.run_input_thread()" in inspect.getsource(LinuxDriver._run_input_thread)
    assert "self.exit_event.set()" in inspect.getsource(LinuxDriver.disable_input)
    assert XTermParser()._timeout_time is None  # it waits for no more of a sequence
