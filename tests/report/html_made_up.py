"""Made-up entries of HTML reports: comparisons with histories, costs, tuning and a paper's figures."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace

from making import METRICS, run
from priced import MACHINE, MIB, SETTINGS, cost, ledger, measurement

from optbench import published
from optbench.overlay import Line, Overlay, Part
from optbench.report import html
from optbench.results import RunResult
from optbench.stats import ArmResult, compare
from optbench.tune import ArmTuning, Objective, Trial

EVIL = "<script>window.hacked=1</script>\"'><img src=x onerror=window.hacked=1><!-- </script> {{ 7*7 }} &lt;\u2028"
PLAIN = "name"


def history(epochs: int, rate: float, seed: int = 0, *, final: float = 90.0, died: int | None = None) -> tuple:
    """Return rows of a loss that falls from 2.3 by `rate` and an accuracy that rises to `final`; it may blow up."""
    rng, rows = random.Random(f"{rate} {seed}"), []
    for epoch in range(1, epochs + 1):
        loss = 2.3 * math.exp(-epoch * rate) + 0.02 + 0.002 * rng.random()
        if died is not None and epoch >= died:
            loss = 10.0 ** (4 + epoch - died) if epoch < died + 3 else None
        rows.append(
            {
                "epoch": epoch,
                "train_loss": loss,
                "lr": 0.1 / epoch,
                "seconds": 2.0 + rate,
                "updates": 100 * epoch,
                "losses": [[100 * epoch - 90 + 10 * k, loss] for k in range(10)],
                "validation": {"accuracy": final * (1 - math.exp(-epoch * rate)), "cross_entropy": loss},
            }
        )
        if loss is None:
            break
    return tuple(rows)


def arm(
    name: str, finals: Sequence[float | None], rate: float = 0.3, epochs: int = 8, role: str = "arm", step: float = 1e-4
) -> ArmResult:
    """Return an arm whose runs end with these accuracies; None is a run that diverges in epoch 4."""
    runs = []
    for seed, final in enumerate(finals):
        failed = {"status": "diverged", "message": f"{name}: the loss is NaN"} if final is None else {}
        rows = history(epochs, rate, seed, final=final or 50.0, died=4 if final is None else None)
        runs.append(run(name, seed, final, None if final is None else 1 - final / 100, history=rows, **failed))
    state = 2 * MIB if role == "baseline" else 3 * MIB
    price = cost(name, step, ledger=ledger(state=state, state_predicted=state, peak=8 * MIB + state))
    return ArmResult(name, role, "cpu", tuple(runs), price)


def wild() -> ArmResult:
    """Return an arm whose runs finish though their losses are 1e9 all along."""
    made = arm("wild", [10.0, 10.0, 10.0])
    rows = [{**row, "train_loss": 1e9} for row in made.runs[0].history]
    return replace(made, runs=tuple(replace(each, history=tuple(rows)) for each in made.runs))


def with_gradients(found: ArmResult) -> ArmResult:
    """Return an arm whose first run recorded gradients: 3 in bin 30, then 1 in bin 30 and 1 in bin 31."""

    def counts(**bins: int) -> list[int]:
        return [bins.get(f"b{k}", 0) for k in range(50)]

    first: RunResult = found.runs[0]
    rows = list(first.history)
    rows[0] = {**rows[0], "gradients": [[1, counts(b30=3)], [11, counts(b30=1, b31=1)]]}
    return replace(found, runs=(replace(first, history=tuple(rows)), *found.runs[1:]))


def entry(arms: Sequence[ArmResult], **changes: object) -> html.Entry:
    """Return the entry of some arms."""
    told: Mapping[str, object] = {"recipe": "tiny", "settings": SETTINGS, "machine": MACHINE | {"optbench": "1.2.3"}}
    costs = [each.cost for each in arms if each.cost]
    found = compare(arms, METRICS, "accuracy", **told, measurement=measurement(*costs) if costs else None)
    return html.Entry(found, {each.label: each.runs for each in arms}, **changes)  # type: ignore[arg-type]


def four() -> list[ArmResult]:
    """Return a good arm, a shaky one, one that only diverges, and a baseline."""
    return [
        arm("fast", [95.0, 95.5, 95.2], 0.9, step=2e-4),
        arm("shaky", [91.0, None, 89.0], 0.4),
        arm("lost", [None, None, None], 0.2),
        arm("adamw", [90.0, 90.2, 90.4], 0.5, role="baseline"),
    ]


def tuned(name: str, direction: str = "higher", edge: bool = False) -> ArmTuning:
    """Return an arm's four trials over lr, the third the best, the fourth failed."""
    reference, objective = SimpleNamespace(text=name), Objective("accuracy", direction)
    search = SimpleNamespace(edges=lambda _: {"lr": False} if edge else {}, describe=lambda: "lr 0.001 to 1")
    found = ArmTuning(reference, objective, search)  # type: ignore[arg-type]
    for rate, value in ((0.001, 20.0), (0.01, 60.0), (0.1, 90.0), (1.0, None)):
        status = "ok" if value is not None else "diverged"
        found.trials.append(Trial({"lr": rate}, reference, value, None, status))  # type: ignore[arg-type]
    return found


def overlay(name: str) -> Overlay:
    """Return a published table with one row that was reproduced and one that was not run."""
    paper = published.paper("adaplus")
    lines = (
        Line(name, name, 91.0, "91.0", 90.9, 90.0, 91.5, 3, -0.1, "reproduced"),
        Line("other", "", 80.5, "80.5", reason="not run"),
    )
    table = replace(next(iter(paper.tables.values())), dataset=name)
    return Overlay(paper, (Part(table, name, (), lines, (name, name)),), (f"a note on {name}",))


def everything(name: str) -> html.Report:
    """Return a report with every view, in which every text that a user may choose is `name`."""
    arms = [arm(f"{name} {k}", [90.0 + k, None if k == 1 else 91.0 + k]) for k in range(3)]
    arms[0] = with_gradients(arms[0])
    arms.append(arm(f"{name} base", [90.0, 91.5], role="baseline"))
    data = html.Data(name, name, name, name, name, {name: 3}, name, name, name)
    tuning = [tuned(f"{name} 0", edge=True), tuned(f"{name} base")]
    found = entry(arms, overlay=overlay(name), tuning=tuning, recipe_text=name, data=data)
    settings = {"title": name, "data": name, "epochs": 8}
    machine = {"processor": name, "cores": 2, "optbench": name}
    found = replace(found, comparison=replace(found.comparison, recipe=name, settings=settings, machine=machine))
    return html.build([found, found], title=name, command=name, created=name)


def large() -> html.Report:
    """Return a report of 20 arms, 5 seeds and 200 epochs, with the losses by update: a million of them."""
    names = [f"optimizer{k:02}:lr=0.1:weight_decay=0.01" for k in range(18)]
    rates = [0.01 + 0.004 * k for k in range(20)]
    arms = []
    for k, name in enumerate([*names, "adamw", "sgdm"]):
        finals = [80 + 0.5 * k + 0.1 * seed for seed in range(5)]
        arms.append(arm(name, finals, rates[k], 200, "arm" if k < 18 else "baseline"))
    return html.build([entry(arms)])
