"""The pieces of the demonstration, as written in `pieces/`: front matter in TOML between +++ lines, then the body."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.taxonomy import Stance, Target, Topic

FOLDER = Path(__file__).parent / "pieces"


class Outlet(BaseModel):
    """A news outlet of the demonstration; none of them exists."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str
    name: str
    language: str
    country: str
    format: Literal["rss", "atom"]
    full_text: bool


class Piece(BaseModel):
    """One piece, with the labels that its writer gave it: what a monitor would want to be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str
    outlet: str
    language: str
    title: str
    summary: str
    section: str
    byline: str
    hours_ago: float
    live: bool
    relevant: bool
    topics: tuple[Topic, ...]
    stances: dict[Target, Stance]
    contested: bool
    body: str

    @property
    def paragraphs(self) -> list[str]:
        """The body's blocks, in order."""
        return [block.strip() for block in self.body.split("\n\n") if block.strip()]


def parse_piece(slug: str, text: str) -> Piece:
    """The piece that a file holds. Raises ValueError when its front matter or a field is wrong."""
    _, front, body = text.split("+++\n", 2)
    return Piece(slug=slug, body=body.strip(), **tomllib.loads(front))


@cache
def load_pieces() -> tuple[Piece, ...]:
    """All pieces, by file name."""
    return tuple(parse_piece(file.stem, file.read_text()) for file in sorted(FOLDER.glob("[0-9][0-9]-*.md")))


@cache
def load_outlets() -> dict[str, Outlet]:
    """All outlets, by slug."""
    rows = tomllib.loads((FOLDER / "outlets.toml").read_text())["outlets"]
    return {row["slug"]: Outlet(**row) for row in rows}
