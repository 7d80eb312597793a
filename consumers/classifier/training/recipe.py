"""How a model is trained: every number that matters, read from one TOML file."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import ConfigError

DATA = Path(__file__).parent / "data"
RECIPE = DATA / "recipe.toml"
PASSAGES = DATA / "passages"
LISTS = DATA / "lists"
PIECES = DATA / "pieces"
VOCABULARY = DATA / "vocabulary.txt"


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
