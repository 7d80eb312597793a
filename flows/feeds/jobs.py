"""What a reader process is asked to do with hostile bytes: parse a feed, find a page's feeds, make an article; pure.

A job is a head of JSON and a body; its answer says what became of it (`done`, `skipped`, `walled`, `unreadable`) and
gives the value or the reason. What is heavy to import is imported by the first job that needs it.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.feeds.budget import OutOfTime
from flows.feeds.entry import Entry, Parsed
from schemas.errors import FeedUnreadable
from schemas.feed import Feed, Listing, Transport

SITEMAP_WITHIN = timedelta(days=7)
SITEMAP_AT_MOST = 1000
"""What of a sitemap is news: it may list a site's whole past."""


def prepare(head: dict[str, Any]) -> None:
    """Load what the job needs: that costs once, and is no cost of the job's."""
    match head["job"]:
        case "feed":
            from flows.feeds import listing, parse, sitemap  # noqa: F401
        case "links":
            from flows.feeds import alternates  # noqa: F401
        case _:
            from flows.feeds import assemble, extract  # noqa: F401
            from flows.feeds.language import identify

            identify("the language model is loaded by its first text")


def answer(head: dict[str, Any], body: bytes) -> tuple[str, bytes]:
    """Do the job. Raises nothing: whatever hostile bytes make a library raise is a reason."""
    try:
        match head["job"]:
            case "feed":
                return "done", _feed(head, body)
            case "links":
                from flows.feeds.alternates import alternates

                return "done", json.dumps(alternates(body, head["content_type"], url=head["url"])).encode()
            case "articles":
                return "done", b"\n".join(_told(*answer(one, b"")) for one in json.loads(body))
            case _:
                return _article(head, body)
    except FeedUnreadable as error:
        return "unreadable", error.reason.encode("utf-8", "replace")
    except MemoryError:
        return "unreadable", b"needs too much memory"
    except OutOfTime:
        # one of several that have their time together: they are given up together
        if head["cpu_s"] is None:
            raise
        return "unreadable", out_of_time(head).encode()
    except Exception as error:  # noqa: BLE001, a reason, not an end
        return "unreadable", f"{type(error).__name__}: {error}"[:300].encode("utf-8", "replace")


def out_of_time(head: dict[str, Any]) -> str:
    """What is said of a job that used up its CPU time."""
    return f"took over {head['cpu_s']:g} s of CPU to read"


def _feed(head: dict[str, Any], body: bytes) -> bytes:
    return _parsed(body, head).model_dump_json().encode()


def _parsed(body: bytes, head: dict[str, Any]) -> Parsed:
    feed, base, content_type = head["feed"], head["base"], head["content_type"]
    match Transport(head["transport"]):
        case Transport.NEWS_SITEMAP:
            from flows.feeds.sitemap import parse_sitemap, recent

            found = parse_sitemap(body, feed=feed, base=base)
            if head["whole"]:
                return found
            return recent(found, now=datetime.now(UTC), within=SITEMAP_WITHIN, at_most=SITEMAP_AT_MOST)
        case Transport.LISTING:
            from flows.feeds.listing import parse_listing

            listing = Listing.model_validate(head["listing"])
            return parse_listing(body, content_type, listing, feed=feed, base=base, day_first=head["day_first"])
        case Transport.FEED | Transport.QUERY:
            from flows.feeds.parse import parse

            return parse(body, content_type, feed=feed, base=base, known=frozenset(head["known"]))


def _article(head: dict[str, Any], body: bytes) -> tuple[str, bytes]:
    from flows.feeds.assemble import Skipped, assemble
    from flows.feeds.extract import extract

    page_url = head["page_url"]
    entry = Entry.model_validate_json(json.dumps(head["entry"]))
    page = extract(body, head["content_type"], url=page_url, link=entry.link) if page_url else None
    if page is not None and page.wall is not None:
        return "walled", page.wall.encode()
    made = assemble(
        Feed.model_validate(head["feed"]),
        entry,
        page,
        page_url=page_url,
        feed_language=head["language"],
        observed_at_ms=head["observed_at_ms"],
        link=head["link"],
        unresolved=head["unresolved"],
    )
    if isinstance(made, Skipped):
        return "skipped", made.reason.encode("utf-8", "replace")
    return "done", made.model_dump_json().encode()


def _told(outcome: str, body: bytes) -> bytes:
    """One line of an answer to several jobs: JSON has no line break of its own."""
    return outcome.encode() + b" " + body.replace(b"\n", b" ")
