"""The claims ledger: each verdict follows from the stored numbers by the rule, and the rule cannot flatter."""

import copy
import json
import math
import re
import warnings
from pathlib import Path

import nbformat
import pytest
import torch
import yaml
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from effdl_lite import reference
from effdl_lite.claims import (
    VERDICTS,
    Range,
    claims_table,
    counts,
    interval,
    ledger,
    load_claims,
    load_papers,
    verdict_of,
)
from effdl_lite.claims.table import SIGNS, asked_text, summary
from effdl_lite.measure import count_macs
from effdl_lite.models import CifarResNet

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = load_claims()
RAW = yaml.safe_load((ROOT / "experiments" / "claims.yml").read_text("utf-8"))


class TestTheLedger:
    @pytest.mark.parametrize("claim", CLAIMS, ids=[claim.id for claim in CLAIMS])
    def test_the_verdict_in_the_file_is_the_one_that_follows_from_the_numbers(self, claim):
        assert claim.verdict == claim.evaluate().verdict, [(e.low, e.high, e.verdict) for e in claim.evidence()]

    @pytest.mark.parametrize("claim", CLAIMS, ids=[claim.id for claim in CLAIMS])
    def test_every_pointer_leads_somewhere(self, claim):
        for check in claim.checks:
            check.look_up()

    def test_every_paper_is_in_the_bibliography_and_has_claims(self):
        keys = re.findall(r"^@\w+\{([^,]+),", (ROOT / "book" / "references.bib").read_text("utf-8"), flags=re.MULTILINE)
        assert set(load_papers()) <= set(keys)
        assert {claim.paper for claim in CLAIMS} == set(load_papers())

    def test_nearness_is_asked_to_a_printed_number_and_a_count_must_round_to_it(self):
        """Else one could ask for nearness to our own number, or within any tolerance."""
        for entry in RAW["claims"]:
            printed = re.findall(r"\d+(?:\.\d+)?", entry["paper_value"])
            for check in entry.get("ours", []):
                criterion = check["criterion"]
                if "near" in criterion:
                    digits = [len(text.partition(".")[2]) for text in printed if float(text) == criterion["near"]]
                    assert digits, f"{entry['id']}: {criterion['near']} is not printed in {entry['paper_value']}"
                    if "computed" in check:
                        assert criterion["tolerance"] <= 0.5 * 10.0 ** -min(digits), entry["id"]

    def test_the_page_shows_the_ledger_as_it_is_now(self):
        page = nbformat.read(ROOT / "book" / "claims.ipynb", as_version=4)
        (cell,) = [cell for cell in page.cells if cell.id == "ledger-tables"]
        stored = [output.data["text/html"] for output in cell.outputs]
        assert stored == [claims_table(paper, fold=False).data for paper in load_papers()], (
            "run `make execute NOTEBOOK=book/claims.ipynb`"
        )


AT_LEAST_1, ABOVE_0 = Range(low=1.0), Range(low=0.0, open=True)
AT_MOST_HALF, BELOW_1 = Range(high=0.5), Range(high=1.0, open=True)


class TestTheRule:
    @pytest.mark.parametrize(
        ("low", "high", "verdict"),
        [
            (1.0, 1.8, "reproduced"),
            (1.2, 1.2, "reproduced"),
            (0.3, 1.4, "same direction"),
            (0.1, 0.9, "same direction"),
            (-0.9, -0.1, "not reproduced"),
            (-0.2, 0.6, "not reproduced"),  # whether it helps is open, but a whole point is refuted
            (0.0, 0.0, "not reproduced"),  # no effect is no direction
            (0.0, 1.2, "undecided"),
            (-0.8, 1.2, "undecided"),
            (-math.inf, math.inf, "undecided"),
        ],
    )
    def test_at_least_with_a_direction(self, low, high, verdict):
        assert verdict_of(low, high, AT_LEAST_1, ABOVE_0) == verdict

    @pytest.mark.parametrize(
        ("low", "high", "verdict"),
        [
            (0.3, 0.5, "reproduced"),
            (0.4, 0.9, "same direction"),
            (0.6, 0.9, "same direction"),
            (1.0, 1.0, "not reproduced"),  # a penalty that removed nothing, with every seed
            (0.9, 1.1, "not reproduced"),
            (0.4, 1.1, "undecided"),
        ],
    )
    def test_at_most_with_a_direction(self, low, high, verdict):
        assert verdict_of(low, high, AT_MOST_HALF, BELOW_1) == verdict

    @pytest.mark.parametrize(
        ("low", "high", "verdict"),
        [(7.55, 7.65, "reproduced"), (7.4, 7.6, "undecided"), (7.7, 9, "not reproduced"), (7, 7.5, "not reproduced")],
    )
    def test_nearness_without_a_direction(self, low, high, verdict):
        assert verdict_of(low, high, Range(7.6 - 0.05, 7.6 + 0.05)) == verdict

    def test_a_count_that_lies_on_the_bound_is_inside_in_spite_of_floating_point(self):
        assert abs(35.175 - 35.18) > 0.005
        assert verdict_of(35.175, 35.175, Range(35.18 - 0.005, 35.18 + 0.005)) == "reproduced"

    @given(st.lists(st.floats(-3, 3), min_size=4, max_size=4))
    def test_a_wider_interval_never_earns_a_good_verdict_that_the_narrow_one_had_not(self, ends):
        low, inner_low, inner_high, high = sorted(ends)
        wide = verdict_of(low, high, AT_LEAST_1, ABOVE_0)
        narrow = verdict_of(inner_low, inner_high, AT_LEAST_1, ABOVE_0)
        if wide in ("reproduced", "same direction"):
            assert VERDICTS.index(narrow) <= VERDICTS.index(wide)
        if wide == "not reproduced":
            assert narrow in ("same direction", "not reproduced")

    @given(st.floats(-3, 3), st.floats(0, 2), st.floats(0, 2))
    def test_a_higher_interval_never_earns_a_worse_verdict_where_more_is_asked(self, low, width, shift):
        order = {"not reproduced": 0, "undecided": 1, "same direction": 2, "reproduced": 3}
        before, after = (verdict_of(x, x + width, AT_LEAST_1, ABOVE_0) for x in (low, low + shift))
        assert order[after] >= order[before]


class TestTheInterval:
    def test_three_values_by_hand(self):
        """Mean 2, deviation 1 (by n - 1), and t = 4.302653 for 2 degrees of freedom (z would be 1.96)."""
        mean, low, high = interval([1.0, 2.0, 3.0])
        half = 4.302653 / math.sqrt(3)
        assert (mean, low, high) == pytest.approx((2.0, 2 - half, 2 + half), abs=1e-5)

    def test_one_value_has_no_interval(self):
        assert interval([5.0]) == (5.0, -math.inf, math.inf)

    def test_it_covers_the_mean_in_95_of_100_samples(self):
        torch.manual_seed(0)
        samples = torch.randn(2_000, 4, dtype=torch.float64).tolist()
        covered = sum(low <= 0 <= high for _, low, high in map(interval, samples)) / len(samples)
        assert 0.935 <= covered <= 0.965


ENTRY = {
    "id": "an-entry",
    "paper": "wen2016ssl",
    "where": "Table 9",
    "claim": "It is <better> & smaller.",
    "paper_value": "1 %",
    "provenance": "read first-hand on the poster",
    "setting": "three seeds",
    "ours": [
        {
            "what": "gain",
            "unit": "points",
            "difference": {"results": "run", "cases": ["SSL", "trained on"], "field": "test"},
            "criterion": {"at_least": 0.5},
            "direction": {"above": 0},
        }
    ],
    "verdict": "reproduced",
}
OUT_OF_REACH = {name: ENTRY[name] for name in ("paper", "where", "claim", "paper_value", "provenance")}
OUT_OF_REACH |= {"id": "far", "verdict": "out of reach here", "reason": "No <such> machine."}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a ledger and results into a folder of their own; a row is a seed with its numbers, by case."""
    monkeypatch.setattr(reference, "RESULTS", tmp_path)
    monkeypatch.setattr(ledger, "LEDGER", tmp_path / "claims.yml")

    def results(rows: dict[str, dict[int, dict]], name: str = "run") -> None:
        flat = [{"case": case, "seed": seed, **row} for case, seeds in rows.items() for seed, row in seeds.items()]
        (tmp_path / f"{name}.json").write_text(json.dumps({"cases": {case: {} for case in rows}, "rows": flat}))

    def claims(*entries: dict | str) -> None:
        contents = {"papers": {"wen2016ssl": "SSL"}, "claims": list(entries)}
        (tmp_path / "claims.yml").write_text(yaml.safe_dump(contents), "utf-8")

    # The two cases move together from seed to seed, so that only the paired interval is narrow.
    results(
        {
            "SSL": {0: {"test": 71.0, "after": {"macs": [0.5, 0.4]}}, 1: {"test": 76.1, "after": {"macs": [0.5, 0.5]}},
                    2: {"test": 80.9, "after": {"macs": [0.5, 0.8]}}},
            "trained on": {2: {"test": 80.0, "after": {"macs": [1, 1]}}, 0: {"test": 70.0, "after": {"macs": [1, 1]}},
                           1: {"test": 75.0, "after": {"macs": [1, 1]}}},
        }
    )  # fmt: skip
    claims.results = results
    return claims


def with_pointer(kind: str, criterion: dict | None = None, **pointer) -> dict:
    check = {"what": "x", "unit": "y", kind: {"results": "run"} | pointer, "criterion": criterion or {"at_least": 0.5}}
    return ENTRY | {"ours": [check]}


class TestEvidence:
    def test_a_difference_is_paired_over_seeds_whatever_their_order(self, write):
        write(ENTRY)
        (claim,) = load_claims("wen2016ssl")
        found = claim.evaluate()
        half = 4.302653 * 0.1 / math.sqrt(3)  # differences 1.0, 1.1, 0.9: mean 1, deviation 0.1
        assert (found.mean, found.low, found.high) == pytest.approx((1.0, 1 - half, 1 + half), abs=1e-5)
        assert (found.runs, found.verdict) == (3, "reproduced")

    def test_a_mean_over_the_seeds_of_a_case_with_a_nested_field(self, write):
        write(with_pointer("mean", case="SSL", field="after.macs.1"))
        (claim,) = load_claims()
        mean, low, high = interval([0.4, 0.5, 0.8])
        found = claim.evaluate()
        assert (found.mean, found.low, found.high, found.runs) == pytest.approx((mean, low, high, 3))
        assert found.verdict == "undecided"

    def test_a_field_may_pass_through_a_key_with_dots(self, write):
        layers = {"convs.0": [16, 75], "convs": {"0": [1, 2]}}
        write.results({"SSL": {seed: {"layers": layers} for seed in range(2)}})
        write(with_pointer("mean", {"at_least": 0}, case="SSL", field="layers.convs.0.1"))
        assert load_claims()[0].evaluate().mean == 75

    def test_a_ratio_is_the_same_whichever_way_it_is_written(self, write):
        cases = ["SSL", "trained on"]
        write(
            with_pointer("ratio", cases=cases, field="after.macs.1"),
            with_pointer("ratio", cases=cases[::-1], field="after.macs.1") | {"id": "inverse"},
        )
        there, back = (claim.evaluate() for claim in load_claims())
        assert there.mean == pytest.approx((0.4 * 0.5 * 0.8) ** (1 / 3))
        assert (back.mean, back.low, back.high) == pytest.approx((1 / there.mean, 1 / there.high, 1 / there.low))
        assert there.mean < 1 < back.mean

    def test_an_equal_ratio_with_each_seed_has_an_interval_without_width(self, write):
        write(with_pointer("ratio", {"at_most": 0.5}, cases=["SSL", "trained on"], field="after.macs.0"))
        found = load_claims()[0].evaluate()
        assert (found.low, found.high, found.verdict) == pytest.approx((0.5, 0.5, "reproduced"))

    def test_a_pair_may_come_from_two_files(self, write):
        write.results({"dense": {0: {"test": 70.5}, 1: {"test": 75.6}, 2: {"test": 80.7}}}, name="controls")
        write(with_pointer("difference", results=["run", "controls"], cases=["SSL", "dense"], field="test"))
        found = load_claims()[0].evaluate()
        assert (found.mean, found.runs) == (pytest.approx((0.5 + 0.5 + 0.2) / 3), 3)
        write(with_pointer("difference", results=["run"], cases=["SSL", "dense"], field="test"))
        with pytest.raises(ValueError, match=r"results \['run'\] are not two"):
            load_claims()

    def test_one_seed_decides_nothing(self, write):
        write.results({"SSL": {0: {"test": 99.0}}, "trained on": {0: {"test": 1.0}}})
        write(ENTRY)
        found = load_claims()[0].evaluate()
        assert (found.mean, found.runs, found.verdict) == (98.0, 1, "undecided")

    def test_a_count_has_no_interval_and_no_seeds(self, write):
        entry = copy.deepcopy(ENTRY)
        entry["ours"][0] = {"what": "x", "unit": "y", "criterion": {"near": 2, "tolerance": 0.1}}
        entry["ours"][0]["computed"] = {"function": "average", "factors": [1, 3]}
        write(entry)
        found = load_claims()[0].evaluate()
        assert (found.mean, found.low, found.high, found.runs, found.verdict) == (2, 2, 2, 0, "reproduced")

    @pytest.mark.parametrize(
        ("asked", "verdict"),
        [
            ([0.5, 0.5], "reproduced"),
            ([0.5, 0.9], "same direction"),
            ([0.5, None], "undecided"),
            ([0.9, None], "undecided"),
            ([None, 5.0], "not reproduced"),
        ],
    )
    def test_the_worst_check_of_a_claim_decides(self, write, asked, verdict):
        """The gain is 0.75 to 1.25: at least 0.5 is reproduced, 0.9 same direction, 5 not; None asks for at most 1."""
        entry = copy.deepcopy(ENTRY)
        check = entry["ours"].pop()
        for least in asked:
            entry["ours"].append(copy.deepcopy(check))
            entry["ours"][-1]["criterion"] = {"at_least": least} if least else {"at_most": 1.0}
            if least in (None, 5.0):
                del entry["ours"][-1]["direction"]
        write(entry)
        assert load_claims()[0].evaluate().verdict == verdict

    def test_what_is_out_of_reach_has_no_number(self, write):
        write(OUT_OF_REACH)
        (claim,) = load_claims()
        assert math.isnan(claim.evaluate().mean)
        assert claim.evaluate().verdict == "out of reach here"

    def test_a_verdict_that_was_typed_differs_from_the_computed_one(self, write):
        write(ENTRY | {"verdict": "not reproduced"})
        (claim,) = load_claims()
        assert (claim.verdict, claim.evaluate().verdict) == ("not reproduced", "reproduced")


def without(name: str) -> dict:
    return {field: value for field, value in ENTRY.items() if field != name}


def with_check(**changes) -> dict:
    check = {name: value for name, value in (ENTRY["ours"][0] | changes).items() if value is not None}
    return ENTRY | {"ours": [check]}


BOTH = ["SSL", "trained on"]
MALFORMED = {
    "no id": (without("id"), "claim number 1: field 'id' is missing"),
    "no provenance": (without("provenance"), "'an-entry': field 'provenance' is missing"),
    "no setting": (without("setting"), "field 'setting' is missing"),
    "no check": (without("ours"), "field 'ours' is missing"),
    "empty list": (ENTRY | {"ours": []}, "field 'ours' must be a list of checks"),
    "no verdict": (without("verdict"), "field 'verdict' is missing"),
    "unknown verdict": (ENTRY | {"verdict": "confirmed"}, "field 'verdict' is 'confirmed'; choose one of reproduced, "),
    "unknown field": (ENTRY | {"surprise": 1}, "field 'surprise' does not belong"),
    "number as text": (ENTRY | {"paper_value": 5.1}, "field 'paper_value' is 5.1; it must be text"),
    "empty text": (ENTRY | {"claim": " "}, "field 'claim' is ' '"),
    "id": (ENTRY | {"id": "An Entry"}, "field 'id' has other characters"),
    "paper": (ENTRY | {"paper": "wen2061ssl"}, "field 'paper' is 'wen2061ssl'; `papers` knows wen2016ssl"),
    "memory": (ENTRY | {"provenance": "as I recall"}, "field 'provenance' must begin with one of: read first-hand, "),
    "no mapping": ("text", "claim number 1: field 'id' is missing; an entry is a mapping"),
    "out of reach with a pointer": (
        OUT_OF_REACH | {"ours": ENTRY["ours"]},
        "'far': field 'ours' does not belong to an entry with verdict 'out of reach here'",
    ),
    "out of reach without a reason": (
        {name: text for name, text in OUT_OF_REACH.items() if name != "reason"},
        "'far': field 'reason' is missing",
    ),
    "a reason beside a number": (ENTRY | {"reason": "no time"}, "field 'reason' does not belong"),
    "chart": (
        with_check(criterion={"near": 1, "tolerance": 0.5}, direction=None) | {"provenance": "read off a chart there"},
        "field 'ours' asks for nearness to a number read off a chart",
    ),
    "no file": (
        with_pointer("mean", results="rum", case="SSL", field="test"),
        r"field 'ours' \(check 1 of 1\): no results .*rum\.json",
    ),
    "other profile": (with_pointer("mean", results="run.quick", case="SSL", field="test"), "not the name of a ref"),
    "no case": (with_pointer("mean", case="SLS", field="test"), "'an-entry': field 'ours' .*: run has no case 'SLS'"),
    "no field": (with_pointer("mean", case="SSL", field="tset"), r"no field 'tset': no 'tset' in \[case, seed, test"),
    "no nested field": (with_pointer("mean", case="SSL", field="after.cost"), r"no 'cost' in \[macs\]"),
    "no such place": (with_pointer("mean", case="SSL", field="after.macs.2"), "no '2' in"),
    "no number": (with_pointer("mean", case="SSL", field="after"), "not a finite number"),
    "one case": (with_pointer("difference", cases=["SSL"], field="test"), "are not two"),
    "argument": (with_pointer("difference", case="SSL", field="test"), "missing a required argument: 'cases'"),
    "no function": (with_check(difference=None, computed={"function": "guess"}), "no function 'guess'; choose one of"),
    "wrong argument": (
        with_check(difference=None, computed={"function": "average", "values": [1]}),
        "missing a required argument: 'factors'",
    ),
    "no pointer": (with_check(difference=None), "this one has none"),
    "two pointers": (with_check(mean={"results": "run"}), "has mean and difference"),
    "no unit": (with_check(unit=None), "'unit' is missing"),
    "unknown key of a check": (with_check(scale=100), "'scale' is unknown"),
    "empty criterion": (
        with_check(criterion={}),
        "criterion has nothing; give at_least, at_most or both, or near with",
    ),
    "near alone": (with_check(criterion={"near": 1}), "criterion has near; give"),
    "strict criterion": (with_check(criterion={"above": 1}), "criterion has above; give"),
    "no tolerance": (with_check(criterion={"near": 1, "tolerance": 0}), "tolerance is 0; it must be above 0"),
    "text as bound": (with_check(criterion={"at_least": "0.5"}), "at_least is '0.5', not a finite number"),
    "nothing between": (with_check(criterion={"at_least": 2, "at_most": 1}), "at_least 2 is not below at_most 1"),
    "direction as criterion": (with_check(direction={"at_least": 0}), "direction has at_least; give above, below"),
    "direction not weaker": (with_check(criterion={"at_least": 0}), "the direction must be weaker"),
    "direction the other way": (with_check(direction={"below": 0}), "the direction must be weaker"),
}


class TestMalformedLedgers:
    @pytest.mark.parametrize("name", MALFORMED)
    def test_the_error_names_the_entry_and_the_field(self, write, name):
        entry, message = MALFORMED[name]
        write(entry)
        with pytest.raises(ValueError, match=message) as error:
            load_claims()
        assert str(error.value).startswith("claim "), "names the entry"

    def test_two_entries_with_one_id(self, write):
        write(ENTRY, OUT_OF_REACH, ENTRY)
        with pytest.raises(ValueError, match="'an-entry': field 'id' stands in two entries"):
            load_claims()

    def test_a_key_that_stands_twice_hides_nothing(self, write, tmp_path):
        write(OUT_OF_REACH)
        path = tmp_path / "claims.yml"
        path.write_text(path.read_text().replace("  reason:", "  verdict: reproduced\n  reason:"))
        with pytest.raises(ValueError, match="'verdict' stands twice"):
            load_claims()

    @pytest.mark.parametrize("text", ["claims: [", "- id: x", "claims: []", "papers: {a: b}\nclaims:"])
    def test_a_file_that_is_no_ledger(self, tmp_path, text):
        (tmp_path / "x.yml").write_text(text)
        with pytest.raises(ValueError, match=r"x\.yml"):
            load_claims(ledger=tmp_path / "x.yml")

    def test_a_missing_ledger_names_the_remedy(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="install the course from its own folder"):
            load_claims(ledger=tmp_path / "x.yml")

    def test_an_unknown_paper(self, write):
        write(ENTRY)
        with pytest.raises(ValueError, match="no paper 'wen2017force'; choose one of wen2016ssl"):
            load_claims("wen2017force")

    def test_unequal_seeds_are_not_paired(self, write):
        write.results({"SSL": {0: {"test": 1}, 1: {"test": 2}}, "trained on": {0: {"test": 1}, 2: {"test": 2}}})
        write(ENTRY)
        with pytest.raises(ValueError, match=r"'SSL' has seeds \[0, 1\] and 'trained on' has \[0, 2\]"):
            load_claims()

    def test_two_runs_are_paired_by_the_seeds_that_both_have(self, write, tmp_path):
        write.results({"SSL": {seed: {"test": seed + 1} for seed in range(5)}}, "long")
        write.results({"trained on": {3: {"test": 2}, 1: {"test": 1}, 7: {"test": 9}}})
        write(with_pointer("difference", results=["long", "run"], cases=["SSL", "trained on"], field="test"))
        (claim,) = load_claims()
        assert (claim.evaluate().runs, claim.evaluate().mean) == (2, 1.5)

        write.results({"trained on": {3: {"test": 2}, 7: {"test": 9}}})
        with pytest.raises(ValueError, match=r"'SSL' has seeds \[0, 1, 2, 3, 4\] and 'trained on' has \[3, 7\]"):
            load_claims()

    @pytest.mark.parametrize("value", [math.nan, math.inf, True, "75", None])
    def test_a_value_that_is_no_number(self, write, value):
        write.results({"SSL": {0: {"test": value}}, "trained on": {0: {"test": 1}}})
        write(ENTRY)
        with pytest.raises(ValueError, match=r"field 'test' of run is .*, not a finite number"):
            load_claims()

    def test_a_case_without_rows_and_a_seed_that_stands_twice(self, write, tmp_path):
        write(ENTRY)
        rows = [{"case": "SSL", "seed": 0, "test": 1}] * 2
        (tmp_path / "run.json").write_text(json.dumps({"cases": {case: {} for case in BOTH}, "rows": rows}))
        with pytest.raises(ValueError, match="seed 0 of case 'SSL' twice"):
            load_claims()
        (tmp_path / "run.json").write_text(json.dumps({"cases": {case: {} for case in BOTH}, "rows": rows[:1]}))
        with pytest.raises(ValueError, match="no row of case 'trained on' yet"):
            load_claims()

    def test_a_ratio_of_numbers_below_0(self, write):
        write.results({"SSL": {0: {"test": -1}}, "trained on": {0: {"test": 1}}})
        write(with_pointer("ratio", cases=BOTH, field="test"))
        with pytest.raises(ValueError, match="needs numbers above 0"):
            load_claims()


class TestTheTable:
    @pytest.fixture
    def soup(self, write):
        write(ENTRY | {"note": "mind <b>this</b>"}, OUT_OF_REACH)
        return BeautifulSoup(claims_table("wen2016ssl").data, "html.parser")

    def test_it_has_captions_headers_and_roles_that_survive_a_phone(self, soup):
        tables = soup.find_all("table")
        assert [table.caption.text for table in tables] == [
            "SSL. 2 claims. Measured: 1 reproduced; 1 out of reach here.",
            "SSL: claims that are out of reach here",
        ]
        for table in tables:
            assert [th["scope"] for th in table.thead.find_all("th")] == ["col"] * 4
            assert [th["scope"] for th in table.tbody.find_all("th")] == ["row"]
            assert all(tag.get("role") for tag in table.find_all(["thead", "tbody", "tr", "th", "td"]))
            assert [td["data-column"] for td in table.tbody.find_all("td")] == ["Paper", "Here", "Verdict"]

    def test_a_row_says_everything_and_escapes_it(self, soup):
        row = soup.tbody.tr
        text = row.get_text(" ")
        for part in (
            "It is <better> & smaller.",
            "Table 9; read first-hand on the poster.",
            "an-entry",
            "mind <b>this</b>",
        ):
            assert part in text
        assert "gain: 1\xa0points (95 % interval 0.752 to 1.25, 3 seeds; asked: at least 0.5; " in row.get_text()
        assert "same direction: above 0)" in text
        assert "three seeds" in text
        assert "by counting" not in text

    def test_a_verdict_is_a_word_and_a_sign(self, soup):
        verdicts = [row.find_all("td")[-1] for row in soup.select("tbody tr")]
        assert [cell.get_text() for cell in verdicts] == ["✓ reproduced", "– out of reach here"]
        assert all(cell.find("span", attrs={"aria-hidden": "true"}) for cell in verdicts)
        assert len(set(SIGNS.values())) == len(VERDICTS) == len(SIGNS)

    def test_it_shows_the_computed_verdict_and_not_the_typed_one(self, write):
        write(ENTRY | {"verdict": "not reproduced"})
        soup = BeautifulSoup(claims_table("wen2016ssl").data, "html.parser")
        assert soup.tbody.find_all("td")[-1].get_text() == "✓ reproduced"
        assert soup.caption.text == "SSL. 1 claim. Measured: 1 reproduced."

    def test_what_is_out_of_reach_stands_below_a_line_to_open_with_its_reason(self, soup, write):
        assert "No <such> machine." in soup.details.get_text()
        assert "open" not in soup.details.attrs
        open_table = BeautifulSoup(claims_table("wen2016ssl", fold=False).data, "html.parser")
        assert "open" in open_table.details.attrs

    def test_counted_claims_are_told_apart(self):
        counted = [claim for claim in CLAIMS if claim.counted]
        assert counted
        assert summary(counted).startswith(f"{len(counted)} claims. Counted: ")
        assert "Measured" not in summary(counted)

    def test_a_claim_with_one_measured_check_counts_as_measured(self, write):
        check = {"what": "x", "unit": "y", "computed": {"function": "average", "factors": [1]}}
        write(ENTRY | {"ours": [*ENTRY["ours"], check | {"criterion": {"at_least": 1}}]})
        assert summary(load_claims()) == "1 claim. Measured: 1 reproduced."

    def test_one_seed_is_said_to_have_no_interval(self, write):
        write.results({"SSL": {0: {"test": 2.0}}, "trained on": {0: {"test": 1.0}}})
        write(ENTRY)
        assert "one seed, so no interval" in claims_table("wen2016ssl").data

    @pytest.mark.parametrize(
        ("bounds", "text"),
        [(AT_LEAST_1, "at least 1"), (AT_MOST_HALF, "at most 0.5"), (ABOVE_0, "above 0"), (BELOW_1, "below 1"),
         (Range(-0.5, 0.5), "−0.5 to 0.5")],
    )  # fmt: skip
    def test_what_was_asked_in_words(self, bounds, text):
        assert asked_text(bounds) == text


class TestCounts:
    def test_what_is_left_of_a_layer_is_what_the_smaller_layer_costs(self):
        dense, small = nn.Conv2d(20, 50, 5), nn.Conv2d(4, 19, 5)
        macs = [count_macs(conv, torch.zeros(1, conv.in_channels, 12, 12)) for conv in (dense, small)]
        assert counts.kept_macs("LeNet", "conv2", 19, channels=4) == pytest.approx(100 * macs[1] / macs[0])
        assert counts.kept_macs("LeNet", "conv2", 19, columns=100) == pytest.approx(100 * macs[1] / macs[0])
        assert counts.kept_macs("MLP", "layers.1", 300, 500) == 100

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("LeNet", "conv1", 21, 25), "21 x 25 does not fit into the 20 x 25 of conv1"),
            (("LeNet", "conv1", 20, 25, 1), "give one of them"),
            (("LeNet", "conv1", 20), "give one of them"),
            (("LeNet", "conv3", 20, 25), "no layer 'conv3'; choose one of conv1, conv2, fc1, fc2"),
            (("AlexNet", "conv1", 20, 25), "no network 'AlexNet'; choose one of LeNet, MLP"),
        ],
    )
    def test_more_than_there_is_cannot_be_left(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            counts.kept_macs(*arguments)

    @pytest.mark.parametrize("depth", [20, 32])
    def test_a_resnet_has_as_many_layers_as_its_name_says(self, depth):
        assert counts.resnet_layers(depth=depth) == depth
        assert counts.resnet_layers_removed([7, 6, 6], depth=depth) == depth - 20
        kernels = [m for m in CifarResNet(20).modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
        assert counts.resnet_layers([7, 6, 6]) == len(kernels) + 1

    def test_a_resnet_cannot_keep_more_than_it_has(self):
        with pytest.raises(ValueError, match=r"\[5, 7, 6\] does not fit into the \[7, 6, 6\] of ResNet-20"):
            counts.resnet_layers([5, 7, 6])

    def test_averages_and_their_ratio(self):
        assert counts.average([1, 2, 6]) == 3
        assert counts.ratio_of_averages([1, 2, 6], [1, 1, 2.5]) == 2

    def test_saved_work_that_arrives_whole_is_1(self):
        assert counts.arrived(4.0, 75) == 1
        assert counts.arrived(4.0, 50, 50) == 1
        assert counts.arrived(2.0, 75) == 0.5

    def test_the_least_advantage_is_that_of_the_worst_layer(self):
        structured = {"speedup": [2.0, 4.0], "zero_columns": [50, 50], "zero_rows": [0, 50]}  # both arrive whole
        scattered = {"speedup": [1.0, 2.0], "zero_columns": [75, 75]}  # a quarter, a half
        assert counts.least_advantage(structured, scattered) == 2
        with pytest.raises(ValueError, match="shorter"):
            counts.least_advantage(structured, {"speedup": [1.0], "zero_columns": [75]})

    def test_the_counts_of_the_recurrent_networks(self):
        assert counts.lstm_macs_ratio([373, 315]) == pytest.approx(51_000_000 / 6_811_396)
        assert counts.lstm_weights([381, 535]) == pytest.approx(25.190548)
        assert (counts.lstm_group(1), counts.lstm_group(2)) == (24_000, 28_000)
        assert counts.highway_weights(403) == pytest.approx(7.621058)
        assert [counts.bidaf_group(name) for name in ("ModBwd1", "ModFwd2", "OutBwd")] == [4800, 3201, 6401]
        with pytest.raises(ValueError, match="no layer 'Mod3'; choose one of ModFwd1"):
            counts.bidaf_group("Mod3")

    def test_the_theoretical_row_of_alexnet_draws_no_random_number(self):
        state = torch.get_rng_state()
        layers, ranks = ("conv3", "conv4", "conv5"), ((184, 201, 146), (124, 106, 129))
        ratios = [[counts.alexnet_ratio(*pair) for pair in zip(layers, row, strict=True)] for row in ranks]
        assert ratios[0] == pytest.approx([1.789, 1.719, 1.632], abs=5e-4)
        assert ratios[1] == pytest.approx([2.654, 3.260, 1.848], abs=5e-4)
        assert torch.equal(torch.get_rng_state(), state)
        with pytest.raises(ValueError, match="no layer 'conv2'; choose one of conv3"):
            counts.alexnet_ratio("conv2", 1)

    @pytest.mark.parametrize("kind", ["L2", "L1"])
    def test_the_force_points_where_the_pairwise_distance_falls(self, kind, monkeypatch):
        assert counts.force_alignment(kind) == pytest.approx(1, abs=1e-12)
        # Without the projection it would not.
        monkeypatch.setattr(counts.filters, "force", lambda filters, _: filters.sum(0) - len(filters) * filters)
        assert counts.force_alignment(kind) < 0.9

    def test_ternary_bits_levels_and_clipping(self):
        assert counts.ternary_ratio() == pytest.approx(20.1898, abs=1e-4)
        assert counts.ternary_ratio(8) == pytest.approx(7.829, abs=1e-3)
        assert [counts.codec_ratio(name) for name in ("2-bit", "base 3")] == [16, 20]
        with pytest.raises(ValueError, match="base 4"):
            counts.codec_ratio("base 4")
        assert counts.levels_seen(1) == 3
        assert counts.levels_seen(3) == 7
        assert counts.clip_change("length") == pytest.approx(1.128, abs=1e-3)
        assert counts.clip_change("direction") == pytest.approx(2.746, abs=1e-3)
        assert counts.clip_change("length", c=2) == pytest.approx(4.06, abs=1e-2)
        with pytest.raises(ValueError, match="angle"):
            counts.clip_change("angle")

    def test_when_ternary_gradients_pay_by_the_model(self):
        assert counts.terngrad_speedup(workers=1) == 1
        # all time is communication: 64 / (2 + 4) bits both ways for 4 workers, but for what stays in fp32
        assert counts.terngrad_speedup(workers=4, gigabit=1e-3) == pytest.approx(64 / 6, rel=0.01)
        assert (
            0.99 < counts.terngrad_speedup(gigabit=1e6) < 1
        )  # one more round trip for the scalers, and no bytes to save
        # by hand: 8 workers; AlexNet has 61.1 million weights and 714 million MACs
        compute, link = 6 * 714.2e6 * 64 / 5e12, 8 * 61.1e6 / 125e6
        assert counts.terngrad_speedup() == pytest.approx(
            (compute + 8 * link) / (compute + link * (2 + 5) / 8), rel=0.01
        )
        assert counts.speedup_gain({"workers": 16}, {"workers": 2}) < 1
        with pytest.raises(ValueError, match="LeNet"):
            counts.terngrad_speedup("LeNet")

    def test_compressed_rows_take_the_bytes_that_torch_stores(self):
        matrix = torch.zeros(8, 20)
        matrix.view(-1)[::5] = 1.0
        with warnings.catch_warnings(action="ignore"):  # torch calls its sparse tensors a beta
            sparse = matrix.to_sparse_csr()
        stored = 4 * (sparse.values().numel() + sparse.col_indices().numel() + sparse.crow_indices().numel())
        assert counts.csr_bytes([(8, 20)], [80]) == pytest.approx(100 * stored / (4 * matrix.numel()))
