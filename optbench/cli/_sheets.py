"""What a comparison's files hold besides its figures: recipe, data, the command; and the HTML report made of it all."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.errors import OptbenchError

if TYPE_CHECKING:
    from optbench.overlay import Overlay
    from optbench.recipe import Recipe
    from optbench.report.html import Data
    from optbench.stats import Comparison
    from optbench.tune import ArmTuning


@dataclass(frozen=True)
class Sheet:
    """What goes into the files about one recipe.

    Attributes:
        comparison: with its runs.
        recipe: None where it is not known any more.
        overlay: the paper's figures beside them.
        tuning: what tuning found.
    """

    comparison: "Comparison"
    recipe: "Recipe | None" = None
    overlay: "Overlay | None" = None
    tuning: "Sequence[ArmTuning]" = field(default=())


def command() -> str:
    """Return the command line as it can be given again."""
    return shlex.join(["optbench", *sys.argv[1:]])


def html(sheets: Sequence[Sheet], told: str, data_root: Path | None = None) -> str:
    """Return the HTML report; see `Files.write`."""
    from datetime import UTC, datetime

    from optbench.report import html as report

    entries = [
        report.Entry(
            sheet.comparison,
            runs={arm.optimizer: arm.runs for arm in sheet.comparison.arms if arm.runs},
            overlay=sheet.overlay,
            tuning=sheet.tuning,
            recipe_text=_text(sheet.recipe),
            data=_data(sheet.recipe, data_root),
        )
        for sheet in sheets
    ]
    created = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return report.render(report.build(entries, command=told, created=created))


def _text(recipe: "Recipe | None") -> str:
    """Return the recipe's file as it is, empty where it is gone."""
    try:
        return recipe.source.read_text(encoding="utf-8") if recipe else ""
    except OSError:
        return ""


def _data(recipe: "Recipe | None", data_root: Path | None) -> "Data | None":
    """Return where the recipe's data are from, as far as they are here."""
    if recipe is None:
        return None
    from optbench import datasets
    from optbench.report.html import Data

    info = datasets.info(recipe.data)
    try:
        found = datasets.locate(recipe.data, root=data_root, options=recipe.data_options)
    except OptbenchError as error:
        found, told = None, str(error)
    else:
        told = found.provenance if found else "not on this machine"
    return Data(
        name=info.name,
        title=info.title,
        source=info.source,
        licence=info.licence,
        checksum=found.checksum if found else info.checksum,
        splits=info.splits,
        provenance=told,
        stand_in_for=info.stand_in_for or "",
        examples={"images": "images", "text": "tokens", "parallel": "pairs"}.get(info.kind, "examples"),
    )
