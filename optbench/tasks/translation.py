"""Translation: cross-entropy of the next subword is trained, BLEU decides.

Sentences are subword ids, of both languages together; PAD, UNK, BOS and EOS are 0 to 3. The model is given the source,
ended by EOS, and BOS and the target; it is trained to say the target and EOS. Every sentence is padded to its batch's
longest, and padding neither changes what is said of the rest nor is counted in any loss.

A batch holds sentences of like lengths. Batches are formed once, and their order is drawn anew for each epoch. The
training loss is the mean over the batch's target tokens, EOS included; labels are smoothed as torch does it, and as
fairseq did in 2019: by `label_smoothing` / vocabulary for every subword. Protocol `paper` scores the test split after
every epoch; the training data are the same, since papers do not train on validation pairs.

Models are `optbench.models._translating.Translator`s: `model(source, target)`, or `encode` and `step`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from optbench import _fields
from optbench.datasets import PAD
from optbench.tasks import _beam, _bleu
from optbench.tasks._base import Metric, TaskInfo
from optbench.tasks._bucketing import buckets, padded

if TYPE_CHECKING:
    import numpy as np
    import torch

    from optbench.datasets import Pairs, ParallelText
    from optbench.models._translating import Translator
    from optbench.tasks import Carry

BLEU = Metric("bleu", "BLEU", "higher", "BLEU")
CROSS_ENTROPY = Metric("cross_entropy", "nats", "lower", "cross-entropy")

INFO = TaskInfo(
    name="translation",
    title="translation of sentences",
    metrics=(BLEU, CROSS_ENTROPY),
    primary=BLEU.name,
    kind="parallel",
    models="translation",
    sample="token",
    batch="tokens",
)

OPTIONS = {
    # what batch_size counts: see optbench.tasks._bucketing
    "batch_by": _fields.one_of(("tokens", "sentences"), "tokens"),
    # of the test split, as Vaswani et al. (2017) have them; NVIDIA's GNMT has a beam of 5 and the same penalty (and one
    # of coverage, which is not offered); fairseq 5, 1 and 0. The penalty: see optbench.tasks._beam.Penalty
    "beam": _fields.count(4),
    "length_penalty": _fields.number("of at least 0", lambda v: v >= 0, 0.6),
    "length_offset": _fields.number("of at least 0", lambda v: v >= 0, 5.0),
    # of the validation split, every epoch: 1 is greedy
    "validation_beam": _fields.count(1),
    # a translation has at most this many words for each one of the source, and EXTRA_WORDS
    "max_length": _fields.number("above 0", lambda v: v > 0, 2.0),
    # sacrebleu's: see optbench.tasks._bleu
    "tokenize": _fields.one_of(_bleu.TOKENIZERS, "13a"),
}
EXTRA_WORDS = 10  # short sentences may need more than twice their words; a model that has learnt ends by itself
EVALUATION_TOKENS = 4096  # in a batch, over the beam; fixed, so that scores do not depend on training's batches
USUAL_LENGTH = 25  # subwords of a sentence: WMT's and IWSLT's have 25 to 30

Batch = tuple["torch.Tensor", "torch.Tensor"]


def examples(batch_size: int, batch_by: str = "tokens", **others: object) -> int:
    """Return how many pairs a batch takes, roughly."""
    return batch_size if batch_by == "sentences" else max(1, batch_size // USUAL_LENGTH)


def create(
    dataset: ParallelText,
    protocol: str,
    augmentation: str,
    normalisation: str,
    label_smoothing: float,
    **options: object,
) -> Translation:
    """Return the task over a dataset; the arguments are those of `optbench.tasks.create`, already checked."""
    return Translation(dataset, label_smoothing, **options)  # type: ignore[arg-type]


class Translation:
    """See `optbench.tasks.Task`.

    A batch is (source, target): int64 (B, S) and (B, 1 + T) with BOS, padded; all but the target's last word is what
    the decoder sees, all but its first what it is to say.

    Args:
        dataset: batches go to its device.
        label_smoothing: of the training loss.
        batch_by, beam, length_penalty, length_offset, validation_beam, max_length, tokenize: see `OPTIONS`.
    """

    def __init__(
        self,
        dataset: ParallelText,
        label_smoothing: float = 0.0,
        *,
        batch_by: str = "tokens",
        beam: int = 4,
        length_penalty: float = 0.6,
        length_offset: float = 5.0,
        validation_beam: int = 1,
        max_length: float = 2.0,
        tokenize: str = "13a",
    ) -> None:
        self.dataset = dataset
        self.train, self.validation, self.test = dataset.train, dataset.validation, dataset.test
        self.label_smoothing = label_smoothing
        self.batch_by, self.tokenize = batch_by, tokenize
        self.beam, self.validation_beam = beam, validation_beam
        self.penalty, self.max_length = _beam.Penalty(length_penalty, length_offset), max_length
        self.device = dataset.device
        self._buckets: dict[int, list[np.ndarray]] = {}

    def model(self, name: str, **options: object) -> torch.nn.Module:
        """Build a model for this vocabulary, and put it on the device."""
        from optbench import models

        return models.create(name, vocabulary=self.dataset.pieces, **options).to(self.device)

    def steps(self, batch_size: int) -> int:
        """Return the number of batches in an epoch, the same in every one."""
        return len(self._formed(batch_size))

    def batches(self, seed: int, epoch: int, batch_size: int, start: int = 0) -> Iterator[Batch]:
        """Yield every training pair once, from batch number `start` on; (seed, epoch) alone decide the order."""
        import numpy as np

        formed = self._formed(batch_size)
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, epoch))))
        for number in random.permutation(len(formed))[start:].tolist():
            yield self._batch(self.train, formed[number])

    def loss(self, model: torch.nn.Module, batch: Batch, carry: Carry = None) -> tuple[torch.Tensor, Carry]:
        """Return a batch's mean cross-entropy in nats over its target tokens, computed in fp32."""
        return self._cross_entropy(model, batch, "mean", self.label_smoothing), None

    def rate(self, batch: Batch) -> float:
        """Return 1: a batch with fewer tokens weighs as much."""
        return 1.0

    def samples(self, batch: Batch) -> int:
        """Return the number of target tokens, EOS included."""
        return int((batch[1][:, 1:] != PAD).sum())

    def evaluate(self, model: torch.nn.Module, split: Pairs) -> dict[str, float]:
        """Score a model in eval mode, and put it back into the mode it was in.

        Returns:
            BLEU of the translations that a search with the split's beam finds, and the mean cross-entropy in nats over
            all target tokens, labels not smoothed. A model whose logits are not finite ends its translations at once.
        """
        import torch

        was_training = model.training
        model.eval()
        nats, tokens = 0.0, 0
        try:
            with torch.no_grad():
                found = self.translate(model, split, self.beam if split is self.test else self.validation_beam)
                for chosen in buckets(split, EVALUATION_TOKENS, "tokens"):
                    batch = self._batch(split, chosen)
                    nats += self._cross_entropy(model, batch, "sum", 0.0).item()
                    tokens += self.samples(batch)
        finally:
            model.train(was_training)
        return {BLEU.name: _bleu.score(found, split.target_text, self.tokenize), CROSS_ENTROPY.name: nats / tokens}

    def translate(self, model: torch.nn.Module, split: Pairs, beam: int) -> list[str]:
        """Return a split's sources, translated by a model in eval mode, in their order; a beam of 1 is greedy."""
        import torch

        translator = cast("Translator", model)
        found = [""] * len(split)
        for chosen in buckets(split, max(1, EVALUATION_TOKENS // beam), "tokens"):
            source = padded(split.source, torch.from_numpy(chosen), begin=False).to(self.device)
            bounds = ((source != PAD).sum(dim=1) * self.max_length).long() + EXTRA_WORDS
            if beam == 1:
                words = _beam.greedy(translator, source, bounds)
            else:
                words = _beam.beam(translator, source, bounds, beam, self.penalty)
            for number, sentence in zip(chosen.tolist(), words, strict=True):
                found[number] = self.dataset.tokenizer.decode(sentence)
        return found

    def signature(self) -> str:
        """Return sacrebleu's signature of the BLEU that `evaluate` returns."""
        return _bleu.signature(self.tokenize)

    def _cross_entropy(self, model: torch.nn.Module, batch: Batch, reduction: str, smoothing: float) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        source, target = batch
        logits = model(source, target[:, :-1]).float().flatten(0, 1)
        labels = target[:, 1:].flatten()
        return cross_entropy(logits, labels, ignore_index=PAD, reduction=reduction, label_smoothing=smoothing)

    def _formed(self, batch_size: int) -> list[np.ndarray]:
        """Return the training batches, which are formed once for each size."""
        if batch_size not in self._buckets:
            self._buckets = {batch_size: buckets(self.train, batch_size, self.batch_by)}
        return self._buckets[batch_size]

    def _batch(self, split: Pairs, chosen: np.ndarray) -> Batch:
        import torch

        rows = torch.from_numpy(chosen)
        source, target = padded(split.source, rows, begin=False), padded(split.target, rows, begin=True)
        return source.to(self.device), target.to(self.device)
