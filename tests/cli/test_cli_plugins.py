"""Optimizers of installed packages on the command line: a package laid out in a folder on the path, as pip would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import CHECKOUT, run

RULE = '''
from optbench.rules import Rule, learning_rate


class Steep(Rule):
    """theta_t = theta_{t-1} - gamma g_t"""

    lr = learning_rate(0.5)
    slots = {}

    @staticmethod
    def coefficients(lr):
        return {"keep": 1.0, "scale": lr}

    @staticmethod
    def direction(g):
        return (g,)
'''


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """The environment in which the package `steep 0.3` is installed."""
    site = tmp_path / "site-packages"
    made = site / "steep-0.3.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: steep\nVersion: 0.3\n")
    points = ["steep = steep_pack:Steep", "steep-torch = torch.optim:SGD", "steep-lost = steep_pack:Lost"]
    (made / "entry_points.txt").write_text("\n".join(["[optbench.optimizers]", *points]))
    (site / "steep_pack.py").write_text(RULE)
    return {"PYTHONPATH": os.pathsep.join([str(site), str(CHECKOUT)])}


def test_list_names_the_package_and_says_what_is_broken(site: dict[str, str], tmp_path: Path) -> None:
    done = run("list", "optimizers", "*e*p*", cwd=tmp_path, env=site)
    assert done.returncode == 0
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "steep Steep eager cpu cuda steep 0.3" in rows
    assert "steep-torch class torch.optim.SGD steep 0.3" in rows
    assert "steep-lost (cannot be used) steep 0.3" in rows
    assert done.stderr == (
        "note: steep 0.3 offers 'steep-lost', which cannot be used: "
        "module 'steep_pack' has no optimizer 'Lost'; check what steep_pack defines\n"
    )


def test_show_and_train(site: dict[str, str], tmp_path: Path) -> None:
    page = run("show", "steep", cwd=tmp_path, env=site).stdout
    assert "theta_t = theta_{t-1} - gamma g_t" in page
    options = ("digits-cnn", "--optim", "xgrad+steep:lr=0.05", "--epochs", "1")
    done = run("train", *options, cwd=tmp_path, env=site)
    assert done.returncode == 0, done.stderr
    assert "digits-cnn: xgrad+steep:lr=0.05, seed 0: ok" in done.stdout
    done = run("train", "digits-cnn", "--optim", "steep-lost", cwd=tmp_path, env=site)
    assert (done.returncode, done.stderr.split(";")[0]) == (2, "error: module 'steep_pack' has no optimizer 'Lost'")


def test_two_of_one_name_are_an_error_that_names_both(site: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "site-packages" / "flat-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: flat\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[optbench.optimizers]\nsteep = flat:Flat\n")
    done = run("list", "optimizers", cwd=tmp_path, env=site)
    assert done.returncode == 2
    for words in ("'steep' is taken twice", "steep_pack.Steep of steep 0.3", "flat.Flat of flat 1.0"):
        assert words in done.stderr


def test_help_and_names_of_ours_read_no_metadata() -> None:
    code = (
        "import sys\nfrom importlib import metadata\nmetadata.entry_points = None\n"
        "from optbench import optimizers as o\n"
        "[o.info(n) for n in o.names()]; o.parse_list('adamw:lr=0.1,xgrad+sgdm')[0].resolve()\n"
        "from optbench.cli import main; main(['compare', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: optbench compare" in done.stdout
