"""The ways of `deploy.bench.classify` that need torch: what most users would run in place of the shipped file.

The encoder has the shipped one's layout and vocabulary; its weights are random, which costs the same time.
"""

import random
from collections.abc import Sequence
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel

from consumers.classifier.batches import padded
from consumers.classifier.hypotheses import hypotheses
from consumers.classifier.model import EMBEDDING, Model
from consumers.classifier.training.network import Network
from deploy.bench.classify import THREADS, Way

BATCH = 16
VOCABULARY = 40_000
CONFIG: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": EMBEDDING,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 4 * EMBEDDING,
}


def ways(model: Model, texts: Sequence[str], nli_passages: int) -> list[Way]:
    """Zero-shot NLI by 27 hypotheses a passage, and our heads, in fp32."""
    torch.set_num_threads(THREADS)
    nli: Any = BertForSequenceClassification(BertConfig(**CONFIG, id2label={0: "a", 1: "b", 2: "c"}))
    nli.eval()
    network = Network(BertModel(BertConfig(**CONFIG)), torch.randn(5, EMBEDDING), torch.zeros(EMBEDDING)).eval()
    rows, _ = model.tokens(texts)
    mixed = random.Random(1).sample(rows, min(len(rows), 8 * BATCH))  # noqa: S311, the same order every time
    asked, _ = model.tokens(list(hypotheses()))
    pairs = [(row + one[1:])[: model.manifest.max_tokens] for row in rows[:nli_passages] for one in asked]
    slots = torch.zeros(1, EMBEDDING)

    def entail() -> None:
        with torch.inference_mode():
            for batch in _batches(pairs, BATCH):
                ids, mask = (torch.from_numpy(part) for part in padded(batch))
                nli(input_ids=ids, attention_mask=mask)

    def heads(size: int) -> None:
        with torch.inference_mode():
            for batch in _batches(mixed, size):
                ids, mask = (torch.from_numpy(part) for part in padded(batch))
                network(ids, mask, slots)

    tokens = sum(map(len, mixed))
    return [
        Way("nli_torch_fp32", entail, nli_passages, sum(map(len, pairs))),
        Way("heads_torch_fp32_random_16", lambda: heads(BATCH), len(mixed), tokens),
        Way("heads_torch_fp32_one_at_a_time", lambda: heads(1), len(mixed), tokens),
    ]


def _batches(rows: Sequence[list[int]], size: int) -> list[Sequence[list[int]]]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]
