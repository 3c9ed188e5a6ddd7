"""The command line: one file per command, loaded when it is called; the single error boundary is here."""

import contextlib
import errno
import os
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import click

from optbench import __version__
from optbench.errors import OptbenchError, nearest

USER_ERROR, INTERRUPTED = 2, 130
_DISK = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}


class Interrupted(Exception):
    """Ctrl-C, where the command can say what it kept and how to go on."""


class Commands(click.Group):
    """A group whose commands are the modules of this package: `optbench list` is `command` of `list.py`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            hint = nearest(args[0], known) or f"the commands are {', '.join(known)}"
            raise OptbenchError(f"unknown command '{args[0]}'", hint)
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]  # always standalone: it ends the process, as click's does by default
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> None:
        """Run the command line and exit: 0, 2 after a user's mistake, 130 after Ctrl-C."""
        extra["standalone_mode"] = False
        if instruction := os.environ.get("_OPTBENCH_COMPLETE"):  # a shell asks, not a user
            from optbench.cli import _shells

            sys.exit(_shells.answer(self, instruction))
        with error_boundary():
            status = super().main(args, "optbench", **extra)  # however it was started
        sys.exit(status if isinstance(status, int) else 0)


@contextlib.contextmanager
def error_boundary() -> Iterator[None]:
    """Turn what a user can mend into one line on stderr and an exit status; let mistakes of ours through."""
    try:
        yield
    except OptbenchError as error:
        _exit(f"error: {error}", USER_ERROR)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(USER_ERROR)
    except click.UsageError as error:
        _exit(f"error: {_usage(error)}", USER_ERROR)
    except click.ClickException as error:
        _exit(f"error: {error.format_message()}", USER_ERROR)
    except Interrupted as error:
        _exit(f"interrupted: {error}", INTERRUPTED)
    except (KeyboardInterrupt, click.Abort):
        _exit("interrupted", INTERRUPTED)
    except OSError as error:
        if error.errno not in _DISK:
            raise
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        _exit(f"error: {what}; make room or choose another folder with --runs", USER_ERROR)


def _usage(error: click.UsageError) -> str:
    """Return click's message on one line, with the command that explains the options."""
    message = " ".join(error.format_message().split()).rstrip(".")
    path = error.ctx.command_path if error.ctx else "optbench"
    return f"{message}; see '{path} --help'"


def _exit(line: str, status: int) -> None:
    # an error is one line, whatever a message quotes
    click.echo(" ".join(line.split()), err=True)
    sys.exit(status)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="optbench %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Test deep-learning optimizers on PyTorch: how well they train, and what they cost.

    \b
    optbench compare --optims adaplus,radam   beside AdamW and SGDM, on real data, in about a minute
    optbench list                             what there is to compare
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False  # of everything that is echoed, whatever stdout is
