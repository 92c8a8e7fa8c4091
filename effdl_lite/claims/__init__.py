"""The claims ledger: what the papers say, what came out here, and a verdict that is computed, never typed.

`experiments/claims.yml` holds the entries and says how one is written; `evidence.py` holds the rule.
"""

from effdl_lite.claims.evidence import VERDICTS, Check, Evidence, Range, interval, verdict_of
from effdl_lite.claims.ledger import Claim, load_claims, load_papers
from effdl_lite.claims.table import claims_table, count_verdicts

__all__ = [
    "VERDICTS",
    "Check",
    "Claim",
    "Evidence",
    "Range",
    "claims_table",
    "count_verdicts",
    "interval",
    "load_claims",
    "load_papers",
    "verdict_of",
]
