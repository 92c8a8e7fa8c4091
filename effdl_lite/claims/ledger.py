"""Reads `experiments/claims.yml`, and refuses an entry that is not whole."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from effdl_lite.claims.evidence import KINDS, VERDICTS, Check, Evidence, Range
from effdl_lite.reference import RESULTS

LEDGER = RESULTS.parent / "claims.yml"
OUT_OF_REACH = VERDICTS[-1]
ALWAYS = ("id", "paper", "where", "claim", "paper_value", "provenance", "verdict")
# How we can know what a paper says. What is only remembered is no fact, and has no way in.
PROVENANCE = ("read first-hand ", "read off a chart ", "reported by ")


@dataclass(frozen=True)
class Claim:
    """One entry of the ledger. `verdict` is the one that stands in the file; `evaluate` computes it anew.

    Attributes:
        id: its name in the ledger.
        paper: key of the bibliography.
        where: table, figure, abstract or slide.
        claim: one sentence in our words.
        paper_value: as printed, with unit.
        provenance: how we know.
        setting: ours, in words; empty where the claim is out of reach.
        checks: our numbers, all of which must agree with the claim.
        reason: why the claim is out of reach; empty elsewhere.
        note: what a reader should know besides.
    """

    id: str
    paper: str
    where: str
    claim: str
    paper_value: str
    provenance: str
    verdict: str
    setting: str = ""
    checks: tuple[Check, ...] = ()
    reason: str = ""
    note: str = ""

    def evidence(self) -> list[Evidence]:
        """Our numbers, one a check."""
        return [check.evaluate() for check in self.checks]

    def evaluate(self) -> Evidence:
        """The evidence of the check that decides: a claim is as good as its worst check."""
        if not self.checks:
            return Evidence(math.nan, -math.inf, math.inf, 0, OUT_OF_REACH)
        return max(self.evidence(), key=lambda evidence: VERDICTS.index(evidence.verdict))

    @property
    def counted(self) -> bool:
        """Whether no training decided it, only counting."""
        return bool(self.checks) and all(check.kind == "computed" for check in self.checks)


def load_claims(paper: str | None = None, ledger: Path | None = None) -> list[Claim]:
    """The entries of one paper, or of all, in the order of the file.

    Raises:
        FileNotFoundError: if there is no ledger, as when the package was installed without the course around it.
        ValueError: if an entry is not whole, or no entry is about this paper; its text names the entry and the field.
    """
    papers, claims = _read(ledger or LEDGER)
    if paper is not None and paper not in papers:
        raise ValueError(f"the ledger has no paper {paper!r}; choose one of {', '.join(papers)}")
    return [claim for claim in claims if paper in (None, claim.paper)]


def load_papers(ledger: Path | None = None) -> dict[str, str]:
    """How the ledger calls each of its papers, by key of the bibliography."""
    return _read(ledger or LEDGER)[0]


class _Loader(yaml.SafeLoader):
    """YAML lets a key stand twice and keeps the last; a second verdict must not hide the first."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> tuple[dict[str, str], list[Claim]]:
    if not path.is_file():
        raise FileNotFoundError(
            f"no ledger {path}; install the course from its own folder, pip install -r requirements.txt"
        )
    try:
        contents = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name} is not YAML that we can read: {error}") from error
    if not isinstance(contents, dict) or set(contents) != {"papers", "claims"}:
        raise ValueError(f"{path.name} must hold `papers` and `claims` and nothing else")
    if not isinstance(contents["papers"], dict) or not isinstance(contents["claims"], list):
        raise ValueError(f"{path.name}: `papers` must be a mapping of keys to names, and `claims` a list")
    claims = [_claim(entry, number, contents["papers"]) for number, entry in enumerate(contents["claims"], 1)]
    ids = [claim.id for claim in claims]
    for name in ids:
        if ids.count(name) > 1:
            raise ValueError(f"claim {name!r}: field 'id' stands in two entries; give each its own")
    return contents["papers"], claims


def _claim(entry: dict, number: int, papers: dict[str, str]) -> Claim:
    name = repr(entry["id"]) if isinstance(entry, dict) and "id" in entry else f"number {number}"

    def refuse(field: str, problem: str) -> ValueError:
        return ValueError(f"claim {name}: field {field!r} {problem}")

    if not isinstance(entry, dict):
        raise refuse("id", "is missing; an entry is a mapping of fields")
    given = dict(entry)
    verdict = given.get("verdict")
    own = ("reason",) if verdict == OUT_OF_REACH else ("setting", "ours")
    for field in (*ALWAYS, *own):
        if field not in given:
            raise refuse(field, "is missing")
    if verdict not in VERDICTS:
        raise refuse("verdict", f"is {verdict!r}; choose one of {', '.join(VERDICTS)}")
    for field in given:
        if field not in (*ALWAYS, *own, "note"):
            raise refuse(field, f"does not belong to an entry with verdict {verdict!r}")
    checks = given.pop("ours", None)
    for field, text in given.items():
        if not isinstance(text, str) or not text.strip():
            raise refuse(field, f"is {text!r}; it must be text, so put it in quotes")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", given["id"]):
        raise refuse("id", "has other characters than lower-case letters, digits and hyphens")
    if given["paper"] not in papers:
        raise refuse("paper", f"is {given['paper']!r}; `papers` knows {', '.join(papers)}")
    if not given["provenance"].startswith(PROVENANCE):
        raise refuse("provenance", f"must begin with one of: {', '.join(map(str.strip, PROVENANCE))}")
    if checks is None:
        return Claim(**given)
    if not isinstance(checks, list) or not checks:
        raise refuse("ours", "must be a list of checks")
    for place, check in enumerate(checks, 1):
        try:
            given["checks"] = (*given.get("checks", ()), _check(check))
        except ValueError as error:
            raise refuse("ours", f"(check {place} of {len(checks)}): {error}") from error
    if given["provenance"].startswith("read off") and any("near" in check["criterion"] for check in checks):
        raise refuse("ours", "asks for nearness to a number read off a chart, which is known only roughly")
    return Claim(**given)


def _check(entry: dict) -> Check:
    if not isinstance(entry, dict):
        raise ValueError(f"{entry!r} is no mapping")
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        raise ValueError(f"a check has one pointer, {', '.join(KINDS)}; this one has {' and '.join(kinds) or 'none'}")
    missing = [field for field in ("what", "unit", "criterion") if field not in entry]
    unknown = [field for field in entry if field not in ("what", "unit", "criterion", "direction", *kinds)]
    if missing or unknown:
        raise ValueError("; ".join([f"{f!r} is missing" for f in missing] + [f"{f!r} is unknown" for f in unknown]))
    for field in (kinds[0], "criterion", "direction"):
        if not isinstance(entry.get(field, {}), dict):
            raise ValueError(f"{field!r} is {entry[field]!r}, no mapping")
    criterion = _range("criterion", entry["criterion"], "at_least", "at_most")
    direction = None
    if "direction" in entry:
        direction = _range("direction", entry["direction"], "above", "below")
        if not direction.contains(criterion.low, criterion.high):
            raise ValueError("the direction must be weaker than the criterion, and hold wherever the criterion holds")
    check = Check(str(entry["what"]), str(entry["unit"]), kinds[0], entry[kinds[0]], criterion, direction)
    check.look_up()
    return check


def _range(field: str, entry: dict, low: str, high: str) -> Range:
    for key, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{field}: {key} is {value!r}, not a finite number")
    if field == "criterion" and set(entry) == {"near", "tolerance"}:
        if entry["tolerance"] <= 0:
            raise ValueError(f"{field}: tolerance is {entry['tolerance']}; it must be above 0")
        return Range(entry["near"] - entry["tolerance"], entry["near"] + entry["tolerance"])
    if not entry or set(entry) - {low, high}:
        choices = f"{low}, {high} or both" + (", or near with tolerance" if field == "criterion" else "")
        raise ValueError(f"{field} has {', '.join(entry) or 'nothing'}; give {choices}")
    bounds = Range(entry.get(low, -math.inf), entry.get(high, math.inf), open=field == "direction")
    if bounds.low >= bounds.high:
        raise ValueError(f"{field}: {low} {bounds.low} is not below {high} {bounds.high}")
    return bounds
