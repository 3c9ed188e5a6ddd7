"""The only exception a user of optbench meets, and the hint for a mistyped word."""

import difflib
from collections.abc import Iterable


class OptbenchError(Exception):
    """A mistake that its user can mend: the command line prints it as one line and exits with status 2.

    Args:
        message: what is wrong, with the value that is.
        hint: what to do about it; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class InvalidValueError(OptbenchError, ValueError):
    """A hyper-parameter out of its bounds; also a `ValueError`, which is what torch.optim raises there."""


def nearest(word: str, words: Iterable[str]) -> str:
    """Return ``did you mean 'adaplus'?`` for the closest of `words`, or an empty string when none is close."""
    known = {candidate.lower(): candidate for candidate in words}
    matches = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"did you mean '{known[matches[0]]}'?" if matches else ""
