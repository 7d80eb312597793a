"""The network that is trained: the encoder, one pooled view of a passage per label, and the heads (torch)."""

from typing import Any

import torch
from torch import nn

from schemas.taxonomy import Stance, Target, Topic

STANCES = 1 + len(Stance)
"""Absent, then the stances in the taxonomy's order."""


class Network(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Token ids and mask in; relevance, topic and stance logits and the passage's embedding out.

    Each label looks at the passage with an attention of its own (Yang et al. 2016, "Hierarchical Attention Networks",
    N16-1174), which starts as the mean over tokens. The embedding is the mean itself, of length 1.
    """

    def __init__(self, encoder: nn.Module, hidden: int) -> None:
        super().__init__()
        self.encoder = encoder
        labels = 1 + len(Topic) + len(Target)
        self.scale = hidden**-0.5
        self.head_query = nn.Parameter(torch.zeros(labels, hidden))
        self.head_dropout = nn.Dropout(0.1)
        self.head_weight = nn.Parameter(torch.zeros(labels, hidden, STANCES))
        self.head_bias = nn.Parameter(torch.zeros(labels, 1, STANCES))

    def forward(self, input_ids: Any, attention_mask: Any) -> tuple[Any, Any, Any, Any]:
        """Logits (n,), (n, 11), (n, 5, 4) and embeddings (n, 384) of n passages."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self.judge(states, attention_mask)

    def upper(self, states: Any, attention_mask: Any, layer: int) -> Any:
        """The encoder's token states, from those that enter `layer`."""
        blocked = (1 - attention_mask[:, None, None, :].to(states.dtype)) * -1e4
        for block in self.encoder.encoder.layer[layer:]:
            said = block(states, blocked)
            states = said[0] if isinstance(said, tuple) else said
        return states

    def judge(self, states: Any, attention_mask: Any) -> tuple[Any, Any, Any, Any]:
        """The same from the encoder's token states (n, tokens, 384)."""
        mask = attention_mask.to(states.dtype)
        mean = (states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        attention = torch.matmul(states, self.head_query.t()) * self.scale + (mask.unsqueeze(-1) - 1) * 1e4
        views = self.head_dropout(torch.matmul(attention.softmax(1).transpose(1, 2), states))
        # one product for all labels (a yes or no uses the first of four columns): OpenVINO 2026.4 gets sums over a
        # sliced product wrong on the CPU
        said = torch.matmul(views.transpose(0, 1), self.head_weight) + self.head_bias
        cut = 1 + len(Topic)
        embedding = mean / mean.norm(dim=1, keepdim=True).clamp(min=1e-6)
        return said[0, :, 0], said[1:cut, :, 0].t(), said[cut:].transpose(0, 1), embedding
