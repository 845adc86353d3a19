"""One device's connection to the kernel: USB/IP over a socket pair whose other end is given to vhci_hcd.

No network and no usbip programs: the kernel takes any stream socket whose number is written to its `attach` file
(drivers/usb/usbip/vhci_sysfs.c).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from pathlib import Path
from typing import Any

from tests.rig.devices.device import FULL, HIGH, Device
from tests.rig.devices.usbip import STALLED, Cancel, Transfer, cancelled, done, gathered, paced, parse

CONTROLLER = Path("/sys/devices/platform/vhci_hcd.0")
BUFFER = 1 << 21
FREE = "004"  # the word for a port that nothing is attached to (VDEV_ST_NULL)
LET_GO = 5.0  # seconds
PAUSE = 0.25  # seconds without packets, sent or answered, after which an endpoint's clock starts anew
FRAMES = {FULL: 0.001, HIGH: 0.000125}  # seconds: an isochronous packet each
# Seconds: packets are answered together, for all devices, as by a controller that does not interrupt for each transfer.
# The audio driver has 18 ms of them on their way, in transfers of 6 ms (sound/usb/card.h: MAX_QUEUE, MAX_PACKS).
TICK = 0.012


def is_free(status: str, port: int) -> bool:
    """Whether the controller's `status` file says that nothing is attached to the port: "hs  0000 004 000 ..."."""
    ports = {int(words[1]): words[2] for line in status.splitlines()[1:] if len(words := line.split()) > 2}
    return ports[port - 1] == FREE


class Connection(asyncio.Protocol):
    """An attached device. Isochronous packets are paced by a clock for each endpoint, as a bus would: a transfer is
    answered at the first tick after the last of its frames would have been on the wire."""

    def __init__(self, device: Device, port: int) -> None:
        self.device, self.port = device, port
        self.frozen = False  # takes no isochronous packet until it is configured anew, as if its stream hung
        self._buffer = bytearray()
        self._pending: dict[int, Transfer] = {}
        self._due: dict[int, float] = {}  # when the last frame of each has passed
        self._tick: asyncio.TimerHandle | None = None
        self._clocks: dict[int, float] = {}
        self._active: dict[int, float] = {}  # by endpoint: when packets were last sent or answered
        self._last = 0
        self._overtaken: set[int] = set()
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether it is plugged in, as far as both sides know."""
        return self._transport is not None and not self._gone.is_set()

    @property
    def late(self) -> float:
        """For how many seconds the host has been waiting for packets whose time on the bus has passed."""
        now = time.monotonic()  # which is the loop's clock, too
        return max((now - due for due in self._due.values()), default=0.0)

    async def attach(self) -> None:
        """Plugs it in. Raises OSError when the kernel refuses, as for a port that is taken."""
        ours, theirs = socket.socketpair()
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            said = f"{self.port - 1} {theirs.fileno()} {(1 << 16) | self.port} {self.device.speed}"
            self.device.attach(self._finish)
            await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
            try:
                (CONTROLLER / "attach").write_text(said)
            except OSError:
                self._close()
                raise

    async def detach(self) -> None:
        """Pulls it out; returns when the port may be used again. Raises TimeoutError when the kernel keeps it."""
        with contextlib.suppress(OSError):  # the kernel has noticed already
            (CONTROLLER / "detach").write_text(str(self.port - 1))
        self._close()
        await self._gone.wait()
        end = time.monotonic() + LET_GO
        while not is_free((CONTROLLER / "status").read_text(), self.port):
            if time.monotonic() > end:
                raise TimeoutError(f"the kernel has not let go of port {self.port} within {LET_GO:g} s")
            await asyncio.sleep(0.01)

    # --- asyncio's side ----------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=BUFFER)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        now = time.monotonic()  # once: under User Mode Linux it is a call to the kernel
        for message in parse(self._buffer):
            if isinstance(message, Cancel):
                self._cancel(message)
            else:
                self._submit(message, now)

    def connection_lost(self, error: Exception | None) -> None:
        if self._tick is not None:
            self._tick.cancel()
        self._due.clear()
        self._pending.clear()
        self.device.detach()
        self._gone.set()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # --- transfers ---------------------------------------------------------------------------------------------

    def _submit(self, transfer: Transfer, now: float) -> None:
        self._last = transfer.number
        if transfer.number in self._overtaken:
            self._overtaken.discard(transfer.number)
            return
        self.device.note(now)
        self._pending[transfer.number] = transfer
        if transfer.endpoint & 0x7F == 0:
            answer = self.device.control(transfer)
            self.frozen = self.frozen and self.device.configured
            if answer is None:
                self._answer(transfer, done(transfer, STALLED, 0))
            elif transfer.to_host:
                self._answer(transfer, done(transfer, 0, len(answer), answer))
            else:
                self._answer(transfer, done(transfer, 0, transfer.length))
        elif transfer.packets:
            self._pace(transfer, now)
        elif transfer.to_host:
            self.device.wait(transfer)
        else:
            self.device.take(transfer.endpoint, transfer.data)
            self._answer(transfer, done(transfer, 0, transfer.length))

    def _pace(self, transfer: Transfer, now: float) -> None:
        if self.frozen:
            return
        active = self._active.get(transfer.endpoint, 0.0)
        begins = now if now - active > PAUSE else self._clocks[transfer.endpoint]  # however late that is by now
        due = begins + len(transfer.packets) * FRAMES[self.device.speed]
        self._clocks[transfer.endpoint], self._active[transfer.endpoint] = due, now
        self._due[transfer.number] = due
        if self._tick is None:
            self._wait()

    def _wait(self) -> None:
        next_tick = math.ceil(min(self._due.values()) / TICK) * TICK
        self._tick = asyncio.get_running_loop().call_at(next_tick, self._ticks)

    def _ticks(self) -> None:
        now = time.monotonic()
        passed = [number for number, due in self._due.items() if due <= now]
        self._send(b"".join(self._arrived(self._pending.pop(number), now) for number in passed))
        self._tick = None
        if self._due:
            self._wait()

    def _arrived(self, transfer: Transfer, now: float) -> bytes:
        """The frames have passed: the device has heard them, or filled them."""
        del self._due[transfer.number]
        self._active[transfer.endpoint] = now
        if transfer.to_host:
            return gathered(transfer, self.device.stream(transfer.endpoint, transfer.packets))
        self.device.take(transfer.endpoint, transfer.data)
        return paced(transfer)

    def _finish(self, transfer: Transfer, data: bytes) -> None:
        self._answer(transfer, done(transfer, 0, len(data), data))

    def _answer(self, transfer: Transfer, message: bytes) -> None:
        if self._pending.pop(transfer.number, None) is not None:
            self._send(message)

    def _send(self, messages: bytes) -> None:
        if self._transport is not None:
            self._transport.write(messages)

    def _cancel(self, cancel: Cancel) -> None:
        found = self._pending.pop(cancel.target, None) is not None
        if found:
            self.device.cancel(cancel.target)
            self._due.pop(cancel.target, None)
        elif cancel.target > self._last:  # it has overtaken what it cancels, which the kernel has by then forgotten
            self._overtaken.add(cancel.target)
        self._send(cancelled(cancel, found))
