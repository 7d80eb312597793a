"""The backend `hub` on tiny models saved here, by torch: `uv run --extra hub pytest tests/hub`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consumers.classifier import hub
from consumers.classifier.backend import load
from consumers.classifier.reading import classify_articles
from schemas.article import Article
from schemas.errors import ConfigError
from schemas.identity import article_id, content_hash
from schemas.settings import ClassifySettings, HubSettings
from schemas.taxonomy import Stance, Target, Topic

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "tiny/model"
TITLE, TEXT = (
    "Deportation flights resume",
    "Officials said the flights carried people to San Salvador. Lawyers objected.",
)
NLI = {0: "entailment", 1: "neutral", 2: "contradiction"}
OWN = {0: "rights", 1: "deal_con", 2: "other"}
LABELS = {"rights": "topic:human_rights", "deal_con": "stance:deportation_deal:against", "other": "ignore"}
# fmt: off
WORDS = ("this", "text", "is", "about", "migration", "flights", "people", "the", "to", "san", "salvador", "lawyers")
# fmt: on


def saved(cache: Path, labels: dict[int, str], *, safe: bool = True) -> None:
    """A tiny BERT with random weights, as the hub's cache holds it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    torch.manual_seed(7)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words = [*special, *WORDS]
    made = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))  # noqa: S106
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    wrap: Any = PreTrainedTokenizerFast
    tokenizer = wrap(tokenizer_object=made, model_max_length=64, **names)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=64,
            id2label=labels,
            label2id={name: at for at, name in labels.items()},
        )
    )
    folder = cache / "models--tiny--model/snapshots" / COMMIT
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if not safe:
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")


def piece() -> Article:
    url = "https://news.example/a"
    return Article(
        article_id=article_id(url),
        url=url,
        link=url,
        feed="example",
        outlet="Example",
        title=TITLE,
        text=TEXT,
        language="en",
        published_at=datetime(2026, 11, 24, tzinfo=UTC),
        observed_at_ms=1,
        content_hash=content_hash(TITLE, TEXT),
    )


def settings(cache: Path, **hub: Any) -> ClassifySettings:
    own = HubSettings(name=NAME, commit=COMMIT, cache=cache, download=False, **hub)
    return ClassifySettings(backend="hub", hub=own, threads=1, targets_file=cache / "none.toml")


def test_a_zero_shot_model_gives_the_same_classification_as_ours(tmp_path: Path) -> None:
    saved(tmp_path, NLI)
    model = load(settings(tmp_path, threshold=0.3))
    (said,) = classify_articles([piece()], model=model, now_ms=1)
    assert said.unclassified is None
    assert said.read_whole
    assert said.model.id == f"{NAME}@{COMMIT[:12]}"
    assert said.passages[0].text == "Deportation flights resume"
    assert said.topics
    assert all(0 <= i < len(said.passages) for t in said.topics for i in t.evidence)
    assert not any(said.embedding)


def test_a_passage_gets_the_same_alone_and_in_company(tmp_path: Path) -> None:
    saved(tmp_path, NLI)
    model = load(settings(tmp_path, batch=3))
    passages = ["flights to san salvador .", "lawyers objected", "migration " * 20]
    together = model.score(passages)
    assert together.stance.shape == (3, len(Target), 4)
    for at, passage in enumerate(passages):
        alone = model.score([passage])
        np.testing.assert_allclose(alone.topics[0], together.topics[at], atol=1e-4)
        np.testing.assert_allclose(alone.stance[0], together.stance[at], atol=1e-4)


def test_a_fine_tuned_models_labels_are_ours_by_the_map(tmp_path: Path) -> None:
    saved(tmp_path, OWN)
    model = load(settings(tmp_path, kind="labels", labels=LABELS))
    said = model.score(["lawyers objected ."])
    rights = said.topics[0, list(Topic).index(Topic.HUMAN_RIGHTS)]
    against = said.stance[0, list(Target).index(Target.DEPORTATION_DEAL), 1 + list(Stance).index(Stance.AGAINST)]
    assert 0 < rights < 1
    assert 0 < against < 1
    assert said.relevance[0] == pytest.approx(max(rights, against), abs=1e-6)
    assert (said.topics > 0).sum() == 1


def test_labels_that_no_one_speaks_of_are_an_error(tmp_path: Path) -> None:
    saved(tmp_path, OWN)
    with pytest.raises(ConfigError, match="other"):
        load(settings(tmp_path, kind="labels", labels={k: v for k, v in LABELS.items() if k != "other"}))
    with pytest.raises(ConfigError, match="is no NLI model"):
        load(settings(tmp_path))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    saved(tmp_path, NLI, safe=False)
    with pytest.raises(ConfigError, match="safetensors"):
        load(settings(tmp_path))


def test_weights_that_arent_the_configs_are_an_error_not_a_random_head(tmp_path: Path) -> None:
    saved(tmp_path, NLI)
    folder = hub.snapshot(HubSettings(name=NAME, commit=COMMIT, cache=tmp_path, download=False))
    (folder / "config.json").unlink()
    with pytest.raises(ConfigError, match="can't be loaded"):
        load(settings(tmp_path))
