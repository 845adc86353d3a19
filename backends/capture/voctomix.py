"""Voctomix: watches and controls the live video mixer over voctocore's control port (9999).

Never connects to the ports from 10000: a second client there disconnects the camera from its input. The control port
has no authentication; a request costs the core 0.3 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from backends.capture.rules import MIXER_RULES
from backends.capture.voctoclient import Connection, read
from backends.capture.voctoline import POLL, CoreState, Flood, NotVoctocore, after_line, command, on_air
from backends.contract import (
    IO,
    Arg,
    Backend,
    Context,
    Evidence,
    Expect,
    Health,
    Id,
    Key,
    Need,
    Observation,
    Offer,
    Plan,
    Refused,
    Remedy,
    Risk,
    Source,
    State,
    Step,
    Unknown,
    Why,
    clean,
)
from backends.foreign import is_address
from backends.kinds import MIXER, Mixer
from backends.shell import quoted

USUAL = "127.0.0.1:9999"
EVERY = 1.5  # seconds between two requests while nothing is broadcast
RETRY = 5.0  # seconds until a retry, if another server is on the port


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`endpoints`: host:port of each control port; the default port is 9999."""

    endpoints: list[str] = []

    def __post_init__(self) -> None:
        for endpoint in self.endpoints:
            try:
                address(endpoint)
            except ValueError:
                said = f"endpoints: {clean(endpoint)!r} is not an address; expected one such as 127.0.0.1:9999"
                raise ValueError(said) from None


class VoctomixSource:
    """One core."""

    def __init__(self, host: str, endpoint: str) -> None:
        self.host, self.endpoint = host, endpoint
        self.name = f"voctomix {endpoint}"
        self.address = endpoint
        self.id = Id(host, "mixer", endpoint)

    async def watch(self, io: IO) -> AsyncGenerator[Observation, None]:
        while True:
            try:
                async with contextlib.aclosing(self._session(io)) as session:
                    async for observation in session:
                        yield observation
            except Flood as error:
                _, _, port = self.endpoint.rpartition(":")
                sentence = f"one of its clients floods it: {error}"
                remedy = f"find the client and stop it: ss -tnp 'sport = :{port}'"
                yield Observation(health=Health(State.HUNG, sentence, Remedy(remedy)))
                await asyncio.sleep(RETRY)
            except NotVoctocore as error:
                sentence = f"what listens on {self.endpoint} is no voctocore: it says {error}"
                check = Remedy("check the address, and what listens there: ss -tlnp")
                yield Observation(health=Health(State.WRONG, sentence, check))
                await asyncio.sleep(RETRY)

    async def _session(self, io: IO) -> AsyncGenerator[Observation, None]:
        async with Connection.open(self.endpoint) as connection:
            core = await read(connection)
            turned: float | None = None  # when the stream was seen to change to its present state
            due = io.clock() + EVERY
            while True:
                yield Observation(upserts=(self.mixer(core, turned, io.clock()),), complete=True)
                known = core
                while core == known:  # report only changes
                    lines = await connection.hear(max(0.0, due - io.clock()), io)
                    core = _after(core, lines)
                    if not lines or io.clock() >= due:  # the next request is due
                        core = _after(core, await connection.ask(*POLL))
                        due = io.clock() + EVERY
                        break
                if core.stream != known.stream:
                    turned = io.clock()

    def mixer(self, core: CoreState, turned: float | None, now: float) -> Mixer:
        """The resource of a core. `turned`: when the stream was seen to change, or None."""
        evidence = [Evidence("state", f"{self.endpoint} {' '.join(POLL)}", now)]
        if core.stream is not None and turned is not None:
            evidence.append(Evidence("stream turned", f"{self.endpoint} stream_status", turned, clean(core.stream)))
        return Mixer(
            id=self.id,
            name=clean(f"voctocore {self.endpoint}"),
            keys=(Key("tcp", self.endpoint),),
            offers=offers(self.id, core),
            evidence=tuple(evidence),
            at=now,
            stream=_or(core.stream, Unknown(Why.NOT_APPLICABLE, "this core has no stream blanker")),
            composite=_or(core.composite, Unknown(Why.NOT_YET)),
            on_air=_or(on_air(core), Unknown(Why.NOT_YET)),
            a=_or(core.a, Unknown(Why.NOT_YET)),
            b=_or(core.b, Unknown(Why.NOT_YET)),
            sources=tuple(map(clean, core.sources)),
            composites=tuple(map(clean, core.composites)),
            audio=clean(", ".join(f"{name} {volume:.0%}" for name, volume in core.audio.items())),
            endpoint=self.endpoint,
            version="2.x" if core.generation > 1 else "1.x",
        )

    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncIterator[Connection]:
        """A connection of its own, so that an action does not get the watcher's answers."""
        try:
            async with Connection.open(self.endpoint) as connection:
                yield connection
        except NotVoctocore as error:
            raise Refused(f"what listens on {self.endpoint} is no voctocore: it says {error}") from error

    async def plan(self, offer: Offer, args: Mapping[str, str], io: IO) -> Plan:
        async with self._asking() as connection:
            core = await read(connection)
        return plan(self.id, self.endpoint, core, offer.action, args, io.clock())

    async def do(self, step: Step, io: IO) -> None:
        async with self._asking() as connection:
            for answer in await connection.ask(str(step.args["line"])):
                if answer.startswith("error "):
                    raise Refused(f"voctocore says: {clean(answer)}")


def _after(core: CoreState, lines: Iterable[str]) -> CoreState:
    for line in lines:
        core = after_line(core, line)
    return core


def _or(text: str | None, unknown: Unknown) -> str | Unknown:
    return unknown if text is None else clean(text)


def offers(mixer: Id, core: CoreState) -> tuple[Offer, ...]:
    """The offers for a core in this state."""
    sources = Arg("source", "source", choices=core.sources)
    found = [
        Offer(mixer, "cut-a", "cut picture A to", args=(sources,)),
        Offer(mixer, "cut-b", "cut picture B to", args=(sources,)),
        Offer(mixer, "composite", "composite", args=(Arg("mode", "mode", choices=core.composites),)),
    ]
    if core.stream is not None:
        blanks = Arg("source", "with", choices=core.blanks, default=core.blanks[0] if core.blanks else "")
        live = "the stream is live already" if core.stream == "live" else ""
        found.append(Offer(mixer, "live", "stream live", blocked=live))
        found.append(Offer(mixer, "blank", "blank the stream", Risk.DISRUPTIVE, (blanks,)))
    return tuple(found)


def plan(mixer: Id, endpoint: str, core: CoreState, action: str, args: Mapping[str, str], now: float) -> Plan:
    """Plans an action from a state that was just read. Raises Refused."""
    offer = next((offer for offer in offers(mixer, core) if offer.action == action), None)
    if offer is None:
        raise Refused(f"this core offers no {action}")
    if offer.blocked:
        raise Refused(offer.blocked)
    given = {arg.name: args.get(arg.name, arg.default) for arg in offer.args}
    for arg in offer.args:
        if given[arg.name] not in arg.choices:
            raise Refused(f"{arg.label} must be one of {', '.join(arg.choices)}, not {clean(given[arg.name])!r}")
    value = next(iter(given.values()), "")
    field, wanted, now_is = {
        "cut-a": ("a", value, core.a),
        "cut-b": ("b", value, core.b),
        "composite": ("composite", value, core.composite),
        "live": ("stream", "live", core.stream),
        "blank": ("stream", f"blank {value}", core.stream),
    }[action]
    if now_is == wanted:
        raise Refused(f"{field} is {wanted} already")
    line = command(core, action, value)
    host, _, port = endpoint.rpartition(":")
    script = f"printf '%s\\n' {quoted(line)} > /dev/tcp/{host.strip('[]')}/{port}"
    step = Step("tell", {"line": line}, ("bash", "-c", script), f"tell voctocore: {line}")
    return Plan(
        offer=offer,
        args=given,
        steps=(step,),
        expect=(Expect(mixer, field, clean(wanted), 3.0),),
        interrupts=("viewers of the stream lose picture and sound",) if action == "blank" else (),
        based_on=(Evidence(field, f"{endpoint} {' '.join(POLL)}", now, clean(now_is)),),
    )


def address(endpoint: str) -> str:
    """`10.0.0.5` or `10.0.0.5:9998` as host:port. Raises ValueError."""
    parts = urlsplit(f"//{endpoint}")
    if not parts.hostname or parts.port == 0 or parts.netloc != endpoint or "@" in endpoint:
        raise ValueError("no address")
    whole = endpoint if parts.port else f"{endpoint.removesuffix(':')}:9999"
    if not is_address(whole):
        raise ValueError("no address")
    return whole


async def discover(context: Context, io: IO) -> Sequence[Source]:
    """The configured cores, or the one that answers on the usual port of this machine."""
    if context.settings.endpoints:
        return [VoctomixSource(context.host, address(endpoint)) for endpoint in context.settings.endpoints]
    usual = [VoctomixSource(context.host, USUAL)]
    try:
        async with Connection.open(USUAL) as connection:
            await connection.ask("get_video")
    except TimeoutError:
        return usual  # a server hangs there: watch it
    except (OSError, NotVoctocore):
        return context.known  # it may be down: an uninstalled core looks the same
    return usual


def needs(context: Context) -> Sequence[Need]:
    """Nothing: the protocol is plain text."""
    return ()


backend = Backend(name="voctomix", kinds=(MIXER,), rules=MIXER_RULES, discover=discover, needs=needs, settings=Settings)
