"""What a feed's bytes become: entries in plain text, and those that could not be read; values only."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.identity import digest
from schemas.watch import Hub


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(_Value):
    """One entry, its markup turned into text; `link` is absolute, but nothing more is known of it."""

    id: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    author: str | None = None
    section: str | None = None
    image: str | None = None
    outlet: str | None = Field(default=None, description="whose piece it is, where a feed carries others' pieces")
    published: AwareDatetime | None = None
    updated: AwareDatetime | None = None
    mark: str = Field(default="", description="of its very bytes in the feed; empty when these can't be told")
    date_guessed: bool = Field(default=False, description="its dates may be read otherwise, or tell of a change only")

    @property
    def fingerprint(self) -> str:
        """Equal as long as the feed says the same of the piece."""
        moments = (str(moment or "") for moment in (self.published, self.updated))
        return digest("entry", self.title, self.summary, self.content, *moments)


class Broken(_Value):
    """An entry that could not be read, and why."""

    position: int = Field(ge=0)
    reason: str


class Parsed(_Value):
    """A feed as read; `dropped` counts entries over the limit, `more` are URLs of a sitemap's parts, newest first.

    `older` is the URL of the feed's document before this one (RFC 5005). `same` are the
    marks of entries that were known, and left unread.
    """

    title: str = ""
    language: str | None = None
    ttl_s: float | None = Field(default=None, ge=0)
    update_s: float | None = Field(default=None, gt=0)
    hub: Hub | None = None
    entries: tuple[Entry, ...] = ()
    broken: tuple[Broken, ...] = ()
    dropped: int = Field(default=0, ge=0)
    more: tuple[str, ...] = ()
    changed: tuple[AwareDatetime | None, ...] = Field(default=(), description="when each of `more` last was, if told")
    older: str | None = None
    same: tuple[str, ...] = ()
