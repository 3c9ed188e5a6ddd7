"""`optbench verify` from the command line: statuses, table, JSON, third-party classes."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optbench.cli import main
from optbench.optimizers import parse
from optbench.verify import report as reports
from optbench.verify import runner
from optbench.verify._subject import Effort, Finding

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(HERE)


def call(*args: str) -> Result:
    return CliRunner().invoke(main, ["verify", *args], catch_exceptions=False)


def test_a_registered_optimizer_holds():
    done = call("lion:impl=eager", "--quick")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["optimizer", "check", "cases", "largest", "difference", "bound", "result"]
    assert [line[16:].split()[0] for line in lines[2:8]] == [
        "oracle",
        "executors",
        "identities",
        "contract",
        "trains",
        "state",
    ]
    assert lines[-1].startswith("1 optimizer, ")
    assert lines[-1].endswith("all hold")
    assert "not run: trains, digits: left out by --quick (lion:impl=eager)" in lines
    assert "lion:impl=eager: the oracle varied betas" in lines


def test_a_start_that_outlasts_every_case_is_shortened_and_said():
    """Nothing moves in 2000 steps of adam-2k; what is tried instead reaches past them."""
    reference = "adam-2k:warm_steps=2000:impl=eager"
    done = call(reference, "--quick")
    assert done.exit_code == 0, done.output
    why = "the reference as it stands: all cases have warm_steps=4 for 2000"
    assert f"not run: trains, {why} ({reference})" in done.stdout.splitlines()
    assert runner.subject_of(parse("adam-2k:warm_steps=3")).fixed == {"warm_steps": 3}


def test_a_third_party_class_has_checks_4_to_6():
    done = call("subjects.Sound:lr=0.02", "--quick", "--format", "json")
    assert done.exit_code == 0, done.output
    (one,) = json.loads(done.stdout)["optimizers"]
    assert one["optimizer"] == "subjects.Sound:lr=0.02"
    assert {name for name, check in one["checks"].items() if check["cases"]} == {"contract", "trains", "state bytes"}


def test_a_faulty_class_fails_and_each_failure_is_a_line():
    done = call("subjects.Faulty", "--quick")
    assert done.exit_code == 1
    told = [line for line in done.stdout.splitlines() if line.startswith("FAILED subjects.Faulty, ")]
    assert any("gradients are left untouched" in line for line in told)
    assert any("the state grew" in line for line in told)
    assert done.stdout.splitlines()[-1].endswith(f"{len(told)} of them failed")


def test_the_json_schema():
    done = call("subjects.Faulty", "--quick", "--format", "json", "--seed", "3")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert set(document) == {"schema", "passed", "seed", "quick", "seconds", "environment", "optimizers"}
    assert document["schema"] == "optbench.verify/1"
    assert (document["passed"], document["seed"], document["quick"]) == (False, 3, True)
    assert {"versions", "machine"} == set(document["environment"])
    (one,) = document["optimizers"]
    assert set(one) == {"optimizer", "passed", "seconds", "checks", "findings"}
    assert list(one["checks"]) == list(reports.CHECKS)
    for name, check in one["checks"].items():
        own = [f for f in one["findings"] if f["check"] == name]
        assert set(check) == {"passed", "cases", "failed", "not_run", "worst", "bound"}
        assert check["cases"] + check["not_run"] == len(own)
        assert check["failed"] == sum(not f["passed"] for f in own)
    keys = {"check", "case", "passed", "ran", "worst", "bound", "message"}
    assert all(set(f) == keys for f in one["findings"])


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["adaplu"], ["adaplu", "did you mean 'adaplus'?"]),
        (["adamw:lr=-1"], ["lr=-1"]),
        (["adamw:momentum=1"], ["momentum"]),
        (["adamw:impl=cuda"], ["impl=cuda"]),
        (["sgd:nesterov=true"], ["nesterov"]),
        (["xgrad+adamw-win"], ["not defined"]),
        (["xgrad+adaplus:cache=false"], ["cache=false"]),
        (["subjects.Missing"], ["Missing"]),
        (["subjects.QUICK"], ["not an optimizer"]),
        (["subjects.Sound:speed=2"], ["speed", "lr"]),
        (["adamw", "--seed", "-1"], ["--seed"]),
        (["adamw", "--jobs", "0"], ["--jobs"]),
        (["adamw", "--format", "csv"], ["csv"]),
    ],
)
def test_a_mistake_is_one_line_and_status_2(args, words):
    done = call(*args)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert all(word in line for word in words), line


def test_without_a_reference_every_optimizer_is_verified_with_and_without_xgrad():
    texts = [reference.text for reference in runner.everything()]
    assert {"adaplus", "xgrad+adaplus", "adafactor", "xgrad+adafactor", "adamw-win"} <= set(texts)
    assert "xgrad+adamw-win" not in texts
    assert len(texts) == len(set(texts))


def test_processes_side_by_side_find_what_one_finds():
    from optbench.optimizers import parse

    references = [parse("sgd:impl=eager:momentum=0.9"), parse("lion:impl=eager")]
    told: list[float] = []
    both = runner.run(references, Effort.small(), 2, lambda done, text: told.append(done))
    alone = runner.run(references[1:], Effort.small(), 1)
    assert [one.optimizer for one in both.optimizers] == [reference.text for reference in references]
    assert both.optimizers[1].findings == alone.optimizers[0].findings
    assert told == [1, 2]
    assert both.passed


def test_an_exception_in_a_check_is_a_failure_not_a_crash():
    from subjects import subject

    def build(params, **options):
        raise ZeroDivisionError("by\nzero")

    one = subject("adamw", "eager", build=build)
    verified = runner.verify(one, Effort.small())
    assert not verified.passed
    assert any("ZeroDivisionError: by zero" in f.message for f in verified.findings)


def test_the_summary_is_the_finding_nearest_to_its_bound_and_json_has_no_infinity():
    findings = (
        Finding("oracle", "a", True, 1e-15, 1e-12),
        Finding("oracle", "b", True, 0.5, 1.0),
        Finding("oracle", "c", True, 0.0, 0.0),
        Finding.not_run("oracle", "d", "no reason"),
    )
    assert reports.summary(findings) == (0.5, 1.0)
    worse = (*findings, Finding("oracle", "e", False, float("nan"), 1e-12, "not a number"))
    verified = reports.Verified("x", worse)
    document = reports.VerifyReport((verified,), {"seed": 0, "quick": False}, {}, 1.0).to_dict()
    assert not document["passed"]
    assert document["optimizers"][0]["checks"]["oracle"]["worst"] is None
    json.dumps(document, allow_nan=False)


README = (HERE.parent.parent / "README.md").read_text()


def test_the_readme_shows_what_the_command_prints():
    """All but the figures, which are this machine's, and the executors, which depend on Triton."""

    def skeleton(text):
        rows = [line.split() for line in text.splitlines() if line.endswith(" ok")]
        return [row[:-3] for row in rows if "executors" not in row]

    shown = README.partition("The first prints\n")[2].partition("```text\n")[2].partition("```")[0]
    done = call("adaplus", "--jobs", "1")
    assert done.exit_code == 0
    assert skeleton(shown) == skeleton(done.stdout)
    assert len(skeleton(shown)) == 5
    assert shown.splitlines()[9] == done.stdout.splitlines()[9]  # what the oracle varied


def test_the_class_of_the_readme_fails_as_the_readme_says(tmp_path, monkeypatch):
    code = README.partition("<!-- test: file my_optimizers.py -->\n```python\n")[2].partition("```")[0]
    (tmp_path / "readme_optimizers.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    done = call("readme_optimizers.SignSGD", "--quick")
    assert done.exit_code == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert "closure" in line
