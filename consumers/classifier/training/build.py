"""From the pretrained package and the labelled passages to a model's folder; the whole of `vigia model train`."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from consumers.classifier import manifest as manifests
from consumers.classifier.decide import STANCE_ORDER, Thresholds
from consumers.classifier.manifest import LabelOrder, Manifest, Temperature, Threshold
from consumers.classifier.model import Model, load
from consumers.classifier.normal import normalise
from consumers.classifier.training import calibrate, corpus, export, pretrained, vocabulary
from consumers.classifier.training.corpus import Labelled, Parts
from consumers.classifier.training.recipe import VOCABULARY, Recipe
from schemas.errors import ModelFileError
from schemas.settings import ClassifySettings
from schemas.taxonomy import Target, Topic

log = structlog.get_logger()

CHECKED = 16
GAP_MOST = 1e-3
"""Logits that the float32 conversion may be off by: a wrong kernel is off by far more, rounding by far less."""


@dataclass(frozen=True)
class Built:
    """A model that was built, ready to be measured, with the passages it did and did not see."""

    model: Model
    parts: Parts


def build(recipe: Recipe, passages: Sequence[Path], out: Path, *, only_train: Sequence[Path] = ()) -> Built:
    """Train, quantise, calibrate and write a model into `out`.

    Passages of `only_train` are in no part that is measured. The same passages, recipe, versions and thread count give
    the same model. Raises ConfigError for a wrong passage and ModelFileError when the pretrained package is missing.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch

    from consumers.classifier.training.network import Network
    from consumers.classifier.training.tune import Set, tune

    torch.manual_seed(recipe.seed)
    labelled = corpus.read(passages)
    parts = corpus.split(labelled)
    lists = corpus.read(only_train)
    parts.train.extend(lists)
    log.info("training.corpus", train=len(parts.train), dev=len(parts.dev), test=len(parts.test))
    source = pretrained.read(pretrained.locate())
    keep = vocabulary.read(VOCABULARY)
    tokenizer = pretrained.tokenizer(source, keep)

    def as_set(part: Sequence[Labelled]) -> Set:
        return Set([tokenizer.encode(normalise(p.text)).ids[: recipe.max_tokens] for p in part], corpus.gold(part))

    train, dev = as_set(parts.train), as_set(parts.dev)
    network = Network(pretrained.encoder(source, keep), source.shape.hidden)
    tune(network, train, dev, recipe)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    _export(network, train.rows, recipe, out)
    return Built(_calibrated(recipe, [*labelled, *lists], parts, out), parts)


def _export(network: Any, rows: Sequence[Sequence[int]], recipe: Recipe, out: Path) -> None:
    chosen = np.random.default_rng(recipe.seed).permutation(len(rows))[: recipe.calibration]
    calibration = [rows[int(i)] for i in chosen]
    plain = export.convert(network)
    gap = export.agreement(network, plain, calibration[:CHECKED])
    if gap > GAP_MOST:
        raise ModelFileError(out / "model.xml", f"the conversion differs from the network by {gap:.4f}")
    export.save(export.quantise(plain, calibration), out)


def _calibrated(recipe: Recipe, labelled: Sequence[Labelled], parts: Parts, out: Path) -> Model:
    """Fit temperatures, then thresholds, on what the quantised model says of the development passages."""
    gold, texts = corpus.gold(parts.dev), [p.text for p in parts.dev]
    plain = Temperature(relevance=1, topics=1, stance=1)
    unset = Thresholds(relevance=0.5, topics=0.5, addressed=0.5, gate=0)
    write_manifest(recipe, labelled, out, plain, unset)
    said = load(ClassifySettings(model=out, threads=recipe.threads)).score(texts)
    heat = calibrate.temperatures(
        calibrate.logit(said.relevance), calibrate.logit(said.topics), np.log(np.maximum(said.stance, 1e-12)), gold
    )
    write_manifest(recipe, labelled, out, heat, unset)
    said = load(ClassifySettings(model=out, threads=recipe.threads)).score(texts)
    chosen = calibrate.thresholds(said.relevance, said.topics, said.stance, gold)
    write_manifest(recipe, labelled, out, heat, chosen)
    log.info("training.calibrated", **heat.model_dump(), thresholds=chosen)
    return load(ClassifySettings(model=out, threads=recipe.threads))


def write_manifest(
    recipe: Recipe, labelled: Sequence[Labelled], out: Path, heat: Temperature, thresholds: Thresholds
) -> None:
    """Write model.toml for the files that lie in `out`."""
    manifest = Manifest(
        id=recipe.id,
        version=recipe.version,
        generation=recipe.generation,
        encoder="multilingual-e5-small",
        max_tokens=recipe.max_tokens,
        languages=("en", "es"),
        passages_sha256=hashlib.sha256("\n".join(p.model_dump_json() for p in labelled).encode()).hexdigest(),
        labels=LabelOrder(topics=tuple(Topic), targets=tuple(Target), stances=STANCE_ORDER),
        temperature=heat,
        threshold=Threshold(**vars(thresholds)),
        sha256={name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in manifests.FILES},
    )
    (out / manifests.NAME).write_text(manifest.toml(), encoding="utf-8")
