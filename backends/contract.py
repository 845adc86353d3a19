"""The contract between a backend and everything else: the one file a backend author must read.

A *backend* knows one kind of real system. It discovers *sources* (one endpoint each: this Mopidy, this LXD
host, this machine's USB). A source `watch`es and yields *observations*: how it is, which *resources* it sees
now, which are gone. *Rules* judge resources and yield *findings*. A resource *offers* actions; the source
`plan`s one as data (steps, what it interrupts, what must be observed afterwards) and can `do` each step.

Everything here is frozen and serialisable: the same values go to the screen, to `--json` and to the journal.
Times are seconds since the epoch (float). Text from outside passes through `clean` where it enters.

A backend is one module and one line under the entry-point group `foh.backends`:

    backend = Backend(name="mopidy", kinds=(ZONE,), rules=RULES, discover=discover, needs=needs)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable
from urllib.parse import quote, unquote

from msgspec import Struct, structs

from backends.secrets import redacted
from backends.shell import shell

T = TypeVar("T")
LONGEST_NAME = 2000  # characters of one part of an id

# --- values -----------------------------------------------------------------------------------------------


class Why(StrEnum):
    """Why a field has no value."""

    NOT_YET = "not yet"
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    NOT_MEASURABLE = "not measurable"
    NOT_APPLICABLE = "not applicable"
    MALFORMED = "malformed"


class Unknown(Struct, frozen=True, tag="unknown"):
    """Stands where a value should: the reason, a sentence, and the last value that was known (None: never)."""

    why: Why = Why.NOT_YET
    detail: str = ""
    last: str | int | float | bool | list[str] | None = None


Scalar = str | int | float | bool | None

# --- identity ---------------------------------------------------------------------------------------------


class Id(Struct, frozen=True, order=True):
    """Names one resource for ever: `host/kind/local`. `local` may be any text that can be shown; `str` and `parse` are
    inverse. What cannot be shown is made so here, as in every text from outside."""

    host: str
    kind: str
    local: str

    def __post_init__(self) -> None:
        whole = self.host + self.kind + self.local
        if len(whole) > LONGEST_NAME or not (whole.isascii() and whole.isprintable()):
            for part in ("host", "kind", "local"):
                structs.force_setattr(self, part, clean(getattr(self, part), LONGEST_NAME))

    def __str__(self) -> str:
        return "/".join(quote(part, safe=":.@+,=") for part in (self.host, self.kind, self.local))

    @staticmethod
    def parse(text: str) -> Id:
        """The inverse of `str`. Raises ValueError unless there are exactly three parts."""
        host, kind, local = (unquote(part) for part in text.split("/"))
        return Id(host, kind, local)


class Key(Struct, frozen=True, order=True):
    """A name under which other backends can find a resource, such as Key("usb-port", "1-1.3.2", host).

    Spaces in use: `usb-port` (sysfs name, 1-1.3.2), `usb-address` (bus/device, 001/005), `alsa-card` (index or
    id), `alsa-mixer` (card index, card id or device name), `pcm-owner` and `stream-owner` (pid), `pid`, `tcp`
    (ip:port), `instance` (name), `container-host` (server name). `host` is empty where the value is unique anywhere.
    """

    space: str
    value: str
    host: str = ""


class Evidence(Struct, frozen=True):
    """What was read, from which file or call, when; `raw` is what it said. `what` is its name: rules find it by that,
    and people read it."""

    what: str
    read_from: str
    at: float = 0.0
    raw: str = ""


class Link(Struct, frozen=True):
    """This resource's relation to whoever publishes the key, and why we say so.

    Several links of one relation are alternatives in order of preference. A relation may be qualified by further words
    (`account spotify 1`). Relations in use: zone -pcm-> PCM -board-> board -hub-> hub; zone -mixer-> control;
    zone -stream-> stream; zone -account-> zone; board -card-> PCM; instance -host-> host;
    operation -instance-> instance.
    """

    relation: str
    to: Key
    because: str = ""


class Role(StrEnum):
    """What a field is for, so that a pane can lay it out without knowing the kind."""

    STATE = "state"  # one short word: playing, asleep, Running
    MEASURE = "measure"  # a number, right-aligned
    TEXT = "text"  # free text: the first to be cut when the pane is narrow
    DETAIL = "detail"  # shown in the detail view only


class FieldSpec(Struct, frozen=True):
    """One field of a kind: its label in words and, if that is too long for a column, a short heading. A lower rank
    survives in a narrower pane. A number below zero is malformed unless the field is `signed`.

    `of` names the field with the whole of which this one counts a part: shown as 6/7. `via` names a relation: the value
    is then read from field `name` of the resource at the other end of that link.
    """

    name: str
    label: str
    unit: str = ""
    role: Role = Role.DETAIL
    rank: int = 9
    width: int = 8
    heading: str = ""
    of: str = ""
    signed: bool = False
    via: str = ""


class InUse(Struct, frozen=True):
    """What the operator is told before a change elsewhere while `field` is true: a sentence, {name} in it."""

    field: str
    sentence: str


class Shortcut(Struct, frozen=True):
    """A key that starts an action of the selected resource at once; `text` says so in the help."""

    key: str
    action: str
    text: str


class KindSpec(Struct, frozen=True):
    """Describes a kind: its label, the pane it belongs to (audio, amps, capture, containers; "": none) and its fields.

    A backend may add fields to a common kind by a class of its own that derives from it (declare.variant): its
    resources are of the same `kind`, and its `tag` differs.
    """

    kind: str
    label: str
    plural: str
    pane: str
    resource: type[Resource]
    fields: tuple[FieldSpec, ...]
    tag: str
    order: int = 5  # place within its pane
    transient: bool = False  # passes by itself: the inventory never expects it
    in_chain: bool = True  # stands in a drawing of the signal's path
    beside: tuple[str, ...] = ()  # relations of its links that are no part of the signal's path
    alarming: tuple[str, ...] = ()  # words for trouble among the values of its fields
    quiet: tuple[str, ...] = ()  # words for nothing going on
    in_use: InUse | None = None
    shortcuts: tuple[Shortcut, ...] = ()


# --- what can be done -------------------------------------------------------------------------------------


class Risk(StrEnum):
    """How an action is confirmed: shown and run; Cancel focused; the name typed."""

    ROUTINE = "routine"
    DISRUPTIVE = "disruptive"
    DESTRUCTIVE = "destructive"


class Arg(Struct, frozen=True):
    """One argument of an offer. Numbers have bounds and a unit, words have choices; all travel as text. `field` is the
    target's field that a number sets, so that several targets can be set in proportion. `names`: it is a name for the
    target, and the best default is the name of the only resource that depends on it."""

    name: str
    label: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    default: str = ""
    field: str = ""
    names: bool = False


class Offer(Struct, frozen=True):
    """An action that its target has now. `blocked` says why it cannot be done at this moment ("" if it can), `setup`
    why it is best done when a venue is set up ("" if it is not). Two actions are the console's own: `resume` does what
    is left of an interrupted run, `cancel` ends one that goes on."""

    target: Id
    action: str
    label: str
    risk: Risk = Risk.ROUTINE
    args: tuple[Arg, ...] = ()
    blocked: str = ""
    setup: str = ""


Args: TypeAlias = dict[str, str | int | float | bool | tuple[str, ...] | None]


class Step(Struct, frozen=True):
    """One thing a run does. `do` and `args` tell the source, `text` tells people, and `argv` is the command that would
    do the same. `irreversible`: to do it twice is not the same as once, as with skipping a track."""

    do: str
    args: Args = {}
    argv: tuple[str, ...] = ()
    text: str = ""
    irreversible: bool = False

    @property
    def shell(self) -> str:
        """The command in one line, as it can be pasted into a shell."""
        return shell(self.argv)


class Test(StrEnum):
    """How an expectation compares the observed value with the wanted one."""

    __test__ = False  # not a pytest class

    EQUALS = "equals"
    DIFFERS = "differs"
    NEAR = "near"  # within one unit
    CONTAINS = "contains"
    LACKS = "lacks"


class Expect(Struct, frozen=True):
    """What must be observed of `target` within so many seconds, for a plan to have worked; with `via`, of the resource
    to which its link of that relation leads."""

    target: Id
    field: str
    wanted: Scalar
    within: float
    test: Test = Test.EQUALS
    via: str = ""

    @property
    def what(self) -> str:
        """What is looked at, for the operator."""
        return f"{self.via} {self.field.replace('_', ' ')}".strip()


class Plan(Struct, frozen=True):
    """An action worked out: everything the operator is shown before saying yes. What is expected must be observed in
    that order. The console adds to what a disruptive one interrupts the resources that depend on its target.

    `lasts` is how many seconds it may take. What lasts more than 10 s is carried out by a process of its own, which no
    console ends. `cancellable`: an operator may end it between two steps, and what was done until then stays so."""

    offer: Offer
    args: dict[str, str]
    steps: tuple[Step, ...]
    expect: tuple[Expect, ...]
    interrupts: tuple[str, ...] = ()
    based_on: tuple[Evidence, ...] = ()
    lasts: float = 0.0
    cancellable: bool = False


class Remedy(Struct, frozen=True):
    """What to do: a sentence and, where the console can do it, the action and its target."""

    text: str
    action: str = ""
    target: Id | None = None
    args: dict[str, str] = {}


class Refused(Exception):
    """A plan or a step that the source will not do; the message is for the operator."""


# --- resources and observations ---------------------------------------------------------------------------


class Resource(Struct, frozen=True, kw_only=True):
    """One thing an operator can point at. Kinds derive from it; their fields are `T | Unknown`."""

    id: Id
    name: str
    keys: tuple[Key, ...] = ()
    links: tuple[Link, ...] = ()
    offers: tuple[Offer, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    at: float = 0.0

    def offer(self, action: str) -> Offer | None:
        return next((offer for offer in self.offers if offer.action == action), None)

    def proof(self, *names: str) -> tuple[Evidence, ...]:
        """The evidence that goes by these names."""
        return tuple(each for each in self.evidence if each.what in names)


class Gone(Struct, frozen=True):
    """A resource that a healthy source says is not there (or that was expected and never seen: last is None)."""

    id: Id
    last: Resource | None
    since: float


class State(StrEnum):
    """How a source is. Only OK may claim that something is gone."""

    STARTING = "starting"
    OK = "ok"
    REFUSED = "refused"  # nothing listens there
    HUNG = "hung"  # accepts, or stays connected, but does not answer in time
    WRONG = "wrong"  # answers, but is not what it should be
    DENIED = "denied"  # no permission
    ABSENT = "absent"  # a library or program is missing here


class Health(Struct, frozen=True):
    """A source's state, with a sentence on what happened and what to do about it."""

    state: State = State.OK
    sentence: str = ""
    remedy: Remedy | None = None


class Usage(Struct, frozen=True):
    """What the child processes of a source use: how many run now, their CPU time in seconds, their memory in MiB."""

    children: int = 0
    cpu: float = 0.0
    memory: int = 0


class Observation(Struct, frozen=True):
    """What one source says at one moment: its health, what has changed, what is gone. What it does not mention is as
    it was. A `complete` one lists everything: what it leaves out is gone.

    A source yields health, upserts, gone and complete; the runtime fills in the rest: who says it (`source`, of the
    backend of that name, configured at `address`, "" where it is not configured), when, what its child processes use,
    and that a source has left the venue (`left`). One that is not well may still report a resource: only its known
    fields count.
    """

    health: Health = Health()
    upserts: tuple[Resource, ...] = ()
    gone: tuple[Id, ...] = ()
    complete: bool = False
    source: Id = Id("", "source", "")
    backend: str = ""
    address: str = ""
    usage: Usage = Usage()
    left: bool = False
    seq: int = 0
    at: float = 0.0


# --- judgement --------------------------------------------------------------------------------------------


class Severity(StrEnum):
    """By consequence, and by whether anybody is listening now."""

    INFO = "info"
    WARN = "warn"
    CRIT = "crit"

    @property
    def rank(self) -> int:
        return ("info", "warn", "crit").index(self.value)


class Finding(Struct, frozen=True):
    """A judgement about one resource. `blames` is the resource at fault (None: itself)."""

    code: str
    severity: Severity
    about: Id
    cause: str
    evidence: tuple[Evidence, ...] = ()
    not_known: str = ""
    remedies: tuple[Remedy, ...] = ()
    blames: Id | None = None

    @property
    def root(self) -> Id:
        return self.blames or self.about


class Verdict(Struct, frozen=True):
    """A rule's answer. `undecided` keeps what was found before; `recheck_at` asks to be called again then."""

    findings: tuple[Finding, ...] = ()
    undecided: bool = False
    recheck_at: float | None = None


class View(Protocol):
    """What a rule may see of the venue. Reading it makes the rule run again when that changes."""

    now: float

    def follow(self, resource: Resource | Gone, relation: str) -> Resource | Gone | None:
        """The resource at the other end of a link; None where no one publishes the key (or more than one)."""

    def back(self, resource: Resource | Gone, relation: str) -> Sequence[Resource]:
        """The resources that link to this one by that relation."""

    def ago(self, id: Id, seconds: float) -> Resource | None:
        """The same resource as it was observed at least so many seconds ago; None if not seen that long."""

    def since(self, resource: Resource, *fields: str) -> tuple[float, Resource | None]:
        """Since when these fields have been as they are now, without a break, and what the resource was before that;
        None where nobody remembers so far back."""


class Reason(Struct, frozen=True):
    """A part of an answer: what it is, how that is known, and what would change it (None: nothing needs to)."""

    text: str
    evidence: tuple[Evidence, ...] = ()
    remedy: Remedy | None = None


class Question(Struct, frozen=True):
    """What people ask about a kind of resource, such as "why is it awake?". `answer` is pure, like a rule's `judge`,
    and may be asked at any time, whether anything is wrong or not."""

    kind: str
    words: str
    answer: Callable[[Any, View], Sequence[Reason]]


class Rule(Struct, frozen=True):
    """Judges every resource of one kind. `judge` is pure: no I/O and no clock but the view's."""

    name: str
    kind: str
    judge: Callable[[Any, View], Verdict]


# --- what a backend author implements ---------------------------------------------------------------------


class Output(Struct, frozen=True):
    """What a program printed that was run once. `status` is its exit status (-9: killed by signal 9), `text` its
    standard output, `complaint` the end of its standard error. Both are foreign text."""

    status: int
    text: str = ""
    complaint: str = ""


class Child(Protocol):
    """A child process that sends and receives messages, each a JSON object on one line."""

    async def send(self, message: Mapping[str, object]) -> None:
        """Raises ConnectionError when it has ended, TimeoutError when it takes none."""

    async def receive(self) -> dict[str, Any]:
        """The child's next message. `{"at": WHAT}` is not returned: it names what the child turns to, and is blamed if
        the child then falls silent. `{"frame": N}` is followed by N raw bytes, which "frame" is here. May be cancelled.
        Raises ConnectionError when the child has ended, TimeoutError when it hangs, ValueError for anything else."""


class IO(Protocol):
    """What the runtime lends to a source. All of it is bounded in time."""

    def clock(self) -> float: ...

    async def wait(self, seconds: float, news: Awaitable[object] | None = None) -> None:
        """Returns after so many seconds at the latest: at once when a run has touched this source, soon and again for a
        while after that, as what was done may take its time, and when there is `news`, whose exceptions are raised
        (what is awaited for it is cancelled else). Every source that looks by itself waits so between two looks."""

    def deadline(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """`async with`: TimeoutError when the body takes longer."""

    async def thread(self, call: Callable[..., T], *args: object, within: float = 5.0) -> T:
        """Runs a blocking call in this source's one thread, after those before it; `within` counts the waiting.
        TimeoutError parks the source: until the thread has come back, calls raise `Parked` at once, and no second
        thread is taken. A call that has not begun by its deadline is never made."""

    async def load(self, *modules: str, late: bool = False) -> None:
        """Imports modules in the source's thread, however long this machine takes for that. `late` ones are heavy: they
        are imported once the other sources have spoken, as imports take the interpreter's time, which is theirs."""

    def part(self, name: str) -> AbstractContextManager[IO]:
        """The same for one of several things behind this source, with a thread of its own that ends with the body:
        where it hangs, the next calls for the same thing raise `Parked`, and the source goes on."""

    def child(
        self, argv: Sequence[str], system: str = "", silence: float | None = None, looks: bool = False
    ) -> AbstractAsyncContextManager[Child]:
        """Starts a child process for the length of the body; then it is killed with its own children. One that has
        said nothing for `silence` seconds counts as hung (at its start it is given longer; None: it may be silent),
        and `system` is blamed. One that `looks` is sent `{"look": true}` where `wait` would return early, and then
        reads its system afresh. Raises OSError."""

    async def run(self, argv: Sequence[str], within: float, env: Mapping[str, str] | None = None) -> Output:
        """Runs a program once, with nothing on its standard input, and kills it when the time is over. Raises OSError
        (it cannot be started), TimeoutError, ValueError (it prints more than a mebibyte)."""


class Parked(TimeoutError):
    """The source's thread is still in an earlier call that never came back."""


class Source(Protocol):
    """One endpoint of a backend. Exceptions that leave `watch` become its health; one that knows better yields what it
    has to say of itself, and ends. The runtime starts it again."""

    name: str  # unique on its host, and stable: "mopidy 127.0.0.1:6681". One that is configured has an `address` too
    host: str

    def watch(self, io: IO) -> AsyncGenerator[Observation, None]: ...

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        """Reads afresh what the action rests on and works it out. Raises Refused with the reason."""

    async def do(self, step: Step, io: IO) -> str | None:
        """Does one step of a plan, which was planned afresh just before the first one. What it returns is written to
        the journal. Raises Refused, OSError or TimeoutError. Success is not judged here but by `plan.expect`."""


@runtime_checkable
class StepChecker(Protocol):
    """What a source also is where it can tell of a step whether it was done. It is asked about the step in which a run
    was interrupted, so that nothing is done twice."""

    async def done(self, step: Step, io: IO) -> bool | None:
        """By reading alone; None where that cannot tell. Raises Refused, OSError or TimeoutError."""


def source_id(source: Source) -> Id:
    """Which resource a source is itself. Two hosts may have sources of one name."""
    return Id(source.host, "source", source.name)


class Need(Struct, frozen=True):
    """One thing a backend needs on this machine, for `foh doctor`."""

    what: str
    met: bool
    found: str
    mend: str = ""


class Context(Struct, frozen=True):
    """Where discovery happens: this host's name, the backend's own section of the configuration, and the sources that
    it found before. Discovery returns what is installed here now; a source that it leaves out has left the venue. So
    one that is only down must be returned, and is best taken from `known`."""

    host: str
    settings: Any
    environ: Mapping[str, str] = {}
    known: tuple[Source, ...] = ()


class NoSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """For a backend without configuration."""


class Backend(Struct, frozen=True):
    """Everything the program learns of a backend. `settings` is the type of its section in venue.toml."""

    name: str
    kinds: tuple[KindSpec, ...]
    rules: tuple[Rule, ...]
    discover: Callable[[Context, IO], Awaitable[Sequence[Source]]]
    needs: Callable[[Context], Sequence[Need]]
    settings: type[Struct] = NoSettings
    questions: tuple[Question, ...] = ()


# --- the first wall against hostile text ------------------------------------------------------------------

_TABLE: dict[int, int | str | None] = {c: 0x2400 + c for c in range(0x20)}
_TABLE |= {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
_TABLE |= dict.fromkeys((0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)
_TABLE |= dict.fromkeys((0xAD, 0x180E, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)), None)
_TABLE |= dict.fromkeys(range(0xE0000, 0xE0200), None)
_TABLE |= dict.fromkeys((0x09, 0x85, 0x2028, 0x2029), " ")
_TABLE |= dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)
_MARKS = ("Mn", "Me", "Mc")  # a syllable of an Indian script has up to three, such as a dot below, a vowel, a dot above
MOST_MARKS = 3
_PLAIN = re.compile(r"[ -~]*").fullmatch
LONGEST_SECRET = 600  # characters: what is cut off could be the end by which one is recognised


def clean(text: object, limit: int = 200) -> str:
    """Untrusted text as one printable line of at most `limit` characters.

    Control characters become their pictures, C1, surrogates and bidirectional controls U+FFFD; invisible
    characters go; at most three combining marks follow a character. The result holds no character that a
    terminal acts on. Markup is left alone: it is data, and only widgets that parse none may show it.
    Passwords and tokens are hidden (secrets.py).
    """
    line = redacted((text if isinstance(text, str) else str(text))[: limit + LONGEST_SECRET])
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    if _PLAIN(line):
        return line
    out: list[str] = []
    marks = 0
    for char in line.translate(_TABLE):
        marks = marks + 1 if unicodedata.category(char) in _MARKS else 0
        if marks <= MOST_MARKS:
            out.append(char if marks or char.isprintable() else "\N{REPLACEMENT CHARACTER}")
    return "".join(out)
