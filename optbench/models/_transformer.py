"""The Transformer that translates, of the layers of `_transformer_layers`."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear

from optbench.models._transformer_layers import DecoderLayer, EncoderLayer, Form, positions
from optbench.models._translating import State, Translator, padding


class Transformer(Translator):
    """See `optbench.models.transformer`. A state: where the source is padded, then keys and values of each layer.

    Those of the source (batch, heads, S, d) come first, in all layers, then those of the target (batch, heads, t, d),
    which are absent before the first word.
    """

    def __init__(self, vocabulary: int, form: Form) -> None:
        super().__init__()
        self.scale = math.sqrt(form.width)
        # of source, target and output, from the front; the last one also does what is left
        self.embeddings = nn.ParameterList(torch.empty(vocabulary, form.width) for _ in range(form.matrices))
        self.dropout = nn.Dropout(form.dropout)
        self.encoder = nn.ModuleList(EncoderLayer(form) for _ in range(form.layers))
        self.decoder = nn.ModuleList(DecoderLayer(form) for _ in range(form.layers))
        # With layer norm before each sublayer, nothing has normalised the last one's output.
        self.encoder_norm = nn.LayerNorm(form.width) if form.pre else nn.Identity()
        self.decoder_norm = nn.LayerNorm(form.width) if form.pre else nn.Identity()
        for matrix in self.embeddings:
            nn.init.normal_(matrix, std=form.width**-0.5)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        unseen, *keys = self.encode(source)
        length = target.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=target.device).triu(1)
        x = self._embed(target, min(1, len(self.embeddings) - 1), 0)
        for number, layer in enumerate(self.decoder):
            x, _ = layer(x, later, (), tuple(keys[2 * number : 2 * number + 2]), unseen)
        return self._logits(x)

    def encode(self, source: Tensor) -> State:
        unseen = padding(source)[:, None, None, :]
        x = self._embed(source, 0, 0)
        for layer in self.encoder:
            x = layer(x, unseen)
        memory = self.encoder_norm(x)
        return (unseen, *(each for layer in self.decoder for each in cast(DecoderLayer, layer).cross.keys(memory)))

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        ours = 2 * len(self.decoder)
        unseen, keys, past = state[0], state[1 : 1 + ours], state[1 + ours :]
        x = self._embed(tokens[:, None], min(1, len(self.embeddings) - 1), past[0].shape[2] if past else 0)
        kept: list[Tensor] = []
        for first in range(0, ours, 2):
            x, new = self.decoder[first // 2](x, None, past[first : first + 2], keys[first : first + 2], unseen)
            kept += new
        return self._logits(x)[:, 0], (unseen, *keys, *kept)

    def _embed(self, tokens: Tensor, matrix: int, first: int) -> Tensor:
        x = self.scale * embedding(tokens, self.embeddings[matrix])
        place = positions(first, tokens.shape[1], x.shape[2], x.device)
        embedded: Tensor = self.dropout(x + place)
        return embedded

    def _logits(self, x: Tensor) -> Tensor:
        return linear(self.decoder_norm(x), self.embeddings[-1])
