"""Fit the open head on auxiliary sets, the heads on the frozen encoder, then the upper layers with them (torch)."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog
import torch
from torch.nn import functional

from consumers.classifier.batches import by_tokens, padded, width
from consumers.classifier.decide import ABSENT, Labels
from consumers.classifier.training.network import Network
from consumers.classifier.training.recipe import Recipe

log = structlog.get_logger()

Rows = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Logits:
    """What the network says of n passages before temperatures."""

    relevance: Any
    topics: Any
    stance: Any
    embedding: Any


@dataclass(frozen=True)
class Set:
    """Token ids of passages, their labels, and whether their relevance is to be learned (n,)."""

    rows: Rows
    gold: Labels
    plain: Any

    def loss(self, said: tuple[Any, ...], batch: Any, recipe: Recipe) -> Any:
        """The loss of what was said of the passages `batch`."""
        return _loss(said, self.gold[batch], recipe, torch.from_numpy(self.plain[batch]))


@dataclass(frozen=True)
class AsideSet:
    """Token ids of texts, the embedding of each one's target (n, 384), its group (n,) and its stance's index (n,)."""

    rows: Rows
    targets: Any
    groups: Any
    stances: Any


def tune(
    network: Network, train: Set, dev: Set, recipe: Recipe, phrased: Any, auxiliary: AsideSet | None = None
) -> list[dict[str, float]]:
    """Train in steps and keep the average of the weights with the least loss on the development passages.

    `phrased` (5, p, 384): the embeddings of several descriptions of each target. Returns the loss after each epoch.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    chance = np.random.default_rng(recipe.seed)
    lower = _states(network, train.rows, recipe.frozen_layers)
    anchors = torch.stack([_anchor(network, states, recipe.frozen_layers) for states in lower])
    beside = _Beside(auxiliary, _states(network, auxiliary.rows, recipe.frozen_layers)) if auxiliary else None
    if beside is not None and recipe.auxiliary_epochs:
        _fit_auxiliary(network, beside, recipe, chance)
    _fit_heads(network, [_raised(network, states, recipe.frozen_layers) for states in lower], train, recipe, chance)
    lengths = [len(row) for row in train.rows]
    steps = recipe.epochs * -(-len(lengths) // recipe.batch)
    optimiser, schedule = _optimiser(network, recipe, steps=steps)
    curve = [{"epoch": 0.0, "train": float("nan"), "dev": evaluate(network, dev, recipe)}]
    log.info("training.heads_fitted", dev_loss=round(curve[0]["dev"], 4))
    average, best = copy.deepcopy(network.state_dict()), copy.deepcopy(network.state_dict())
    aside: Iterator[Any] = iter(())
    for epoch in range(recipe.epochs):
        network.train()
        losses = []
        for batch in _batches(lengths, recipe.batch, chance):
            states, mask = _stacked([lower[i] for i in batch])
            states = _upper(network, states, mask, recipe.frozen_layers)
            said = network.judge(states, mask)
            away = 1 - (said[3] * anchors[batch]).sum(-1).mean()
            loss = train.loss(said, batch, recipe) + recipe.embedding_weight * away
            losses.append(loss.item())
            other = phrased[torch.arange(len(phrased)), torch.from_numpy(chance.integers(phrased.shape[1], size=5))]
            open_stance = network.open(states, mask, other)
            loss = loss + recipe.open_weight * _stance_loss(open_stance, train.gold[batch].stance, recipe)
            if beside is not None and chance.random() < recipe.replay:
                some = next(aside, None)
                if some is None:
                    aside = beside.batches(recipe.batch, chance)
                    some = next(aside)
                loss = loss + recipe.open_weight * beside.loss(network, some, recipe, chance)
            _step(network, loss, optimiser, schedule)
            _blend(average, network, recipe.average)
        current = copy.deepcopy(network.state_dict())
        network.load_state_dict(average)
        dev_loss = evaluate(network, dev, recipe)
        curve.append({"epoch": epoch + 1.0, "train": float(np.mean(losses)), "dev": dev_loss})
        log.info("training.epoch", epoch=epoch + 1, loss=round(curve[-1]["train"], 4), dev_loss=round(dev_loss, 4))
        if dev_loss <= min(row["dev"] for row in curve):
            best = copy.deepcopy(average)
        network.load_state_dict(current)
    network.load_state_dict(best)
    network.eval()
    return curve


def in_order(rows: Rows, run: Callable[[Any, Any, list[int]], Sequence[Any]]) -> list[Any]:
    """What `run` says of ids, mask and a batch's places, over all batches: an array a part, in the rows' order."""
    found: list[tuple[list[int], list[Any]]] = []
    with torch.no_grad():
        for batch in by_tokens([width(len(row)) for row in rows], 4096):
            ids, mask = (torch.from_numpy(a) for a in padded([rows[i] for i in batch]))
            found.append((batch, [part.float().numpy() for part in run(ids, mask, batch)]))
    order = np.argsort(np.concatenate([batch for batch, _ in found]))
    return [np.concatenate(parts)[order] for parts in zip(*(parts for _, parts in found), strict=True)]


def infer(network: Network, rows: Rows) -> Logits:
    """Run the network over all rows, float32 arrays in their order."""
    network.eval()
    return Logits(*in_order(rows, lambda ids, mask, _: network(ids, mask, network.described)[:4]))


def asked(network: Network, rows: Rows, targets: Any) -> Any:
    """Open stance logits (n, 4) of each text on its own target (n, 384)."""
    network.eval()

    def on_its_own(ids: Any, mask: Any, batch: list[int]) -> list[Any]:
        states = network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return [network.open(states, mask, targets[batch][:, None])[:, 0]]

    return in_order(rows, on_its_own)[0]


def evaluate(network: Network, data: Set, recipe: Recipe) -> float:
    """The loss on `data`."""
    said = infer(network, data.rows)
    parts = tuple(torch.from_numpy(p) for p in (said.relevance, said.topics, said.stance))
    return float(data.loss(parts, np.arange(len(data.rows)), recipe))


class _Beside:
    """The auxiliary rows with their lower token states."""

    def __init__(self, data: AsideSet, lower: Sequence[Any]) -> None:
        self.data, self.lower = data, lower

    def batches(self, size: int, chance: np.random.Generator) -> Iterator[Any]:
        return _batches([len(row) for row in self.data.rows], size, chance)

    def loss(self, network: Network, batch: Any, recipe: Recipe, chance: np.random.Generator) -> Any:
        """Of each text on its target, and on one of another text, where it is absent."""
        states, mask = _stacked([self.lower[i] for i in batch])
        states = _upper(network, states, mask, recipe.frozen_layers)
        other = chance.integers(len(self.data.rows), size=len(batch))
        strange = self.data.groups[other] != self.data.groups[batch]
        truth = np.stack([self.data.stances[batch], np.full(len(batch), ABSENT)], 1)
        both = torch.stack([self.data.targets[batch], self.data.targets[other]], 1)
        said = network.open(states, mask, both)
        return _stance_loss(said[strange], truth[strange], recipe) if strange.any() else said.sum() * 0


def _fit_auxiliary(network: Network, beside: _Beside, recipe: Recipe, chance: np.random.Generator) -> None:
    steps = recipe.auxiliary_epochs * -(-len(beside.lower) // recipe.batch)
    optimiser, schedule = _optimiser(network, recipe, steps=steps)
    for epoch in range(recipe.auxiliary_epochs):
        network.train()
        losses = []
        for batch in beside.batches(recipe.batch, chance):
            loss = beside.loss(network, batch, recipe, chance)
            losses.append(loss.item())
            _step(network, loss, optimiser, schedule)
        log.info("training.auxiliary", epoch=epoch + 1, loss=round(float(np.mean(losses)), 4))


def _fit_heads(
    network: Network, states: Sequence[Any], train: Set, recipe: Recipe, chance: np.random.Generator
) -> None:
    heads = [p for name, p in network.named_parameters() if name.startswith("head_")]
    optimiser = torch.optim.AdamW(heads, lr=recipe.head_rate, weight_decay=recipe.weight_decay)
    network.train()
    lengths = [len(row) for row in train.rows]
    for _ in range(recipe.head_epochs):
        for batch in _batches(lengths, recipe.batch, chance):
            rows, mask = _stacked([states[i] for i in batch])
            loss = train.loss(network.judge(rows, mask), batch, recipe)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


def _optimiser(network: Network, recipe: Recipe, *, steps: int) -> tuple[Any, Any]:
    layers = network.encoder.encoder.layer
    for part in (network.encoder.embeddings, *layers[: recipe.frozen_layers]):
        part.requires_grad_(requires_grad=False)
    groups = [
        {"params": list(layer.parameters()), "lr": recipe.rate * recipe.layer_decay ** (len(layers) - 1 - depth)}
        for depth, layer in enumerate(layers)
        if depth >= recipe.frozen_layers
    ]
    heads = [p for name, p in network.named_parameters() if name.startswith("head_")]
    groups.append({"params": heads, "lr": recipe.head_rate / 2})
    optimiser = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
    warm = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
    )
    return optimiser, schedule


def _step(network: Network, loss: Any, optimiser: Any, schedule: Any) -> None:
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in network.parameters() if p.requires_grad], 1.0)
    optimiser.step()
    schedule.step()


def _blend(average: dict[str, Any], network: Network, kept: float) -> None:
    """Move the running average of the weights towards those of this step (Polyak and Juditsky 1992)."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                average[name].lerp_(value, 1 - kept)


def _upper(network: Network, states: Any, mask: Any, layer: int) -> Any:
    """The last token states, computed in bfloat16 where the processor is faster for it."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return network.upper(states, mask, layer).float()


def _states(network: Network, rows: Rows, layer: int) -> list[Any]:
    """The token states that enter `layer` (computed once: what lies below it stays as it is), in 16 bits."""
    network.eval()
    entering: dict[int, Any] = {}
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for batch in by_tokens([width(len(row)) for row in rows], 4096):
            ids, mask = (torch.from_numpy(a) for a in padded([rows[i] for i in batch]))
            said = network.encoder.embeddings(input_ids=ids)
            blocked = (1 - mask[:, None, None, :].to(said.dtype)) * -1e4
            for block in network.encoder.encoder.layer[:layer]:
                out = block(said, blocked)
                said = out[0] if isinstance(out, tuple) else out
            for k, i in enumerate(batch):
                entering[i] = said[k, : len(rows[i])].to(torch.float16).clone()
    return [entering[i] for i in range(len(rows))]


def _raised(network: Network, states: Any, layer: int) -> Any:
    """The last token states of one passage from those that enter `layer`."""
    network.eval()
    with torch.no_grad():
        rows, mask = _stacked([states])
        return _upper(network, rows, mask, layer)[0].to(torch.float16)


def _anchor(network: Network, states: Any, layer: int) -> Any:
    """The pretrained embedding of one passage."""
    return functional.normalize(_raised(network, states, layer).float().mean(0), dim=0)


def _stacked(states: Sequence[Any]) -> tuple[Any, Any]:
    """Token states of several passages, padded, with their mask."""
    rows = torch.nn.utils.rnn.pad_sequence([one.float() for one in states], batch_first=True)
    lengths = torch.tensor([len(one) for one in states])
    return rows, (torch.arange(rows.shape[1]) < lengths.unsqueeze(1)).long()


def _loss(said: tuple[Any, ...], gold: Labels, recipe: Recipe, plain: Any) -> Any:
    relevance, topics, stance = (part.float() for part in said[:3])
    soft = recipe.smoothing

    def binary(logits: Any, truth: Any) -> Any:
        return functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(truth).float() * (1 - 2 * soft) + soft
        )

    return (
        recipe.relevance_weight * binary(relevance[plain], gold.relevance[plain.numpy()])
        + recipe.topics_weight * binary(topics, gold.topics)
        + recipe.stance_weight * _stance_loss(stance, gold.stance, recipe)
    )


def _stance_loss(said: Any, truth: Any, recipe: Recipe) -> Any:
    """Cross entropy over passages and targets, an addressed target weighing more than an absent one."""
    flat = torch.from_numpy(truth).flatten()
    each = functional.cross_entropy(
        said.float().flatten(0, 1), flat, reduction="none", label_smoothing=recipe.smoothing
    )
    weight = torch.where(flat == ABSENT, 1.0, recipe.side_weight)
    return (each * weight).sum() / weight.sum()


def _batches(lengths: Sequence[int], size: int, chance: np.random.Generator) -> Iterator[Any]:
    """Batches in random order; within a stretch of eight batches, passages of like length are together."""
    order = chance.permutation(len(lengths))
    found = []
    for start in range(0, len(order), size * 8):
        stretch = sorted(order[start : start + size * 8], key=lambda i: lengths[i])
        found += [np.array(stretch[at : at + size]) for at in range(0, len(stretch), size)]
    for at in chance.permutation(len(found)):
        yield found[at]
