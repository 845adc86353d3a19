"""Reads USB audio devices and hubs from sysfs into `Board` and `Hub`.

The attributes: Documentation/ABI/testing/sysfs-bus-usb, sysfs-devices-power, and drivers/usb/core/{sysfs,port}.c.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec import Struct

from backends import sysfs
from backends.contract import Evidence, Id, Key, Link, Unknown, Why, clean
from backends.hardware import naming, udev_rule
from backends.hardware.enumerator import at_port, hub_port, parent
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
# In place of its power: a board that the kernel may not use serves nobody, awake or not.
BANNED = Unknown(Why.DENIED, "authorized is 0: no driver may use it, until it is plugged in again (replug)")


class Told(Struct, frozen=True):
    """What a device says of itself, which never changes while it is plugged in. The kernel gives it only under the
    device's lock (drivers/usb/core/sysfs.c), which it holds while a driver is being bound: for seconds, where the
    device does not answer."""

    product: Text
    maker: Text
    serial: Text
    current: Number
    evidence: tuple[Evidence, ...] = ()


_LATER = Unknown(Why.NOT_YET, "the kernel is busy with the device: it has just been plugged in, or does not answer")
NOT_TOLD = Told(_LATER, _LATER, _LATER, _LATER)


def told(device: Path, at: float) -> Told:
    """Blocks for as long as the kernel holds the device's lock."""
    read = Reading(device, at)
    product, maker, serial = (read.text(name) for name in ("product", "manufacturer", "serial"))
    return Told(product, maker, serial, read.number("bMaxPower"), tuple(read.evidence))


class Reading:
    """Reads one device and keeps, as evidence, what each file said."""

    def __init__(self, device: Path, at: float) -> None:
        self.device, self.at = device, at
        self.evidence: list[Evidence] = []

    def text(self, name: str) -> Text:
        value = sysfs.attribute(self.device, name)
        if isinstance(value, str):
            self.note(name, f"{self.device}/{name}", value)
        return value

    def number(self, name: str) -> int | Unknown:
        return sysfs.as_number(name, self.text(name))

    def note(self, what: str, path: str | Path, raw: str) -> None:
        self.evidence.append(Evidence(what, str(path), self.at, raw))


def board(
    host: str, port: str, device: Path, at: float, said: Told, rules: Path, reenumerations: int = 0, configured: int = 0
) -> Board | None:
    """The audio device at a port; None when it left while it was being read. `rules` is udev's folder; the two counts
    are of what happened at the port while somebody looked."""
    read, hub = Reading(device, at), parent(port)
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
        model=CHIPS.get(ids, said.product) if isinstance(ids, str) else said.product,
        ids=ids,
        maker=said.maker,
        speed=_speed(read.text("speed")),
        power=power,
        policy=policy,
        delay=read.number("power/autosuspend_delay_ms"),
        asleep=_asleep(device),
        current=said.current,
        hid=_hid(read),
        wakeup=wakeup,
        rule=_rule(rules / udev_rule.name(port), read),
        card=card,
        named=_named(rules / naming.file(port)),
        devnum=devnum,
        reenumerations=reenumerations,
        configured=configured,
        over_current=over_current,
        hub=hub,
        serial=said.serial,
        evidence=(*said.evidence, *read.evidence),
    )
    return found if present(device, devnum) else None


def hub(host: str, port: str, device: Path, at: float, said: Told) -> Hub | None:
    """The hub at a port ("usb1" for a root hub); None when it left while it was being read."""
    read, above = Reading(device, at), parent(port)
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
        model=said.product,
        speed=_speed(read.text("speed")),
        ports=ports,
        translators=_translators(read.text("bDeviceProtocol")),
        over_current=count,
        over_currents=_over_currents(read, port, ports),
        evidence=(*said.evidence, *read.evidence),
    )
    return found if present(device, devnum) else None


def present(device: Path, devnum: int | Unknown) -> bool:
    """Whether the device is still the one whose number was read: not gone, and not another in its place."""
    match sysfs.number(device, "devnum"):
        case int(now):
            return now == devnum
        case Unknown(why=why):
            return why not in (Why.NOT_APPLICABLE, Why.UNREACHABLE)


_NO_PORT = Unknown(Why.NOT_APPLICABLE, "a root hub is on no hub's port")


def _ids(read: Reading) -> Text:
    vendor, product = read.text("idVendor"), read.text("idProduct")
    if isinstance(vendor, Unknown):
        return vendor
    return product if isinstance(product, Unknown) else f"{vendor}:{product}"


def _address(host: str, bus: int | Unknown, devnum: int | Unknown) -> tuple[Key, ...]:
    """Bus and device number the way /proc/asound/cardN/usbbus writes them (sound/usb/proc.c)."""
    if isinstance(bus, Unknown) or isinstance(devnum, Unknown):
        return ()
    return (Key("usb-address", f"{bus:03d}/{devnum:03d}", host),)


def _over_current(read: Reading, port: Path) -> Number:
    """How often the hub has cut this port off (drivers/usb/core/port.c). Reading it resumes nothing."""
    count = sysfs.number(port, "over_current_count")
    if isinstance(count, int):
        read.note("over_current_count", port / "over_current_count", str(count))
    return count


def _over_currents(read: Reading, hub: str, ports: int | Unknown) -> tuple[int, ...] | Unknown:
    """The same for each port of a hub, also where nothing is plugged in: a board that is cut off is gone."""
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


class Slept(Struct, frozen=True):
    """How long a device was asleep and awake, in ms, since it was plugged in. The counters stand in no evidence,
    because they never stand still."""

    asleep: int
    awake: int

    def since(self, before: Slept) -> int | Unknown:
        """Percent of the time since then that it was asleep."""
        asleep, awake = self.asleep - before.asleep, self.awake - before.awake
        return 100 * asleep // (asleep + awake) if asleep + awake > 0 else Unknown()


def slept(device: Path) -> Slept | Unknown:
    asleep = sysfs.number(device, "power/runtime_suspended_time")
    awake = sysfs.number(device, "power/runtime_active_time")
    if isinstance(asleep, Unknown):
        return asleep
    return awake if isinstance(awake, Unknown) else Slept(asleep, awake)


def _asleep(device: Path) -> int | Unknown:
    now = slept(device)
    return now if isinstance(now, Unknown) else now.since(Slept(0, 0))


def _wakeup(text: Text) -> Text:
    """A device that cannot wake the bus has an empty power/wakeup or none (drivers/base/power/sysfs.c)."""
    if isinstance(text, Unknown):
        return "none" if text.why is Why.NOT_APPLICABLE else text
    return text or "none"


def _hid(read: Reading) -> Text:
    """Who holds the board's HID interface. The kernel's keyboard handler opens every HID device with keys, and
    usbhid then keeps the device awake unless it can wake the bus (drivers/hid/usbhid/hid-core.c)."""
    interfaces = sysfs.interfaces(read.device)
    if not interfaces:
        return Unknown(Why.NOT_MEASURABLE, "it has no configured interfaces")
    for interface in interfaces:
        if interface.cls == HID:
            read.note(HID_DRIVER, interface.path / "driver", interface.driver or "none")
            return f"bound to {interface.driver}" if interface.driver else RELEASED
    return NO_HID


def _rule(file: Path, read: Reading) -> Text:
    """Whether a udev rule of ours lets the board sleep when it is plugged in again."""
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
    """The id of its ALSA card, which may be another for a moment after it was plugged in."""
    for file in sysfs.matching(device, "*/sound/card*/id"):
        with contextlib.suppress(OSError):
            return clean(read_text(file).strip(), 20)
    return Unknown(Why.NOT_APPLICABLE, "it has no sound card now")


def _card_link(card: Text, host: str) -> tuple[Link, ...]:
    """To the card's first PCM, which needs the board and not the other way about."""
    if isinstance(card, Unknown):
        return ()
    return (Link("card", Key("alsa-card", card, host), f"its sound card is called {card}"),)


def _named(file: Path) -> Text:
    """The name that a rule of ours gives its card each time it is plugged in."""
    if not file.parent.is_dir():
        return Unknown(Why.NOT_APPLICABLE, f"there is no {file.parent}: this machine has no udev")
    try:
        return naming.named(read_text(file))
    except FileNotFoundError:
        return naming.NO_NAME
    except OSError as error:
        return Unknown(Why.DENIED, f"{file}: {error.strerror}")


def sounds(device: Path, proc: Path) -> bool:
    """Whether a player has one of the device's PCMs open. `proc` is /proc/asound; a card that is not found there has
    none."""
    cards = [card.name for card in sysfs.matching(device, "*/sound/card*")]
    states = [status for card in cards for status in sysfs.matching(proc, f"{card}/pcm*p/sub*/status")]
    return any(_said(status) not in ("", "closed") for status in states)


def _said(file: Path) -> str:
    try:
        return read_text(file).strip()
    except OSError:  # the card left between two readings
        return ""


def power_evidence(board: Board) -> tuple[Evidence, ...]:
    """What of the board's evidence bears on whether it sleeps."""
    return tuple(each for each in board.evidence if each.what.startswith("power/") or each.what == HID_DRIVER)


def hid_interface(board: Board) -> str:
    """The number of the board's HID interface, from the evidence; "*" where none was seen."""
    paths = (Path(each.read_from).parent.name for each in board.evidence if each.what == HID_DRIVER)
    return next(paths, "*").rpartition(".")[2]


def _translators(protocol: Text) -> Text:
    """bDeviceProtocol of a hub (USB 2.0, 11.23.1): one translator for all its slow ports, or one for each."""
    if isinstance(protocol, Unknown):
        return protocol
    return {"00": "none", "01": "single", "02": "multi", "03": "none"}.get(protocol, f"protocol {protocol}")
