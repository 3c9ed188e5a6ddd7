"""`optbench init`: an optimizer or a recipe to begin with, in the user's own folder."""

import importlib.util
import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from optbench.cli import _options
from optbench.errors import OptbenchError

_INTO = click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Folder to write to.  [default: the current one]",
)


@click.group("init", short_help="Write an optimizer or a recipe of your own to begin with.")
def command() -> None:
    """Write a file to begin with: an optimizer with its test, or a recipe. Nothing is ever overwritten.

    \b
    optbench init optimizer MySGD
    optbench init recipe my-recipe
    """


@command.command("optimizer", short_help="A rule that works, commented, and its test.")
@click.argument("name")
@_INTO
def optimizer(name: str, into: Path) -> None:
    """Write a rule called NAME and its test, which passes, to be changed into an optimizer of your own.

    NAME is the class's name, and the file's is made of it (or the other way round): both MySGD and my_sgd are
    my_sgd.MySGD. The rule has every executor of optbench's own; so `verify`, `compare`, `tune`, `profile` and weight
    prediction (xgrad+my_sgd.MySGD) work with it.

    \b
    optbench init optimizer MySGD
    optbench verify my_sgd.MySGD --quick
    optbench compare --optims my_sgd.MySGD
    """
    module, cls = _names(name)
    _check_module(module, into)
    package = [part for part in into.parts if part != "."]
    prefix = package if all(part.isidentifier() for part in package) else []
    path = ".".join([*prefix, module, cls])
    words = {"NAME": module, "MODULE": module, "CLASS": cls, "PATH": path}
    rule, test = into / f"{module}.py", into / f"test_{module}.py"
    _write({rule: _filled("optimizer.py.txt", words), test: _filled("test_optimizer.py.txt", words)})
    here = "" if prefix == package else f"cd {into} && "
    _options.say(
        f"wrote {rule} and {test}; next:\n"
        f"  {here}python -m pytest {test if not here else test.name}\n"
        f"  {here}optbench verify {path} --quick\n"
        f"  {here}optbench compare --optims {path}"
    )


@command.command("recipe", short_help="A recipe that runs, with every section.")
@click.argument("name")
@_INTO
def recipe(name: str, into: Path) -> None:
    """Write NAME.toml, a recipe that runs as it stands and shows in comments what else it may hold.

    \b
    optbench init recipe my-recipe
    optbench compare my-recipe.toml --optims adaplus
    """
    stem = name.removesuffix(".toml")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", stem):
        raise OptbenchError(f"'{name}' will not do as a recipe's name", "write letters, digits, - and _, as my-recipe")
    file = into / f"{stem}.toml"
    _write({file: _filled("recipe.toml.txt", {"NAME": stem, "FILE": str(file)})})
    _options.say(f"wrote {file}; next:\n  optbench compare {file}")


def _names(name: str) -> tuple[str, str]:
    """Return the module's name and the class's.

    Raises:
        OptbenchError: for a name that Python does not take, or one of optbench's own optimizers.
    """
    from optbench import optimizers

    if not (name.isascii() and name.isidentifier()) or name.startswith("_"):
        meant = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        hint = f"how about {meant}?" if meant.isidentifier() else "write it as MySGD or my_sgd"
        raise OptbenchError(f"'{name}' is no name of a class or a module", hint)
    if name == name.lower():
        module, cls = name, "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    else:
        module = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
        cls = name
    for word in (module, cls):
        if keyword.iskeyword(word) or keyword.issoftkeyword(word):
            raise OptbenchError(f"'{word}' is a word of Python's", "choose another name")
    if module in (*optimizers.names(), *optimizers.wrappers()):
        raise OptbenchError(f"optbench has an optimizer called '{module}'", f"choose another name, such as My{cls}")
    return module, cls


def _check_module(module: str, into: Path) -> None:
    """Refuse to hide a module of Python's own or an installed one; say so where there is another of the user's."""
    spec = None if (into / f"{module}.py").exists() else importlib.util.find_spec(module)
    if module not in sys.stdlib_module_names and spec is None:
        return
    place = Path(spec.origin) if spec and spec.origin else None
    if place is not None and place.is_relative_to(Path.cwd()) and "site-packages" not in place.parts:
        click.echo(f"note: there is a module '{module}' in {place} too; the first in the import path counts", err=True)
        return
    whose = "Python has" if module in sys.stdlib_module_names else "an installed package has"
    raise OptbenchError(f"{whose} a module called '{module}', which yours would hide", "choose another name")


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Return a template with @WORD@ replaced."""
    text = (Path(__file__).parent / "_templates" / template).read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _write(files: Mapping[Path, str]) -> None:
    """Write all files, or none where one is there already."""
    from optbench._files import write

    for path in files:
        if path.exists() or path.is_symlink():
            raise OptbenchError(f"{path} is there already", "choose another name, or another folder with --into")
    for path, text in files.items():
        write(path, text.encode())
