"""How a model is trained: every number that matters, read from one TOML file."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import ConfigError
from schemas.taxonomy import Target

DATA = Path(__file__).parent / "data"
RECIPE = DATA / "recipe.toml"
PASSAGES = DATA / "passages"
LISTS = DATA / "lists"
PIECES = DATA / "pieces"
ARTICLES = DATA / "articles"
"""Whole pieces whose passages are trained on: `pieces/` has their labels, `passages/` those of each passage."""

VOCABULARY = DATA / "vocabulary.txt"
TARGETS = DATA / "targets.toml"


class Recipe(BaseModel):
    """The recipe; `data/recipe.toml` is the shipped model's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    version: str
    generation: int = Field(ge=1, lt=1000, description="grows with each model that is shipped")
    seed: int
    max_tokens: int = Field(ge=32, le=512)
    threads: int = Field(ge=1)
    batch: int = Field(ge=1, description="passages a step")
    head_epochs: int = Field(ge=0, description="with the encoder frozen")
    head_rate: float = Field(gt=0)
    epochs: int = Field(ge=0, description="with the encoder's upper layers")
    rate: float = Field(gt=0, description="of the encoder's top layer")
    layer_decay: float = Field(gt=0, le=1, description="rate of a layer against that of the one above")
    frozen_layers: int = Field(ge=0, description="lowest layers that stay as they are, with the embeddings")
    weight_decay: float = Field(ge=0)
    smoothing: float = Field(ge=0, lt=0.5)
    relevance_weight: float = Field(ge=0)
    topics_weight: float = Field(ge=0)
    stance_weight: float = Field(ge=0)
    side_weight: float = Field(ge=1, description="of an addressed target against an absent one")
    embedding_weight: float = Field(ge=0, description="keeps embeddings near the pretrained ones")
    average: float = Field(ge=0, lt=1, description="of the weights kept from step to step in the average that ships")
    disturbed: float = Field(ge=0, le=1, description="share of training passages that come in a disturbed copy too")
    open_weight: float = Field(ge=0, description="of the open stance head alone, on our targets described otherwise")
    auxiliary: int = Field(ge=0, description="rows of each auxiliary set, where there is one")
    auxiliary_epochs: int = Field(ge=0, description="over the auxiliary rows, before ours")
    replay: float = Field(ge=0, le=1, description="auxiliary batches for one of ours")
    calibration: int = Field(ge=1, description="training passages that fix the scales of activations")


def load(path: Path = RECIPE) -> Recipe:
    """Read a recipe. Raises ConfigError naming the field."""
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(str(path), str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(str(path), f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def targets(path: Path = TARGETS) -> dict[Target, list[str]]:
    """The descriptions of each target. Raises ConfigError when one has none."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        return {target: [str(text) for text in found[target.value]] for target in Target}
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigError(str(path), f"has no descriptions of every target: {error}") from None
