"""The child process in which hostile bytes are read: feeds parsed, pages extracted, articles assembled.

`python -m flows.feeds.reader`. Requests come on standard input, answers go out on standard output, each as two 32-bit
lengths, a JSON head and a body. Memory, files and each job's CPU are limited by the kernel; time is the parent's to
watch. What is heavy to import is imported by the first job that needs it.
"""

import json
import os
import resource
import struct
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from flows.feeds.entry import Entry, Parsed
from schemas.errors import FeedUnreadable
from schemas.feed import Feed, Listing, Transport

FRAME = struct.Struct(">II")
MEMORY_BYTES = 1_500_000_000
"""Of address space, shared libraries included; what is resident is far less."""

CPU_S = 30
"""Of one job; ends a runaway whose parent is gone."""

SITEMAP_WITHIN = timedelta(days=7)
SITEMAP_AT_MOST = 1000
"""What of a sitemap is news: it may list a site's whole past."""


def main() -> None:
    """Answer until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # a library that prints must not speak into the answers
    os.dup2(2, 1)
    _confine()
    while (frame := requests.read(FRAME.size)) and len(frame) == FRAME.size:
        head_bytes, body_bytes = FRAME.unpack(frame)
        head: dict[str, Any] = json.loads(requests.read(head_bytes))
        body = requests.read(body_bytes)
        _allow_cpu()
        _write(answers, *_answer(head, body))


def _answer(head: dict[str, Any], body: bytes) -> tuple[str, bytes]:
    """What became of the job (`done`, `skipped`, `walled`, `unreadable`) and the value or the reason."""
    try:
        match head["job"]:
            case "feed":
                return "done", _feed(head, body)
            case "links":
                from flows.feeds.alternates import alternates

                return "done", json.dumps(alternates(body, head["content_type"], url=head["url"])).encode()
            case "articles":
                return "done", b"\n".join(_told(*_answer(one, b"")) for one in json.loads(body))
            case _:
                return _article(head, body)
    except FeedUnreadable as error:
        return "unreadable", error.reason.encode("utf-8", "replace")
    except MemoryError:
        return "unreadable", b"needs too much memory"
    except Exception as error:  # noqa: BLE001, whatever hostile bytes make a library raise is a reason, not an end
        return "unreadable", f"{type(error).__name__}: {error}"[:300].encode("utf-8", "replace")


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


def _write(answers: BinaryIO, outcome: str, body: bytes) -> None:
    head = outcome.encode()
    answers.write(FRAME.pack(len(head), len(body)) + head + body)
    answers.flush()


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def _allow_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_S, hard))


if __name__ == "__main__":
    main()
