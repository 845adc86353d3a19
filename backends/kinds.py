"""The venue's common kinds. A field, with its column in a pane, is declared here and nowhere else."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from backends.contract import InUse, Remedy, Resource, Role, Shortcut, Unknown
from backends.declare import field, kind, linked

Text: TypeAlias = str | Unknown
Number: TypeAlias = float | int | Unknown
Flag: TypeAlias = bool | Unknown
Texts: TypeAlias = tuple[str, ...] | Unknown
Numbers: TypeAlias = tuple[int, ...] | Unknown

_ = Unknown()
STATE, MEASURE, TEXT, DETAIL = Role.STATE, Role.MEASURE, Role.TEXT, Role.DETAIL

# The names of evidence that rules look for, from any backend.
PLAYBACK, PLACE, PROCESS, OUTPUT, LOG = "playback", "playback position", "process", "audio output", "log"


class Zone(Resource, frozen=True, kw_only=True, tag="zone"):
    """A room's player. `state` is playing, paused or stopped; `volume` is that of the player's own (software) mixer;
    `mpd` is where phones reach it, `phones` how many are connected. `log` has the player's latest warnings and errors,
    newest first; `fault` is the failure of its output that still applies. `unit` is the systemd unit whose main process
    it is.

    `jumps` counts how often its position was set: by a new track or a seek. `tracks_begun` counts only the tracks;
    where the player does not distinguish the two it equals `jumps`. `passed`, where the player reports it, counts the
    seconds of the tracks that have ended: `passed` plus `position` advances with the clock from track to track."""

    state: Annotated[Text, field("state", role=STATE, rank=0)] = _
    title: Annotated[Text, field("title", role=TEXT, rank=5, width=14)] = _
    artist: Annotated[Text, field("artist", role=TEXT, rank=8, width=12)] = _
    position: Annotated[Number, field("position", "s", MEASURE, 3, 6, heading="POS")] = _
    volume: Annotated[Number, field("volume", "%", MEASURE, 2, 5, heading="VOL")] = _
    length: Annotated[Number, field("length", "s")] = _
    track: Annotated[Text, field("track")] = _
    queue: Annotated[Number, field("tracks queued")] = _
    output: Annotated[Text, field("output")] = _
    mpd: Annotated[Text, field("for phones")] = _
    phones: Annotated[Number, field("phones connected")] = _
    fault: Annotated[Text, field("output's failure")] = _
    log: Annotated[Texts, field("log")] = _
    endpoint: Annotated[Text, field("endpoint")] = _
    version: Annotated[Text, field("version")] = _
    pid: Annotated[Number, field("process")] = _
    unit: Annotated[Text, field("systemd unit")] = _
    jumps: Number = _
    tracks_begun: Number = _
    passed: Number = _


class Pcm(Resource, frozen=True, kw_only=True, tag="pcm"):
    """One playback substream of an ALSA card, from /proc/asound. `state` is `closed` or the kernel's word, `owner` the
    pid of the process that has it open. `begun` is when it last started or stopped, by the kernel's clock: after its
    buffer has run dry it starts again."""

    state: Annotated[Text, field("state", role=STATE, rank=0)] = _
    owner: Annotated[Number, field("owner", role=MEASURE, rank=2, width=7)] = _
    program: Annotated[Text, field("owner's program")] = _
    hw_ptr: Annotated[Number, field("hw_ptr", "frames")] = _
    begun: Annotated[Number, field("trigger_time", "s")] = _
    rate: Annotated[Number, field("rate", "Hz")] = _
    card: Annotated[Text, field("card")] = _
    card_id: Annotated[Text, field("card id")] = _


class Control(Resource, frozen=True, kw_only=True, tag="control"):
    """An ALSA mixer control: `level` in percent of its range, `gain` where the control has a scale."""

    level: Annotated[Number, field("level", "%", MEASURE, 0, 5)] = _
    gain: Annotated[Number, field("gain", "dB", MEASURE, 1, signed=True)] = _
    mute: Annotated[Flag, field("mute", role=STATE, rank=1, width=5)] = _
    device: Annotated[Text, field("ALSA device")] = _


class Stream(Resource, frozen=True, kw_only=True, tag="stream"):
    """A playback stream at a sound server: a process plays into a `sink`. `asked` is the sink that it requested, if the
    server keeps that; `first` the sink where it was first seen. `state` is playing, or corked if the process has paused
    it. `beside` lists the other streams in the same sink; `volume` is the stream's own."""

    state: Annotated[Text, field("state", role=STATE, rank=0)] = _
    sink: Annotated[Text, field("sink", role=STATE, rank=1, width=16)] = _
    asked: Annotated[Text, field("asked for")] = _
    first: Annotated[Text, field("first seen in")] = _
    beside: Annotated[Texts, field("in the same sink")] = _
    program: Annotated[Text, field("program")] = _
    pid: Annotated[Number, field("process")] = _
    volume: Annotated[Number, field("volume", "%")] = _
    mute: Annotated[Flag, field("mute")] = _


class Board(Resource, frozen=True, kw_only=True, tag="board"):
    """A USB audio device: an amplifier board or a DAC. The current is declared, not measured. `asleep` is its share of
    the time since it was plugged in, `asleep_today` its share of today as far as observed. `card` is the id of its ALSA
    card, `named` the id that foh's udev rule gives it by its port. `configured` counts how often the kernel has
    configured its port's device since this program started: plugged in, or authorized again."""

    power: Annotated[Text, field("power", role=STATE, rank=0, width=9)] = _
    policy: Annotated[Text, field("policy", role=STATE, rank=1, width=6)] = _
    asleep: Annotated[Number, field("asleep", "%", MEASURE, 2, 6)] = _
    port: Annotated[Text, field("port", role=STATE, rank=2)] = _
    model: Annotated[Text, field("model", role=TEXT, rank=6, width=18)] = _
    speed: Annotated[Number, field("speed", "Mbit/s", MEASURE, 5, 5, heading="MBIT")] = _
    current: Annotated[Number, field("declared current", "mA", MEASURE, 4, 6, heading="mA")] = _
    reenumerations: Annotated[Number, field("replugs", role=MEASURE, rank=6, width=7)] = _
    hub: Annotated[Text, field("hub", role=STATE, rank=7, width=7)] = _
    over_current: Annotated[Number, field("over-current count", role=MEASURE, rank=6, width=7, heading="OVERCUR")] = _
    asleep_today: Annotated[Number, field("asleep today", "%")] = _
    ids: Annotated[Text, field("vendor:product")] = _
    maker: Annotated[Text, field("maker")] = _
    serial: Annotated[Text, field("serial number")] = _
    delay: Annotated[Number, field("autosuspend delay", "ms", signed=True)] = _  # -1: never
    hid: Annotated[Text, field("HID interface")] = _
    wakeup: Annotated[Text, field("remote wakeup")] = _
    holders: Annotated[Text, field("USB node opened by")] = _
    rule: Annotated[Text, field("udev rule")] = _
    card: Annotated[Text, field("ALSA card")] = _
    named: Annotated[Text, field("named by its port")] = _
    devnum: Annotated[Number, field("device number")] = _
    configured: Annotated[Number, field("times configured")] = _


class Hub(Resource, frozen=True, kw_only=True, tag="hub"):
    """A USB hub. `translators` is single or multi (transaction translators). `over_current` is the count at the port
    that it is plugged into, `over_currents` the count at each of its own ports, from the first on."""

    ports: Annotated[Number, field("ports", role=MEASURE, rank=2, width=6)] = _
    over_current: Annotated[Number, field("over-current count", role=MEASURE, rank=3, width=7, heading="OVERCUR")] = _
    port: Annotated[Text, field("port", role=STATE, rank=2)] = _
    model: Annotated[Text, field("model", role=TEXT, rank=6, width=18)] = _
    speed: Annotated[Number, field("speed", "Mbit/s", MEASURE, 5, 5, heading="MBIT")] = _
    translators: Annotated[Text, field("transaction translators")] = _
    ids: Annotated[Text, field("vendor:product")] = _
    over_currents: Annotated[Numbers, field("over-currents")] = _


class CaptureBoard(Resource, frozen=True, kw_only=True, tag="capture"):
    """An HDMI capture board. `mode` is operational, or the mode that keeps it from capturing. `streams`: a program
    reads its video. `signal` is the state of its HDMI signal in a word, `hdmi` the measurements of that signal,
    `picture` what the last pictures taken of it showed, `looks` how often pictures were taken."""

    mode: Annotated[Text, field("mode", role=STATE, rank=0, width=12)] = _
    signal: Annotated[Text, field("HDMI signal", role=STATE, rank=1, width=12, heading="HDMI")] = _
    port: Annotated[Text, field("port", role=STATE, rank=2)] = _
    model: Annotated[Text, field("model", role=TEXT, rank=4, width=16)] = _
    video: Annotated[Text, field("video", role=STATE, rank=3, width=11)] = _
    picture: Annotated[Text, field("picture", role=STATE, rank=5)] = _
    console: Annotated[Text, field("console", role=STATE, rank=6, width=12)] = _
    hdmi: Annotated[Text, field("HDMI input")] = _
    streams: Annotated[Flag, field("video in use")] = _
    ids: Annotated[Text, field("vendor:product")] = _
    release: Annotated[Text, field("bcdDevice")] = _
    serial: Annotated[Text, field("serial number")] = _
    speed: Annotated[Number, field("speed", "Mbit/s")] = _
    devnum: Annotated[Number, field("device number")] = _
    looks: Number = _


class Mixer(Resource, frozen=True, kw_only=True, tag="mixer"):
    """A live video mixer. `stream` is `live` or `blank <source>`; a and b are the sources in the picture."""

    stream: Annotated[Text, field("stream", role=STATE, rank=0, width=14)] = _
    on_air: Annotated[Text, field("on air", role=STATE, rank=1, width=14)] = _
    composite: Annotated[Text, field("composite", role=TEXT, rank=3, width=20)] = _
    sources: Annotated[Texts, field("sources", role=TEXT, rank=5, width=20)] = _
    a: Annotated[Text, field("picture A")] = _
    b: Annotated[Text, field("picture B")] = _
    composites: Annotated[Texts, field("composites")] = _
    audio: Annotated[Text, field("audio volumes")] = _
    endpoint: Annotated[Text, field("endpoint")] = _
    version: Annotated[Text, field("generation")] = _


class ContainerHost(Resource, frozen=True, kw_only=True, tag="host"):
    """A host that runs containers."""

    running: Annotated[Number, field("running", role=MEASURE, rank=0, width=6, heading="UP", of="instances")] = _
    server: Annotated[Text, field("server", role=STATE, rank=1, width=11)] = _
    memory: Annotated[Number, field("memory", "MiB", MEASURE, 2, 9)] = _
    kernel: Annotated[Text, field("kernel", role=TEXT, rank=5, width=18)] = _
    instances: Annotated[Number, field("instances")] = _
    address: Annotated[Text, field("address")] = _


class Instance(Resource, frozen=True, kw_only=True, tag="instance"):
    """A container. `state` is LXD's status word; `kept`: it was stopped with its memory saved."""

    state: Annotated[Text, field("state", role=STATE, rank=0)] = _
    host: Annotated[Text, field("host", role=STATE, rank=1, width=10)] = _
    memory: Annotated[Number, field("memory", "MiB", MEASURE, 2, 9)] = _
    image: Annotated[Text, field("image", role=TEXT, rank=5, width=18)] = _
    addresses: Annotated[Texts, field("addresses", role=TEXT, rank=4, width=16)] = _
    project: Annotated[Text, field("project")] = _
    processes: Annotated[Number, field("processes")] = _
    pid: Annotated[Number, field("process 1 on the host")] = _
    snapshots: Annotated[Texts, field("snapshots")] = _
    autostart: Annotated[Flag, field("starts at boot")] = _
    kept: Annotated[Flag, field("memory kept")] = _
    created: Annotated[Text, field("created")] = _


class Operation(Resource, frozen=True, kw_only=True, tag="operation"):
    """An operation of a container host. `percent` is known only if the host knows a total."""

    state: Annotated[Text, field("state", role=STATE, rank=0, width=9)] = _
    subject: Annotated[Text, field("subject", role=STATE, rank=1, width=12)] = _
    percent: Annotated[Number, field("done", "%", MEASURE, 2, 5)] = _
    progress: Annotated[Text, field("progress", role=TEXT, rank=4, width=24)] = _
    what: Annotated[Text, field("what")] = _
    error: Annotated[Text, field("error")] = _


class SourceHealth(Resource, frozen=True, kw_only=True, tag="source"):
    """The health of a source. The venue makes it from observations, so that rules can judge it like any resource.
    `children`, `cpu` and `memory` are of its child processes (contract.Usage)."""

    state: Annotated[Text, field("state", role=STATE, rank=0, width=9)] = _
    sentence: Annotated[Text, field("says", role=TEXT, rank=1, width=40)] = _
    backend: Annotated[Text, field("backend")] = _
    remedy: Annotated[Remedy | None, field("to do")] = None
    children: Annotated[Number, field("child processes")] = _
    cpu: Annotated[Number, field("their CPU time", "s")] = _
    memory: Annotated[Number, field("their memory", "MiB")] = _


ZONE = kind(
    Zone, "zone", "zones", "audio", order=0,
    linked=(
        linked("mixer", "gain", field("gain", "dB", MEASURE, 4)),
        linked("mixer", "mute", field("mute", role=STATE, rank=2, width=5)),
        linked("pcm", "state", field("PCM", role=STATE, rank=1)),
    ),
    shortcuts=(Shortcut("m", "mute", "mute the selected zone at its ALSA mixer, at once"),), quiet=("stopped",),
)  # fmt: skip
PCM = kind(Pcm, "PCM", "PCMs", order=3, alarming=("XRUN", "DISCONNECTED"), quiet=("closed",))
CONTROL = kind(Control, "mixer control", "mixer controls", order=4, in_chain=False)
STREAM = kind(Stream, "stream", "streams", order=5)
BOARD = kind(Board, "board", "boards", "amps", order=0, beside=("card",), alarming=("error",), quiet=("suspended",))
HUB = kind(Hub, "hub", "hubs", "amps", order=1)
CAPTURE = kind(
    CaptureBoard, "capture", "capture boards", "capture", order=1,
    in_use=InUse("streams", "the video of {name} runs: a room is being recorded or shown"),
)  # fmt: skip
MIXER = kind(Mixer, "mixer", "mixers", "capture", order=0)
HOST = kind(ContainerHost, "host", "hosts", "containers", order=2)
INSTANCE = kind(
    Instance, "instance", "instances", "containers", order=0, alarming=("Error", "Frozen"), quiet=("Stopped",)
)
OPERATION = kind(Operation, "operation", "operations", "containers", order=1, transient=True, alarming=("Failure",))
SOURCE = kind(SourceHealth, "source", "sources", order=9, alarming=("hung", "refused", "wrong"))
