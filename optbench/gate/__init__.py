"""The gate: holds a new comparison against an old one, and says of each figure pass, regression or inconclusive.

A figure is a regression when it is worse by more than was allowed and the difference is significant; it passes when a
worsening by more than was allowed can be ruled out; everything else is inconclusive, and never a pass. No torch.
"""

from optbench.gate._decide import check_alike, decide
from optbench.gate._rules import COST_METRICS, TIME_METRICS, Decision, Outcome, Rule, parse_rules

__all__ = [
    "COST_METRICS",
    "TIME_METRICS",
    "Decision",
    "Outcome",
    "Rule",
    "check_alike",
    "decide",
    "parse_rules",
]
