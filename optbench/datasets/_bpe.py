"""What cuts sentences into subwords that two languages share: byte-pair encoding, or the words of a prepared file.

R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016),
https://arxiv.org/abs/1508.07909; learnt by sentencepiece (T. Kudo, J. Richardson, https://arxiv.org/abs/1808.06226)
from text as people write it, so that decoding gives such text back. Both tokenizers have the ids of `_base`: PAD,
UNK, BOS, EOS = 0, 1, 2, 3; then the subwords.

Between words, white space of any kind and length is one space. What else is written stays as it is.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from optbench.datasets._base import BOS, EOS, PAD, UNK, Ragged
from optbench.errors import OptbenchError

if TYPE_CHECKING:
    import numpy as np

SPECIAL = 4  # PAD, UNK, BOS, EOS
_UNKNOWN = "<unk>"
_JOINT = re.compile(r"@@( |$)")  # subword-nmt's mark of a subword that the next one continues
_SENTENCES = 50_000  # encoded at a time: their lists of ids take far more memory than the arrays that are kept
# Where every character would take more than this part of the vocabulary, the rarest are unknown (sentencepiece's own
# default for rich character sets keeps 99.95 %; scraped text of two languages holds thousands that occur once).
_CHARACTERS = 1 / 8
_COVERAGE = 0.9999
_LONGEST = 1 << 20  # bytes of a sentence that is learnt from; sentencepiece leaves out longer ones
_NO_MESSAGES = 9  # sentencepiece's level of messages on stderr, above "fatal"
_SHORT_BY = re.compile(r"Vocabulary size is smaller than required_chars\. \d+ vs (\d+)")


class Subwords:
    """Byte-pair encoding by a sentencepiece model.

    Args:
        model: the model as sentencepiece writes it.

    Raises:
        OptbenchError: the package is missing, or the model cannot be read.
    """

    kind = "sentencepiece"

    def __init__(self, model: bytes) -> None:
        self.model = model
        try:
            self._processor = _sentencepiece().SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise OptbenchError(f"the model of subwords cannot be read ({error})", "delete it") from None
        self.pieces: int = self._processor.get_piece_size()

    def __reduce__(self) -> tuple[type[Subwords], tuple[bytes]]:
        return Subwords, (self.model,)

    def text(self, line: str) -> str:
        """Return a line of the file as people write it: as it is."""
        return line

    def encode(self, sentence: str) -> list[int]:
        """Return the ids of a sentence, without BOS and EOS."""
        return self.rows([sentence])[0]

    def rows(self, lines: Sequence[str]) -> list[list[int]]:
        """Return the ids of every line."""
        rows: list[list[int]] = self._processor.encode([_spaced(line) for line in lines])
        return rows

    def decode(self, ids: Sequence[int]) -> str:
        """Return the sentence of ids without PAD, BOS and EOS; what is unknown is written as sentencepiece does."""
        return str(self._processor.decode([int(one) for one in ids if one not in (PAD, BOS, EOS)]))


class Words:
    """The words between the spaces of a file that is cut into subwords already, "@@" marking where one is continued.

    Args:
        model: the words, a line each, in the order of their ids.
    """

    kind = "given"

    def __init__(self, model: bytes) -> None:
        self.model = model
        words = model.decode().split("\n") if model else []
        self._words = ["", _UNKNOWN, "", "", *words]
        self._ids = {word: number for number, word in enumerate(words, SPECIAL)}
        self.pieces = len(self._words)

    def text(self, line: str) -> str:
        """Return a line of the file with its subwords joined to words."""
        return _JOINT.sub("", _spaced(line))

    def encode(self, sentence: str) -> list[int]:
        """Return the ids of the words in a line, without BOS and EOS."""
        return [self._ids.get(word, UNK) for word in sentence.split()]

    def rows(self, lines: Sequence[str]) -> list[list[int]]:
        """Return the ids of every line."""
        return [self.encode(line) for line in lines]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the words of ids, joined where one is continued; PAD, BOS and EOS are left out."""
        return self.text(" ".join(self._words[one] for one in ids if one not in (PAD, BOS, EOS)))


AnyTokenizer = Subwords | Words
KINDS: dict[str, type[Subwords] | type[Words]] = {"sentencepiece": Subwords, "given": Words}


def version(kind: str) -> str:
    """Return the version of what a kind's model depends on; empty for a list of words."""
    return str(_sentencepiece().__version__) if kind == "sentencepiece" else ""


def learn(kind: str, lines: Iterable[str], vocabulary: int, name: str) -> AnyTokenizer:
    """Return a tokenizer of these sentences, the same for the same lines.

    Args:
        kind: of `KINDS`.
        lines: of both languages.
        vocabulary: ids at most, the four special ones included; there are fewer where the text does not support them.
        name: of the dataset, for messages.

    Raises:
        OptbenchError: the vocabulary has no room for the characters of the text, or the package is missing.
    """
    return _words(lines, vocabulary) if kind == "given" else _subwords(lines, vocabulary, name)


def ragged(tokenizer: AnyTokenizer, lines: Iterable[str]) -> Ragged:
    """Return the ids of every line."""
    import numpy as np

    ids: list[np.ndarray] = []
    lengths: list[np.ndarray] = []
    rest = iter(lines)
    while some := list(islice(rest, _SENTENCES)):
        rows = tokenizer.rows(some)
        lengths.append(np.fromiter(map(len, rows), np.int64, len(rows)))
        ids.append(np.fromiter(chain.from_iterable(rows), np.int32, int(lengths[-1].sum())))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([np.zeros(0, np.int64), *lengths]))])
    return Ragged(np.concatenate([np.zeros(0, np.int32), *ids]), offsets)


def _words(lines: Iterable[str], vocabulary: int) -> Words:
    """Return the most frequent words, those that are as frequent in alphabetical order."""
    counts = Counter(chain.from_iterable(map(str.split, lines)))
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return Words("\n".join(ordered[: max(0, vocabulary - SPECIAL)]).encode())


def _subwords(lines: Iterable[str], vocabulary: int, name: str) -> Subwords:
    sentences = [spaced for line in lines if (spaced := _spaced(line))]
    characters = len(set().union(*sentences))
    model = io.BytesIO()
    try:
        _sentencepiece().SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocabulary,
            hard_vocab_limit=False,  # fewer where the text does not have so many
            character_coverage=1.0 if characters <= vocabulary * _CHARACTERS else _COVERAGE,
            normalization_rule_name="identity",
            max_sentence_length=_LONGEST,
            num_threads=1,
            pad_id=PAD,
            unk_id=UNK,
            bos_id=BOS,
            eos_id=EOS,
            minloglevel=_NO_MESSAGES,
        )
    except RuntimeError as error:
        if short := _SHORT_BY.search(str(error)):
            raise OptbenchError(
                f"{name}: a vocabulary of {vocabulary} has no room for the characters of the text",
                f"give at least vocabulary = {short[1]}",
            ) from None
        raise OptbenchError(f"{name}: no subwords can be learnt from this text ({error})", "give more text") from None
    return Subwords(model.getvalue())


def _spaced(line: str) -> str:
    return " ".join(line.split())


def _sentencepiece() -> Any:
    try:
        import sentencepiece
    except ImportError:
        raise OptbenchError(
            "cutting sentences into subwords needs the package sentencepiece", "pip install 'optbench[text]'"
        ) from None
    return sentencepiece
