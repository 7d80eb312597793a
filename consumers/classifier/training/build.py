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
from consumers.classifier.training import augment, calibrate, corpus, export, whole
from consumers.classifier.training import auxiliary as aside
from consumers.classifier.training.corpus import Labelled, LabelledPiece, Parts
from consumers.classifier.training.recipe import PIECES, Recipe, targets
from consumers.classifier.whole import LEANINGS, STRENGTHS, Heads, Linear
from schemas.errors import ModelFileError
from schemas.settings import ClassifySettings
from schemas.taxonomy import Stance, Target, Topic

log = structlog.get_logger()

CHECKED = 16
GAP_MOST = 1e-3
"""Logits that the float32 conversion may be off by: a wrong kernel is off by far more, rounding by far less."""


@dataclass(frozen=True)
class Built:
    """A model that was built, ready to be measured, with the passages it did and did not see.

    `curve` has the losses after each epoch; `open` what the open stance head reaches on targets that it never saw.
    """

    model: Model
    parts: Parts
    curve: list[dict[str, float]]
    open: dict[str, float]


def build(
    recipe: Recipe,
    passages: Sequence[Path],
    out: Path,
    *,
    only_train: Sequence[Path] = (),
    articles: Path | None = None,
    auxiliary: Path | None = None,
    base: str | None = None,
) -> Built:
    """Train, quantise, calibrate and write a model into `out`.

    Passages of `only_train` and of the whole pieces in `articles` are in no part that is measured; `auxiliary` is a
    folder of public sets with other targets; `base` an encoder of Hugging Face in place of the packaged one. The same
    passages, recipe, versions and thread count give the same model. Raises ConfigError for a wrong passage and
    ModelFileError when the encoder is missing.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import torch

    from consumers.classifier.training import foundation, openness
    from consumers.classifier.training.network import Network
    from consumers.classifier.training.tune import Set, tune

    torch.manual_seed(recipe.seed)
    labelled = corpus.read(passages)
    parts = corpus.split(labelled)
    lists = corpus.read(only_train)
    within, plain = ([], []) if articles is None else corpus.read_articles(articles)
    learned = dict.fromkeys((p.id for p, ok in zip(within, plain, strict=True) if not ok), False)
    parts.train.extend([*lists, *within])
    log.info("training.corpus", train=len(parts.train), dev=len(parts.dev), test=len(parts.test))
    start = foundation.load(base)
    more = augment.disturbed(parts.train, recipe.disturbed, np.random.default_rng(recipe.seed))

    def ids(texts: Sequence[str]) -> list[list[int]]:
        return [start.tokenizer.encode(normalise(text)).ids[: recipe.max_tokens] for text in texts]

    def as_set(part: Sequence[Labelled]) -> Set:
        plain = np.array([learned.get(p.id, True) for p in part], dtype=np.bool_)
        return Set(ids([p.text for p in part]), corpus.gold(part), plain)

    train, dev = as_set([*parts.train, *more]), as_set(parts.dev)
    phrases = [[*texts] for texts in targets().values()]
    phrased = torch.stack([foundation.embed(start, ids(texts)) for texts in phrases])
    asides = None if auxiliary is None else aside.read(auxiliary, most=recipe.auxiliary, seed=recipe.seed)
    beside = None if asides is None else foundation.asides(start, asides.train, ids)
    kinds = [phrased.flatten(0, 1), *([] if beside is None else [beside.targets])]
    centre = torch.stack([kind.mean(0) for kind in kinds]).mean(0)
    described = torch.nn.functional.normalize(phrased.mean(1), dim=-1)
    network = Network(start.encoder, described, centre)
    curve = tune(network, train, dev, recipe, phrased, beside)
    held = {} if asides is None else openness.figures(network, foundation.asides(start, asides.held, ids), asides.held)
    out.mkdir(parents=True, exist_ok=True)
    start.tokenizer.save(str(out / "tokenizer.json"))
    _export(network, train.rows, recipe, out)
    fitted = [corpus.read_pieces(PIECES.glob("*.jsonl"))]
    if articles is not None:
        fitted.append(corpus.read_pieces((articles / "pieces").glob("*.jsonl")))
    model = _calibrated(recipe, [*labelled, *lists, *within], parts, fitted, out)
    return Built(model, parts, curve, held)


def _export(network: Any, rows: Sequence[Sequence[int]], recipe: Recipe, out: Path) -> None:
    chosen = np.random.default_rng(recipe.seed).permutation(len(rows))[: recipe.calibration]
    calibration = [rows[int(i)] for i in chosen]
    plain = export.convert(network)
    gap = export.agreement(network, plain, calibration[:CHECKED])
    if gap > GAP_MOST:
        raise ModelFileError(out / "model.xml", f"the conversion differs from the network by {gap:.4f}")
    export.save(export.quantise(plain, calibration, network.described.numpy()), out)


def _calibrated(
    recipe: Recipe,
    labelled: Sequence[Labelled],
    parts: Parts,
    fitted: Sequence[Sequence[LabelledPiece]],
    out: Path,
) -> Model:
    """Fit temperatures, then thresholds, on what the quantised model says of the development passages; then the heads
    of whole pieces on those in `fitted`."""
    gold, texts = corpus.gold(parts.dev), [p.text for p in parts.dev]
    plain = Temperature(relevance=1, topics=1, stance=1)
    unset = Thresholds(relevance=0.5, topics=0.5, addressed=0.5, gate=0)
    (out / "pieces.json").write_text(_unfitted().model_dump_json(), encoding="utf-8")
    write_manifest(recipe, labelled, out, plain, unset)
    said = load(ClassifySettings(model=out, threads=recipe.threads)).score(texts)
    heat = calibrate.temperatures(
        calibrate.logit(said.relevance), calibrate.logit(said.topics), np.log(np.maximum(said.stance, 1e-12)), gold
    )
    write_manifest(recipe, labelled, out, heat, unset)
    said = load(ClassifySettings(model=out, threads=recipe.threads)).score(texts)
    chosen = calibrate.thresholds(said.relevance, said.topics, said.stance, gold)
    write_manifest(recipe, labelled, out, heat, chosen)
    model = load(ClassifySettings(model=out, threads=recipe.threads))
    whole.write(whole.fit([whole.look(model, some) for some in fitted if some]), out / "pieces.json")
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


def _unfitted() -> Heads:
    """Heads that say nothing, for as long as the passages are calibrated."""
    blank, side = Linear(weights=(0.0,) * STRENGTHS), Linear(weights=(0.0,) * LEANINGS)
    bias, sides = dict.fromkeys(Topic, 0.0), dict.fromkeys(Stance, side)
    return Heads(
        relevance=blank, topic=blank, topic_bias=bias, addressed=blank, sides=sides,
        relevance_from=0.5, topic_from=0.5, addressed_from=0.5,
    )  # fmt: skip
