"""The arms of one measurement as the parent keeps them: who is timed, and what was found. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from optbench.errors import OptbenchError
from optbench.measure import CostSettings, _checkout
from optbench.measure._messages import ArmFailed, Facts, Setup
from optbench.optimizers import Reference
from optbench.plan import Arm
from optbench.results import Cost, Ledger

AA, OLD = "#aa", "#old"  # after a canonical reference: the same again, and the same from another checkout


@dataclass
class Track:
    """One arm, or a twin of one.

    Attributes:
        name: its canonical reference, with `AA` or `OLD` after it for a twin.
        rivals: names of those whose ratio to this one is asked for.
        turns: by launch, what each turn found: seconds of an iteration by phase.
    """

    name: str
    text: str
    setup: Setup
    rivals: tuple[str, ...]
    failure: ArmFailed | None = None
    turns: list[list[dict[str, float]]] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    ledger: Ledger | None = None

    def cost(self, iterations: int) -> Cost:
        """Return what was found; an arm that failed has no samples.

        Args:
            iterations: of one turn.
        """
        failure, samples = self.failure, {}
        if failure is None and self.turns:
            for phase in self.turns[0][0]:
                samples[phase] = tuple(tuple(turn[phase] for turn in launch) for launch in self.turns)
        return Cost(
            optimizer=self.text,
            canonical=self.name,
            status=failure.status if failure else "ok",
            message=failure.message if failure else "",
            executor=self.facts[-1].executor if self.facts else "",
            samples=samples,
            iterations=iterations,
            epoch_iterations=self.facts[-1].epoch_iterations if self.facts else 0,
            warmup_seconds=median(facts.warmup_seconds for facts in self.facts) if self.facts else None,
            ledger=None if failure else self.ledger,
            parameters=self.facts[-1].parameters if self.facts else None,
        )


def tracks_of(arms: Sequence[Arm], settings: CostSettings, data_root: Path | None) -> list[Track]:
    """Return the arms with the twins that the settings ask for.

    Raises:
        OptbenchError: a twin is asked for that cannot be.
    """
    baselines = tuple(arm.reference.canonical for arm in arms if arm.role == "baseline")
    tracks = [_track(arm, baselines, settings, data_root) for arm in arms]
    extra = []
    if settings.aa:
        if not baselines:
            raise OptbenchError(
                "an A/A comparison times a baseline twice, and there is none", "name some with --baselines"
            )
        first = next(track for track in tracks if track.name == baselines[0])
        extra.append(replace(first, name=first.name + AA, rivals=(first.name,), turns=[], facts=[]))
    if settings.against_path is not None:
        extra += _old(arms, tracks, settings.against_path)
    return tracks + extra


def _track(arm: Arm, baselines: tuple[str, ...], settings: CostSettings, data_root: Path | None) -> Track:
    spec, name = arm.specs[0], arm.reference.canonical
    setup = Setup(
        recipe=spec.recipe,
        optimizer=name,
        seed=spec.seed,
        device=spec.device,
        precision=spec.precision,
        threads=spec.threads,
        data_checksum=spec.data_checksum,
        data_root=data_root,
        synthetic=settings.synthetic,
        checkout=None,
    )
    return Track(name, arm.reference.text, setup, tuple(base for base in baselines if base != name))


def _old(arms: Sequence[Arm], tracks: Sequence[Track], checkout: Path) -> list[Track]:
    """Return twins of those arms whose optimizers another checkout has."""
    if not checkout.is_dir():
        raise OptbenchError(f"no folder {checkout}", "name the folder of another checkout")
    found = []
    for arm, track in zip(arms, tracks, strict=True):
        if _checkout.provides(checkout, arm.reference.name):
            setup = replace(track.setup, optimizer=_as_given(arm.reference), checkout=checkout.resolve())
            found.append(replace(track, name=track.name + OLD, setup=setup, rivals=(track.name,), turns=[], facts=[]))
    if not found:
        hint = "name a checkout that holds optbench/optimizers, or the folder of a class's package"
        raise OptbenchError(f"{checkout} holds none of the optimizers", hint)
    return found


def _as_given(reference: Reference) -> str:
    """Return a reference without the options that have their defaults: other code need not know all of them."""
    plain = Reference(reference.text, reference.name, reference.xgrad).resolve()
    options = tuple(option for option in reference.options if option not in plain.options)
    return replace(plain, options=options).canonical
