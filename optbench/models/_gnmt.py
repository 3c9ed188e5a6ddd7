"""The layers of GNMT. Shapes are (batch, length, hidden) unless they say otherwise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from optbench.models._translating import PAD, State, Translator, padding, reversed_rows

INITIAL = 0.1  # weights and biases start within plus and minus this


def lstm(width: int, hidden: int) -> nn.LSTM:
    """Return one LSTM layer, initialised."""
    layer = nn.LSTM(width, hidden, batch_first=True)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -INITIAL, INITIAL)
    return layer


class Attention(nn.Module):
    """Normalised additive attention: weights of softmax(g v^T / |v| tanh(W q + U k + b)) over the source.

    The values are the encoded source k itself, not its projection U k.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.key = nn.Linear(hidden, hidden)
        self.direction = nn.Parameter(torch.empty(hidden).uniform_(-INITIAL, INITIAL))
        self.scale = nn.Parameter(torch.full((1,), hidden**-0.5))
        nn.init.uniform_(self.query.weight, -INITIAL, INITIAL)
        nn.init.uniform_(self.key.weight, -INITIAL, INITIAL)
        nn.init.zeros_(self.key.bias)

    def forward(self, q: Tensor, memory: Tensor, keys: Tensor, padded: Tensor) -> Tensor:
        """Return the context of each query (B, T, hidden).

        Args:
            q: (B, T, hidden).
            memory: the encoded source (B, S, hidden).
            keys: U k + b, `self.key` of the memory.
            padded: where the source is (B, S).
        """
        both = torch.tanh(self.query(q)[:, :, None] + keys[:, None])  # (B, T, S, hidden)
        scores = both @ (self.direction * (self.scale / self.direction.norm()))  # (B, T, S)
        weights = scores.masked_fill(padded[:, None], float("-inf")).softmax(dim=-1)
        context: Tensor = weights @ memory
        return context


class Encoder(nn.Module):
    """A layer in both directions, a layer over the two, and then layers with residual connections."""

    def __init__(self, layers: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.ahead, self.back = lstm(hidden, hidden), lstm(hidden, hidden)
        self.second = lstm(2 * hidden, hidden)
        self.rest = nn.ModuleList(lstm(hidden, hidden) for _ in range(layers - 2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return the encoded sentences; what is beyond their lengths (B,) is of no meaning."""
        x = self.dropout(x)
        back = reversed_rows(self.back(reversed_rows(x, lengths))[0], lengths)
        x = torch.cat((self.ahead(x)[0], back), dim=2)
        x = self.second(self.dropout(x))[0]
        for layer in self.rest:
            x = x + layer(self.dropout(x))[0]
        return x


class GNMT(Translator):
    """See `optbench.models.gnmt`.

    A state: the encoded source, its projections, where it is padded, then hidden and cell (B, hidden) of each layer of
    the decoder.
    """

    def __init__(self, vocabulary: int, layers: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.encoder = Encoder(layers, hidden, dropout)
        self.attention = Attention(hidden)
        self.decoder = nn.ModuleList(lstm(2 * hidden if depth else hidden, hidden) for depth in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, vocabulary)
        for parameter in (self.embedding.weight, self.output.weight, self.output.bias):
            nn.init.uniform_(parameter, -INITIAL, INITIAL)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self._decode(target, self.encode(source))[0]

    def encode(self, source: Tensor) -> State:
        memory = self.encoder(self.embedding(source), (source != PAD).sum(dim=1))
        zeros = memory.new_zeros(len(source), memory.shape[2])
        return memory, self.attention.key(memory), padding(source), *(zeros,) * (2 * len(self.decoder))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        logits, state = self._decode(tokens[:, None], state)
        return logits[:, 0], state

    def _decode(self, target: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the logits that follow the words (B, T), and the state after the last of them."""
        memory, keys, padded, *cells = state
        kept: list[Tensor] = []

        def run(depth: int, x: Tensor) -> Tensor:
            before = (cells[2 * depth][None], cells[2 * depth + 1][None])
            y, after = self.decoder[depth](self.dropout(x), before)
            kept.extend(each[0] for each in after)
            return y  # type: ignore[no-any-return]

        x = run(0, self.embedding(target))
        context = self.attention(x, memory, keys, padded)
        x = run(1, torch.cat((x, context), dim=2))
        for depth in range(2, len(self.decoder)):
            x = x + run(depth, torch.cat((x, context), dim=2))
        logits: Tensor = self.output(x)
        return logits, (memory, keys, padded, *kept)
