"""What the classifier says of one reading: relevance, topics and stances, each with the passages that carried it."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.article import Article
from schemas.identity import version
from schemas.taxonomy import Stance, Target, Topic


class Part(StrEnum):
    """Where in the piece a passage stands."""

    TITLE = "title"
    TEXT = "text"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Passage(_Frozen):
    """One to three consecutive sentences; `text` is exactly the piece's title or text from `start` to `end`."""

    part: Part
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    text: str
    relevance: float = Field(ge=0, le=1)


class TopicScore(_Frozen):
    """A topic that holds, its probability, and the passages (indexes into `passages`, strongest first)."""

    topic: Topic
    score: float = Field(ge=0, le=1)
    evidence: tuple[int, ...] = ()


class Voice(_Frozen):
    """Who is quoted, saying what, and the side it takes.

    `quote` is exactly the piece's title or text (`part`) from `start` to `end`, and begins in the passage with that
    index; voices of older models have no offsets. One speaker has one name throughout a piece: the fullest one it
    gives, or, when `named` is false, what the piece calls them ("a mother in Soyapango", "she"). `title` is the office
    or description told with the name; `entity` the id of the speaker in `entities`, where it has one. `direct`: in
    quotation marks.
    """

    speaker: str = Field(max_length=300)
    quote: str
    passage: int = Field(ge=0)
    target: Target | None = None
    stance: Stance | None = None
    part: Part = Part.TEXT
    start: int | None = Field(default=None, ge=0)
    end: int | None = Field(default=None, ge=0)
    title: str | None = Field(default=None, max_length=300)
    entity: str | None = None
    named: bool = True
    direct: bool = True


class EntityKind(StrEnum):
    """What a named entity is."""

    PERSON = "person"
    PRISON = "prison"
    AGENCY = "agency"
    LAW = "law"
    COURT = "court"
    AGREEMENT = "agreement"
    PLACE = "place"
    ORGANISATION = "organisation"
    OTHER = "other"


class Mention(_Frozen):
    """Where an entity is named: the piece's title or text (`part`) from `start` to `end`."""

    part: Part
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Entity(_Frozen):
    """Someone or something that the piece names: of the gazetteer, or (`other`) learned because its name recurs.

    `id` is the same in every piece and language; a learned one's begins with "other:". `wikidata` where it is certain.
    """

    id: str = Field(max_length=120)
    kind: EntityKind
    name: str = Field(max_length=300)
    mentions: tuple[Mention, ...]
    wikidata: str | None = None


class TargetStance(_Frozen):
    """The side the piece takes on a target that it addresses.

    `score` runs from -1 (against) to 1 (favor); `confidence` from 0 to 1; `contested` when strong passages stand on
    both sides; `evidence` are indexes into `passages`, strongest first.
    """

    target: Target
    stance: Stance
    score: float = Field(ge=-1, le=1)
    confidence: float = Field(ge=0, le=1)
    contested: bool = False
    evidence: tuple[int, ...] = ()


class ZeroShotStance(_Frozen):
    """The side the piece seems to take on a target that a user described in words and no model was trained on.

    Never one of `Target`. `score` runs from -1 (against) to 1 (favor); `confidence` is not calibrated; `evidence` are
    indexes into `passages`, strongest first.
    """

    target: str = Field(max_length=60)
    stance: Stance
    score: float = Field(ge=-1, le=1)
    confidence: float = Field(ge=0, le=1)
    evidence: tuple[int, ...] = ()


class ModelRef(_Frozen):
    """Which model spoke; `generation` grows with each promoted model and takes part in the document's version."""

    id: str
    generation: int = Field(ge=0, lt=1000)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Unclassified(StrEnum):
    """Why a piece has no labels."""

    EMPTY = "empty"
    LANGUAGE = "language"
    BOILERPLATE = "boilerplate"


class Classification(_Frozen):
    """An article and what the classifier says of it."""

    schema_version: Literal[1] = 1
    article: Article
    beat: str = "us-sv"
    model: ModelRef
    relevance: float = Field(ge=0, le=1)
    relevant: bool
    topics: tuple[TopicScore, ...] = ()
    stances: tuple[TargetStance, ...] = ()
    zero_shot: tuple[ZeroShotStance, ...] = Field(default=(), description="on targets described in words")
    voices: tuple[Voice, ...] = ()
    entities: tuple[Entity, ...] = Field(default=(), description="most often named first")
    passages: tuple[Passage, ...] = ()
    embedding: tuple[float, ...] = Field(
        default=(), max_length=4096, description="of the piece, of length 1: near ones are alike in any language"
    )
    read_whole: bool = Field(default=True, description="false when the gate stopped after headline and lead")
    unclassified: Unclassified | None = None
    classified_at_ms: int = Field(ge=0)

    @property
    def article_id(self) -> str:
        """The piece's identity."""
        return self.article.article_id

    @property
    def version(self) -> int:
        """The document's external version: a later reading wins, then a later model."""
        return version(self.article.observed_at_ms, self.model.generation)


class Indexed(_Frozen):
    """A document that now stands in the index; what the alert worker runs the rules over."""

    schema_version: Literal[1] = 1
    article_id: str
    version: int
    beat: str = "us-sv"
    story_id: str
    index: str
