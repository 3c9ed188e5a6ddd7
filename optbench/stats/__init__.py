"""From runs and timings to statements: comparisons paired by seed, and ratios of times. NumPy and SciPy, no torch."""

from optbench.stats._types import (
    VERDICTS,
    ArmResult,
    ArmSummary,
    Comparison,
    Difference,
    Metric,
    Summary,
    ToTarget,
)
from optbench.stats.comparison import compare, paired_difference
from optbench.stats.intervals import BOOTSTRAP_SEEDS, mean_std, t_quantile
from optbench.stats.times import Ratio
from optbench.stats.tolerance import Tolerance
from optbench.stats.verdicts import LEVEL, POWER

__all__ = [
    "BOOTSTRAP_SEEDS",
    "LEVEL",
    "POWER",
    "VERDICTS",
    "ArmResult",
    "ArmSummary",
    "Comparison",
    "Difference",
    "Metric",
    "Ratio",
    "Summary",
    "ToTarget",
    "Tolerance",
    "compare",
    "mean_std",
    "paired_difference",
    "t_quantile",
]
