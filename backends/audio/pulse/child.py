"""The pulse child: reports one sound server's streams through pulsectl, over the lines of `lines`.

    python -m backends.audio.pulse.child SERVER          reports until it is killed
    python -m backends.audio.pulse.child SERVER obey     reports, does one move from standard input, reports again

A process of its own, because libpulse waits for a hung server without a deadline, and aborts on unexpected input.
It never starts a server: that would hide that none runs.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

import msgspec
from msgspec import Struct

from backends.audio.pulse.lines import BEAT, Failure, Move, ServerReport, SinkInput
from backends.child_process import At, die_with_parent

GATHER = 0.03  # seconds; one change causes several events
PROGRAM = ("application.name", "application.process.binary", "media.name")  # the first that exists counts
LONGEST = 300  # characters of a client's property
ASKED = "target.object"  # the name or number of the requested sink; PipeWire keeps it, PulseAudio does not
MACHINE = ("application.process.machine_id", "application.process.host")


class Server:
    """A connection. Its methods raise pulsectl's errors; none of them has a deadline."""

    def __init__(self, address: str) -> None:
        import pulsectl

        self._stop = pulsectl.PulseLoopStop
        self.errors = (pulsectl.PulseError, pulsectl.PulseDisconnected)
        self.pulse: Any = pulsectl.Pulse("foh", server=address or None, connect=False)
        self._listening = self._stale = self._asked = False

    def report(self) -> ServerReport:
        """A complete report, read now."""
        pulse = self.pulse
        server, sinks = pulse.server_info(), pulse.sink_list()
        clients = {client.index: client.proplist for client in pulse.client_list()}
        mine = [each for each in clients.values() if each.get("application.process.id") == str(os.getpid())]
        names = {sink.index: sink.name for sink in sinks}
        return ServerReport(
            f"{server.server_name} {server.server_version}",
            server.cookie,
            {sink.name: sink.index for sink in sinks},
            tuple(_sink_input(each, names, clients.get(each.client, {}), mine) for each in pulse.sink_input_list()),
        )

    def listen(self) -> None:
        self.pulse.event_mask_set("sink", "sink_input", "client")
        self.pulse.event_callback_set(self._changed)

    def watch(self) -> None:
        """Reports without end."""
        said, said_at = None, 0.0
        while True:
            asked, self._stale, self._asked = self._asked, False, False
            now = self.report()
            if asked or now != said or time.monotonic() - said_at >= BEAT:
                said, said_at = now, time.monotonic()
                say(now)
            if not self._stale and not self._asked:
                self._listening = True
                self.pulse.event_listen(max(0.001, said_at + BEAT - time.monotonic()))
                self._listening = False
            time.sleep(GATHER)

    def heed(self) -> None:
        """Runs in a thread: makes `watch` report when a line comes. Calls event_listen_stop until that works, because
        a listener that has just started does not notice the first call (pulsectl)."""
        while sys.stdin.buffer.readline():
            self._asked = True
            while self._asked:
                self.pulse.event_listen_stop()
                time.sleep(GATHER)

    def obey(self) -> None:
        say(self.report())
        move = msgspec.json.decode(sys.stdin.buffer.readline(), type=Move)
        self.pulse.sink_input_move(move.stream, move.to)
        say(self.report())

    def _changed(self, event: object) -> None:
        """May be called during a request, which must not be interrupted."""
        self._stale = True
        if self._listening:
            raise self._stop

    def failure(self) -> Failure:
        """Why the last call failed."""
        from pulsectl._pulsectl import pa

        number = pa.context_errno(self.pulse._ctx)
        return Failure(number, str(pa.strerror(number)))


def _sink_input(each: Any, sinks: dict[int, str], client: dict[str, str], mine: list[dict[str, str]]) -> SinkInput:
    """`mine` has this process's client properties: clients that report our machine id run on this host."""
    said = client | each.proplist
    asked = said.get(ASKED, "")
    return SinkInput(
        each.index,
        sinks.get(each.sink, ""),
        next((said[key][:LONGEST] for key in PROGRAM if said.get(key)), ""),
        said.get("application.process.id", "")[:LONGEST],
        any(all(said.get(key) == me.get(key) for key in MACHINE) for me in mine),
        round(each.volume.value_flat * 100),
        bool(each.mute),
        bool(each.corked),
        (sinks.get(int(asked[:10]), "") if asked.isdecimal() else asked)[:LONGEST],
    )


def say(message: Struct) -> None:
    data = msgspec.json.encode(message) + b"\n"
    while data:
        data = data[os.write(1, data) :]


def main(address: str, *words: str) -> None:
    die_with_parent()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libpulse prints there, onto the operator's screen
    try:
        server = Server(address)
    except (ImportError, OSError) as error:  # the library, or libpulse itself
        say(Failure(0, str(error)))
        return
    try:
        say(At(address))
        server.pulse.connect()
        if words:
            server.obey()
        else:
            server.listen()
            threading.Thread(target=server.heed, daemon=True).start()
            server.watch()
    except server.errors:
        say(server.failure())


if __name__ == "__main__":
    main(*sys.argv[1:])
