"""Any sequence-classification model of the Hugging Face hub in the shipped one's place (extra `hub`).

Pinned by commit, safetensors only: weights that are pickled, and code, are not even downloaded.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from consumers.classifier import described, hypotheses
from consumers.classifier.decide import Thresholds
from consumers.classifier.described import Described
from consumers.classifier.manifest import Threshold
from consumers.classifier.model import Scores
from consumers.classifier.whole import Heads
from schemas.classification import ModelRef
from schemas.errors import ConfigError
from schemas.settings import ClassifySettings, HubSettings

WANTED = ("*.safetensors", "*.json", "*.txt", "*.model")
"""What of a repository is downloaded."""

SETTING = "classify.hub"

Ask = Callable[[Sequence[str]], list[dict[str, float]]]
"""Passages in; of each, label to probability out."""


@dataclass(frozen=True)
class HubTerms:
    """What the model reads, and its thresholds."""

    languages: tuple[str, ...]
    threshold: Threshold

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds as the pure functions take them."""
        return Thresholds(**self.threshold.model_dump())


@dataclass(frozen=True)
class HubModel:
    """A model of the hub, ready; the same interface as the shipped one's."""

    manifest: HubTerms
    ref: ModelRef
    heads: Heads
    ask: Ask
    where: Mapping[str, hypotheses.Place]
    described: tuple[Described, ...] = ()

    def score(self, passages: Sequence[str]) -> Scores:
        """Probabilities of each passage; there is no embedding (nought)."""
        return hypotheses.scores(self.ask(passages) if passages else [], self.where)


def load(settings: ClassifySettings) -> HubModel:
    """The model of `settings.hub`, fetched when it is not in the cache and may be.

    Raises ConfigError when torch is missing, the model isn't there, has no safetensors, or doesn't fit the settings.
    """
    hub = settings.hub
    if hub is None:
        raise ConfigError(SETTING, "names no model", remedy="Set classify.hub.name and classify.hub.commit")
    if targets := described.read(settings.targets_file):
        raise ConfigError(
            str(settings.targets_file),
            f"{targets[0].id} can't be asked of a model of the hub",
            remedy="Point classify.targets_file elsewhere, or `vigia model target remove` it",
        )
    require_torch()
    folder = snapshot(hub)
    ask, own = _pipeline(folder, hub, settings.threads)
    where = hypotheses.hypotheses() if hub.kind == "nli" else hypotheses.places(hub.labels, own)
    return HubModel(terms(hub), ref(hub), hypotheses.heads(hub.threshold), ask, where)


def terms(hub: HubSettings) -> HubTerms:
    """The terms that the settings set; the gate is off unless they say otherwise."""
    level = hub.threshold
    return HubTerms(hub.languages, Threshold(relevance=level, topics=level, addressed=level, gate=hub.gate))


def ref(hub: HubSettings) -> ModelRef:
    """The model's reference: its SHA-256 is that of the settings that say how it is asked, commit included."""
    said = hub.model_dump_json(exclude={"cache", "download", "batch"})
    sha256 = hashlib.sha256(said.encode()).hexdigest()
    return ModelRef(id=f"{hub.name}@{hub.commit[:12]}", generation=hub.generation, sha256=sha256)


def require_torch(find: Callable[[str], object] = find_spec) -> None:
    """Raise ConfigError when torch isn't installed."""
    if find("torch") is None:
        raise ConfigError(
            "classify.backend",
            "hub needs torch, which is not installed",
            remedy="Install the extra: `uv sync --extra hub`, or `pip install 'vigia-news[hub]'`",
        )


def snapshot(hub: HubSettings) -> Path:
    """The folder of the pinned commit's files, without pickles and code.

    Raises ConfigError when it can't be had, or holds no safetensors.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        found = snapshot_download(
            hub.name,
            revision=hub.commit,
            cache_dir=hub.cache,
            allow_patterns=list(WANTED),
            local_files_only=not hub.download,
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        remedy = None if hub.download else "Set classify.hub.download, or fetch it first"
        raise ConfigError(SETTING, f"{hub.name} at {hub.commit} can't be had: {error}", remedy=remedy) from error
    folder = Path(found)
    check_weights(folder, hub.name)
    return folder


def check_weights(folder: Path, name: str) -> None:
    """Raise ConfigError unless the folder holds weights as safetensors."""
    if not any(folder.glob("*.safetensors")):
        raise ConfigError(
            SETTING,
            f"{name} has no weights as safetensors; pickled ones can run code and are not loaded",
            remedy="Pin a commit that has model.safetensors (often a later one), or take another model",
        )


def _pipeline(folder: Path, hub: HubSettings, threads: int) -> tuple[Ask, list[str]]:
    """What asks the model, and its own labels."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    torch.set_num_threads(threads)
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, **options
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise ConfigError(SETTING, f"{hub.name} can't be loaded: {error}") from error
    own = [str(label) for label in model.config.id2label.values()]
    if hub.kind == "nli":
        if not any(label.lower().startswith("entail") for label in own):
            raise ConfigError(SETTING, f"{hub.name} is no NLI model: it has {', '.join(own)}", remedy="Use kind labels")
        made = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer, device="cpu")
        return _zero_shot(made, list(hypotheses.hypotheses()), hub.batch), own
    judge = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    return _labels(judge, hub), own


def _zero_shot(made: Any, asked: list[str], batch: int) -> Ask:
    def ask(passages: Sequence[str]) -> list[dict[str, float]]:
        said = made(
            list(passages), candidate_labels=asked, hypothesis_template="{}", multi_label=True, batch_size=batch
        )
        return [dict(zip(one["labels"], one["scores"], strict=True)) for one in said]

    return ask


def _labels(made: Any, hub: HubSettings) -> Ask:
    def ask(passages: Sequence[str]) -> list[dict[str, float]]:
        said = made(list(passages), top_k=None, function_to_apply=hub.activation, truncation=True, batch_size=hub.batch)
        return [{one["label"]: one["score"] for one in row} for row in said]

    return ask
