"""The shipped model itself."""

import os
import subprocess
import sys

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumers.classifier.model import Model
from schemas.taxonomy import Target, Topic

TEXTS = [
    "A charter flight landed in San Salvador with 118 Salvadorans deported from the United States.",
    "La selección nacional de fútbol ganó dos a cero en el estadio Cuscatlán.",
    "“This is a cruel and unlawful policy,” said a lawyer for the men sent from Texas to the CECOT prison.",
    "El presidente recibió al secretario de Estado para hablar de migración y de ayuda económica.",
    "Bitcoin fell.",
    "U.S. aid to El Salvador has kept families at home, a report found, because jobs and schools came with it. " * 3,
]


def test_probabilities_have_the_shape_and_the_range_they_promise(model: Model) -> None:
    scores = model.score(TEXTS)
    n = len(TEXTS)
    assert scores.relevance.shape == (n,)
    assert scores.topics.shape == (n, len(Topic))
    assert scores.stance.shape == (n, len(Target), 4)
    assert scores.embedding.shape == (n, 384)
    for part in (scores.relevance, scores.topics, scores.stance):
        assert part.dtype == np.float32
        assert ((part >= 0) & (part <= 1)).all()
    assert np.allclose(scores.stance.sum(-1), 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(scores.embedding, axis=1), 1, atol=1e-4)
    assert not scores.cut.any()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(len(TEXTS))))
def test_a_passage_gets_the_same_in_any_company(model: Model, order: list[int]) -> None:
    alone = [model.score([TEXTS[i]]) for i in order]
    together = model.score([TEXTS[i] for i in order])
    for row, one in enumerate(alone):
        assert abs(one.relevance[0] - together.relevance[row]) < 1e-4
        assert np.abs(one.topics[0] - together.topics[row]).max() < 1e-4
        assert np.abs(one.stance[0] - together.stance[row]).max() < 1e-4
        assert np.abs(one.embedding[0] - together.embedding[row]).max() < 1e-4


def test_a_long_passage_is_cut_and_says_so(model: Model) -> None:
    scores = model.score(["deportation " * 600, "deportation"])
    assert scores.cut.tolist() == [True, False]


def test_hidden_characters_change_nothing(model: Model) -> None:
    plain = model.score([TEXTS[0]])
    hidden = model.score(["\u200b".join(TEXTS[0]) + "\u202e"])
    assert np.array_equal(plain.relevance, hidden.relevance)
    assert np.array_equal(plain.topics, hidden.topics)


def test_no_text_is_too_strange(model: Model) -> None:
    scores = model.score(["", " ", "\u200b", "移民" * 300, "😀", "\ud800", "a" * 100_000])
    assert np.isfinite(scores.relevance).all()


def test_nothing_in_nothing_out(model: Model) -> None:
    assert len(model.score([])) == 0


def test_the_beat_is_told_from_its_neighbours(model: Model) -> None:
    scores = model.score(TEXTS)
    threshold = model.manifest.threshold.relevance
    assert (scores.relevance >= threshold).tolist()[:5] == [True, False, True, True, False]
    assert scores.topics[0, list(Topic).index(Topic.DEPORTATION_RETURNS)] >= model.manifest.threshold.topics


def test_a_translation_lies_nearer_than_another_subject(model: Model) -> None:
    said = model.score(
        [
            "The two governments agreed to share criminal records of migrants.",
            "Los dos gobiernos acordaron compartir antecedentes penales de los migrantes.",
            "La selección nacional de fútbol ganó dos a cero.",
        ]
    ).embedding
    assert said[0] @ said[1] > said[0] @ said[2]


def test_the_model_runs_without_torch_and_within_its_memory() -> None:
    # a limit on the address space would count mappings that are never touched: the resident peak is what a worker costs
    program = (
        "import re, sys, pathlib\n"
        "sys.modules['torch'] = None\n"
        "from consumers.classifier.model import load\n"
        "from schemas.settings import ClassifySettings\n"
        "model = load(ClassifySettings(threads=2))\n"
        "model.score(['Officials said that the flight carried people deported from the United States. ' * 5] * 200)\n"
        # not ru_maxrss, which a child inherits from the process that started it
        "print(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert int(run.stdout.split()[-1]) < 700_000
