"""What a source says of time and of hubs: HTTP caching, syndication modules, WebSub links; pure.

HTTP caching: RFC 9111; Link headers: RFC 8288; `sy:`: the RDF Site Summary 1.0 Syndication module; hubs: W3C WebSub.
"""

import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

from schemas.watch import Hub

PERIODS_S = {"hourly": 3600.0, "daily": 86_400.0, "weekly": 7 * 86_400.0, "monthly": 30 * 86_400.0}
PERIODS_S["yearly"] = 365 * 86_400.0

LINK = re.compile(r"<([^<>]{1,4096})>((?:\s*;\s*[\w*-]{1,40}\s*=\s*(?:\"[^\"]{0,500}\"|[^\s;,\"]{1,200}))*)")
REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)

MAX_LINKS = 50


def freshness_s(headers: Mapping[str, str]) -> float | None:
    """For how many seconds more the answer counts as fresh; None when its headers don't say, or say not to keep it.

    `max-age`, else the time from `Date` to `Expires`; less the `Age` that it had already.
    """
    control = headers.get("cache-control", "").lower()
    if re.search(r"\bno-(?:cache|store)\b", control):
        return None
    found = re.search(r"(?<![\w-])max-age\s*=\s*\"?(\d{1,9})", control)
    lasts = float(found[1]) if found else _until_expired(headers)
    age = headers.get("age", "").strip()
    return None if lasts is None else max(0.0, lasts - (float(age[:9]) if age.isdecimal() else 0.0))


def _until_expired(headers: Mapping[str, str]) -> float | None:
    try:
        span = parsedate_to_datetime(headers["expires"]) - parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return span.total_seconds() if span.total_seconds() > 0 else None


def update_s(period: str, frequency: str) -> float | None:
    """Seconds between two updates by `sy:updatePeriod` and `sy:updateFrequency`; None when the period is none.

    A frequency that is missing, or no whole number above nought, is one.
    """
    period_s = PERIODS_S.get(period.strip().lower())
    times = frequency.strip()
    return None if period_s is None else period_s / (max(1, int(times[:6])) if times.isdecimal() else 1)


def hub_of(headers: Iterable[str], *, base: str) -> Hub | None:
    """The hub that `Link` headers name, for the topic that they name as `self`, else for the URL `base`."""
    return hub_among(((rel, url) for value in headers for rel, url in _links(value)), base=base)


def hub_among(links: Iterable[tuple[str, Any]], *, base: str) -> Hub | None:
    """The first hub among pairs of a link's relation and its URL; the topic is what is `self`, else `base`."""
    found: dict[str, str] = {}
    for rel, target in links:
        if rel in {"hub", "self"} and isinstance(target, str):
            try:
                url = urljoin(base, target.strip())
            except ValueError:
                continue
            if url.startswith(("http://", "https://")) and len(url) <= 2048:
                found.setdefault(rel, url)
    hub = found.get("hub")
    return None if hub is None else Hub(url=hub, topic=found.get("self", base)[:4096])


def _links(value: str) -> Iterable[tuple[str, str]]:
    for number, (target, parameters) in enumerate(LINK.findall(value[:20_000])):
        rel = REL.search(parameters)
        if rel is None or number >= MAX_LINKS:
            continue
        for one in (rel[1] or rel[2]).lower().split():
            yield one, target
