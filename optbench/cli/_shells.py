"""Completion scripts for bash, zsh and fish, and what answers them.

click's own scripts take `adamw:lr=3e-4` for three words in bash, split answers at commas in fish, and put a space after
every answer; so these are ours, in click's places for them.
"""

import os
from pathlib import Path
from typing import Any, ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    get_completion_class,
    split_arg_string,
)

from optbench.errors import OptbenchError

VARIABLE = "_OPTBENCH_COMPLETE"
PROGRAM = "optbench"

_BASH = """\
%(complete_func)s() {
    local answer kind value line=${COMP_LINE:0:COMP_POINT}
    local word=${line##*[[:space:]]} breaks=${COMP_WORDBREAKS//[^:=]/} keep=
    [[ $word == --*=* ]] && word=${word#*=}
    # bash puts an answer in place of what follows the last = or :, not of the whole word
    [[ -n $breaks && $word == *["$breaks"]* ]] && keep=${word%%"${word##*["$breaks"]}"}
    COMPREPLY=()
    while IFS= read -r answer; do
        kind=${answer%%%%,*} value=${answer#*,}
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            open) compopt -o nospace; COMPREPLY+=("${value#"$keep"}") ;;
            plain) COMPREPLY+=("${value#"$keep"}") ;;
        esac
    done < <(env COMP_WORDS="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a plain open described response
    local kind value help
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
%(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    [[ $PREFIX == --*=* ]] && compset -P 1 '*\\='
    for kind value help in ${response}; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            open) open+=("$value") ;;
            plain) if [[ $help == _ ]]; then plain+=("$value"); else described+=("$value:$help"); fi ;;
        esac
    done
    (( $#open )) && compadd -Q -S '' -V unsorted -a open
    (( $#described )) && _describe -V unsorted described -Q
    (( $#plain )) && compadd -Q -V unsorted -a plain
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp | string collect) \
COMP_CWORD=(commandline -ct | string collect) %(prog_name)s 2>/dev/null)
    for answer in $response
        set -l parts (string split -m 1 "," -- $answer)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain open
                echo $parts[2]
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class Bash(BashComplete):
    """Takes the line as it was typed up to the cursor, and splits it at spaces alone."""

    source_template: ClassVar[str] = _BASH

    @staticmethod
    def _check_version() -> None:
        """Start no bash only to print a script for it."""

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)
        incomplete = "" if line[-1:].isspace() or not words else words.pop()
        begins = next((i for i, word in enumerate(words, 1) if Path(word).name == self.prog_name), 1)
        return words[begins:], incomplete


class Zsh(ZshComplete):
    """Keeps an answer that goes on as it is: it is shown without its help, and colons in it are not escaped."""

    source_template: ClassVar[str] = _ZSH

    def format_completion(self, item: CompletionItem[Any]) -> str:
        if item.type == "open":
            return f"open\n{item.value}\n_"
        return super().format_completion(CompletionItem(item.value, item.type, _line(item.help)))


class Fish(FishComplete):
    """Answers with whole words, the `--option=` before a value included."""

    source_template: ClassVar[str] = _FISH

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        found = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if not (option.startswith("--") and equals):
            return found
        return [CompletionItem(f"{option}={item.value}", item.type, item.help) for item in found]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return super().format_completion(CompletionItem(item.value, item.type, _line(item.help)))


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def _line(text: str | None) -> str | None:
    return " ".join(text.split()) if text else None


def script(cli: click.Command, shell: str) -> str:
    """Return the completion script of a shell."""
    return SHELLS[shell](cli, {}, PROGRAM, VARIABLE).source()


def answer(cli: click.Command, instruction: str) -> int:
    """Print what a completion script asks for (`bash_complete`, `zsh_source`, ...); return the exit status."""
    shell, _, wanted = instruction.partition("_")
    found = SHELLS.get(shell) or get_completion_class(shell)
    if found is None or wanted not in ("complete", "source"):
        return 1
    one = found(cli, {}, PROGRAM, VARIABLE)
    try:
        click.echo(one.complete() if wanted == "complete" else one.source())
    except OptbenchError:
        return 1  # a mistake on the line: it has no completion, and the terminal stays as it is
    return 0
