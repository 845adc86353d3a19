"""A QEMU whose USB ports are ours to fill: devices of this rig, and QEMU's own hubs.

A device is usbredir over a socket pair whose other end is given to QEMU, through its monitor; QEMU puts it behind its
xHCI controller, and the guest's kernel sees a port like any other. `port` is "1.3" for port 3 of the hub in the
controller's port 1, which the kernel calls 1-1.3.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Sequence
from typing import Any

from qemu.qmp import QMPClient

from tests.rig.devices import descriptors as d
from tests.rig.devices import usbredir as r
from tests.rig.devices.device import Device
from tests.rig.devices.usbip import Transfer

CONTROLLER = "usb"  # what the machine's command line calls it
TO_LEAVE = 10.0  # seconds in which QEMU is to be done with what is pulled


class Qemu:
    """A running QEMU, by its monitor."""

    def __init__(self) -> None:
        self._monitor = QMPClient("rig")
        self._numbers = itertools.count(1)
        self._turn = asyncio.Lock()

    async def start(self, argv: Sequence[str], control: socket.socket) -> asyncio.subprocess.Process:
        """Starts it; its virtio port "rig.venue" is the other end of `control`."""
        ours, theirs = socket.socketpair()
        with theirs:
            monitor = ["-chardev", f"socket,id=monitor,fd={theirs.fileno()}", "-mon", "chardev=monitor,mode=control"]
            port = ["-chardev", f"socket,id=venue,fd={control.fileno()}"]
            port += ["-device", "virtserialport,chardev=venue,name=rig.venue"]
            process = await asyncio.create_subprocess_exec(
                *argv, *monitor, *port, pass_fds=(theirs.fileno(), control.fileno())
            )
        await self._monitor.connect(ours)
        return process

    async def plug(self, driver: str, port: str, **options: str) -> str:
        """The name of what is now in the port. Raises QMPError, as for a port that is taken."""
        name = f"in{next(self._numbers)}"
        await self._ask("device_add", driver=driver, id=name, bus=f"{CONTROLLER}.0", port=port, **options)
        return name

    async def redirect(self, port: str, theirs: socket.socket) -> str:
        """Plugs in what speaks usbredir at the other end of that socket."""
        name = f"to{next(self._numbers)}"
        async with self._turn:  # a descriptor is taken by the next command that asks for one
            self._monitor.send_fd_scm(theirs.fileno())
            await self._ask("getfd", fdname=name)
        address = {"type": "fd", "data": {"str": name}}
        backend = {"type": "socket", "data": {"addr": address, "server": False}}
        await self._ask("chardev-add", id=name, backend=backend)
        return await self.plug("usb-redir", port, chardev=name)

    async def unplug(self, name: str) -> None:
        """Returns when QEMU is done with it, and with what is plugged into it."""
        with self._monitor.listener("DEVICE_DELETED") as events:
            await self._ask("device_del", id=name)
            async with asyncio.timeout(TO_LEAVE):
                async for event in events:
                    match event.get("data"):
                        case {"device": device} if device == name:
                            return

    async def _ask(self, command: str, **arguments: Any) -> None:
        await self._monitor.execute(command, arguments)


class Connection(asyncio.Protocol):
    """A device in a port. Isochronous packets are paced by QEMU: it takes them as its controller's frames pass. None go
    the other way: a camera has its nodes here, and no picture."""

    def __init__(self, qemu: Qemu, device: Device, port: str) -> None:
        self.device, self.port = device, port
        self.frozen = False  # hears nothing until it is configured anew; QEMU does not notice, its stream runs on
        self._qemu, self._name = qemu, ""
        self._reader = r.Reader()
        self._kinds: dict[int, int] = {}  # which message each waiting transfer came with
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether it is plugged in, as far as both sides know."""
        return self._transport is not None and not self._gone.is_set()

    @property
    def late(self) -> float:
        """Never: QEMU does not wait for isochronous packets."""
        return 0.0

    async def attach(self) -> None:
        """Plugs it in. Raises QMPError when QEMU refuses, as for a port that is taken."""
        ours, theirs = socket.socketpair()
        with theirs:
            await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
            try:
                self._name = await self._qemu.redirect(self.port, theirs)
            except BaseException:
                self._close()
                raise

    async def detach(self) -> None:
        """Pulls it out."""
        await self._qemu.unplug(self._name)
        await self.left()

    async def left(self) -> None:
        """Waits until QEMU has let go of it, as when the hub is pulled that it is plugged into."""
        async with asyncio.timeout(TO_LEAVE):
            await self._gone.wait()

    # --- asyncio's side ----------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send(r.hello())

    def data_received(self, data: bytes) -> None:
        for message in self._reader.feed(data):
            self._obey(message)

    def connection_lost(self, error: Exception | None) -> None:
        self._kinds.clear()
        self.device.detach()
        self._gone.set()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    # --- messages ----------------------------------------------------------------------------------------------

    def _obey(self, message: r.Message) -> None:
        body, number = message.body, message.number
        match message.kind:
            case r.HELLO:
                self.device.attach(self._finish)
                self._describe()
                self._send(r.connect(self.device.speed - 1, self.device.cls, self.device.ids, self.device.release))
            case r.RESET:
                self.device.attach(self._finish)
                self._kinds.clear()
            case r.SET_CONFIGURATION:
                self._told(number, r.CONFIGURATION_STATUS, self._asked(0, d.SET_CONFIGURATION, body[0], 0), body[0])
            case r.GET_CONFIGURATION:
                answer = self._asked(0x80, d.GET_CONFIGURATION, 0, 0)
                self._told(number, r.CONFIGURATION_STATUS, answer, (answer or b"\0")[0])
            case r.SET_ALTERNATE:
                self._told(number, r.ALTERNATE_STATUS, self._asked(1, d.SET_INTERFACE, body[1], body[0]), *body[:2])
            case r.GET_ALTERNATE:
                answer = self._asked(0x81, d.GET_INTERFACE, 0, body[0])
                self._told(number, r.ALTERNATE_STATUS, answer, body[0], (answer or b"\0")[0])
            case r.START_STREAM | r.STOP_STREAM:
                self._send(r.message(r.STREAM_STATUS, number, bytes([r.DONE, body[0]])))
            case r.START_INTERRUPTS:
                self._send(r.message(r.INTERRUPTS_STATUS, number, bytes([r.DONE, body[0]])))
                self._listen(body[0])
            case r.STOP_INTERRUPTS:
                self._forget(body[0])
                self._send(r.message(r.INTERRUPTS_STATUS, number, bytes([r.DONE, body[0]])))
            case r.CANCEL:
                self._cancel(number)
            case r.CONTROL | r.BULK | r.ISOCHRONOUS | r.INTERRUPT as kind:
                self.device.note(time.monotonic())
                self._move(kind, r.transfer(message))

    def _describe(self) -> None:
        self._send(r.described(self.device.body(), self.device.alternates, self.device.packet))

    def _asked(self, type: int, code: int, value: int, index: int) -> bytes | None:
        """The device's answer to a standard request for which the host has a message of its own."""
        self.device.note(time.monotonic())
        setup = bytes([type, code]) + d.u16(value) + d.u16(index) + d.u16(type >> 7)
        return self.device.control(Transfer(0, type & 0x80, type >> 7, setup, b"", 0, ()))

    def _told(self, number: int, kind: int, answer: bytes | None, *what: int) -> None:
        """Other endpoints may be there now, and the host hears of them first."""
        self._describe()
        self._send(r.message(kind, number, bytes([r.STALLED if answer is None else r.DONE, *what])))

    def _move(self, kind: int, asked: Transfer) -> None:
        if kind == r.CONTROL:
            answer = self.device.control(asked)
            self.frozen = self.frozen and self.device.configured
            status = r.STALLED if answer is None else r.DONE
            data = (answer or b"") if asked.to_host else b""
            moved = len(data) if asked.to_host else asked.length
            self._send(r.done(kind, asked, status, 0 if answer is None else moved, data))
        elif asked.to_host:
            self._kinds[asked.number] = kind
            self.device.wait(asked)
        elif kind != r.ISOCHRONOUS:
            self.device.take(asked.endpoint, asked.data)
            self._send(r.done(kind, asked, r.DONE, len(asked.data)))
        elif not self.frozen:
            self.device.take(asked.endpoint, asked.data)

    def _listen(self, endpoint: int) -> None:
        """The host wants whatever an interrupt endpoint has to say, from now on: a transfer that bears the endpoint's
        number (the host's own numbers are addresses in its memory, which begin above)."""
        self._kinds[endpoint] = r.INTERRUPT
        self.device.wait(Transfer(endpoint, endpoint, 64, bytes(8), b"", 0, ()))

    def _finish(self, transfer: Transfer, data: bytes) -> None:
        kind = self._kinds.pop(transfer.number)
        self._send(r.done(kind, transfer, r.DONE, len(data), data))
        if kind == r.INTERRUPT:
            self._listen(transfer.endpoint)

    def _forget(self, number: int) -> int | None:
        """The kind of the message that waits no longer; None where it has been answered."""
        self.device.cancel(number)
        return self._kinds.pop(number, None)

    def _cancel(self, number: int) -> None:
        waiting = [each for queue in self.device.waiting.values() for each in queue if each.number == number]
        kind = self._forget(number)
        if kind is not None:
            for each in waiting:
                self._send(r.done(kind, each, r.CANCELLED, 0))
