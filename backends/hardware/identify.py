"""Plays a test tone to find a board's room: pure functions from a `Board` to an offer and a plan."""

from __future__ import annotations

from backends.contract import Expect, Offer, Plan, Refused, Risk, Step, Unknown
from backends.hardware.tone_lines import DECIBEL, HERTZ, SECONDS
from backends.kinds import Board

IDENTIFY = "identify"
BEGINS, ENDS = 3.0, SECONDS + 3.0  # seconds until its card must run, and until it must be closed again


def offer(board: Board) -> Offer:
    what = "test tone, to hear which room it is in"
    return Offer(board.id, IDENTIFY, what, Risk.DISRUPTIVE, blocked=_lacking(board))


def _lacking(board: Board) -> str:
    """Why no tone can be played, or ""."""
    return board.card.detail if isinstance(board.card, Unknown) else ""


def device(board: Board) -> str:
    """The ALSA device for the tone; it converts what the card cannot play directly. Raises Refused."""
    if lacking := _lacking(board):
        raise Refused(lacking)
    return f"plughw:{board.card},0"


def plan(offer: Offer, board: Board, used: bool) -> Plan:
    """`used`: a program has one of the board's PCMs open. Raises Refused."""
    where = device(board)
    if used:
        raise Refused("a program holds its sound card: release it first")
    text = f"play {HERTZ} Hz at {DECIBEL} dB on the card {board.card}, for {SECONDS:g} s"
    begun = Expect(board.id, "state", "RUNNING", BEGINS, via="card")
    over = Expect(board.id, "state", "closed", ENDS, via="card")
    argv = ("speaker-test", "-D", where, "-c", "2", "-t", "sine", "-f", str(HERTZ), "-l", "1")
    return Plan(offer, {}, (Step(IDENTIFY, {"device": where}, argv, text),), (begun, over))
