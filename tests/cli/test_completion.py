"""What a shell offers at a tab: through click's classes, and once by a real bash on a terminal."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from running import CHECKOUT, call

from optbench import recipe
from optbench.cli import _completion, main
from optbench.cli._shells import PROGRAM, SHELLS, VARIABLE
from optbench.optimizers import names, parse


def complete(param: str, incomplete: str, **params: object) -> list[str]:
    """Call a callback of `_completion` as click does."""
    ctx = click.Context(click.Command("x"))
    ctx.params.update(params)
    items = getattr(_completion, param)(ctx, click.Option(["--x"]), incomplete)
    assert {item.type for item in items} <= {"plain", "open", "file"}
    return [item.value for item in items]


def offered(*words: str, shell: str = "bash") -> list[str]:
    """Return what a shell's own class answers to a line whose last word is incomplete."""
    one = SHELLS[shell](main, {}, PROGRAM, VARIABLE)
    return [item.value for item in one.get_completions(list(words[:-1]), words[-1])]


def test_names_of_optimizers() -> None:
    assert complete("references", "adap") == ["adaplus"]
    assert complete("references", "") == ["xgrad+", *names()]
    assert complete("references", "adamw,rad") == ["adamw,radam"]
    assert complete("references", "adamw:lr=0.1,xgrad+sgd") == ["adamw:lr=0.1,xgrad+sgd", "adamw:lr=0.1,xgrad+sgdm"]
    assert complete("references", "zz") == complete("references", "no_such:l") == []


def test_keys_after_a_colon_and_values_after_an_equals_sign() -> None:
    assert complete("references", "adamw:l") == ["adamw:lr="]
    assert complete("references", "adaplus:eps_mode=") == ["adaplus:eps_mode=code", "adaplus:eps_mode=paper"]
    assert complete("references", "adamw:amsgrad=t") == ["adamw:amsgrad=true"]
    assert complete("references", "adamw:betas=") == ["adamw:betas=0.9/0.999"]
    assert complete("references", "sgdm:impl=c") == ["sgdm:impl=cpu", "sgdm:impl=cuda"]
    assert complete("references", "adamw:nothing=") == []


def test_a_key_is_offered_once_and_the_wrapper_has_its_own() -> None:
    found = complete("references", "xgrad+lion:lr=0.1:")
    assert found == [
        f"xgrad+lion:lr=0.1:{key}=" for key in ("betas", "weight_decay", "s", "reading", "restore", "cache", "impl")
    ]
    assert complete("references", "lion:s") == []


@pytest.mark.parametrize("name", names())
def test_every_key_and_default_that_is_offered_parses(name: str) -> None:
    for key in complete("references", f"{name}:"):
        for value in complete("references", key):
            assert parse(value).name == name


def test_recipes_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text("")
    assert complete("recipes", "digits-c") == [name for name in recipe.names() if name.startswith("digits-c")]
    assert complete("recipes", "digits-cnn,mi") == ["digits-cnn,mine.toml"]
    assert complete("recipes", "./mi") == ["./mi"]  # of type file: the shell completes it


def test_what_there_is_to_show_and_list() -> None:
    assert complete("shown", "digits-c", x=())[0] == "digits-cnn"
    assert "digits" in complete("datasets", "dig")
    assert complete("shown", "opti", x=()) == ["optimizer"]
    assert complete("shown", "xgr", x=("paper",)) == ["xgrad"]
    assert complete("shown", "adamw:l", x=()) == ["adamw:lr="]
    assert complete("listed", "pap") == ["papers"]


def test_commands_and_options_through_click() -> None:
    assert offered("runs", "r") == ["rm"]
    assert offered("verify", "--mut") == ["--mutants"]
    assert offered("verify", "adamw", "xgrad+adaplus:l") == ["xgrad+adaplus:lr="]
    assert offered("runs", "list", "--optim=adapl") == ["adaplus"]
    assert offered("runs", "list", "--optim=adapl", shell="fish") == ["--optim=adaplus"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts(shell: str) -> None:
    script = call("completion", shell).stdout
    assert f"{VARIABLE}={shell}_complete" in script
    assert "%" not in script.replace("%%", "").replace("${word%", "").replace("${answer%", "")
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def answers(line: str, shell: str, **more: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), VARIABLE: f"{shell}_complete", "COMP_WORDS": line, **more}
    return subprocess.run([sys.executable, "-m", "optbench"], env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("shell", "more", "wanted"),
    [
        ("bash", {}, "open,adamw:lr=\n"),
        ("zsh", {"COMP_CWORD": "2"}, "open\nadamw:lr=\n_\n"),
        ("fish", {"COMP_CWORD": "adamw:l"}, "open,adamw:lr=\tlearning rate (number >= 0)\n"),
    ],
)
def test_what_a_shell_is_answered(shell: str, more: dict[str, str], wanted: str) -> None:
    done = answers("optbench verify adamw:l", shell, **more)
    assert (done.returncode, done.stdout, done.stderr) == (0, wanted, "")


@pytest.mark.parametrize("line", ["optbench no-such-command --x ", "optbench show a b c d ", "optbench verify no:l"])
def test_a_mistake_on_the_line_has_no_completion_and_says_nothing(line: str) -> None:
    done = answers(line, "bash")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_completing_loads_nothing_heavy() -> None:
    code = (
        "import sys, atexit; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from optbench.cli import main; main([])"
    )
    env = {**os.environ, VARIABLE: "bash_complete", "COMP_WORDS": "optbench verify ada"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert "plain,adaplus" in done.stdout.splitlines()
    assert {"torch", "numpy", "scipy", "rich", "numba"}.isdisjoint(done.stderr.split())


def test_keys_of_stored_runs(tmp_path: Path) -> None:
    for key in ("ab" * 32, "ac" * 32):
        (tmp_path / "runs" / key).mkdir(parents=True)
        (tmp_path / "runs" / key / "spec.json").write_text(json.dumps({"recipe_name": "tiny", "optimizer": "adamw"}))
    (tmp_path / "store.json").write_text('{"schema": "optbench.store/1"}')
    assert complete("run_keys", "", runs=tmp_path) == ["abababababab", "acacacacacac"]
    assert complete("run_keys", "ac", runs=tmp_path) == ["acacacacacac"]
    assert complete("recipe_names_stored", "", runs=tmp_path) == ["tiny"]
    assert complete("run_keys", "", runs=tmp_path / "nowhere") == []


def _said(terminal: int, end: str, seconds: float = 30.0) -> str:
    """Read a terminal until a text has come."""
    said, last = "", time.monotonic() + seconds
    while end not in said and time.monotonic() < last:
        if select.select([terminal], [], [], 0.2)[0]:
            said += os.read(terminal, 65536).decode()
    return said


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_tabs_in_a_real_bash(tmp_path: Path) -> None:
    program = tmp_path / "optbench"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m optbench "$@"\n')
    program.chmod(0o755)
    child, terminal = pty.fork()
    if child == 0:
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(CHECKOUT), "TERM": "dumb", "PS1": "> "}
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], env)
    try:
        os.write(terminal, b'eval "$(optbench completion bash)"; echo rea""dy\n')
        assert "ready" in _said(terminal, "ready\r\n> ")  # at its prompt: before, what is typed is echoed twice
        os.write(terminal, b"echo optbench; optbench verify adapl\tXX")
        assert "verify adaplus XX" in _said(terminal, "verify adaplus XX")
        os.write(terminal, b"\x15optbench verify sgd,xgrad+adamw:weight\t0.1:b\tXX")
        assert "sgd,xgrad+adamw:weight_decay=0.1:betas=XX" in _said(terminal, "betas=XX")
    finally:
        os.write(terminal, b"\x15exit\n")
        os.close(terminal)
        os.waitpid(child, 0)
