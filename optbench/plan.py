"""The plan of a comparison: recipe x optimizers x seeds -> arms of `RunSpec`s, and each run's key.

Nothing here trains, and no torch is imported (but an optimizer named by import path is, with whatever it
imports).
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from optbench import datasets, optimizers
from optbench.digests import MEASURES, PRESENTS, source_digest, third_party_digest
from optbench.environment import TRANSLATING, machine, versions
from optbench.errors import OptbenchError
from optbench.optimizers import Reference
from optbench.recipe import Recipe

Role = Literal["arm", "baseline", "reference"]


@dataclass(frozen=True)
class RunSpec:
    """One run, completely: the same spec gives the same figures.

    Attributes:
        optimizer: the reference with every hyper-parameter resolved.
        device: `cpu` or `cuda`, or a device of that type such as `cuda:1`.
        data_checksum: SHA-256 of the data set's decompressed source bytes.
    """

    recipe: Recipe
    optimizer: Reference
    seed: int
    device: str
    precision: str
    threads: int
    data_checksum: str

    @property
    def device_type(self) -> str:
        """`cpu` or `cuda`, without the device's number."""
        return self.device.partition(":")[0]

    def describe(self) -> dict[str, object]:
        """Return, JSON-ready, everything that can change the figures: what the key hashes, and `spec.json`.

        The executor is a function of what is here (the reference's `impl`, device, precision, source,
        versions).
        """
        return {
            "recipe": self.recipe.figures(self.optimizer.name),
            "optimizer": self.optimizer.canonical,
            "seed": self.seed,
            "device": self.device_type,
            "precision": self.precision,
            "threads": self.threads,
            "data_checksum": self.data_checksum,
            "source": source_digest(PRESENTS + MEASURES),
            "third_party": third_party_digest(self.optimizer),
            "versions": versions(TRANSLATING if datasets.info(self.recipe.data).kind == "parallel" else ()),
        }

    def key(self) -> str:
        """Return the SHA-256, in hex, that the store files this run under."""
        return _digest(self.describe())


@dataclass(frozen=True)
class Arm:
    """One optimizer of a comparison with its runs, one a seed.

    `role` is `baseline` for an optimizer that the others are compared with, even where the user named it
    among the arms; `reference` for a row shown beside them; `arm` otherwise.
    """

    reference: Reference
    role: Role
    specs: tuple[RunSpec, ...]


def build(
    recipe: Recipe,
    references: Sequence[Reference | str],
    baselines: Sequence[Reference | str] | None = None,
    seeds: Sequence[int] | None = None,
    *,
    device: str = "cpu",
    precision: str | None = None,
    threads: int | None = None,
    data_root: Path | None = None,
) -> list[Arm]:
    """Return the arms in the order named, then the baselines that were not named.

    Args:
        recipe: what is trained.
        references: the optimizers; each takes the recipe's hyper-parameters where the user gave none. One
            named twice is kept once.
        baselines: None means the recipe's; an empty list, or `none`, means none.
        seeds: None means 0 .. recipe.seeds - 1.
        device: of every run.
        precision: of every run; None means the recipe's.
        threads: of every run; None means the recipe's.
        data_root: folder to look in for data first: which data are found is a part of a run's key.

    Raises:
        OptbenchError: for a reference or a value that will not do, or when there is nothing to run.
    """
    recipe = recipe.override(precision=precision, threads=threads)
    if seeds is None:
        seeds = range(recipe.seeds)
    if not seeds:
        raise OptbenchError("no seeds", "give at least one")
    if device.partition(":")[0] not in ("cpu", "cuda"):
        raise OptbenchError(f"unknown device '{device}'", "use cpu or cuda")
    compared = resolve(recipe, recipe.baselines if baselines is None else baselines)
    arms: dict[str, Arm] = {}
    checksum = datasets.checksum(recipe.data, root=data_root, options=recipe.data_options)
    for reference in [*resolve(recipe, references), *compared]:
        if reference.canonical in arms:
            continue
        specs = tuple(
            RunSpec(recipe, reference, seed, device, recipe.precision, recipe.threads, checksum)
            for seed in dict.fromkeys(seeds)
        )
        arms[reference.canonical] = Arm(reference, _role(reference, compared), specs)
    if not arms:
        raise OptbenchError("no optimizers to run", "name some with --optims")
    return list(arms.values())


def cost_key(arms: Iterable[Arm], settings: object = None) -> str:
    """Return the key that the costs of these arms, measured together on this machine, are stored under.

    Args:
        arms: in any order.
        settings: JSON-ready settings of the measurement (launches, device name, ...) that belong to the key
            too.
    """
    specs = [arm.specs[0] for arm in arms]
    runs = []
    for spec in specs:
        run = spec.describe()
        # an iteration costs the same whatever its seed, however many epochs there are, and at every learning rate that
        # stays for an epoch; one that moves in every iteration has a cost of its own
        moves = spec.recipe.schedule_for(spec.optimizer.name).every_iteration
        del run["seed"]
        recipe = run["recipe"]
        assert isinstance(recipe, dict)
        left_out = ("epochs",) if moves else ("epochs", "schedule")
        run["recipe"] = {key: recipe[key] for key in recipe if key not in left_out}
        runs.append(run)
    runs.sort(key=lambda run: str(run["optimizer"]))
    against = sorted(arm.reference.canonical for arm in arms if arm.role == "baseline")
    return _digest(
        {
            "runs": runs,
            "baselines": against,
            "machine": machine(),
            "settings": settings,
            "source": source_digest(PRESENTS),
        }
    )


def _role(reference: Reference, baselines: Sequence[Reference]) -> Role:
    """Return the role of an optimizer: a baseline through another implementation is a reference row."""
    if any(reference.canonical == each.canonical for each in baselines):
        return "baseline"
    return "reference" if any(_algorithm(reference) == _algorithm(each) for each in baselines) else "arm"


def _algorithm(reference: Reference) -> tuple[object, ...]:
    """Return what a reference computes, whatever runs it."""
    return reference.name, reference.xgrad, frozenset(pair for pair in reference.options if pair[0] != "impl")


def resolve(recipe: Recipe, references: Iterable[Reference | str]) -> list[Reference]:
    """Parse references that are text, drop the word `none`, and fill in the recipe's hyper-parameters."""
    resolved = []
    for reference in references:
        if reference == "none":
            continue
        parsed = optimizers.parse(reference) if isinstance(reference, str) else reference
        resolved.append(parsed.resolve(recipe.defaults_for(parsed.name)))
    return resolved


def _digest(document: object) -> str:
    """Return the SHA-256 of a document's canonical JSON."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, allow_nan=False).encode()).hexdigest()
