"""Write the `--help` of every command into a README: python tests/readme_help.py README.md

Blocks marked `<!-- test: help WORDS -->` get the text that `optbench WORDS --help` prints at 100 columns.
"""

import re
import sys
from pathlib import Path

from click.testing import CliRunner

from optbench.cli import main

BLOCK = re.compile(r"(<!-- test: help ([^>]+) -->\n```text\n).*?(^```$)", re.MULTILINE | re.DOTALL)


def page(words: list[str]) -> str:
    """Return what a command's help block holds."""
    done = CliRunner().invoke(main, [*words, "--help"], prog_name="optbench", terminal_width=100)
    return f"$ optbench {' '.join(words)} --help\n{done.output}"


def written(text: str) -> str:
    """Return a README with every help block as it is now."""
    return BLOCK.sub(lambda found: found[1] + page(found[2].split()) + found[3], text)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(written(path.read_text()))
