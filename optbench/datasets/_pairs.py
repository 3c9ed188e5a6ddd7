"""Parallel text read and cut into subwords."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, compress

from optbench.datasets import _bpe, _pairs_cache
from optbench.datasets._base import SPLITS, Found, Ragged, RawPairs, RawParallel
from optbench.datasets._pairs_files import checksum
from optbench.datasets._pairs_options import Options
from optbench.errors import OptbenchError

_FORMAT = 1  # of what is kept; raised when other ids come of the same lines and options


@dataclass(frozen=True, eq=False)
class Corpus:
    """The lines of both languages.

    Attributes:
        name: of the dataset.
        languages: source and target.
        lines: by split and language.
        sums: SHA-256 of the decompressed files, by split and language.
    """

    name: str
    languages: tuple[str, str]
    lines: Mapping[tuple[str, str], list[str]]
    sums: Mapping[tuple[str, str], str]

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over the `sha256sum` lines of `train.de`, `validation.de`, ...: the same in both directions."""
        return checksum({f"{split}.{language}": one for (split, language), one in self.sums.items()})

    @property
    def counts(self) -> tuple[int, int, int]:
        """Pairs of each split, as the files have them."""
        train, validation, test = (len(self.lines[split, self.languages[0]]) for split in SPLITS)
        return train, validation, test

    @cached_property
    def blank(self) -> int:
        """Training pairs of which one side is blank."""
        source, target = (self.lines["train", language] for language in self.languages)
        return sum(not (one.strip() and other.strip()) for one, other in zip(source, target, strict=True))

    def check(self, place: str) -> None:
        """See that every line has its translation.

        Raises:
            OptbenchError: a split has no lines, its two files have unequal numbers, or every training pair is blank.
        """
        for split in SPLITS:
            source, target = (len(self.lines[split, language]) for language in self.languages)
            if source != target:
                counts = f"{source} lines in {self.languages[0]} and {target} in {self.languages[1]}"
                raise OptbenchError(f"{place}: the {split} split has {counts}", "each line needs its translation")
            if not source:
                raise OptbenchError(f"{place}: the {split} split is empty", "each split needs a pair of lines at least")
        if self.blank == self.counts[0]:
            raise OptbenchError(f"{place}: no training pair has words on both sides", "give it some")


def encoded(corpus: Corpus, found: Found, options: Options) -> RawParallel:
    """Return a corpus cut into subwords, which are learnt once and remembered.

    Training pairs with a blank side, and those longer than `max_tokens`, are left out; validation and test keep theirs.

    Raises:
        OptbenchError: a package is missing, no subwords can be learnt, or no pair is left to train on.
    """
    if options.lowercase:
        lower = {key: [line.lower() for line in lines] for key, lines in corpus.lines.items()}
        corpus = replace(corpus, lines=lower)
    tokenizer, rows = _ids(corpus, found, options)
    if options.tokens == "sentencepiece" and tokenizer.pieces < options.vocabulary:
        fewer = f"{tokenizer.pieces} subwords, all that the text supports"
        found = replace(found, variant=", ".join(filter(None, (found.variant, fewer))))
    splits = {}
    for split in SPLITS:
        source, target = ((corpus.lines[split, one], rows[f"{split}.{one}"]) for one in corpus.languages)
        texts = [tuple(map(tokenizer.text, side[0])) for side in (source, target)]
        splits[split] = RawPairs(texts[0], texts[1], source[1], target[1])
    splits["train"] = _kept(splits["train"], corpus.name, options.max_tokens)
    return RawParallel(splits, corpus.languages, tokenizer.pieces, tokenizer, found)


def _ids(corpus: Corpus, found: Found, options: Options) -> tuple[_bpe.AnyTokenizer, dict[str, Ragged]]:
    """Return the tokenizer, and the ids of each "split.language": from the cache, or made and put there."""
    import numpy as np

    how = [options.tokens, options.vocabulary, options.lowercase, _bpe.version(options.tokens)]
    languages = sorted(corpus.languages)  # so that both directions have the same subwords
    key = json.dumps([_FORMAT, found.checksum, languages, *how])
    names = [f"{split}.{language}" for split in SPLITS for language in languages]
    parts = _pairs_cache.load(corpus.name, key)
    if parts is not None:
        rows = {
            name: Ragged(
                np.frombuffer(parts[f"{name}.ids"], np.int32).copy(),
                np.frombuffer(parts[f"{name}.offsets"], np.int64).copy(),
            )
            for name in names
        }
        return _bpe.KINDS[options.tokens](bytes(parts["model"])), rows
    train = chain.from_iterable(corpus.lines["train", language] for language in languages)
    tokenizer = _bpe.learn(options.tokens, train, options.vocabulary, corpus.name)
    rows = {}
    saved = {"model": tokenizer.model}
    for name in names:
        split, _, language = name.partition(".")
        rows[name] = _bpe.ragged(tokenizer, corpus.lines[split, language])
        saved |= {f"{name}.ids": rows[name].ids.tobytes(), f"{name}.offsets": rows[name].offsets.tobytes()}
    _pairs_cache.save(corpus.name, key, saved)
    return tokenizer, rows


def _kept(pairs: RawPairs, name: str, longest: int) -> RawPairs:
    """Return the pairs with a subword or more on both sides, and no more than `longest` unless that is 0."""
    import numpy as np

    lengths = [np.diff(side.offsets) for side in (pairs.source_ids, pairs.target_ids)]
    keep = np.minimum(*lengths) > 0
    if longest:
        keep &= np.maximum(*lengths) <= longest
    if keep.all():
        return pairs
    if not keep.any():
        raise OptbenchError(f"{name}: no training pair has 1 to {longest} subwords a side", "give a larger max_tokens")
    rows = []
    for side, length in zip((pairs.source_ids, pairs.target_ids), lengths, strict=True):
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(length[keep])])
        rows.append(Ragged(side.ids[np.repeat(keep, length)], offsets))
    texts = [tuple(compress(side, keep)) for side in (pairs.source, pairs.target)]
    return RawPairs(texts[0], texts[1], rows[0], rows[1])
