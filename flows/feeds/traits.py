"""What a source's pieces look like, and what of that has changed: a page whose text has moved raises no error; pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, exp, lgamma
from statistics import median

from schemas.watch import Looks

RECENT = 20
FEWEST_RECENT = 3
FEWEST_BEFORE = 8
"""Pieces needed on either side before a change is spoken of."""

SHRUNK = 0.3
SHIFT = 0.5
"""Shares of the earlier length under which texts are called shorter, and by which a share must change."""

SHORT_CHARS = 300
"""Earlier texts this short are headlines and leads, whose length says nothing."""

RECENT_VERDICTS = 30
UNLIKELY = 1e-4
"""Pieces that are compared with those before, as many at least, and the chance under which one speaks of a change."""


@dataclass(frozen=True)
class Trait:
    """What one piece looked like when it was read; `at` is the second of its poll, equal for a batch."""

    chars: int
    dated: bool
    language: str
    at: float = 0.0


def looks(before: Looks, traits: Sequence[Trait], verdicts: Sequence[bool] = ()) -> Looks:
    """The source's looks from its pieces' traits, oldest first; overlap and losses stay as they were.

    `verdicts` say of earlier pieces, oldest first, whether the classifier found them on the beat.

    Judged are the last two polls that brought pieces (three pieces at least) against those before.
    """
    polls = sorted({trait.at for trait in traits})
    since = polls[-2] if len(polls) > 1 else None
    count = max(FEWEST_RECENT, sum(since is not None and trait.at >= since for trait in traits))
    recent, earlier = traits[-count:], traits[:-count]
    shown = traits[-RECENT:]
    return before.model_copy(
        update={
            "chars": int(median(trait.chars for trait in shown)) if shown else None,
            "undated": _undated(shown) if shown else None,
            "languages": _languages(shown),
            "relevant": round(sum(verdicts) / len(verdicts), 3) if verdicts else None,
            "drift": (*drift(earlier[-4 * RECENT :], recent), *relevance_drift(verdicts)),
        }
    )


def drift(before: Sequence[Trait], now: Sequence[Trait]) -> tuple[str, ...]:
    """What has changed from earlier pieces to recent ones, each as a sentence; none when there are too few."""
    if len(before) < FEWEST_BEFORE or len(now) < FEWEST_RECENT:
        return ()
    found = []
    long_before, long_now = median(t.chars for t in before), median(t.chars for t in now)
    if long_before >= SHORT_CHARS and long_now < SHRUNK * long_before:
        found.append(f"texts are {long_now:.0f} characters long, not {long_before:.0f}: has the layout changed?")
    undated_before, undated_now = _undated(before), _undated(now)
    if undated_now - undated_before > SHIFT:
        found.append(f"{undated_now:.0%} of the pieces have no date, not {undated_before:.0%}")
    usual = max(_languages(before).items(), key=lambda item: item[1])
    share = _languages(now).get(usual[0], 0.0)
    if usual[1] - share > SHIFT:
        found.append(f"{share:.0%} of the pieces are in {usual[0]}, not {usual[1]:.0%}")
    return tuple(found)


def relevance_drift(verdicts: Sequence[bool]) -> tuple[str, ...]:
    """Whether the last pieces are on the beat as seldom or as often as no chance explains, by those before.

    That many or fewer (or more) of them, given the earlier ones, under a beta-binomial with Jeffreys' prior.
    """
    before, now = verdicts[:-RECENT_VERDICTS], verdicts[-RECENT_VERDICTS:]
    if len(before) < RECENT_VERDICTS:
        return ()
    was, share = sum(before) / len(before), sum(now) / len(now)
    chances = _chances(len(now), sum(before) + 0.5, len(before) - sum(before) + 0.5)
    fewer, more = sum(chances[: sum(now) + 1]), sum(chances[sum(now) :])
    if fewer < UNLIKELY or (more < UNLIKELY and share - was > SHIFT):
        return (f"{share:.0%} of the pieces are on the beat, not {was:.0%}: has the source or the classifier changed?",)
    return ()


def _chances(count: int, a: float, b: float) -> list[float]:
    """How likely each number of hits among `count` is when the rate is Beta(a, b)."""

    def log_beta(x: float, y: float) -> float:
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    return [comb(count, k) * exp(log_beta(k + a, count - k + b) - log_beta(a, b)) for k in range(count + 1)]


def _undated(traits: Sequence[Trait]) -> float:
    return sum(not trait.dated for trait in traits) / len(traits)


def _languages(traits: Sequence[Trait]) -> dict[str, float]:
    counts = Counter(trait.language for trait in traits)
    return {language: round(count / len(traits), 3) for language, count in counts.most_common(5)}
