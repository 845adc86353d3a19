"""How the emulated devices speak to QEMU, without QEMU."""

from __future__ import annotations

import struct

import pytest

from tests.rig.devices import usbredir as r
from tests.rig.devices.amplifier import KEY_IN, OUT, STEREO, STREAM, Pcm2705C
from tests.rig.devices.device import Device
from tests.rig.devices.hubs import Hubbed
from tests.rig.devices.qemu import Connection, Qemu
from tests.rig.devices.usbip import Transfer


def sent(kind: int, number: int, body: bytes) -> bytes:
    """As QEMU sends it, once both have greeted."""
    return struct.pack("<IIQ", kind, len(body), number) + body


def greeting(capabilities: int = r.CAPABILITIES | 1) -> bytes:
    """As QEMU greets."""
    return struct.pack("<III64sI", r.HELLO, 68, 0, b"qemu", capabilities)


def test_messages_are_taken_off_whole_and_in_order() -> None:
    reader, found = r.Reader(), []
    for byte in greeting() + sent(r.RESET, 1, b"") + sent(r.SET_CONFIGURATION, 1 << 40, b"\1"):
        found += list(reader.feed(bytes([byte])))
    assert [(each.kind, each.number) for each in found] == [(r.HELLO, 0), (r.RESET, 1), (r.SET_CONFIGURATION, 1 << 40)]
    assert found[2].body == b"\1"


@pytest.mark.parametrize("begins", [greeting(1 << 5), struct.pack("<IIII", r.RESET, 4, 0, 0)])
def test_a_peer_that_lacks_what_is_needed_is_refused(begins: bytes) -> None:
    with pytest.raises(ValueError, match="not a usbredir peer"):
        list(r.Reader().feed(begins))


def test_what_is_to_be_moved() -> None:
    control = r.transfer(r.Message(r.CONTROL, 7, struct.pack("<BBBBHHH", 0x80, 6, 0x80, 0, 0x0100, 0, 18)))
    assert control == Transfer(7, 0x80, 18, bytes.fromhex("8006000100001200"), b"", 0, ())
    bulk = r.transfer(r.Message(r.BULK, 8, struct.pack("<BBHIH", 0x88, 0, 2, 0, 1)))
    assert (bulk.endpoint, bulk.length) == (0x88, 0x10002)
    sound = r.transfer(r.Message(r.ISOCHRONOUS, 9, struct.pack("<BBH", 2, 0, 4) + b"soun"))
    assert (sound.endpoint, sound.data) == (2, b"soun")


def test_an_answer_says_how_much_moved() -> None:
    asked = Transfer(7, 0x80, 64, bytes.fromhex("8006000100001200"), b"", 0, ())
    answer = r.done(r.CONTROL, asked, r.DONE, 3, b"abc")
    assert struct.unpack_from("<IIQBBBBHHH", answer) == (r.CONTROL, 13, 7, 0x80, 6, 0x80, r.DONE, 0x0100, 0, 3)
    assert answer[26:] == b"abc"
    assert r.done(r.BULK, asked, r.DONE, 0x10002)[16:] == struct.pack("<BBHIH", 0x80, r.DONE, 2, 0, 1)


def tables(device: Device) -> tuple[list[int], dict[int, tuple[int, int, int]]]:
    """The interfaces' numbers; by the endpoints' addresses their kind, interface and packets' size."""
    said = r.described(device.body(), device.alternates, device.packet)
    _, length, _ = struct.unpack_from("<IIQ", said)
    count, *numbers = struct.unpack_from("<I32B", said, 16)
    kinds, _, owners, sizes = struct.unpack("<32s32s32s64s", said[16 + length + 16 :])
    ends = {(at & 16) << 3 | at & 15: (kinds[at], owners[at]) for at in range(32) if kinds[at] != r.NOTHING}
    size = struct.unpack("<32H", sizes)
    return numbers[:count], {end: (*what, size[(end & 0x80) >> 3 | end & 15]) for end, what in ends.items()}


def test_only_the_endpoints_of_the_alternates_that_are_on_are_described() -> None:
    board = Pcm2705C()
    silent = {0: (0, 0, 8), 0x80: (0, 0, 8), KEY_IN: (3, 2, 1)}
    assert tables(board) == ([0, 1, 2], silent)
    board.alternates[STREAM] = STEREO
    assert tables(board) == ([0, 1, 2], silent | {OUT: (1, STREAM, 192)})


class Wire:
    """Stands in for the socket: what the device has sent since somebody looked."""

    def __init__(self, device: Device) -> None:
        self.connection, self.out = Connection(Qemu(), device, "1.3"), bytearray()
        self.connection.connection_made(self)
        self.connection.data_received(greeting())
        self.taken()

    def write(self, data: bytes) -> None:
        self.out += data

    def taken(self) -> list[tuple[int, int, bytes]]:
        at, found = 84 if self.out[4:8] == b"\x44\0\0\0" else 0, []  # our own greeting is the only message of 68 bytes
        while at < len(self.out):
            kind, length, number = struct.unpack_from("<IIQ", self.out, at)
            found.append((kind, number, bytes(self.out[at + 16 : at + 16 + length])))
            at += 16 + length
        self.out.clear()
        return found

    def ask(self, kind: int, number: int, body: bytes) -> list[tuple[int, int, bytes]]:
        self.connection.data_received(sent(kind, number, body))
        return self.taken()


def test_keys_are_sent_as_long_as_the_host_listens() -> None:
    board = Pcm2705C()
    wire = Wire(board)
    board.press("mute")
    assert wire.taken() == []
    assert wire.ask(r.START_INTERRUPTS, 5, bytes([KEY_IN])) == [
        (r.INTERRUPTS_STATUS, 5, bytes([r.DONE, KEY_IN])),
        (r.INTERRUPT, KEY_IN, struct.pack("<BBH", KEY_IN, r.DONE, 1) + b"\x04"),
        (r.INTERRUPT, KEY_IN, struct.pack("<BBH", KEY_IN, r.DONE, 1) + b"\x00"),
    ]
    assert board.report()["awaited"] == [KEY_IN]
    wire.ask(r.STOP_INTERRUPTS, 6, bytes([KEY_IN]))
    board.press("play")
    assert wire.taken() == []
    assert board.report()["awaited"] == []


def test_an_alternate_brings_its_endpoint_and_sound_is_taken_without_an_answer() -> None:
    board = Pcm2705C()
    wire = Wire(board)
    said = wire.ask(r.SET_ALTERNATE, 3, bytes([STREAM, STEREO]))
    assert [kind for kind, _, _ in said] == [r.INTERFACES, r.ENDPOINTS, r.ALTERNATE_STATUS]
    assert said[-1][2] == bytes([r.DONE, STREAM, STEREO])
    assert wire.ask(r.ISOCHRONOUS, 0, struct.pack("<BBH", OUT, 0, 192) + bytes(192)) == []
    assert board.frames == 48


def test_a_refusal_is_a_stall_and_a_cancelled_transfer_says_so() -> None:
    board = Pcm2705C()
    wire = Wire(board)
    ((_, _, refused),) = wire.ask(r.CONTROL, 1, struct.pack("<BBBBHHH", 0x80, 6, 0x80, 0, 0x0303, 0, 255))
    assert refused[3] == r.STALLED
    assert wire.ask(r.BULK, 4096, struct.pack("<BBHIH", 0x81, 0, 64, 0, 0)) == []
    ((kind, number, body),) = wire.ask(r.CANCEL, 4096, b"")
    assert (kind, number, body[1]) == (r.BULK, 4096, r.CANCELLED)
    assert wire.ask(r.CANCEL, 4096, b"") == []


async def test_boards_belong_behind_hubs_and_anything_else_into_a_port_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[str] = []

    async def attach(connection: Connection) -> None:
        taken.append(connection.port)

    monkeypatch.setattr(Connection, "attach", attach)
    venue = Hubbed(Qemu())
    await venue.plug("kitchen")
    await venue.plug("opsis")
    await venue.plug("bar", "2.7")
    assert taken == ["1.4.2", "3", "2.7"]
