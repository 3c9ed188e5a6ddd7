"""`optbench variance`: both figures, the claims, and what cannot be asked."""

import csv
import json
from pathlib import Path

import pytest
from running import call

SMALL = ("variance", "--steps", "5,50,5", "--means", "0,1", "--samples", 200)


def test_the_command_prints_both_figures_and_the_claims() -> None:
    done = call(*SMALL, "--beta2", "0.999,0.5")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Figure 8")
    assert "5           0.252             0.8333        0.5814        230.7 %" in done.stdout
    assert [line for line in lines if line.startswith("Figure 9")] == [
        "Figure 9: beta2 0.999 (rho_inf 1999), 200 trajectories, seed 0",
        "Figure 9: beta2 0.5 (rho_inf 3), 200 trajectories, seed 0",
    ]
    assert 'does not hold: section 5.3, "Analytic variance' in done.stdout
    assert sum("-fold rectified" in line for line in lines) == 1  # at beta2 0.5 nothing is rectified


def test_json_and_csv_hold_the_same_figures() -> None:
    document = json.loads(call(*SMALL, "--format", "json").stdout)
    assert document["schema"] == "optbench.variance/1"
    (study,) = document["figure_9"]
    assert [row["step"] for row in study["closed"]] == [5, 50]
    rows = list(csv.DictReader(call(*SMALL, "--format", "csv").stdout.splitlines()))
    assert len(rows) == len(study["simulated"]) == 4
    for row, drawn in zip(rows, study["simulated"], strict=True):
        assert (float(row["mu"]), int(row["step"])) == (drawn["mu"], drawn["step"])
        assert float(row["simulated"]) == drawn["ema"]
        assert float(row["simulated_rectified"]) == drawn["rectified"]
    assert float(rows[0]["analytic"]) == study["closed"][0]["analytic"]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_figures_are_drawn(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"variance.{suffix}"
    done = call(*SMALL, "--figure", path)
    assert done.exit_code == 0
    assert done.stderr == f"wrote {path}\n"
    assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--beta2", "1"], "error: --beta2 1; give numbers between 0 and 1, with commas between them"),
        (["--steps", "0,1"], "error: --steps 0,1; give whole numbers from 1"),
        (["--steps", "1.5"], "error: --steps 1.5; give whole numbers from 1"),
        (["--means", "0,x"], "error: --means 0,x; give numbers"),
        (["--samples", "1"], "error: Invalid value for '--samples': 1 is not in the range x>=2"),
        (["--figure", "v.jpg"], "error: --figure v.jpg: a picture is .svg, .png, .pdf; name such a file"),
        (["--figure", "no/v.png"], "error: --figure no/v.png: there is no folder no; make it first"),
    ],
)
def test_mistakes_are_one_line(options: list[str], words: str) -> None:
    done = call("variance", *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(words)
    assert len(done.stderr.splitlines()) == 1


def test_a_picture_without_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optbench.cli._variance_figure.find_spec", lambda name: None)
    done = call("variance", "--figure", "v.png")
    assert done.exit_code == 2
    assert done.stderr == "error: --figure v.png needs the package matplotlib; pip install 'optbench[plot]'\n"
