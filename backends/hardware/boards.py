"""Reads USB audio devices and hubs from sysfs into `Board` and `Hub`.

The attributes: Documentation/ABI/testing/sysfs-bus-usb, sysfs-devices-power, and drivers/usb/core/{sysfs,port}.c.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec import Struct

from backends import sysfs
from backends.contract import Evidence, Id, Key, Link, Unknown, Why, clean
from backends.hardware import naming
from backends.hardware.device_reader import DeviceIdentity, DeviceReader
from backends.hardware.enumerator import at_port, hub_port, parent
from backends.helper import udev_rules
from backends.kinds import Board, Hub, Number, Text
from backends.sysfs import read_text

# TI SBFS036: the stereo DACs of the amplifier boards, by vendor and product.
CHIPS = {"08bb:27c4": "PCM2704C", "08bb:27c5": "PCM2705C", "08bb:27c6": "PCM2706C", "08bb:27c7": "PCM2707C"}
HID = "03"
HELD, RELEASED, NO_HID = "bound to usbhid", "released", "none"
HID_DRIVER, HOLDERS = "HID interface's driver", "USB node"
OVER_CURRENT = "over-currents at a port"
MOST_PORTS = 31  # drivers/usb/core/hub.h, USB_MAXCHILDREN
RULE, NO_RULE = "present", "none"
# Shown instead of its power state: a board without drivers is useless, awake or not.
BANNED = Unknown(Why.DENIED, "authorized is 0: no driver may use it, until it is plugged in again (replug)")


def board(
    host: str, port: str, device: Path, at: float, identity: DeviceIdentity, rules: Path,
    reenumerations: int = 0, configured: int = 0,
) -> Board | None:  # fmt: skip
    """The audio device at a port; None if it left during the read. `rules` is udev's folder; the two counts are of
    events at the port since this program started."""
    read, hub = DeviceReader(device, at), parent(port)
    devnum, ids = read.number("devnum"), _ids(read)
    wakeup = _wakeup(read.text("power/wakeup"))
    power = BANNED if read.text("authorized") == "0" else read.text("power/runtime_status")
    policy = read.text("power/control")
    over_current = _over_current(read, hub_port(device, port, hub))
    card = _card(device)
    found = Board(
        id=Id(host, "board", port),
        name=port,
        keys=(Key("usb-port", port, host), *_address(host, sysfs.number(device, "busnum"), devnum)),
        links=(Link("hub", Key("usb-port", hub, host), f"the port's name, {port}"), *_card_link(card, host)),
        at=at,
        port=port,
        model=CHIPS.get(ids, identity.product) if isinstance(ids, str) else identity.product,
        ids=ids,
        maker=identity.maker,
        speed=_speed(read.text("speed")),
        power=power,
        policy=policy,
        delay=read.number("power/autosuspend_delay_ms"),
        asleep=_asleep(device),
        current=identity.current,
        hid=_hid(read),
        wakeup=wakeup,
        rule=_rule(rules / udev_rules.sleep_file(port), read),
        card=card,
        named=_named(rules / udev_rules.name_file(port)),
        devnum=devnum,
        reenumerations=reenumerations,
        configured=configured,
        over_current=over_current,
        hub=hub,
        serial=identity.serial,
        evidence=(*identity.evidence, *read.evidence),
    )
    return found if present(device, devnum) else None


def hub(host: str, port: str, device: Path, at: float, identity: DeviceIdentity) -> Hub | None:
    """The hub at a port ("usb1" for a root hub); None if it left during the read."""
    read, above = DeviceReader(device, at), parent(port)
    devnum, ports = read.number("devnum"), read.number("maxchild")
    count = _over_current(read, hub_port(device, port, above)) if above else _NO_PORT
    found = Hub(
        id=Id(host, "hub", port),
        name=port,
        keys=(Key("usb-port", port, host),),
        links=(Link("hub", Key("usb-port", above, host), f"the port's name, {port}"),) if above else (),
        at=at,
        port=port,
        ids=_ids(read),
        model=identity.product,
        speed=_speed(read.text("speed")),
        ports=ports,
        translators=_translators(read.text("bDeviceProtocol")),
        over_current=count,
        over_currents=_over_currents(read, port, ports),
        evidence=(*identity.evidence, *read.evidence),
    )
    return found if present(device, devnum) else None


def present(device: Path, devnum: int | Unknown) -> bool:
    """Whether the device still has the number that was read: neither gone nor replaced."""
    match sysfs.number(device, "devnum"):
        case int(now):
            return now == devnum
        case Unknown(why=why):
            return why not in (Why.NOT_APPLICABLE, Why.UNREACHABLE)


_NO_PORT = Unknown(Why.NOT_APPLICABLE, "a root hub is not plugged into a hub")


def _ids(read: DeviceReader) -> Text:
    vendor, product = read.text("idVendor"), read.text("idProduct")
    if isinstance(vendor, Unknown):
        return vendor
    return product if isinstance(product, Unknown) else f"{vendor}:{product}"


def _address(host: str, bus: int | Unknown, devnum: int | Unknown) -> tuple[Key, ...]:
    """Bus and device number the way /proc/asound/cardN/usbbus writes them (sound/usb/proc.c)."""
    if isinstance(bus, Unknown) or isinstance(devnum, Unknown):
        return ()
    return (Key("usb-address", f"{bus:03d}/{devnum:03d}", host),)


def _over_current(read: DeviceReader, port: Path) -> Number:
    """How often the hub has switched this port off (drivers/usb/core/port.c). Reading it wakes nothing."""
    count = sysfs.number(port, "over_current_count")
    if isinstance(count, int):
        read.note("over_current_count", port / "over_current_count", str(count))
    return count


def _over_currents(read: DeviceReader, hub: str, ports: int | Unknown) -> tuple[int, ...] | Unknown:
    """The same for each port of a hub, including empty ports: a board at a port that is switched off is gone."""
    if isinstance(ports, Unknown):
        return ports
    found = []
    for number in range(1, min(ports, MOST_PORTS) + 1):
        name = at_port(hub, number)
        port = hub_port(read.device.parent / name, name, hub)
        count = sysfs.number(port, "over_current_count")
        if isinstance(count, Unknown):
            return count
        if count:
            read.note(OVER_CURRENT, port / "over_current_count", str(count))
        found.append(count)
    return tuple(found)


def _speed(text: Text) -> Number:
    """Mbit/s: 1.5, 12, 480, 5000..."""
    if isinstance(text, Unknown):
        return text
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return Unknown(Why.MALFORMED, f"speed says {text!r}")


class SleepTimes(Struct, frozen=True):
    """How long a device was asleep and awake since it was plugged in, in ms. The counters are not in the evidence,
    because they change all the time."""

    asleep: int
    awake: int

    def since(self, before: SleepTimes) -> int | Unknown:
        """Percent of the time since `before` that it was asleep."""
        asleep, awake = self.asleep - before.asleep, self.awake - before.awake
        return 100 * asleep // (asleep + awake) if asleep + awake > 0 else Unknown()


def slept(device: Path) -> SleepTimes | Unknown:
    asleep = sysfs.number(device, "power/runtime_suspended_time")
    awake = sysfs.number(device, "power/runtime_active_time")
    if isinstance(asleep, Unknown):
        return asleep
    return awake if isinstance(awake, Unknown) else SleepTimes(asleep, awake)


def _asleep(device: Path) -> int | Unknown:
    now = slept(device)
    return now if isinstance(now, Unknown) else now.since(SleepTimes(0, 0))


def _wakeup(text: Text) -> Text:
    """The text of power/wakeup: empty or missing if the device cannot wake the bus (drivers/base/power/sysfs.c)."""
    if isinstance(text, Unknown):
        return "none" if text.why is Why.NOT_APPLICABLE else text
    return text or "none"


def _hid(read: DeviceReader) -> Text:
    """The driver of the board's HID interface. The kernel's keyboard handler opens every HID device with keys, and
    usbhid then keeps the device awake unless it can wake the bus (drivers/hid/usbhid/hid-core.c)."""
    interfaces = sysfs.interfaces(read.device)
    if not interfaces:
        return Unknown(Why.NOT_MEASURABLE, "it has no configured interfaces")
    for interface in interfaces:
        if interface.cls == HID:
            read.note(HID_DRIVER, interface.path / "driver", interface.driver or "none")
            return f"bound to {interface.driver}" if interface.driver else RELEASED
    return NO_HID


def _rule(file: Path, read: DeviceReader) -> Text:
    """Whether foh's udev rule lets the board sleep when it is plugged in again."""
    if not file.parent.is_dir():
        return Unknown(Why.NOT_APPLICABLE, f"there is no {file.parent}: this machine has no udev")
    try:
        read_text(file)
    except FileNotFoundError:
        return NO_RULE
    except OSError as error:
        return Unknown(Why.DENIED, f"{file}: {error.strerror}")
    read.note("udev rule", file, RULE)
    return RULE


def _card(device: Path) -> Text:
    """The id of its ALSA card. It may still change shortly after the board was plugged in."""
    for file in sysfs.matching(device, "*/sound/card*/id"):
        with contextlib.suppress(OSError):
            return clean(read_text(file).strip(), 20)
    return Unknown(Why.NOT_APPLICABLE, "it has no sound card now")


def _card_link(card: Text, host: str) -> tuple[Link, ...]:
    """The link to the card's first PCM. The PCM depends on the board, not the reverse."""
    if isinstance(card, Unknown):
        return ()
    return (Link("card", Key("alsa-card", card, host), f"its sound card is called {card}"),)


def _named(file: Path) -> Text:
    """The name that foh's udev rule gives its card each time it is plugged in."""
    if not file.parent.is_dir():
        return Unknown(Why.NOT_APPLICABLE, f"there is no {file.parent}: this machine has no udev")
    try:
        return naming.named(read_text(file))
    except FileNotFoundError:
        return naming.NO_NAME
    except OSError as error:
        return Unknown(Why.DENIED, f"{file}: {error.strerror}")


def sounds(device: Path, proc: Path) -> bool:
    """Whether a player has one of the device's PCMs open. `proc` is /proc/asound; a card that is missing there has no
    open PCM."""
    cards = [card.name for card in sysfs.matching(device, "*/sound/card*")]
    states = [status for card in cards for status in sysfs.matching(proc, f"{card}/pcm*p/sub*/status")]
    return any(_said(status) not in ("", "closed") for status in states)


def _said(file: Path) -> str:
    try:
        return read_text(file).strip()
    except OSError:  # the card was removed between two reads
        return ""


def power_evidence(board: Board) -> tuple[Evidence, ...]:
    """The board's evidence about whether it sleeps."""
    return tuple(each for each in board.evidence if each.what.startswith("power/") or each.what == HID_DRIVER)


def hid_interface(board: Board) -> str:
    """The number of the board's HID interface, from the evidence; "*" if none was seen."""
    paths = (Path(each.read_from).parent.name for each in board.evidence if each.what == HID_DRIVER)
    return next(paths, "*").rpartition(".")[2]


def _translators(protocol: Text) -> Text:
    """A hub's transaction translators, from bDeviceProtocol (USB 2.0, 11.23.1): one for all ports, or one for each."""
    if isinstance(protocol, Unknown):
        return protocol
    return {"00": "none", "01": "single", "02": "multi", "03": "none"}.get(protocol, f"protocol {protocol}")
