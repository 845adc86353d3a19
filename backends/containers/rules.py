"""The rules about containers."""

from __future__ import annotations

from backends.containers.model import reason, show_log
from backends.contract import Finding, Gone, Id, Remedy, Rule, Severity, Unknown, Verdict, View
from backends.kinds import Instance, Operation


def stopped(instance: Instance | Gone, view: View) -> Verdict:
    """An instance that is set to start with its host is stopped."""
    if isinstance(instance, Gone):
        return Verdict()
    if isinstance(instance.state, Unknown) or isinstance(instance.autostart, Unknown):
        return Verdict(undecided=True)
    if instance.state != "Stopped" or not instance.autostart:
        return Verdict()
    blocked = next((offer.blocked for offer in instance.offers if offer.action == "start"), "")
    finding = Finding(
        "LXD-INSTANCE-STOPPED",
        Severity.WARN,
        instance.id,
        f"{instance.name} is stopped, though it is set to start with its host",
        instance.evidence,
        not_known="whether somebody stopped it on purpose: LXD keeps no record",
        remedies=(Remedy(blocked or "start it", "" if blocked else "start", instance.id),),
    )
    return Verdict((finding,))


def broken(instance: Instance | Gone, view: View) -> Verdict:
    """An instance is neither running nor stopped."""
    if isinstance(instance, Gone):
        return Verdict()
    if isinstance(instance.state, Unknown):
        return Verdict(undecided=True)
    match instance.state:
        case "Error":
            severity, cause = Severity.CRIT, f"LXD cannot tell the state of {instance.name}"
            text, action, args = "restart it by force: the contents of its memory are lost", "restart", {"how": "force"}
        case "Frozen":
            severity, cause = Severity.WARN, f"{instance.name} is frozen: its processes do not run"
            text, action, args = "unfreeze it", "unfreeze", {}
        case _:
            return Verdict()
    remedies = (Remedy(text, action, instance.id, args),)
    return Verdict((Finding("LXD-INSTANCE-ERROR", severity, instance.id, cause, instance.evidence, "", remedies),))


def failed(operation: Operation | Gone, view: View) -> Verdict:
    """An operation has failed. Stands while the failure is kept (operations.kept)."""
    if isinstance(operation, Gone):
        return Verdict()
    if isinstance(operation.state, Unknown):
        return Verdict(undecided=True)
    if operation.state != "Failure":
        return Verdict()
    # LXD's housekeeping names no instance: without internet access some of it fails every day
    severity = Severity.WARN if operation.links else Severity.INFO
    instance = view.follow(operation, "instance")
    blames: Id | None = instance.id if instance else None
    remedies: tuple[Remedy, ...] = (Remedy("correct what LXD names, then try again"),)
    if isinstance(instance, Instance) and instance.kept is True and operation.what == "Starting instance":
        remedies = (
            Remedy(f"read the reason with {show_log(instance.id)}, correct it, then start it again"),
            Remedy("start it from scratch: its saved memory is lost", "start", instance.id, {"memory": "forget"}),
        )
    finding = Finding(
        "LXD-OPERATION-FAILED",
        severity,
        operation.id,
        f"{_text(operation.what)} ({_text(operation.subject)}) failed: {reason(_text(operation.error))}",
        operation.evidence,
        remedies=remedies,
        blames=blames,
    )
    return Verdict((finding,))


def _text(value: str | Unknown) -> str:
    return "unknown" if isinstance(value, Unknown) else value


RULES = (
    Rule("lxd-instance-stopped", "instance", stopped),
    Rule("lxd-instance-error", "instance", broken),
    Rule("lxd-operation-failed", "operation", failed),
)
