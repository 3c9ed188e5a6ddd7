"""What an overlay holds: published rows beside measured ones."""

from dataclasses import dataclass

from optbench import published

METRICS = {
    "top1_accuracy": "accuracy",
    "top5_accuracy": "accuracy_top5",
    "loss": "cross_entropy",
    "perplexity": "perplexity",
    "bleu": "bleu",
    "bleu_detokenized_sacre": "bleu",
    "bleu_tokenized": "bleu",
}
"""The published metrics that tasks measure, by our name; whether BLEU is of tokenised text is an option of the task."""
COSTS = ("epoch_seconds", "epoch_minutes", "epoch_time_overhead", "peak_memory_overhead")
DATASETS = {
    "CIFAR-10": "cifar10",
    "CIFAR-100": "cifar100",
    "FashionMNIST": "fashion-mnist",
    "ImageNet": "imagenet",
    "Penn TreeBank": "ptb",
    "WikiText-103": "wikitext103",
    "One Billion Word": "one-billion-word",
    "IWSLT'14 De-En": "iwslt14",
    "IWSLT'14 En-De": "iwslt14",
    "WMT 2014 En-De": "wmt14",
    "WMT-16 En-De": "wmt16",
    "WMT'16 En-De": "wmt16",
}
"""The papers' data by our name; whatever else is trained on in their place is other data."""
REPRODUCED, NOT_REPRODUCED, NOT_COMPARABLE = "reproduced", "not reproduced", "not comparable"


@dataclass(frozen=True)
class Line:
    """One published row beside our arm.

    Attributes:
        optimizer: as the paper names it; `arm`: our label, empty where it was not run.
        paper: the printed value; `printed`: with its digits.
        measured: mean over `seeds`; `low`, `high`: where one more run would fall (95 %), None with fewer than 2 seeds.
        difference: measured - paper, in the table's unit.
        verdict: one of the three words, empty where nothing was run or for a best-of row; `reason`: why.
        note: why the printed value is suspect.
        best_of: how many rows this one is the best of; 0 for a row of its own.
    """

    optimizer: str
    arm: str
    paper: float
    printed: str
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    seeds: int = 0
    difference: float | None = None
    verdict: str = ""
    reason: str = ""
    note: str = ""
    best_of: int = 0


@dataclass(frozen=True)
class Part:
    """The rows of one table: `reasons` is why all of them are not comparable; `orders` the paper's order and ours."""

    table: published.Table
    model: str
    reasons: tuple[str, ...]
    lines: tuple[Line, ...]
    orders: tuple[str, str]


@dataclass(frozen=True)
class Overlay:
    """A paper's results beside a comparison; `notes` holds the claims and flags that concern them."""

    paper: published.Paper
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
