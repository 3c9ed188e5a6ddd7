"""Record the A/A rounds that `null_gates.py` resamples. On an idle machine, from the top of the repository:

    python tests/stats/record_aa.py [LAUNCHES [OUTPUT]]

It times adamw on digits-cnn against itself in LAUNCHES (40) fresh sets of workers, a few seconds each, and writes
tests/stats/aa_rounds.json.
"""

import json
import sys
from pathlib import Path

from optbench import plan, recipe
from optbench.measure import CostSettings, measure_arms
from optbench.results import Cost


def main(launches: int = 40, output: str = str(Path(__file__).parent / "aa_rounds.json")) -> None:
    """Measure and write."""
    arms = plan.build(recipe.load("digits-cnn"), [], ["adamw"], [0])
    settings = CostSettings(aa=True, launches=launches, budget=8.0 * launches, precision=1e-4, memory=False)
    found = measure_arms(arms, settings=settings, progress=lambda done, total, text: print(text, file=sys.stderr))
    base, twin = (found.costs[arms[0].reference.canonical + end] for end in ("", "#aa"))
    document = {
        "made_with": f"tests/stats/record_aa.py: {found.launches} launches, {found.turns} turns each, "
        f"{found.seconds:.0f} s; " + ("; ".join(found.busy) or "nothing else ran"),
        "machine": dict(found.machine),
        "base": _short(base),
        "twin": _short(twin),
    }
    Path(output).write_text(json.dumps(document, separators=(",", ":")) + "\n")


def _short(cost: Cost) -> dict[str, object]:
    """Return a cost with its times to five digits, which is more than there is in them."""
    document = cost.to_dict()
    document["samples"] = {
        phase: [[float(f"{seconds:.5g}") for seconds in turns] for turns in launches]
        for phase, launches in cost.samples.items()
    }
    return document


if __name__ == "__main__":
    main(*(int(word) if word.isdigit() else word for word in sys.argv[1:]))  # type: ignore[arg-type]
