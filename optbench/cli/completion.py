"""`optbench completion`: the script that lets a shell complete optbench's command line."""

import click

from optbench.cli import _options


@click.command("completion", short_help="Print the completion script for bash, zsh or fish.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes commands, options, optimizers and their keys, recipes, data and stored runs.

    Load it where your shell starts: in bash (4.4 or newer) by the first line, in ~/.bashrc; in zsh by the second, in
    ~/.zshrc after compinit; in fish by the third, once.

    \b
    eval "$(optbench completion bash)"
    eval "$(optbench completion zsh)"
    optbench completion fish > ~/.config/fish/completions/optbench.fish
    """
    from optbench.cli import _shells, main

    _options.say(_shells.script(main, shell))
