"""The emulated devices without a kernel: wire format, descriptors, and what is heard."""

from __future__ import annotations

import math
import struct
from array import array

import pytest

from tests.rig.devices import descriptors as d
from tests.rig.devices import listening, usbip
from tests.rig.devices.amplifier import Hostile, OtherDac, Pcm2705C
from tests.rig.devices.capture import Opsis, modes
from tests.rig.devices.device import Device
from tests.rig.devices.usbip import Cancel, Transfer, parse


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
    assert len(usbip.cancelled(Cancel(3, 2), True)) == usbip.HEAD


def asked(device: Device, setup: str, length: int = 255) -> bytes | None:
    return device.control(Transfer(1, 0x80, length, bytes.fromhex(setup), b"", 0, ()))


@pytest.mark.parametrize("device", [Pcm2705C(), OtherDac(), Hostile(), Opsis("1"), *modes().values()])
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
