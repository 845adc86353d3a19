"""The emulated devices without a kernel: wire format, descriptors, and what is heard."""

from __future__ import annotations

import asyncio
import itertools
import math
import struct
import wave
from array import array
from pathlib import Path

import pytest

from tests.patience import until_async
from tests.rig.devices import descriptors as d
from tests.rig.devices import listening, usbip, vhci, video
from tests.rig.devices.amplifier import Hostile, OtherDac, Pcm2705C
from tests.rig.devices.broken import Dead, Garbled
from tests.rig.devices.capture import modes, working
from tests.rig.devices.device import Device
from tests.rig.devices.empty_hub import CHANGES, MULTI, SINGLE, EmptyHub
from tests.rig.devices.usbip import Cancel, Transfer, parse
from tests.rig.drills.recordings import numbered, tone


def submitted(number: int, to_host: bool, endpoint: int, length: int, data: bytes = b"", packets: int = 0) -> bytes:
    """As the kernel sends it."""
    count = packets or usbip.NOT_ISOCHRONOUS
    head = struct.pack(">5I", usbip.SUBMIT, number, 1, to_host, endpoint) + struct.pack(
        ">IiiIi8x", 0, length, 7, count, 0
    )
    each = length // packets if packets else 0
    return head + data + b"".join(usbip.PACKET.pack(at * each, each, 0, 0) for at in range(packets))


def test_messages_are_taken_off_whole_and_in_order() -> None:
    stream = (
        submitted(1, True, 0, 18)
        + submitted(2, False, 2, 8, b"soundsou", packets=2)
        + struct.pack(">6I24x", usbip.UNLINK, 3, 1, 0, 2, 2)
    )
    buffer, found = bytearray(), []
    for byte in stream:
        buffer.append(byte)
        found += list(parse(buffer))
    assert found == [
        Transfer(1, 0x80, 18, bytes(8), b"", 7, ()),
        Transfer(2, 2, 8, bytes(8), b"soundsou", 7, (4, 4)),
        Cancel(3, 2),
    ]
    assert buffer == b""
    with pytest.raises(ValueError, match="no message 9"):
        list(parse(bytearray(struct.pack(">5I28x", 9, 0, 0, 0, 0))))


def test_an_answer_is_as_long_as_what_it_answers_with() -> None:
    control = Transfer(1, 0x80, 64, bytes(8), b"", 0, ())
    assert usbip.done(control, 0, 3, b"abc")[usbip.HEAD :] == b"abc"
    packets = Transfer(2, 2, 8, bytes(8), b"", 7, (4, 4))
    answer = usbip.paced(packets)
    assert struct.unpack_from(">2I", answer) == (usbip.SUBMITTED, 2)
    assert list(usbip.PACKET.iter_unpack(answer[usbip.HEAD :])) == [(0, 4, 4, 0), (4, 4, 4, 0)]
    asked = Transfer(3, 0x86, 8, bytes(8), b"", 7, (4, 4))
    filled = usbip.gathered(asked, [b"ab", b""])
    assert struct.unpack_from(">iii", filled, 24)[0] == 2  # bytes in all
    assert filled[usbip.HEAD :][:2] == b"ab"
    assert list(usbip.PACKET.iter_unpack(filled[usbip.HEAD + 2 :])) == [(0, 4, 2, 0), (4, 4, 0, 0)]
    assert len(usbip.cancelled(Cancel(3, 2), True)) == usbip.HEAD


class Line:
    """A transport that keeps what is written to it, and when."""

    def __init__(self) -> None:
        self.written: list[tuple[float, list[int]]] = []

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def write(self, data: bytes) -> None:
        answers = range(0, len(data), usbip.HEAD + 6 * usbip.PACKET.size)
        numbers = [struct.unpack_from(">I", data, at + 4)[0] for at in answers]
        self.written.append((asyncio.get_running_loop().time(), numbers))


async def test_packets_are_answered_in_time_and_order_and_together() -> None:
    """Four transfers of six frames of a millisecond each: none before its last frame has passed, and no more writes
    than there were ticks."""
    board, line = Pcm2705C(), Line()
    connection, begun = vhci.Connection(board, 1), asyncio.get_running_loop().time()
    connection.connection_made(line)
    connection.data_received(b"".join(submitted(number, False, 2, 96, bytes(96), packets=6) for number in range(1, 5)))
    await until_async(lambda: sum(len(numbers) for _, numbers in line.written) == 4)
    assert [number for _, numbers in line.written for number in numbers] == [1, 2, 3, 4]
    assert len(line.written) <= 3
    for at, numbers in line.written:
        assert begun + 0.006 * max(numbers) <= at + 0.001


def asked(device: Device, setup: str, length: int = 255) -> bytes | None:
    return device.control(Transfer(1, 0x80, length, bytes.fromhex(setup), b"", 0, ()))


@pytest.mark.parametrize(
    "device",
    [Pcm2705C(), OtherDac(), Hostile(), *working().values(), *modes().values(), EmptyHub(SINGLE), EmptyHub(MULTI)],
)
def test_descriptors_add_up(device: Device) -> None:
    said = asked(device, "8006000100001200")
    assert said is not None
    assert (len(said), said[0], said[1]) == (18, 18, d.DEVICE)
    whole = asked(device, "8006000200000001", 1024)
    assert whole is not None
    assert struct.unpack_from("<H", whole, 2)[0] == len(whole)
    numbers, at = set(), 0
    while at < len(whole):
        assert whole[at] >= 2
        numbers |= {whole[at + 2]} if whole[at + 1] == d.INTERFACE else set()
        at += whole[at]
    assert at == len(whole)
    assert numbers == set(range(whole[4]))


def test_the_board_is_as_published() -> None:
    """TI SBFS036 and published descriptors of its siblings: 190 bytes, no serial number, no remote wakeup."""
    whole, said = asked(Pcm2705C(), "8006000200000001", 1024), asked(Pcm2705C(), "8006000100001200")
    assert whole is not None
    assert said is not None
    assert (len(whole), whole[4], whole[7]) == (190, 3, 0x80)
    assert (said[8:12], said[16]) == (bytes.fromhex("bb08c527"), 0)
    assert asked(Pcm2705C(), "8006030300000001") is None  # there is no third string


def test_a_stalled_device_refuses() -> None:
    board = Pcm2705C()
    board.stalled = True
    assert asked(board, "8006000100001200") is None


@pytest.mark.parametrize(("hertz", "loud"), [(440, 0.5), (1000, 1.0), (97, 0.01)])
def test_a_tone_is_heard_as_what_it_is(hertz: int, loud: float) -> None:
    wave = [round(loud * 32767 * math.sin(2 * math.pi * hertz * at / 48000)) for at in range(24000)]
    left, right = listening.channels(b"".join(struct.pack("<hh", sample, 0) for sample in wave), 2)
    assert listening.tone(left, 48000) == pytest.approx(hertz, abs=0.5)
    assert listening.level(left) == pytest.approx(20 * math.log10(loud) - 3.01, abs=0.05)
    assert (listening.tone(right, 48000), listening.level(right)) == (0.0, listening.SILENCE)
    assert listening.level(array("h")) == listening.SILENCE


def test_a_device_is_broken_where_it_says_so() -> None:
    assert asked(Dead(), "8006000100001200") is None
    whole, well = (asked(device, "8006000200000001", 1024) for device in (Garbled(), OtherDac()))
    assert whole is not None
    assert well is not None
    at = 0
    while whole[at]:
        at += whole[at]
    assert at < len(whole) - 2
    assert whole[: at - 1].count(bytes([9, d.INTERFACE])) == 1  # the one before the nonsense


def test_a_frame_that_is_missing_is_a_slip(tmp_path: Path) -> None:
    with wave.open(str(numbered(tmp_path / "numbered.wav", 2))) as file:
        pcm = file.readframes(file.getnframes())
    follows = listening.Numbered()
    for at in range(0, len(pcm), 960):
        follows.take(pcm[at : at + 960], 4)
    assert (follows.frames, follows.slips) == (len(pcm) // 4, 0)
    follows.take(pcm[4:8], 4)  # without the first
    follows.take(pcm[8:16] + pcm[20:24], 4)  # one within
    follows.take(bytes(960), 4)  # silence
    assert follows.slips == 4


def test_a_tone_on_disk_is_the_tone(tmp_path: Path) -> None:
    with wave.open(str(tone(tmp_path / "tone.wav", 350, 2))) as file:
        left, right = listening.channels(file.readframes(file.getnframes()), 2)
    assert listening.tone(left, 48000) == pytest.approx(350)
    assert (left, len(left)) == (right, 96000)


def cut(camera: video.Camera, packets: int) -> list[tuple[int, bytes]]:
    """The pictures that so many packets carry, each with the toggle bit of its packets, as a driver puts them
    together."""
    pictures, whole, toggles = [], bytearray(), set()
    for packet in camera.packets([video.PACKET] * packets):
        if packet:
            whole += packet[2:]
            toggles.add(packet[1] & 1)
            if packet[1] & 2:
                (toggle,) = toggles
                pictures.append((toggle, bytes(whole)))
                whole.clear()
                toggles.clear()
    return pictures


def test_pictures_come_whole_and_in_time() -> None:
    shown = {video.MOVING: [b"a" * 5000, b"b" * 1022, b"c"], video.RED: [b"r"], video.BLACK: [b"k"]}
    camera = video.Camera(shown)
    found = cut(camera, video.MICROFRAMES)  # a second
    assert len(found) == video.PER_SECOND
    assert [picture for _, picture in found] == (shown[video.MOVING] * 9)[: video.PER_SECOND]
    assert all(one[0] != next[0] for one, next in itertools.pairwise(found))
    camera.show(video.FROZEN)
    assert {picture for _, picture in cut(camera, video.MICROFRAMES)} == {found[-1][1]}
    camera.show(video.RED)
    assert {picture for _, picture in cut(camera, video.MICROFRAMES)} == {b"r"}
    camera.show(video.NOTHING)
    assert cut(camera, video.MICROFRAMES) == []
    with pytest.raises(KeyError):
        camera.show("snow")


def test_a_port_is_free_when_its_controller_says_so() -> None:
    status = (
        "hub port sta spd dev      sockfd local_busid\n"
        "hs  0000 006 002 00010001 000011 1-1\n"
        "hs  0001 004 000 00000000 000000 0-0\n"
        "ss  0015 004 000 00000000 000000 0-0\n"
    )
    assert [vhci.is_free(status, port) for port in (1, 2)] == [False, True]


@pytest.mark.parametrize(("translators", "settings"), [(SINGLE, [(0, 0)]), (MULTI, [(0, 1), (1, 2)])])
def test_a_hub_says_which_translators_it_has(translators: int, settings: list[tuple[int, int]]) -> None:
    """USB 2.0, 11.23.1: with one for each port there is a second setting, in which they are used."""
    hub = EmptyHub(translators)
    said, whole = asked(hub, "8006000100001200"), asked(hub, "8006000200000001", 1024)
    assert said is not None
    assert whole is not None
    assert (tuple(said[4:7]), whole[4], whole[7]) == ((9, 0, translators), 1, 0xC0)
    interfaces = [whole[at : at + 9] for at in range(9, len(whole), 16)]
    assert [(each[3], each[7]) for each in interfaces] == settings
    assert asked(hub, "a006002900000900") == bytes.fromhex("09290709003264 00ff".replace(" ", ""))


def status(hub: EmptyHub, port: int) -> tuple[int, int]:
    """A port's status, and what of it has changed."""
    said = asked(hub, f"a3000000{port:02x}000400", 4)
    assert said is not None
    return struct.unpack("<HH", said)


def test_a_hub_cuts_off_a_port_and_tells_until_it_is_acknowledged() -> None:
    hub, told = EmptyHub(), list[bytes]()
    hub.attach(lambda transfer, data: told.append(data))
    for port in range(1, hub.ports + 1):
        assert asked(hub, f"230308000{port}000000") == b""  # SetPortFeature(PORT_POWER)
    assert [status(hub, port) for port in (1, 7)] == [(0x100, 0)] * 2
    hub.wait(Transfer(1, CHANGES, 1, bytes(8), b"", 0, ()))
    assert told == []
    hub.over_current(7, True)
    assert told == [b"\x80"]
    assert (status(hub, 6), status(hub, 7)) == ((0x100, 0), (0x008, 0x008))
    hub.wait(Transfer(2, CHANGES, 1, bytes(8), b"", 0, ()))
    assert told == [b"\x80"] * 2  # it has not been acknowledged
    assert asked(hub, "2301130007000000") == b""  # ClearPortFeature(C_PORT_OVER_CURRENT)
    assert asked(hub, "2303080007000000") == b""  # with power again there is still too much load
    assert status(hub, 7) == (0x008, 0)
    hub.wait(Transfer(3, CHANGES, 1, bytes(8), b"", 0, ()))
    hub.over_current(7, False)
    assert told == [b"\x80"] * 3
    assert status(hub, 7) == (0, 0x008)
    assert asked(hub, "2303080008000000") is None  # there is no eighth port
    assert asked(hub, "2303ff0007000000") is None
    assert asked(hub, "a000000000000400") == bytes(4)
