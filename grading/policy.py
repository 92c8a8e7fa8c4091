"""The late policy of a course: what a late submission loses. A pure function of points, time and student."""

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_DOWN, Decimal
from pathlib import Path

from yaml import MappingNode, Node

from grading.owners import Stamp, without_number
from grading.yaml_file import YamlFile

DAY = timedelta(days=1)
CENT = Decimal("0.01")
KEYS = ("time_zone", "grace_hours", "penalty_per_day", "cap", "labs", "extra_hours", "handed_in")
NEEDED = ("time_zone", "grace_hours", "penalty_per_day", "cap", "labs")
EVERY_LAB = ""


@dataclass(frozen=True)
class Policy:
    """What grading/policy_example.yml explains.

    Attributes:
        zone: in which times without an offset are meant.
        due: the deadline of each lab, in UTC.
        grace: by how much a deadline may be missed without a loss.
        per_day: percent of the points reached that are lost for each 24 hours, or a part of them.
        cap: percent that are lost at most.
        extra: more time of a student, by lab; EVERY_LAB for all that are not named.
        handed_in: the instructor's word on when a student handed in, by lab, in UTC.
    """

    zone: zoneinfo.ZoneInfo
    due: dict[str, datetime]
    grace: timedelta
    per_day: float
    cap: float
    extra: dict[str, dict[str, timedelta]]
    handed_in: dict[str, dict[str, datetime]]

    def deadline(self, lab: str, student: str) -> datetime:
        """Until when a student loses nothing, without the grace, in UTC."""
        extra = of_student(self.extra, student) or {}
        return self.due[lab] + extra.get(lab, extra.get(EVERY_LAB, timedelta()))

    def time(self, lab: str, student: str, stamp: Stamp) -> datetime | None:
        """When a student handed in, in UTC: by the instructor's word, else by the stamp; None where neither says."""
        if said := of_student(self.handed_in.get(lab, {}), student):
            return said
        if not stamp.at:
            return None
        at = datetime.fromisoformat(stamp.at)
        return (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(UTC)


@dataclass(frozen=True)
class Reached:
    """Points after the policy.

    Attributes:
        points: that are left; None where there are none to give, or it is not known whether some are lost.
        penalty: the points that are lost.
        words: what happened, for the student and the instructor; empty where nothing did.
    """

    points: float | None
    penalty: float = 0.0
    words: str = ""


def reached(policy: Policy, lab: str, points: float | None, stamp: Stamp, student: str) -> Reached:
    """What is left of a student's points.

    A day is 24 hours that have passed, counted from the end of the grace, whatever clocks do in between.

    Args:
        policy: of the course.
        lab: which; the policy must have a deadline for it.
        points: before the policy; None where there is no grade.
        stamp: when it was handed in, as the collector knows it.
        student: whose.
    """
    if points is None:
        return Reached(None)
    deadline, at = policy.deadline(lab, student), policy.time(lab, student, stamp)
    if at is None:
        if stamp.by == "Canvas" and not stamp.late:
            return Reached(points, words="in time, as Canvas says")
        told = "late, and Canvas does not say by how much" if stamp.late else "at a time that is not known"
        return Reached(None, words=f"handed in {told}; write the time into the policy, below handed_in")
    if at <= deadline:
        return Reached(points)
    late = f"{_hours(at - deadline)} late"
    if at <= deadline + policy.grace:
        return Reached(points, words=f"{late}, within the grace")
    days = -((deadline + policy.grace - at) // DAY)
    percent = min(policy.cap, policy.per_day * days)
    lost = (_exact(points) * _exact(percent) / 100).quantize(CENT, ROUND_HALF_DOWN)
    counted = f"{days} day{'s' if days > 1 else ''} or a part of one"
    return Reached(float(_exact(points) - lost), float(lost), f"{late}: {counted}, {percent:g} % of the points")


def of_student(values: dict, student: str):
    """The value for a student: under the name as it is in grades.csv, else without the number that a platform adds."""
    return values.get(student, values.get(without_number(student)))


def read(path: Path) -> Policy:
    """The policy in a file; LabError names every fault with its line."""
    file = YamlFile(path)
    top = file.mapping(file.root, "the policy", KEYS, NEEDED)
    zone = _zone(file, top["time_zone"]) if "time_zone" in top else zoneinfo.ZoneInfo("UTC")
    due, extra, handed_in = {}, {}, {}
    for lab, node in (file.mapping(top["labs"], "labs") if "labs" in top else {}).items():
        for key in file.mapping(node, lab, ("due",), ("due",)).values():
            due[lab] = _utc(file, key, f"the deadline of {lab}", zone)
    for student, node in (file.mapping(top["extra_hours"], "extra_hours") if "extra_hours" in top else {}).items():
        extra[student] = _extra(file, student, node, due)
    for lab, node in (file.mapping(top["handed_in"], "handed_in") if "handed_in" in top else {}).items():
        if lab not in due:
            file.fault(node, f"{lab!r} in handed_in has no deadline; there are {', '.join(due) or 'none'}")
        times = file.mapping(node, f"handed_in of {lab}").items()
        handed_in[lab] = {student: _utc(file, value, f"handed_in of {student}", zone) for student, value in times}
    grace = file.number(top["grace_hours"], "grace_hours", 24 * 366) if "grace_hours" in top else 0
    percents = {key: file.number(top[key], key, 100) for key in ("penalty_per_day", "cap") if key in top}
    file.finish()
    return Policy(zone, due, timedelta(hours=grace), percents["penalty_per_day"], percents["cap"], extra, handed_in)


def _zone(file: YamlFile, node: Node) -> zoneinfo.ZoneInfo:
    name = file.text(node, "time_zone")
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        file.fault(node, f"{name!r} is no time zone; write one such as Europe/Berlin or UTC")
        return zoneinfo.ZoneInfo("UTC")


def _utc(file: YamlFile, node: Node, what: str, zone: zoneinfo.ZoneInfo) -> datetime | None:
    """A time in UTC; of one that a clock shows twice when it is set back, the later."""
    time = file.time(node, what)
    if time is None or time.tzinfo:
        return time and time.astimezone(UTC)
    utc = time.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if utc.astimezone(zone).replace(tzinfo=None) != time:
        file.fault(node, f"{what} is a time that no clock shows, since it is set forward then")
    return utc


def _extra(file: YamlFile, student: str, node: Node, due: dict) -> dict[str, timedelta]:
    what = f"extra_hours of {student}"
    if not isinstance(node, MappingNode):
        return {EVERY_LAB: timedelta(hours=file.number(node, what, 24 * 366))}
    hours = {}
    for lab, value in file.mapping(node, what).items():
        if lab not in due:
            file.fault(value, f"{lab!r} in {what} has no deadline; there are {', '.join(due) or 'none'}")
        hours[lab] = timedelta(hours=file.number(value, what, 24 * 366))
    return hours


def _exact(number: float) -> Decimal:
    return Decimal(str(number))


def _hours(late: timedelta) -> str:
    minutes = -(-late // timedelta(minutes=1))
    return f"{minutes // 60} h {minutes % 60:02d} min"
