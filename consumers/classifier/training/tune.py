"""Fit the heads on the frozen encoder, then the upper layers with them (torch)."""

import copy
from collections.abc import Iterator, Sequence
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
    """Token ids of passages and their labels."""

    rows: Rows
    gold: Labels


def tune(network: Network, train: Set, dev: Set, recipe: Recipe) -> None:
    """Train in two steps and keep the epoch with the least loss on the development passages."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    chance = np.random.default_rng(recipe.seed)
    lower, upper = _states(network, train.rows, recipe.frozen_layers)
    anchors = np.stack([functional.normalize(states.mean(0), dim=0).numpy() for states in upper])
    _fit_heads(network, upper, train, recipe, chance)
    del upper
    optimiser, schedule = _optimiser(network, recipe, steps=recipe.epochs * -(-len(train.rows) // recipe.batch))
    best, best_loss = copy.deepcopy(network.state_dict()), evaluate(network, dev, recipe)
    log.info("training.heads_fitted", dev_loss=round(best_loss, 4))
    lengths = [len(row) for row in train.rows]
    for epoch in range(recipe.epochs):
        network.train()
        for batch in _batches(lengths, recipe.batch, chance):
            states, mask = _stacked([lower[i] for i in batch])
            said = network.judge(network.upper(states, mask, recipe.frozen_layers), mask)
            away = 1 - (said[3] * torch.from_numpy(anchors[batch])).sum(-1).mean()
            loss = _loss(said, train.gold[batch], recipe) + recipe.embedding_weight * away
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        dev_loss = evaluate(network, dev, recipe)
        log.info("training.epoch", epoch=epoch + 1, dev_loss=round(dev_loss, 4), anchor=round(away.item(), 4))
        if dev_loss < best_loss:
            best, best_loss = copy.deepcopy(network.state_dict()), dev_loss
    network.load_state_dict(best)
    network.eval()


def infer(network: Network, rows: Rows) -> Logits:
    """Run the network over all rows, float32 arrays in their order."""
    network.eval()
    found: list[tuple[list[int], list[Any]]] = []
    with torch.no_grad():
        for batch in by_tokens([width(len(row)) for row in rows], 4096):
            ids, mask = padded([rows[i] for i in batch])
            said = network(torch.from_numpy(ids), torch.from_numpy(mask))
            found.append((batch, [part.float().numpy() for part in said]))
    order = np.argsort(np.concatenate([batch for batch, _ in found]))
    return Logits(*(np.concatenate([parts[k] for _, parts in found])[order] for k in range(4)))


def evaluate(network: Network, data: Set, recipe: Recipe) -> float:
    """The loss on `data`."""
    said = infer(network, data.rows)
    parts = tuple(torch.from_numpy(p) for p in (said.relevance, said.topics, said.stance))
    return float(_loss(parts, data.gold, recipe))


def _fit_heads(
    network: Network, states: Sequence[Any], train: Set, recipe: Recipe, chance: np.random.Generator
) -> None:
    heads = [p for name, p in network.named_parameters() if name.startswith("head_")]
    optimiser = torch.optim.AdamW(heads, lr=recipe.head_rate, weight_decay=recipe.weight_decay)
    network.train()
    lengths = [len(row) for row in train.rows]
    for _ in range(recipe.head_epochs):
        for batch in _batches(lengths, recipe.batch, chance):
            loss = _loss(network.judge(*_stacked([states[i] for i in batch])), train.gold[batch], recipe)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


def _states(network: Network, rows: Rows, layer: int) -> tuple[list[Any], list[Any]]:
    """The token states that enter `layer` (computed once: what lies below it stays as it is) and the last ones."""
    network.eval()
    entering: dict[int, Any] = {}
    last: dict[int, Any] = {}
    with torch.no_grad():
        for batch in by_tokens([width(len(row)) for row in rows], 4096):
            ids, mask = (torch.from_numpy(a) for a in padded([rows[i] for i in batch]))
            said = network.encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            for k, i in enumerate(batch):
                entering[i] = said.hidden_states[layer][k, : len(rows[i])].clone()
                last[i] = said.last_hidden_state[k, : len(rows[i])].clone()
    order = range(len(rows))
    return [entering[i] for i in order], [last[i] for i in order]


def _stacked(states: Sequence[Any]) -> tuple[Any, Any]:
    """Token states of several passages, padded, with their mask."""
    rows = torch.nn.utils.rnn.pad_sequence(list(states), batch_first=True)
    lengths = torch.tensor([len(one) for one in states])
    return rows, (torch.arange(rows.shape[1]) < lengths.unsqueeze(1)).long()


def _loss(said: tuple[Any, ...], gold: Labels, recipe: Recipe) -> Any:
    relevance, topics, stance = (part.float() for part in said[:3])
    soft = recipe.smoothing

    def binary(logits: Any, truth: Any) -> Any:
        return functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(truth).float() * (1 - 2 * soft) + soft
        )

    truth = torch.from_numpy(gold.stance)
    each = functional.cross_entropy(stance.flatten(0, 1), truth.flatten(), reduction="none", label_smoothing=soft)
    weight = torch.where(truth.flatten() == ABSENT, 1.0, recipe.side_weight)
    return (
        recipe.relevance_weight * binary(relevance, gold.relevance)
        + recipe.topics_weight * binary(topics, gold.topics)
        + recipe.stance_weight * (each * weight).sum() / weight.sum()
    )


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


def _batches(lengths: Sequence[int], size: int, chance: np.random.Generator) -> Iterator[Any]:
    """Batches in random order; within a stretch of eight batches, passages of like length are together."""
    order = chance.permutation(len(lengths))
    found = []
    for start in range(0, len(order), size * 8):
        stretch = sorted(order[start : start + size * 8], key=lambda i: lengths[i])
        found += [np.array(stretch[at : at + size]) for at in range(0, len(stretch), size)]
    for at in chance.permutation(len(found)):
        yield found[at]
