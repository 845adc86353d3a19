"""How a field's value is written in a cell or in the detail view. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from backends.contract import Evidence, FieldSpec, KindSpec, Remedy, Role, Unknown, Why, clean
from console.line import Span, fit

SHORT = {
    Why.NOT_YET: "…",
    Why.UNREACHABLE: "?",
    Why.DENIED: "denied",
    Why.NOT_MEASURABLE: "n/m",
    Why.NOT_APPLICABLE: "-",
    Why.MALFORMED: "bad",
}


def value_text(value: object, unit: str = "") -> str:
    """A known value as text, without its unit unless that changes how it is written."""
    match value:
        case Remedy():
            return clean(value.text)
        case bool():
            return "yes" if value else "no"
        case int() | float() if unit == "s":
            return clock(value)
        case float() if unit == "dB":
            return f"{value:+.1f}"
        case float():
            return f"{value:g}"
        case tuple() | list():
            return clean(", ".join(map(str, value)) or "none")
        case None:
            return "-"
        case _:
            return clean(value)


def clock(seconds: float) -> str:
    """83 as 1:23, 3700 as 1:01:40."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def age(seconds: float) -> str:
    """A duration in a column, in its largest unit: 41s, 6m, 3h, 2d."""
    number, unit = _largest(seconds)
    return f"{number}{unit[0]}"


def span(seconds: float) -> str:
    """A duration in a sentence, in its largest unit: 41 s, 6 min, 3 h, 2 d."""
    number, unit = _largest(seconds)
    return f"{number} {unit}"


def _largest(seconds: float) -> tuple[int, str]:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return int(seconds // length), unit
    return max(0, int(seconds)), "s"


def proof(evidence: Evidence, where: str) -> str:
    """A piece of evidence on a line: what was read, what it said, and where."""
    return f"{evidence.what}: {evidence.raw or '(empty)'} ({where})"


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%a %H:%M:%S") if at else "never"


def cell(value: object, spec: FieldSpec, width: int, kind: KindSpec | None = None, whole: object = None) -> Span:
    """One cell of exactly `width`. What is unknown is marked `?`, with the last value if there is one. `kind` is that
    of the resource, and knows which words are alarming; `whole` is what a count is a part of."""
    if isinstance(value, Unknown):
        text = SHORT[value.why]
        if value.last is not None and value.why in (Why.UNREACHABLE, Why.DENIED):
            text = "?" + value_text(value.last, spec.unit)
        return _aligned(text, spec, width), "dim"
    text = value_text(value, spec.unit)
    if spec.unit in ("dB", "MiB"):
        text += " " + spec.unit
    elif spec.unit == "%":
        text += "%"
    if spec.of:
        text += f"/{'?' if isinstance(whole, Unknown) or whole is None else value_text(whole)}"
    quiet = value is False or (kind is not None and text in kind.quiet)
    style = "crit" if kind and text in kind.alarming else "dim" if quiet else ""
    return _aligned(text, spec, width), style


def _aligned(text: str, spec: FieldSpec, width: int) -> str:
    if spec.role is Role.MEASURE:
        short = fit(text, min(width, len(text))) if text.isascii() else fit(text, width).rstrip()
        return short.rjust(width)
    return fit(text, width)


def sentence(value: object, spec: FieldSpec) -> str:
    """A value written out for the detail view, with its unit, or why it is unknown and what it was."""
    if isinstance(value, Unknown):
        last = "" if value.last is None else f"; last {value_text(value.last, spec.unit)}"
        detail = f": {clean(value.detail)}" if value.detail else ""
        return f"{value.why.value}{detail}{last}"
    text = value_text(value, spec.unit)
    return f"{text} {spec.unit}" if spec.unit and spec.unit != "s" else text
