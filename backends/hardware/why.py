"""Why an amplifier is awake: every reason, faults or not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.contract import Question, Reason, Remedy, Resource, Unknown, View
from backends.hardware.boards import power_evidence
from backends.hardware.rules import blockers, to_sleep
from backends.kinds import Board, Pcm, Zone

CONTROL = "power/control"


def awake(board: Board, view: View) -> Sequence[Reason]:
    """The reasons in the order of their cures: the policy, open devices, the kernel's drivers."""
    if isinstance(board.power, Unknown):
        return (Reason(f"whether it is awake is unknown: {board.power.detail}"),)
    if board.power == "suspended":
        return (Reason("it is asleep", power_evidence(board)),)
    found = [*_policy(board), *_opened(board, view), *(Reason(*each) for each in blockers(board))]
    if found:
        return found
    if isinstance(board.holders, Unknown) and board.holders.detail:
        found.append(Reason(f"who has its USB node open: {board.holders.detail}"))
    delay = f"its delay of {board.delay} ms after the last use may not be over"
    return (*found, Reason(f"no reason can be seen; {delay}", power_evidence(board)))


def _policy(board: Board) -> Iterator[Reason]:
    if board.policy == "on":
        said = board.proof(CONTROL)
        yield Reason("its policy is to stay awake, which is the kernel's default", said, to_sleep(board))


def _opened(board: Board, view: View) -> Iterator[Reason]:
    for pcm in view.back(board, "board"):
        if not isinstance(pcm, Pcm) or pcm.state == "closed":
            continue
        if isinstance(pcm.state, Unknown):
            yield Reason(f"whether its PCM {pcm.name} is open is unknown: {pcm.state.detail}")
            continue
        by = f"{pcm.program} ({pcm.owner})" if isinstance(pcm.program, str) else f"process {pcm.owner}"
        zones = [zone for zone in view.back(pcm, "pcm") if isinstance(zone, Zone) and zone.pid == pcm.owner]
        whose = "".join(f", which is zone {zone.name}: {zone.state}" for zone in zones)
        yield Reason(f"its PCM {pcm.name} is open ({pcm.state}) by {by}{whose}", pcm.evidence, _close(pcm, zones))


def _close(pcm: Pcm, zones: Sequence[Resource]) -> Remedy:
    for zone in zones:
        for action, text in (("stop", "stop it"), ("release", "release the sound card")):
            if (offer := zone.offer(action)) and not offer.blocked:
                return Remedy(text, action, zone.id)
    return Remedy(f"find out what it is (ps -fp {pcm.owner}), and stop it")


QUESTIONS = (Question("board", "why is it awake?", awake),)
