"""The venue's common kinds. A column is added to a pane here, and nowhere else."""

from __future__ import annotations

from typing import TypeAlias

from backends.contract import FieldSpec, Id, KindSpec, Resource, Role, Unknown

Text: TypeAlias = str | Unknown
Number: TypeAlias = float | int | Unknown
Flag: TypeAlias = bool | Unknown

_ = Unknown()


class Zone(Resource, frozen=True, kw_only=True, tag="zone"):
    """A room's player. `state` is playing, paused or stopped; times in seconds; `volume` in percent of the
    player's own (software) mixer; `mpd` is where phones reach it, `phones` how many do. `log` has the player's latest
    warnings and errors, newest first, `fault` the failure of its output that stands. `rival` is the pid of another
    process that was started for its port and does not have it. `accounts` has the streaming accounts that it uses, by
    service and a mark that stands for the account. `unit` is the systemd unit whose main process it is. `jumps` counts
    how often it was sent to a place: a track begun, a seek. `tracks_begun` counts the former alone, where the player
    tells one from the other, and is the same where it does not. `passed`, where the player tells, counts the seconds of
    its tracks that have ended: `passed` and `position` together keep the clock's pace from track to track."""

    state: Text = _
    title: Text = _
    artist: Text = _
    track: Text = _
    position: Number = _
    length: Number = _
    volume: Number = _
    soft_mute: Flag = _
    output: Text = _
    version: Text = _
    endpoint: Text = _
    pid: Number = _
    unit: Text = _
    queue: Number = _
    mpd: Text = _
    phones: Number = _
    log: tuple[str, ...] | Unknown = _
    fault: Text = _
    rival: Number = _
    accounts: tuple[str, ...] | Unknown = _
    jumps: Number = _
    tracks_begun: Number = _
    passed: Number = _


class Pcm(Resource, frozen=True, kw_only=True, tag="pcm"):
    """One playback substream of an ALSA card, from /proc/asound. `state` is `closed` or the kernel's word, `owner` the
    pid of the process that has it open. `begun` is when it began to run or stopped last, by the kernel's clock
    (seconds): it does so anew when its buffer has run dry."""

    state: Text = _
    owner: Number = _
    program: Text = _
    hw_ptr: Number = _
    begun: Number = _
    rate: Number = _
    card: Text = _
    card_id: Text = _


class Control(Resource, frozen=True, kw_only=True, tag="control"):
    """An ALSA mixer control: `level` in percent of its range, `gain` in dB where the control has a scale."""

    level: Number = _
    gain: Number = _
    mute: Flag = _
    device: Text = _


class Stream(Resource, frozen=True, kw_only=True, tag="stream"):
    """A playback stream at a sound server: a process plays into a `sink`. `asked` is the sink that it asked for, where
    the server keeps that, `first` the one in which it was seen first. `state` is playing, or corked where the process
    has halted it; `beside` has what else plays into the same sink, `volume` is the stream's own in percent."""

    state: Text = _
    sink: Text = _
    asked: Text = _
    first: Text = _
    beside: tuple[str, ...] | Unknown = _
    program: Text = _
    pid: Number = _
    volume: Number = _
    mute: Flag = _


class Board(Resource, frozen=True, kw_only=True, tag="board"):
    """A USB audio device: an amplifier board or a DAC. Speeds in Mbit/s, currents in mA (declared, not
    measured), `asleep` in percent of the time since it was plugged in, `asleep_today` of today, as far as seen. `card`
    is the id of its ALSA card, `named` the one that a rule of foh's gives it by its port. `configured` counts how often
    its port's device was heard to be taken into use by the kernel since this program looks: plugged in, or authorized
    again."""

    port: Text = _
    model: Text = _
    ids: Text = _
    maker: Text = _
    speed: Number = _
    power: Text = _
    policy: Text = _
    delay: Number = _
    asleep: Number = _
    asleep_today: Number = _
    current: Number = _
    hid: Text = _
    wakeup: Text = _
    holders: Text = _
    rule: Text = _
    card: Text = _
    named: Text = _
    devnum: Number = _
    reenumerations: Number = _
    configured: Number = _
    over_current: Number = _
    hub: Text = _
    serial: Text = _


class Hub(Resource, frozen=True, kw_only=True, tag="hub"):
    """A USB hub. `translators` is single or multi (transaction translators). `over_current` counts at the port that it
    is in, `over_currents` at each of its own ports, from the first on."""

    port: Text = _
    ids: Text = _
    model: Text = _
    speed: Number = _
    ports: Number = _
    translators: Text = _
    over_current: Number = _
    over_currents: tuple[int, ...] | Unknown = _


class CaptureBoard(Resource, frozen=True, kw_only=True, tag="capture"):
    """An HDMI capture board. `mode` is operational, or the mode that keeps it from capturing. `streams`: its video
    runs.
    `signal` is in a word how the HDMI signal is that it shows, `hdmi` what it measures of that, `picture` what its
    picture showed when somebody looked last, and `looks` how often somebody has."""

    mode: Text = _
    signal: Text = _
    hdmi: Text = _
    streams: Flag = _
    picture: Text = _
    looks: Number = _
    model: Text = _
    port: Text = _
    ids: Text = _
    release: Text = _
    video: Text = _
    console: Text = _
    serial: Text = _
    speed: Number = _
    devnum: Number = _


class Mixer(Resource, frozen=True, kw_only=True, tag="mixer"):
    """A live video mixer. `stream` is `live` or `blank <source>`; a and b are the sources in the picture."""

    stream: Text = _
    composite: Text = _
    on_air: Text = _
    a: Text = _
    b: Text = _
    sources: tuple[str, ...] | Unknown = _
    composites: tuple[str, ...] | Unknown = _
    audio: Text = _
    endpoint: Text = _
    version: Text = _


class ContainerHost(Resource, frozen=True, kw_only=True, tag="host"):
    """A host that runs containers. Memory in MiB."""

    server: Text = _
    kernel: Text = _
    instances: Number = _
    running: Number = _
    memory: Number = _
    address: Text = _


class Instance(Resource, frozen=True, kw_only=True, tag="instance"):
    """A container. `state` is LXD's status word; memory in MiB; `kept`: it was stopped with what it had in memory."""

    state: Text = _
    host: Text = _
    project: Text = _
    image: Text = _
    addresses: tuple[str, ...] | Unknown = _
    memory: Number = _
    processes: Number = _
    pid: Number = _
    snapshots: tuple[str, ...] | Unknown = _
    autostart: Flag = _
    kept: Flag = _
    created: Text = _


class Operation(Resource, frozen=True, kw_only=True, tag="operation"):
    """Something a container host is doing. `percent` only where the host knows a total."""

    state: Text = _
    what: Text = _
    subject: Text = _
    progress: Text = _
    percent: Number = _
    error: Text = _


class SourceHealth(Resource, frozen=True, kw_only=True, tag="source"):
    """How a source is. Made by the venue from observations, so that rules can judge it like anything else. `action` and
    `target` are its remedy's (contract.Health)."""

    backend: Text = _
    state: Text = _
    sentence: Text = _
    remedy: Text = _
    action: str = ""
    target: Id | None = None


S, M, T, D = Role.STATE, Role.MEASURE, Role.TEXT, Role.DETAIL

ZONE = KindSpec(
    "zone",
    "zone",
    "zones",
    "audio",
    Zone,
    (
        FieldSpec("state", "state", role=S, rank=0, width=8),
        FieldSpec("title", "title", role=T, rank=5, width=14),
        FieldSpec("artist", "artist", role=T, rank=8, width=12),
        FieldSpec("position", "position", "s", M, 3, 6, heading="POS"),
        FieldSpec("volume", "volume", "%", M, 2, 5, heading="VOL"),
        FieldSpec("gain", "gain", "dB", M, 4, 8, via="mixer"),
        FieldSpec("mute", "mute", role=S, rank=2, width=5, via="mixer"),
        FieldSpec("state", "PCM", role=S, rank=1, width=8, via="pcm"),
        FieldSpec("length", "length", "s"),
        FieldSpec("track", "track"),
        FieldSpec("soft_mute", "software mute"),
        FieldSpec("queue", "tracks queued"),
        FieldSpec("output", "output"),
        FieldSpec("mpd", "for phones"),
        FieldSpec("phones", "phones connected"),
        FieldSpec("fault", "output's failure"),
        FieldSpec("log", "log"),
        FieldSpec("endpoint", "endpoint"),
        FieldSpec("version", "version"),
        FieldSpec("pid", "process"),
        FieldSpec("unit", "systemd unit"),
        FieldSpec("rival", "rival for its port"),
        FieldSpec("accounts", "streaming accounts"),
    ),
    0,
)

PCM = KindSpec(
    "pcm",
    "PCM",
    "PCMs",
    "",
    Pcm,
    (
        FieldSpec("state", "state", role=S, rank=0, width=8),
        FieldSpec("owner", "owner", role=M, rank=2, width=7),
        FieldSpec("program", "owner's program"),
        FieldSpec("hw_ptr", "hw_ptr", "frames"),
        FieldSpec("begun", "trigger_time", "s"),
        FieldSpec("rate", "rate", "Hz"),
        FieldSpec("card", "card"),
        FieldSpec("card_id", "card id"),
    ),
    3,
)

CONTROL = KindSpec(
    "control",
    "mixer control",
    "mixer controls",
    "",
    Control,
    (
        FieldSpec("level", "level", "%", M, 0, 5),
        FieldSpec("gain", "gain", "dB", M, 1, 8),
        FieldSpec("mute", "mute", role=S, rank=1, width=5),
        FieldSpec("device", "ALSA device"),
    ),
    4,
)

STREAM = KindSpec(
    "stream",
    "stream",
    "streams",
    "",
    Stream,
    (
        FieldSpec("state", "state", role=S, rank=0, width=8),
        FieldSpec("sink", "sink", role=S, rank=1, width=16),
        FieldSpec("asked", "asked for"),
        FieldSpec("first", "first seen in"),
        FieldSpec("beside", "in the same sink"),
        FieldSpec("program", "program"),
        FieldSpec("pid", "process"),
        FieldSpec("volume", "volume", "%"),
        FieldSpec("mute", "mute"),
    ),
    5,
)

BOARD = KindSpec(
    "board",
    "board",
    "boards",
    "amps",
    Board,
    (
        FieldSpec("power", "power", role=S, rank=0, width=9),
        FieldSpec("policy", "policy", role=S, rank=1, width=6),
        FieldSpec("asleep", "asleep", "%", M, 2, 6),
        FieldSpec("port", "port", role=S, rank=2, width=8),
        FieldSpec("model", "model", role=T, rank=6, width=18),
        FieldSpec("speed", "speed", "Mbit/s", M, 5, 5, heading="MBIT"),
        FieldSpec("current", "declared current", "mA", M, 4, 6, heading="mA"),
        FieldSpec("reenumerations", "re-enumerations", "", M, 6, 7, heading="RE-ENUM"),
        FieldSpec("hub", "hub", role=S, rank=7, width=7),
        FieldSpec("over_current", "over-current count", "", M, 6, 3, heading="OC"),
        FieldSpec("asleep_today", "asleep today", "%"),
        FieldSpec("ids", "vendor:product"),
        FieldSpec("maker", "maker"),
        FieldSpec("serial", "serial number"),
        FieldSpec("delay", "autosuspend delay", "ms"),
        FieldSpec("hid", "HID interface"),
        FieldSpec("wakeup", "remote wakeup"),
        FieldSpec("holders", "USB node opened by"),
        FieldSpec("rule", "udev rule"),
        FieldSpec("card", "ALSA card"),
        FieldSpec("named", "named by its port"),
        FieldSpec("devnum", "device number"),
        FieldSpec("configured", "times configured"),
    ),
    0,
)

HUB = KindSpec(
    "hub",
    "hub",
    "hubs",
    "amps",
    Hub,
    (
        FieldSpec("translators", "transaction translators", role=S, rank=1, width=9, heading="TT"),
        FieldSpec("ports", "ports", "", M, 2, 6),
        FieldSpec("over_current", "over-current count", "", M, 3, 6, heading="OC"),
        FieldSpec("port", "port", role=S, rank=2, width=8),
        FieldSpec("model", "model", role=T, rank=6, width=18),
        FieldSpec("speed", "speed", "Mbit/s", M, 5, 5, heading="MBIT"),
        FieldSpec("ids", "vendor:product"),
        FieldSpec("over_currents", "over-currents"),
    ),
    1,
)

CAPTURE = KindSpec(
    "capture",
    "capture",
    "capture boards",
    "capture",
    CaptureBoard,
    (
        FieldSpec("mode", "mode", role=S, rank=0, width=12),
        FieldSpec("signal", "HDMI signal", role=S, rank=1, width=12, heading="HDMI"),
        FieldSpec("port", "port", role=S, rank=2, width=8),
        FieldSpec("model", "model", role=T, rank=4, width=16),
        FieldSpec("video", "video", role=S, rank=3, width=11),
        FieldSpec("picture", "picture", role=S, rank=5, width=8),
        FieldSpec("console", "console", role=S, rank=6, width=12),
        FieldSpec("hdmi", "HDMI input"),
        FieldSpec("streams", "its video runs"),
        FieldSpec("ids", "vendor:product"),
        FieldSpec("release", "bcdDevice"),
        FieldSpec("serial", "serial number"),
        FieldSpec("speed", "speed", "Mbit/s"),
        FieldSpec("devnum", "device number"),
    ),
    1,
)

MIXER = KindSpec(
    "mixer",
    "mixer",
    "mixers",
    "capture",
    Mixer,
    (
        FieldSpec("stream", "stream", role=S, rank=0, width=14),
        FieldSpec("on_air", "on air", role=S, rank=1, width=14),
        FieldSpec("composite", "composite", role=T, rank=3, width=20),
        FieldSpec("sources", "sources", role=T, rank=5, width=20),
        FieldSpec("a", "picture A"),
        FieldSpec("b", "picture B"),
        FieldSpec("composites", "composites"),
        FieldSpec("audio", "audio volumes"),
        FieldSpec("endpoint", "endpoint"),
        FieldSpec("version", "generation"),
    ),
    0,
)

HOST = KindSpec(
    "host",
    "host",
    "hosts",
    "containers",
    ContainerHost,
    (
        FieldSpec("server", "server", role=S, rank=1, width=11),
        FieldSpec("running", "running", "", M, 0, 4, heading="RUN"),
        FieldSpec("instances", "instances", "", M, 0, 4, heading="OF"),
        FieldSpec("memory", "memory", "MiB", M, 2, 9),
        FieldSpec("kernel", "kernel", role=T, rank=5, width=18),
        FieldSpec("address", "address"),
    ),
    2,
)

INSTANCE = KindSpec(
    "instance",
    "instance",
    "instances",
    "containers",
    Instance,
    (
        FieldSpec("state", "state", role=S, rank=0, width=8),
        FieldSpec("host", "host", role=S, rank=1, width=10),
        FieldSpec("memory", "memory", "MiB", M, 2, 9),
        FieldSpec("image", "image", role=T, rank=5, width=18),
        FieldSpec("addresses", "addresses", role=T, rank=4, width=16),
        FieldSpec("project", "project"),
        FieldSpec("processes", "processes"),
        FieldSpec("pid", "process 1 on the host"),
        FieldSpec("snapshots", "snapshots"),
        FieldSpec("autostart", "starts at boot"),
        FieldSpec("kept", "memory kept"),
        FieldSpec("created", "created"),
    ),
    0,
)

OPERATION = KindSpec(
    "operation",
    "operation",
    "operations",
    "containers",
    Operation,
    (
        FieldSpec("state", "state", role=S, rank=0, width=9),
        FieldSpec("subject", "subject", role=S, rank=1, width=12),
        FieldSpec("percent", "done", "%", M, 2, 5, heading="DONE"),
        FieldSpec("progress", "progress", role=T, rank=4, width=24),
        FieldSpec("what", "what"),
        FieldSpec("error", "error"),
    ),
    1,
)

SOURCE = KindSpec(
    "source",
    "source",
    "sources",
    "",
    SourceHealth,
    (
        FieldSpec("state", "state", role=S, rank=0, width=9),
        FieldSpec("sentence", "says", role=T, rank=1, width=40),
        FieldSpec("backend", "backend"),
        FieldSpec("remedy", "to do"),
    ),
    9,
)
