"""Language modelling: predict each token of a text from those before it. Cross-entropy is trained, perplexity decides.

The convention is AWD-LSTM's (github.com/salesforce/awd-lstm-lm), which papers follow: the training text is cut into as
many columns of equal length as the batch size says (what is left over at its end is not trained on), and read from top
to bottom in windows of `bptt` tokens; a window's targets are the tokens one further down. The model's state (hidden
state, memory) runs on from window to window, but no gradient does; it starts anew at every epoch.

With `variable_bptt` a window has L = max(5, int(N(b, 5))) tokens, b = `bptt`, or half of it one time in twenty, and the
learning rate of its step is multiplied by L / `bptt`. Lengths are drawn from (seed, epoch). The last window has what is
left, and the rate by its own length; AWD-LSTM's has the rate by the length that was drawn.

Scores are over a whole split in windows of `bptt` tokens: each token but the first is predicted once. Test data are one
column, validation data ten, as in AWD-LSTM's code, so that a word of the test text is always predicted from all that
comes before it. (That code leaves out each column's first token and what is left over, and divides the sum by a number
that counts those first tokens.)

Under protocol `paper` test data are scored after each epoch, as AdaBelief's LSTM code does, on whose tables those of
AdaPlus and XGrad build; the training data are the same under both protocols, since no paper adds validation text.

A model (kind `language` of `optbench.models`) is a module with

    begin(batch) -> state                                          tensors, on the device of its weights
    forward(tokens, targets, state) -> (nats, state, penalty)      int64 (T, B) both; -ln p(target) fp32 (T, B)

where `penalty`, 0-d, is added to the training loss: AWD-LSTM's activation regularisation; zero in eval mode.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from optbench._fields import count, flag
from optbench.errors import OptbenchError
from optbench.tasks._base import Metric, TaskInfo
from optbench.tasks._bptt import drawn_edges, drawn_mean, fixed_edges

if TYPE_CHECKING:
    import torch

    from optbench.datasets import Text
    from optbench.tasks import Carry

PERPLEXITY = Metric("perplexity", "perplexity", "lower", "perplexity")
CROSS_ENTROPY = Metric("cross_entropy", "nats", "lower", "cross-entropy")

INFO = TaskInfo(
    name="language_modeling",
    title="language modelling",
    metrics=(PERPLEXITY, CROSS_ENTROPY),
    primary=PERPLEXITY.name,
    kind="text",
    models="language",
    reports="best",
    sample="token",
    batch="columns of text",
)

OPTIONS = {
    "bptt": count(default=70),  # tokens of a window; AWD-LSTM's default
    "variable_bptt": flag(default=False),
}

VALIDATION_COLUMNS, TEST_COLUMNS = 10, 1  # AWD-LSTM's; fixed, so that scores do not depend on the batch size

Batch = tuple["torch.Tensor", "torch.Tensor"]


def examples(batch_size: int, bptt: int, variable_bptt: bool) -> int:
    """Return how many tokens a batch takes, in the mean."""
    return round(batch_size * (drawn_mean(bptt) if variable_bptt else bptt))


def create(
    dataset: Text,
    protocol: str,
    augmentation: str,
    normalisation: str,
    label_smoothing: float,
    bptt: int,
    variable_bptt: bool,
) -> LanguageModeling:
    """Return the task over a text; the arguments are those of `optbench.tasks.create`, already checked.

    Raises:
        OptbenchError: labels are to be smoothed, or there are no two tokens in a split.
    """
    if label_smoothing:
        raise OptbenchError(
            f"label smoothing {label_smoothing} in language modelling", "leave it out: perplexity is of whole tokens"
        )
    return LanguageModeling(dataset, bptt, variable_bptt)


class LanguageModeling:
    """See `optbench.tasks.Task`. A batch is (tokens, targets), both int64 (T, B).

    Args:
        dataset: a text.
        bptt: tokens of a window.
        variable_bptt: whether their numbers are drawn.

    Raises:
        OptbenchError: there are no two tokens in a split.
    """

    def __init__(self, dataset: Text, bptt: int = 70, variable_bptt: bool = False) -> None:
        for name in ("train", "validation", "test"):
            if (tokens := len(getattr(dataset, name))) < 2:
                raise OptbenchError(
                    f"the {name} split of {dataset.name} has {tokens} tokens", "give it a text of at least two"
                )
        self.dataset = dataset
        self.train, self.validation, self.test = dataset.train, dataset.validation, dataset.test
        self.bptt = bptt
        self.variable_bptt = variable_bptt
        self.device = dataset.device

    def model(self, name: str, **options: object) -> torch.nn.Module:
        """Build a model for this vocabulary, and put it on the device of the batches."""
        from optbench import models

        return models.create(name, vocabulary=len(self.dataset.vocabulary), **options).to(self.device)

    def steps(self, batch_size: int) -> int:
        """Return the number of batches in an epoch: the expected one where lengths are drawn."""
        predicted = self._rows(batch_size) - 1
        return math.ceil(predicted / (drawn_mean(self.bptt) if self.variable_bptt else self.bptt))

    def _rows(self, batch_size: int) -> int:
        """Return the length of a column.

        Raises:
            OptbenchError: a column would have fewer than two tokens.
        """
        rows = len(self.train) // batch_size
        if rows < 2:
            raise OptbenchError(
                f"{len(self.train):,} tokens to train on do not make {batch_size} columns of two or more",
                "use a smaller batch size",
            )
        return rows

    def batches(self, seed: int, epoch: int, batch_size: int, start: int = 0) -> Iterator[Batch]:
        """Yield the windows of the columns from number `start` on; lengths that are drawn depend on (seed, epoch)."""
        rows = self._rows(batch_size)
        columns = self.train[: rows * batch_size].view(batch_size, rows)
        edges = (
            drawn_edges(rows - 1, self.bptt, seed, epoch) if self.variable_bptt else fixed_edges(rows - 1, self.bptt)
        )
        for begin, end in pairwise(edges[start:]):
            window = self._on_device(columns[:, begin : end + 1])
            yield window[:-1], window[1:]

    def _on_device(self, columns: torch.Tensor) -> torch.Tensor:
        """Return part of some columns (B, T) as int64 (T, B); a memory map is read here."""
        import torch

        return columns.t().contiguous().to(self.device, torch.int64)

    def loss(self, model: torch.nn.Module, batch: Batch, carry: Carry = None) -> tuple[torch.Tensor, Carry]:
        """Return the mean of a window's nats plus the penalty, and the state that the next window begins with."""
        tokens, targets = batch
        language: Any = model
        nats, state, penalty = language(tokens, targets, language.begin(tokens.shape[1]) if carry is None else carry)
        return nats.mean() + penalty, tuple(part.detach() for part in state)

    def rate(self, batch: Batch) -> float:
        """Return the window's length over `bptt` where lengths are drawn, so that tokens weigh the same; else 1."""
        return len(batch[0]) / self.bptt if self.variable_bptt else 1.0

    def samples(self, batch: Batch) -> int:
        """Return the number of tokens that are predicted."""
        return batch[1].numel()

    def evaluate(self, model: torch.nn.Module, split: torch.Tensor) -> dict[str, float]:
        """Score a model in eval mode, and put it back into the mode it was in.

        Returns:
            the mean cross-entropy in nats of all tokens of a split but the first, summed in float64, and its
            exponential, the perplexity; inf where that is too large for a float.
        """
        import torch

        was_training = model.training
        language: Any = model.eval()
        nats = torch.zeros((), dtype=torch.float64, device=self.device)
        state = None
        try:
            with torch.no_grad():
                for tokens, targets, real in self._scored(
                    split, TEST_COLUMNS if split is self.test else VALIDATION_COLUMNS
                ):
                    state = language.begin(tokens.shape[1]) if state is None else state
                    each, state, _ = language(tokens, targets, state)
                    nats += torch.where(real, each.double(), 0.0).sum()
        finally:
            model.train(was_training)
        mean = nats / (len(split) - 1)
        return {PERPLEXITY.name: mean.exp().item(), CROSS_ENTROPY.name: mean.item()}

    def _scored(self, split: torch.Tensor, columns: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Yield windows over a split: tokens, targets, and which of them are real, not padding at the end (T, B)."""
        import torch
        from torch.nn.functional import pad

        predicted = len(split) - 1
        columns = min(columns, predicted)
        rows = -(-predicted // columns)
        missing = rows * columns - predicted
        tokens, targets = (pad(part, (0, missing)).view(columns, rows) for part in (split[:-1], split[1:]))
        real = (torch.arange(rows * columns, device=self.device) < predicted).view(columns, rows)
        for at in range(0, rows, self.bptt):
            window = slice(at, at + self.bptt)
            yield self._on_device(tokens[:, window]), self._on_device(targets[:, window]), real[:, window].t()
