"""Every command and program of the README is run, as the HTML comment before its block says.

- run: every line exits with 0 (a program runs to its end)
- walk: the same in a folder of their own, in their order; walk NAME: the block is that file
- file NAME: the block is that file
- data: needs Fashion-MNIST, or says that it is missing
- long: would take too long here, or needs what is not here: its optbench commands have real options and values
- outside: of tools that are not ours; its optbench commands are looked at as those of `long` are
- snippet: a part of a recipe, whose keys exist; entry: a part of a package's pyproject.toml
- help WORDS: what `optbench WORDS --help` prints (`python tests/readme_help.py README.md` writes them)
- output, error: what is printed is exact, and the status 0 or 2
- ci: `.ci/run` runs it; table: the output of the main command, which `.ci/run` runs
- workflow: a GitHub workflow whose optbench commands have real options and values
"""

import fnmatch
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from optbench import _recipe_file, datasets, optimizers, recipe, tasks
from optbench.cli import main
from optbench.optimizers import _outside

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


class Block(NamedTuple):
    test: str
    language: str
    text: str


BLOCKS = [
    Block(*found)
    for found in re.findall(r"^(?:<!-- test: ([^>]+) -->\n)?```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
]


def blocks(test: str) -> list[Block]:
    return [block for block in BLOCKS if block.test.split()[:1] == [test]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the README's commands run, one after the other, as its reader would run them."""
    folder = tmp_path_factory.mktemp("reader")
    for block in blocks("file"):
        (folder / block.test.split()[1]).write_text(block.text)
    return folder


def run(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a line of shell; `optbench` is this checkout's, and `python` the one that runs the tests."""
    shims = folder / ".bin"
    shims.mkdir(exist_ok=True)
    for name, program in (("optbench", f'"{sys.executable}" -m optbench'), ("python", f'"{sys.executable}"')):
        (shims / name).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        (shims / name).chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{shims}:{os.environ['PATH']}", "COLUMNS": "80"}
    return subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def test_every_block_says_how_it_is_tested() -> None:
    assert len(BLOCKS) >= 12
    known = {"run", "walk", "file", "data", "long", "outside", "snippet", "entry"}
    known |= {"error", "output", "help", "ci", "table", "workflow"}
    assert not [block for block in BLOCKS if block.test.split()[:1] == [] or block.test.split()[0] not in known]


COMMANDS = [line for block in blocks("run") if block.language == "sh" for line in block.text.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command: str, folder: Path) -> None:
    done = run(command, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() or " -o " in command


@pytest.mark.parametrize("block", [block for block in blocks("run") if block.language == "python"])
def test_programs_run(block: Block, folder: Path) -> None:
    (folder / "program.py").write_text(block.text)
    done = run(f"{sys.executable} -W error program.py", folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_adding_an_optimizer_step_by_step(tmp_path: Path) -> None:
    for block in blocks("walk"):
        _, _, name = block.test.partition(" ")
        if name:
            (tmp_path / name).write_text(block.text)
            continue
        for command in block.text.splitlines():
            done = run(command, tmp_path)
            assert done.returncode == 0, (command, done.stdout, done.stderr)


def parses(line: str) -> None:
    """Fail unless a line's optbench command exists and has such options and values; nothing is run."""
    words = shlex.split(line.partition(" #")[0])
    group: click.Command = main
    path = []
    while isinstance(group, click.Group):
        path.append(words.pop(0))
        found = group.get_command(click.Context(group), path[-1])
        assert found, line
        group = found
    context = group.make_context(" ".join(path), words)
    for name in str(context.params.get("recipe") or "digits-cnn").split(","):
        recipe.load(name)
    for key in ("optims", "optim"):
        optimizers.parse_list(context.params.get(key) or "adamw")


LINES = [
    line.partition("optbench ")[2].rstrip(')"')
    for block in (*blocks("long"), *blocks("outside"))
    for line in block.text.splitlines()
    if re.match(r'(eval "\$\()?optbench ', line)
]


@pytest.mark.parametrize("line", LINES)
def test_what_is_not_run_here_could_be(line: str) -> None:
    parses(line)


@pytest.mark.parametrize("block", blocks("snippet"))
def test_snippets_of_recipes_have_keys_that_exist(block: Block) -> None:
    tables = tomllib.loads(block.text)
    known = {**_recipe_file.DATA, **datasets.options(tables["data"]["name"])} if "data" in tables else {}
    for key in tables.pop("data", {}):
        assert key in known
    for name, table in tables.items():
        assert set(table) <= set(tasks.options(name))


def test_the_entry_point_has_the_group_that_is_looked_at() -> None:
    (block,) = blocks("entry")
    (group,) = tomllib.loads(block.text)["project"]["entry-points"]
    assert group == _outside.GROUP


def test_every_command_has_its_help_in_the_readme(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(README)
    done = run(f"python {Path(__file__).with_name('readme_help.py')} README.md", tmp_path)  # click keeps what it made
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "README.md").read_text() == README, "run: python tests/readme_help.py README.md"

    def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
        for name in group.list_commands(click.Context(group)):
            yield (*path, name)
            if isinstance(found := group.get_command(click.Context(group), name), click.Group):
                yield from commands(found, *path, name)

    assert {tuple(block.test.split()[1:]) for block in blocks("help")} == set(commands(main))


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks("data"))
def test_commands_on_downloaded_data_run_or_say_what_is_missing(block: Block, folder: Path) -> None:
    done = run(block.text, folder)
    if done.returncode == 0:
        assert done.stdout.strip()
        if "optbench train" in block.text:
            assert re.search(r"accuracy (8|9)\d\.\d", done.stdout)  # one epoch of Fashion-MNIST gives over 80 %
    else:
        assert done.returncode == 2, done.stderr
        assert done.stderr.splitlines()[-1].startswith("error: ")
        assert "fashion-mnist" in done.stderr


@pytest.mark.parametrize("block", blocks("output"))
def test_output_is_as_shown(block: Block, folder: Path) -> None:
    command, _, shown = block.text.partition("\n")
    done = run(command.removeprefix("$ "), folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, shown, "")


@pytest.mark.parametrize("block", blocks("error"))
def test_errors_are_as_shown(block: Block, folder: Path) -> None:
    command, _, shown = block.text.partition("\n")
    done = run(command.removeprefix("$ "), folder)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", shown)


def test_ci_runs_the_commands_that_install() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    lines = [line for block in blocks("ci") for line in block.text.splitlines() if line != "bash .ci/run"]
    assert len(lines) == 2
    for command in {part.strip() for line in lines for part in line.split("&&")} - {"python -m pip install ."}:
        assert command.replace("pip install", "pip install --quiet") in script or command in script


def test_the_table_is_of_the_command_above_it(folder: Path) -> None:
    (block,) = blocks("table")
    for arm in ("adaplus", "radam", "adamw", "sgdm"):
        assert len(re.findall(rf"^{arm} ", block.text, re.MULTILINE)) >= 4  # in quality, verdicts, time and memory
    assert "10 seeds (0 to 9)" in block.text


def test_the_optimizers_of_the_readme_are_those_of_the_registry() -> None:
    section = README.partition("## Optimizers")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+?)(?:\+NAME)?` \| (.*?) \| (.*?) \| \[.*\]\(<?(\S+?)>?\) \|$", section, re.MULTILINE)
    entries = [optimizers.info(name) for name in [*optimizers.names(), *optimizers.wrappers()]]
    assert rows == [
        (entry.name, entry.title, ", ".join(entry.offered) or "over any optimizer", entry.url) for entry in entries
    ]


def test_the_recipes_of_the_readme_are_those_of_the_package() -> None:
    section = README.partition("## Recipes")[2].partition("\n### ")[0]
    cells = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
    patterns = [pattern for cell in cells for pattern in re.findall(r"`([^`]+)`", cell)]
    for pattern in patterns:
        assert fnmatch.filter(recipe.names(), pattern), f"no recipe is named {pattern}"
    for name in recipe.names():
        assert [fnmatch.fnmatch(name, pattern) for pattern in patterns].count(True) == 1, name


def test_the_commands_of_the_workflow_parse() -> None:
    from optbench.cli.compare import command

    (block,) = blocks("workflow")
    steps = re.sub(r"\n {10,}(?=\S)", " ", block.text)  # a folded step is one line
    found = re.findall(r"python -m optbench compare (.*?)(?: > \S+)?$", steps, re.MULTILINE)
    assert len(found) == 2
    for arguments in found:
        command.make_context("compare", shlex.split(arguments))


def test_the_ci_script_is_valid_bash() -> None:
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)
