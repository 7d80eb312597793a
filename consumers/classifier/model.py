"""Tokenise and run the shipped model: passages in, calibrated probabilities out. No torch."""

import copy
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from consumers.classifier import described as descriptions
from consumers.classifier import manifest as manifests
from consumers.classifier import whole
from consumers.classifier.batches import Ids, by_tokens, padded, width
from consumers.classifier.decide import Bools, Floats
from consumers.classifier.described import Described
from consumers.classifier.manifest import Manifest
from consumers.classifier.normal import normalise
from consumers.classifier.probability import sigmoid, softmax
from consumers.classifier.whole import Heads
from consumers.metrics import model_ran
from schemas.classification import ModelRef
from schemas.errors import ConfigError, ModelFileError
from schemas.settings import ClassifySettings
from schemas.taxonomy import Target, Topic

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}

EMBEDDING = 384
"""Width of a passage's embedding."""

CHARACTERS_PER_TOKEN = 24
"""No `max_tokens` pieces are longer than that on average; what lies beyond is not tokenised."""


def no_targets() -> Floats:
    """The `open` probabilities when no target is described."""
    return np.zeros((0, 0, 4), np.float32)


@dataclass(frozen=True)
class Scores:
    """Calibrated probabilities of n passages, float32, labels in model.toml's order.

    relevance (n,); topics (n, 11); stance (n, 5, 4) with absent first; embedding (n, 384), each of length 1;
    cut (n,) true where the passage was longer than the model reads; open (n, k, 4) as stance, of the k targets that
    are described in words (not calibrated), empty when there are none.
    """

    relevance: Floats
    topics: Floats
    stance: Floats
    embedding: Floats
    cut: Bools
    open: Floats = field(default_factory=no_targets)

    def __len__(self) -> int:
        return len(self.relevance)

    def rows(self, start: int, end: int) -> "Scores":
        """The scores of the passages from `start` to `end`."""
        part = slice(start, end)
        return Scores(
            self.relevance[part],
            self.topics[part],
            self.stance[part],
            self.embedding[part],
            self.cut[part],
            self.open[part],
        )


class Model:
    """The model, loaded and ready; safe to share within one thread."""

    def __init__(
        self, manifest: Manifest, ref: ModelRef, heads: Heads, tokenizer: Any, compiled: Any, token_budget: int
    ) -> None:
        self.manifest, self.ref, self.heads = manifest, ref, heads
        self._tokenizer, self._compiled = tokenizer, compiled
        self._budget = max(token_budget, width(manifest.max_tokens))
        self.asked = any(port.any_name == "slots" for port in compiled.inputs)
        self.described: tuple[Described, ...] = ()
        self._slots = np.zeros((1, EMBEDDING), np.float32)

    def with_heads(self, heads: Heads) -> "Model":
        """The same model with other heads for whole pieces."""
        other = copy.copy(self)
        other.heads = heads
        return other

    def with_manifest(self, manifest: Manifest) -> "Model":
        """The same model by other thresholds and temperatures."""
        other = copy.copy(self)
        other.manifest = manifest
        return other

    def with_described(self, targets: Sequence[Described]) -> "Model":
        """The same model, asked of these targets as well: a target is the mean embedding of its descriptions.

        Raises ConfigError when the model can't be asked of targets in words.
        """
        other = copy.copy(self)
        if not targets:
            other.described, other._slots = (), np.zeros((1, EMBEDDING), np.float32)
            return other
        if not self.asked:
            raise ConfigError(
                targets[0].id,
                f"the model {self.ref.id} can't be asked of targets in words",
                remedy="Use a model of generation 2 or later, or `vigia model target remove` it",
            )
        each = [self.score(one.describe).embedding.mean(0) for one in targets]
        other.described = tuple(targets)
        other._slots = np.stack([mean / max(float(np.linalg.norm(mean)), 1e-6) for mean in each]).astype(np.float32)
        return other

    def score(self, passages: Sequence[str]) -> Scores:
        """Score n passages, one forward pass each.

        Returns calibrated probabilities, float32, labels in model.toml's order: relevance (n,), topics (n, 11),
        stance (n, 5, 4). Past `max_tokens` a passage is cut and `Scores.cut[i]` is true. The same in any batch order
        within 1e-4. Temperature scaling: Guo et al. 2017, arXiv:1706.04599.
        """
        if not passages:
            return _empty(len(self.described))
        rows, cut = self.tokens(passages)
        batches = by_tokens([width(len(row)) for row in rows], self._budget)
        parts = [self.forward(*padded([rows[i] for i in batch])) for batch in batches]
        back = np.argsort(np.concatenate([np.asarray(batch) for batch in batches]))
        logits: dict[str, Floats] = {name: np.concatenate([part[name] for part in parts])[back] for name in parts[0]}
        heat = self.manifest.temperature
        return Scores(
            sigmoid(logits["relevance"], heat.relevance),
            sigmoid(logits["topics"], heat.topics),
            softmax(logits["stance"], heat.stance),
            logits["embedding"],
            cut,
            softmax(logits["open"]) if self.described else no_targets(),
        )

    def forward(self, ids: Ids, mask: Ids) -> dict[str, Floats]:
        """The logits and embeddings of one batch of token ids, as `batches.padded` makes it."""
        slots = {"slots": self._slots} if self.asked else {}
        names = ["relevance", "topics", "stance", "embedding", *(["open"] if self.described else [])]
        began = time.perf_counter()
        said = self._compiled({"input_ids": ids, "attention_mask": mask, **slots})
        model_ran(time.perf_counter() - began, int(mask.sum()))
        return {name: np.array(said[name]) for name in names}

    def tokens(self, passages: Sequence[str]) -> tuple[list[list[int]], Bools]:
        """The token ids of each passage, and whether it was cut to what the model reads."""
        most = self.manifest.max_tokens
        texts = [normalise(text[: most * CHARACTERS_PER_TOKEN]) for text in passages]
        rows: list[list[int]] = self._tokenizer(texts, return_attention_mask=False)["input_ids"]
        cut = np.array([len(row) > most for row in rows], dtype=np.bool_)
        return [[*row[: most - 1], row[-1]] if len(row) > most else row for row in rows], cut


def load(settings: ClassifySettings) -> Model:
    """Load the model in `settings.model`, or the shipped one: about two seconds; a worker then takes about 400 MB.

    Every file is checked against model.toml and compiled from the checked bytes. It is asked of the targets of
    `settings.targets_file` as well. Raises ModelFileError when a file is missing, changed or unreadable; ConfigError
    when the model can't be asked of those targets.
    """
    folder = settings.model or manifests.SHIPPED
    manifest, ref = manifests.load(folder)
    contents = {name: manifests.checked(folder, name, manifest) for name in manifests.FILES}
    heads = whole.read(contents["pieces.json"], folder / "pieces.json")
    with ThreadPoolExecutor(1) as beside:  # compiling takes about as long as importing transformers does
        compiling = beside.submit(_compile, contents["model.xml"], contents["model.bin"], settings.threads, folder)
        tokenizer = _tokenizer(contents["tokenizer.json"], folder)
        compiled = compiling.result()
    model = Model(manifest, ref, heads, tokenizer, compiled, settings.token_budget)
    targets = descriptions.read(settings.targets_file)
    return model.with_described(targets) if targets else model


def _tokenizer(content: bytes, folder: Path) -> Any:
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    try:
        made = Tokenizer.from_buffer(content)
    except Exception as error:  # tokenizers raises bare Exception
        raise ModelFileError(folder / "tokenizer.json", f"is not a tokenizer: {error}") from error
    wrap: Any = PreTrainedTokenizerFast
    return wrap(tokenizer_object=made, **SPECIAL)


def _compile(graph: bytes, weights: bytes, threads: int, folder: Path) -> Any:
    import openvino

    core = openvino.Core()
    try:
        model = core.read_model(graph, weights)
        return core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": threads,
                "PERFORMANCE_HINT": "LATENCY",
            },
        )
    except RuntimeError as error:
        raise ModelFileError(folder / "model.xml", f"OpenVINO can't run it: {error}") from error


def _empty(targets: int) -> Scores:
    return Scores(
        np.zeros(0, np.float32),
        np.zeros((0, len(Topic)), np.float32),
        np.zeros((0, len(Target), 4), np.float32),
        np.zeros((0, EMBEDDING), np.float32),
        np.zeros(0, np.bool_),
        np.zeros((0, targets, 4), np.float32),
    )
