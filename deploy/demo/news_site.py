"""A news site on 127.0.0.1: six outlets with feeds and article pages, three pieces held back to be published live."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

from deploy.demo.loopback import serve
from deploy.demo.markup import Item, atom, page, rss
from deploy.demo.piece import Outlet, Piece, load_outlets, load_pieces


@dataclass
class Site:
    """What is published, and when; `base` is the site's URL once it serves."""

    outlets: dict[str, Outlet]
    pieces: Sequence[Piece]
    started: datetime
    base: str = ""
    live_since: dict[str, datetime] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def publish(self, piece: Piece) -> datetime:
        """Put a live piece on its outlet's feed now; gives the moment."""
        now = datetime.now(UTC)
        self.live_since[piece.slug] = now
        return now

    def url(self, piece: Piece) -> str:
        """The address of the piece's page."""
        return f"{self.base}/{piece.outlet}/{piece.slug}.html"

    def feed_url(self, outlet: str) -> str:
        """The address of the outlet's feed."""
        return f"{self.base}/{outlet}/feed.xml"

    def published_at(self, piece: Piece) -> datetime | None:
        """When the piece was published; None while it is held back."""
        if piece.live:
            return self.live_since.get(piece.slug)
        return self.started - timedelta(hours=piece.hours_ago)

    def items(self, outlet: str) -> list[Item]:
        """What the outlet has published, newest first."""
        mine = [(p, self.url(p), self.published_at(p)) for p in self.pieces if p.outlet == outlet]
        return sorted(((p, u, when) for p, u, when in mine if when is not None), key=lambda item: item[2], reverse=True)

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Content type and body of a path; None where there is nothing."""
        slug, _, name = path.strip("/").partition("/")
        outlet = self.outlets.get(slug)
        if outlet is None:
            return None
        items = self.items(slug)
        if name == "feed.xml":
            if outlet.format == "rss":
                return "application/rss+xml; charset=utf-8", rss(outlet, items)
            return "application/atom+xml; charset=utf-8", atom(outlet, items, self.base)
        for piece, url, when in items:
            if name == f"{piece.slug}.html":
                others = [(p.title, u) for p, u, _ in items if p is not piece][:4]
                return "text/html; charset=utf-8", page(outlet, piece, url, when, others).encode()
        return None


class _Handler(BaseHTTPRequestHandler):
    server_version = "demo"
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        self.site.requests.append(self.path)
        found = self.site.answer(self.path)
        if found is None:
            self.send_error(404)
            return
        kind, body = found
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.send_header("ETag", etag)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's signature
        """Requests are kept in `Site.requests`, not printed."""


@contextmanager
def serve_site(now: datetime | None = None) -> Iterator[Site]:
    """The site, serving on a free port of 127.0.0.1 until the block ends."""
    site = Site(load_outlets(), load_pieces(), now or datetime.now(UTC))
    handler = type("NewsSite", (_Handler,), {"site": site})
    with serve(handler) as site.base:
        yield site
