"""model.toml: which model this is, in which order its labels come, and the SHA-256 of each of its files."""

import hashlib
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from consumers.classifier.decide import STANCE_ORDER, Thresholds
from schemas.classification import ModelRef
from schemas.errors import ModelFileError
from schemas.taxonomy import Target, Topic

NAME = "model.toml"
FILES = ("model.xml", "model.bin", "tokenizer.json", "pieces.json")
SHIPPED = Path(__file__).parent / "shipped"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelOrder(_Part):
    """The order of the labels on the outputs' axes; must be the taxonomy's."""

    topics: tuple[Topic, ...]
    targets: tuple[Target, ...]
    stances: tuple[str, ...]

    @model_validator(mode="after")
    def _is_the_taxonomys(self) -> "LabelOrder":
        if (self.topics, self.targets, self.stances) != (tuple(Topic), tuple(Target), STANCE_ORDER):
            raise ValueError("the labels are not the taxonomy's, in its order")
        return self


class Temperature(_Part):
    """What logits are divided by, head by head."""

    relevance: float = Field(gt=0)
    topics: float = Field(gt=0)
    stance: float = Field(gt=0)


class Threshold(_Part):
    """From which probability a label holds."""

    relevance: float = Field(ge=0, le=1)
    topics: float = Field(ge=0, le=1)
    addressed: float = Field(ge=0, le=1)
    gate: float = Field(ge=0, le=1)


class Manifest(_Part):
    """The content of model.toml."""

    id: str
    version: str
    generation: int = Field(ge=0, lt=1000)
    encoder: str
    max_tokens: int = Field(ge=32, le=512)
    languages: tuple[Literal["en", "es"], ...]
    passages_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the labelled passages it was trained on")
    labels: LabelOrder
    temperature: Temperature
    threshold: Threshold
    sha256: dict[str, str]

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds as the pure functions take them."""
        return Thresholds(**self.threshold.model_dump())

    def toml(self) -> str:
        """The manifest as TOML."""
        flat = {k: v for k, v in self.model_dump(mode="json").items() if not isinstance(v, dict)}
        nested = {k: v for k, v in self.model_dump(mode="json").items() if isinstance(v, dict)}
        lines = [f"{key} = {_value(value)}" for key, value in flat.items()]
        for name, items in nested.items():
            lines += ["", f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in items.items())]
        return "\n".join(lines) + "\n"


def load(folder: Path) -> tuple[Manifest, ModelRef]:
    """Read a model's manifest and its reference, whose SHA-256 is that of model.toml (which holds the other files').

    Raises ModelFileError when it is missing, malformed or speaks of other labels than the taxonomy.
    """
    path = folder / NAME
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(path, error.strerror or str(error)) from None
    try:
        manifest = Manifest.model_validate(tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelFileError(path, f"is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ModelFileError(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    sha256 = hashlib.sha256(content).hexdigest()
    return manifest, ModelRef(id=f"{manifest.id}-{manifest.version}", generation=manifest.generation, sha256=sha256)


def checked(folder: Path, name: str, manifest: Manifest) -> bytes:
    """The bytes of one of the model's files. Raises ModelFileError when they are not those of the manifest."""
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelFileError(path, error.strerror or str(error)) from None
    seen = hashlib.sha256(content).hexdigest()
    if seen != manifest.sha256.get(name):
        raise ModelFileError(path, f"its SHA-256 is {seen}, not the one in {NAME}: reinstall Vigía or train again")
    return content


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else f'"{name}"'


def _value(value: object) -> str:
    match value:
        case str():
            return f'"{value}"'
        case list():
            return "[" + ", ".join(_value(item) for item in value) + "]"
        case _:
            return str(value)
