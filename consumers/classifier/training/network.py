"""The network that is trained: the encoder, one pooled view of a passage per label, and the heads (torch)."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from schemas.taxonomy import Stance, Target, Topic

STANCES = 1 + len(Stance)
"""Absent, then the stances in the taxonomy's order."""


class Network(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Token ids and mask in; relevance, topic and stance logits, the passage's embedding and open stances out.

    Each label looks at the passage with an attention of its own (Yang et al. 2016, "Hierarchical Attention Networks",
    N16-1174), which starts as the mean over tokens. The embedding is the mean itself, of length 1.

    Stance is the sum of two heads: one that each of our targets has for itself, and an open one that is asked by the
    embedding of a target's description, so that it is trained by sets with other targets too and can be asked of a
    target that it never saw.
    """

    def __init__(self, encoder: nn.Module, described: Any, centre: Any) -> None:
        """`described` (5, 384): the embeddings of our targets' descriptions; `centre` (384,): the mean of all."""
        super().__init__()
        self.encoder = encoder
        hidden = described.shape[-1]
        labels = 1 + len(Topic) + len(Target)
        self.scale = hidden**-0.5
        self.head_query = nn.Parameter(torch.zeros(labels, hidden))
        self.head_dropout = nn.Dropout(0.1)
        self.head_weight = nn.Parameter(torch.zeros(labels, hidden, STANCES))
        self.head_bias = nn.Parameter(torch.zeros(labels, 1, STANCES))
        self.register_buffer("described", described)
        self.register_buffer("centre", centre)
        self.head_ask = nn.Parameter(torch.zeros(hidden, hidden))
        self.head_hear = nn.Parameter(torch.randn(hidden, hidden) * hidden**-0.5)
        self.head_mind = nn.Parameter(torch.randn(hidden, hidden) * hidden**-0.5)
        self.head_answer = nn.Parameter(torch.zeros(hidden, STANCES))
        self.head_floor = nn.Parameter(torch.zeros(STANCES))

    def forward(self, input_ids: Any, attention_mask: Any, slots: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Logits (n,), (n, 11), (n, 5, 4), embeddings (n, 384) and logits (n, k, 4) on the k targets of `slots`."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return *self.judge(states, attention_mask), self.open(states, attention_mask, slots)

    def upper(self, states: Any, attention_mask: Any, layer: int) -> Any:
        """The encoder's token states, from those that enter `layer`."""
        blocked = (1 - attention_mask[:, None, None, :].to(states.dtype)) * -1e4
        for block in self.encoder.encoder.layer[layer:]:
            said = block(states, blocked)
            states = said[0] if isinstance(said, tuple) else said
        return states

    def judge(self, states: Any, attention_mask: Any) -> tuple[Any, Any, Any, Any]:
        """The first four of `forward` from the encoder's token states (n, tokens, 384)."""
        mask = attention_mask.to(states.dtype)
        mean = (states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        attention = torch.matmul(states, self.head_query.t()) * self.scale + (mask.unsqueeze(-1) - 1) * 1e4
        views = self.head_dropout(torch.matmul(attention.softmax(1).transpose(1, 2), states))
        # one product for all labels (a yes or no uses the first of four columns): OpenVINO 2026.4 gets sums over a
        # sliced product wrong on the CPU
        said = torch.matmul(views.transpose(0, 1), self.head_weight) + self.head_bias
        cut = 1 + len(Topic)
        embedding = mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-6)
        stance = said[cut:].transpose(0, 1) + self.open(states, attention_mask, self.described)
        return said[0, :, 0], said[1:cut, :, 0].t(), stance, embedding

    def open(self, states: Any, attention_mask: Any, asked: Any) -> Any:
        """Logits (n, k, 4) on targets by their descriptions' embeddings, (k, 384), or (n, k, 384): each passage's own.

        The centre itself is no target: what is said of it comes from the passage alone.
        """
        mask = attention_mask.to(states.dtype)
        target = functional.normalize(asked - self.centre, dim=-1) * 4
        query = torch.matmul(target, self.head_ask).transpose(-1, -2)
        attention = torch.matmul(states, query) * self.scale + (mask.unsqueeze(-1) - 1) * 1e4
        views = self.head_dropout(torch.matmul(attention.softmax(1).transpose(1, 2), states))
        heard = functional.gelu(torch.matmul(views, self.head_hear) + torch.matmul(target, self.head_mind))
        return torch.matmul(heard, self.head_answer) + self.head_floor
