"""What training starts from: an encoder with its tokenizer, the packaged one or any of BERT's layout (torch)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from consumers.classifier.decide import STANCE_ORDER
from consumers.classifier.training import pretrained, vocabulary
from consumers.classifier.training.auxiliary import Aside
from consumers.classifier.training.recipe import VOCABULARY
from consumers.classifier.training.tune import AsideSet, in_order
from schemas.errors import ModelFileError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PACKAGED = "multilingual-e5-small"
Ids = Callable[[Sequence[str]], list[list[int]]]


@dataclass(frozen=True)
class Foundation:
    """An encoder and the tokenizer of its vocabulary."""

    name: str
    encoder: Any
    tokenizer: "Tokenizer"


def load(base: str | None = None) -> Foundation:
    """The packaged encoder with its vocabulary cut, or the Hugging Face encoder `base` as it is.

    Raises ModelFileError when it isn't there, has no fast tokenizer, or isn't laid out as BERT is.
    """
    if base is None:
        source = pretrained.read(pretrained.locate())
        keep = vocabulary.read(VOCABULARY)
        return Foundation(PACKAGED, pretrained.encoder(source, keep), pretrained.tokenizer(source, keep))
    from transformers import AutoModel, AutoTokenizer

    try:
        encoder = AutoModel.from_pretrained(base, attn_implementation="eager", trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False).backend_tokenizer
    except (OSError, ValueError, AttributeError) as error:
        raise ModelFileError(Path(base), f"can't be loaded as an encoder: {error}") from error
    if not hasattr(getattr(encoder, "encoder", None), "layer") or not hasattr(encoder, "embeddings"):
        raise ModelFileError(Path(base), "isn't laid out as BERT is (embeddings, encoder.layer)")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return Foundation(base, encoder, tokenizer)


def embed(start: Foundation, rows: Sequence[Sequence[int]]) -> Any:
    """The pretrained embeddings (n, hidden) of texts by their token ids: means over tokens, of length 1."""
    start.encoder.eval()

    def pooled(ids: Any, mask: Any, _: list[int]) -> list[Any]:
        states = start.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1).float()
        return [functional.normalize((states * weight).sum(1) / weight.sum(1), dim=-1)]

    return torch.from_numpy(in_order(rows, pooled)[0])


def asides(start: Foundation, rows: Sequence[Aside], ids: Ids) -> AsideSet:
    """Auxiliary rows as the network takes them."""
    names = sorted({row.target for row in rows})
    place = {name: at for at, name in enumerate(names)}
    targets = embed(start, ids(names))[[place[row.target] for row in rows]]
    kinds = {group: at for at, group in enumerate(sorted({row.group for row in rows}))}
    groups = np.array([kinds[row.group] for row in rows])
    stances = np.array([STANCE_ORDER.index(row.stance) for row in rows])
    return AsideSet(ids([row.text for row in rows]), targets, groups, stances)
