"""What is to be told, in a reader's language, before any channel's own marks; pure.

The texts in it are raw, whoever wrote them: each channel's rendering makes them inert for where they are shown.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.alert import Severity
from schemas.taxonomy import Stance


class Language(StrEnum):
    """What a reader reads."""

    ENGLISH = "en"
    SPANISH = "es"


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Heading(_Block):
    """The title of what follows."""

    block: Literal["heading"] = "heading"
    text: str


class Paragraph(_Block):
    """A paragraph; a faint one is an aside."""

    block: Literal["paragraph"] = "paragraph"
    text: str
    faint: bool = False


class Quote(_Block):
    """A sentence of a piece, who said it, and the label that it carried; ⟦ and ⟧ enclose what a query found."""

    block: Literal["quote"] = "quote"
    text: str
    speaker: str | None = None
    stance: Stance | None = None
    note: str = ""


class Fact(_Block):
    """A label and its value."""

    label: str
    value: str


class Facts(_Block):
    """Labels and values, one a row."""

    block: Literal["facts"] = "facts"
    rows: tuple[Fact, ...]


class Bar(_Block):
    """One bar: `share` of the full width, and the figure as it is shown."""

    label: str
    share: float = Field(ge=0, le=1)
    shown: str
    stance: Stance | None = None


class Bars(_Block):
    """A small bar chart."""

    block: Literal["bars"] = "bars"
    title: str
    rows: tuple[Bar, ...]


class Balance(_Block):
    """How many took each side on one thing."""

    label: str
    favor: int = Field(ge=0)
    neutral: int = Field(ge=0)
    against: int = Field(ge=0)


class Balances(_Block):
    """Sides as stacked bars, one a row: this week and last week are two rows."""

    block: Literal["balances"] = "balances"
    title: str
    rows: tuple[Balance, ...]


class Item(_Block):
    """A piece or story to go to."""

    title: str
    url: str = ""
    detail: str = ""


class Items(_Block):
    """A list of them, which needs no title under a heading; `more` says how many were left out."""

    block: Literal["items"] = "items"
    title: str
    rows: tuple[Item, ...]
    more: str = ""


Block = Annotated[Heading | Paragraph | Quote | Facts | Bars | Balances | Items, Field(discriminator="block")]


class Message(BaseModel):
    """One message to one channel.

    `message_id` is the same on every try. `thread` is shared by all that is told of one thing, such as an alert and its
    updates. `feed` and `feed_name` name the collection it belongs to: a rule. `may_repeat` marks a message that its
    channel may have taken already, before a worker was killed. `data` is what a program gets (the webhook).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    message_id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,120}$")
    kind: str = Field(pattern=r"^[a-z]+\.[a-z]+$", description="alert.created, digest.created, ops.begun, …")
    language: Language = Language.ENGLISH
    severity: Severity | None = None
    label: str = Field(description="what it is: the rule's name, the digest's")
    title: str
    url: str = ""
    source: str = Field(default="", description="an outlet, and when it was published")
    blocks: tuple[Block, ...] = ()
    footer: str = ""
    at: AwareDatetime
    thread: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,120}$")
    feed: str = Field(default="vigia", pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    feed_name: str = ""
    may_repeat: bool = False
    data: dict[str, Any] = {}
