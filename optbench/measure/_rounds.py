"""The measuring itself: launches of fresh workers, timed in turns A B C C B A ..., until they agree. No torch.

A machine that slows down slows neighbours in time alike, hence the turns; where a process happens to lie in memory
makes it faster or slower for all of its life, hence the launches.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

from optbench import environment
from optbench.measure import CostSettings, Report
from optbench.measure._busy import Neighbours
from optbench.measure._launch import Worker, started
from optbench.measure._messages import ArmFailed
from optbench.measure._tracks import OLD, Track, tracks_of
from optbench.plan import Arm
from optbench.results import Cost, Measurement
from optbench.stats.times import ratio, seconds

TURN_SECONDS = 0.02  # long beside the clock and a wake-up, short beside a machine's drift, which 0.05 s still felt
LEAST_SECONDS = 1.0  # of timing in a launch
MOST_TURNS = 120  # of an arm in a launch: what more would gain is lost in the spread between launches
TRIALS = 3  # to learn how long an iteration takes
# A processor's caches (tens of megabytes) are filled again within milliseconds, 1 % of this.
COLD_SECONDS = 0.25
T = TypeVar("T")


@dataclass(frozen=True)
class Shape:
    """Of a launch: iterations of a turn, turns of an arm, whether a first iteration is discarded, seconds in all."""

    iterations: int
    turns: int
    discard: bool
    launch_seconds: float


def measure_now(
    arms: Sequence[Arm], settings: CostSettings, data_root: Path | None = None, progress: Report | None = None
) -> Measurement:
    """Return what the arms cost, measured now; see `optbench.measure.measure_arms`."""
    return _Measuring(arms, settings, data_root, progress or (lambda done, total, text: None)).run()


class _Measuring:
    """One measuring of some arms."""

    def __init__(self, arms: Sequence[Arm], settings: CostSettings, data_root: Path | None, progress: Report) -> None:
        self.settings = settings
        self.progress = progress
        self.tracks = tracks_of(arms, settings, data_root)
        self.neighbours = Neighbours(arms[0].specs[0].device)
        self.began = time.monotonic()
        self.launches = 0
        self.shape: Shape | None = None

    def run(self) -> Measurement:
        """Launch until the intervals are tight enough or the budget is spent."""
        while True:
            self.neighbours.look()
            self._launch()
            self.launches += 1
            if not self._fit() or (self.launches >= self.settings.launches and (self._tight() or self._spent())):
                return self._found()

    def _fit(self) -> list[Track]:
        return [track for track in self.tracks if track.failure is None]

    def _launch(self) -> None:
        """Start a worker for every arm that is fit, time them in turns, weigh them in the first launch, end them."""
        began = time.monotonic()
        with started({track.name: track.setup for track in self._fit()}) as workers:
            self._tell("starting processes")
            for track in self._fit():
                facts = self._attempt(track, workers[track.name].answer, len(workers))
                if facts is not None:
                    track.facts.append(facts)
            if self.shape is None:
                self.shape = self._plan(workers, time.monotonic() - began)
            self._time(workers, self.shape)
            if self.launches == 0 and self.settings.memory:
                self._weigh(workers)

    def _plan(self, workers: Mapping[str, Worker], startup: float) -> Shape:
        """Decide how a launch is spent, from how long an iteration takes at its fastest when nothing else runs."""
        times: dict[str, float] = {}
        for track in self._fit() * TRIALS:
            found = self._attempt(track, partial(workers[track.name].ask, "turn", 1, False))
            if found is not None:
                times[track.name] = min(found["iteration"], times.get(track.name, math.inf))
        return shape([times[track.name] for track in self._fit()], self.settings, startup)

    def _time(self, workers: Mapping[str, Worker], shape: Shape) -> None:
        """Time all arms in turn, there and back; launches begin at either end by turns."""
        for track in self._fit():
            track.turns.append([])
        last: Track | None = None
        for number in range(shape.turns):
            self._tell(f"turn {number + 1} of {shape.turns}")
            order = self._fit()
            for track in order if (number + self.launches) % 2 == 0 else reversed(order):
                discard = shape.discard and track is not last
                found = self._attempt(track, partial(workers[track.name].ask, "turn", shape.iterations, discard))
                if found is not None:
                    track.turns[-1].append(found)
                last = track

    def _weigh(self, workers: Mapping[str, Worker]) -> None:
        """Take every arm's ledger. Another checkout's optimizers may be too different to look into."""
        for track in self._fit():
            self._tell("weighing")
            try:
                track.ledger = workers[track.name].ask("ledger")
            except ArmFailed as failure:
                if not track.name.endswith(OLD):
                    track.failure = failure

    def _attempt(self, track: Track, work: Callable[[], T], alive: int = 1) -> T | None:
        """Return what some work on an arm returns; None when it fails: the arm is left out from then on."""
        if track.failure is not None:
            return None
        try:
            return work()
        except ArmFailed as failure:
            crowd = f" ({alive} arms were alive at once)" if failure.status == "out_of_memory" and alive > 1 else ""
            track.failure = ArmFailed(failure.status, failure.message + crowd)
            return None

    def _costs(self) -> dict[str, Cost]:
        return {track.name: track.cost(self.shape.iterations if self.shape else 0) for track in self.tracks}

    def _tight(self) -> bool:
        """Whether all ratios that are asked for, or else the times themselves, are as precise as was asked."""
        costs = self._costs()
        pairs = [(costs[t.name], costs[rival]) for t in self._fit() for rival in t.rivals if not _failed(costs[rival])]
        found = [ratio(*pair) for pair in pairs] or [seconds(costs[track.name]) for track in self._fit()]
        precisions = [each.precision if each else None for each in found]
        return all(each is not None and each <= self.settings.precision for each in precisions)

    def _spent(self) -> bool:
        """Whether another launch would pass the budget."""
        assert self.shape is not None
        return time.monotonic() - self.began + self.shape.launch_seconds > self.settings.budget

    def _tell(self, text: str) -> None:
        """Report progress: seconds spent, and those that it will take at least."""
        done = time.monotonic() - self.began
        least = self.settings.launches * self.shape.launch_seconds if self.shape else 0.0
        self.progress(done, max(self.settings.budget, least, done), f"launch {self.launches + 1}: {text}")

    def _found(self) -> Measurement:
        fit = self._fit()
        elapsed = time.monotonic() - self.began
        self.progress(elapsed, elapsed, "done")
        return Measurement(
            costs=self._costs(),
            launches=self.launches,
            turns=int(median(len(launch) for launch in fit[0].turns)) if fit else 0,
            seconds=elapsed,
            precision=self.settings.precision,
            reached=bool(fit) and self._tight(),
            busy=self.neighbours.sentences(),
            synthetic=self.settings.synthetic,
            machine=environment.machine(),
        )


def shape(times: Sequence[float], settings: CostSettings, startup: float) -> Shape:
    """Return how a launch is spent.

    As long is timed as the budget leaves, but at least `LEAST_SECONDS`, and no longer than starting takes: from there
    on another launch tells more than longer turns.

    Args:
        times: seconds of an iteration of each arm; empty when none is fit.
        settings: budget and launches.
        startup: seconds that starting the workers took.
    """
    if not times:
        return Shape(0, 0, False, startup)
    iterations = max(1, math.ceil(TURN_SECONDS / median(times)))
    discard = len(times) > 1 and max(times) < COLD_SECONDS
    sweep = sum(times) * (iterations + discard)
    wanted = min(max(settings.budget / settings.launches - startup, LEAST_SECONDS), max(startup, LEAST_SECONDS))
    turns = max(1, min(int(wanted / sweep), MOST_TURNS))
    return Shape(iterations, turns, discard, startup + turns * sweep)


def _failed(cost: Cost) -> bool:
    return cost.status != "ok"
