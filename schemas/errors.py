"""The errors of Vigía: each says what failed, for which item, and what to do.

VigiaError
    ConfigError              a setting, feeds.toml or rules.toml is wrong: exit 2
    WireError                a message that does not decode: dead-lettered
    Unavailable              a sink or the broker is away: tried again
    FeedError                carries feed and url
        FetchRefused         the address guard or a limit said no: never retried
        FetchFailed          network trouble, 5xx, 429: retried, after `after` seconds when told
        FeedUnreadable       not a feed: kept with its first bytes, shown by `vigia feeds health`
        PageWalled           a page that asks for something first: consent, a password, a proof of being human
    ModelFileError           the model's files are not those that were shipped
    DeliveryRefused          a channel will never take this alert: dead-lettered
    StackError               a part of the embedded stack; carries the part and its log file
"""

from pathlib import Path


class VigiaError(Exception):
    """What failed and what to do about it."""


class ConfigError(VigiaError):
    """A setting or a file of the user's is wrong; the message names the file, the field and the remedy."""

    def __init__(self, where: str, reason: str, *, remedy: str | None = None) -> None:
        self.where, self.reason, self.remedy = where, reason, remedy
        super().__init__(f"{where}: {reason}" + (f". {remedy}" if remedy else ""))


class WireError(VigiaError):
    """A message that does not decode as what its stream carries."""

    def __init__(self, stream: str, field: str, reason: str) -> None:
        self.stream, self.field, self.reason = stream, field, reason
        super().__init__(f"{stream}: {field}: {reason}")


class Unavailable(VigiaError):
    """A sink or the broker does not answer, or refuses our credentials; nothing is wrong with the item.

    Worth another try, `after` seconds from now when it said so. `unsure`: it may have taken what it was given, as the
    answer alone was lost.
    """

    def __init__(self, sink: str, reason: str, *, after: float | None = None, unsure: bool = False) -> None:
        self.sink, self.reason, self.after, self.unsure = sink, reason, after, unsure
        super().__init__(f"{sink} is unavailable: {reason}")


class FeedError(VigiaError):
    """Something about one feed."""

    def __init__(self, feed: str, url: str, reason: str) -> None:
        self.feed, self.url, self.reason = feed, url, reason
        super().__init__(f"{feed}: {reason} ({url})")


class FetchRefused(FeedError):
    """The address guard or a limit said no; asking again would not help."""


class FetchFailed(FeedError):
    """The network or the server failed; worth another try, `after` seconds from now when the server said so.

    `status` is the answer's, when there was one.
    """

    def __init__(
        self, feed: str, url: str, reason: str, *, after: float | None = None, status: int | None = None
    ) -> None:
        self.after, self.status = after, status
        super().__init__(feed, url, reason)


class FeedUnreadable(FeedError):
    """The body is not a feed; `excerpt` holds its first bytes (64 kB at most)."""

    def __init__(self, feed: str, url: str, reason: str, *, excerpt: bytes = b"") -> None:
        self.excerpt = excerpt[:65536]
        super().__init__(feed, url, reason)


class PageWalled(FeedError):
    """The page is none: it asks for consent, a password or a proof that a human reads it."""


class ModelFileError(VigiaError):
    """A file of the model is missing or differs from the SHA-256 in model.toml."""

    def __init__(self, file: Path, reason: str) -> None:
        self.file, self.reason = file, reason
        super().__init__(f"{file}: {reason}")


class DeliveryRefused(VigiaError):
    """A channel will never take this alert: a wrong address, a revoked token, a refused network."""

    def __init__(self, channel: str, reason: str) -> None:
        self.channel, self.reason = channel, reason
        super().__init__(f"channel {channel}: {reason}")


class StackError(VigiaError):
    """A part of the embedded stack failed; `log` is the file to read."""

    def __init__(self, part: str, reason: str, log: Path | None = None) -> None:
        self.part, self.reason, self.log = part, reason, log
        super().__init__(f"{part}: {reason}" + (f" (log: {log})" if log else ""))
