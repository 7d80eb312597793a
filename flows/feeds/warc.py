"""Pages that a crawler kept, in WARC files (ISO 28500), packed by gzip or not: the only caller of warcio.

Such a file is as hostile as the sites in it. It is unpacked in small steps; lines, heads, pages and the whole have
bounds; a record that is wrong is passed over with its reason, and the next one read.
"""

import gzip
import io
import os
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from warcio.bufferedreaders import ChunkedDataReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeadersParser, StatusAndHeadersParserException

from flows.feeds import dates
from flows.feeds.canonical import canonical, same_site
from flows.feeds.entry import Entry
from flows.feeds.fetch import Page, shown
from flows.feeds.find import Find, Passed, Piece, Why
from flows.feeds.landing import is_front
from flows.feeds.limits import Damaged, LimitExceeded, Limits, read
from schemas.errors import ConfigError
from schemas.feed import Feed

STEP = 65_536
MAX_LINE = 65_536
MAX_HEAD = 262_144
GROWTH = 100
"""A file may grow by so much when it is unpacked; gzip's worst is 1,032, pages come to about ten."""

SMALL_BYTES = 64_000_000
"""Any file may grow to this."""

HTTP = ("HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3")
SUFFIXES = (".warc", ".warc.gz")
AHEAD = timedelta(days=1)
UNREADABLE = (EOFError, OSError, zlib.error)
"""What a gzip file raises that is cut short or spoilt."""

WRONG = (LimitExceeded, Damaged, ArchiveLoadFailed, StatusAndHeadersParserException, ValueError)


class _Limited(Protocol):
    """What warcio gives to read a record by; `limit` is how many bytes are left."""

    limit: int

    def read(self, length: int) -> bytes: ...


class _Head(Protocol):
    """An answer's head as warcio reads it."""

    def get_header(self, name: str) -> str | None: ...


class _Grown(Exception):
    """The file is larger, once unpacked, than one may be."""


def warc_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The files that these paths name, those of folders in the order of their names.

    Raises ConfigError for a path that is missing, a folder without any, a file that is no WARC file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.name.lower().endswith(SUFFIXES) and one.is_file())
            if not inside:
                raise ConfigError(str(path), "no .warc or .warc.gz file in it", remedy="Name the files themselves")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigError(str(path), "no such file", remedy="Name .warc or .warc.gz files, or folders of them")
    for path in found:
        try:
            with _opened(path) as raw:
                begins = raw.readline(MAX_LINE)
        except UNREADABLE as error:
            raise ConfigError(str(path), f"can't be read: {error}") from None
        if not begins.startswith(b"WARC/"):
            remedy = "Name .warc or .warc.gz files; other packings must be undone first"
            raise ConfigError(str(path), "is no WARC file", remedy=remedy)
    return tuple(dict.fromkeys(found))


async def recorded(feed: Feed, path: Path, limits: Limits, *, now: datetime) -> AsyncGenerator[Find, None]:
    """The pages of the source's site among the file's records, as answers of 200 with HTML, and what was passed over.

    A piece's time is that at which its record was made.
    """
    loader = ArcWarcRecordLoader(verify_http=True, arc2warc=False)
    number = 0
    with path.open("rb") as file, _unpacked(file) as raw:
        size = max(1, os.fstat(file.fileno()).st_size)
        lines = _Lines(raw, at_most=max(SMALL_BYTES, GROWTH * size))
        while True:
            where = f"{path.name}, record {number + 1} ({min(100, 100 * file.tell() // size)} %)"
            try:
                first, junk = lines.start()
                if junk:
                    yield Passed(where, "bytes that belong to no record are before it", Why.WRONG)
                if first is None:
                    return
                number += 1
                found = await _record(feed, loader, lines, first, where, limits, now=now)
            except (*UNREADABLE, _Grown) as error:
                reason = f"the file can't be read from here on: {error or type(error).__name__}"
                yield Passed(where, reason[:300], Why.WRONG)
                return
            except WRONG as error:
                found = Passed(where, f"{error}"[:300] or type(error).__name__, Why.WRONG)
            yield found


async def _record(
    feed: Feed,
    loader: ArcWarcRecordLoader,
    lines: "_Lines",
    first: bytes,
    where: str,
    limits: Limits,
    *,
    now: datetime,
) -> Find:
    """What one record holds; afterwards the next one's beginning follows. Raises what WRONG and UNREADABLE name."""
    record = loader.parse_record_stream(lines, first, "warc", no_record_parse=True)
    stated = (record.rec_headers.get_header("Content-Length") or "").strip()
    if not stated.isdecimal() or len(stated) > 15:
        raise Damaged("states no length")
    stream, ends = record.raw_stream, lines.at + int(stated)
    try:
        uri = (record.rec_headers.get_header("WARC-Target-URI") or "").strip()
        if record.rec_type != "response":
            return Passed(where, f"is of type {str(record.rec_type)[:40]}")
        if not uri.lower().startswith(("http://", "https://")):
            return Passed(where, "is no answer of a web server")
        if not same_site(canonical(feed.site or feed.url) or "", canonical(uri) or ""):
            return Passed(where, "is of another site")
        lines.head = 0
        answer = StatusAndHeadersParser(list(HTTP)).parse(stream)
        status = answer.statusline.split()[0] if answer.statusline.split() else ""
        content_type = answer.get_header("Content-Type") or ""
        if status != "200" or "html" not in content_type.lower():
            return Passed(where, f"answered {status[:10]} with {content_type[:60] or 'no stated type'}")
        if is_front(uri):
            return Passed(where, "is the site's front page")
        at = dates.read(record.rec_headers.get_header("WARC-Date"))
        if at is None or not dates.EARLIEST <= at <= now + AHEAD:
            raise Damaged("states no date at which it was made")
        payload = _payload(stream, limits)
        body = await _body(payload, answer, limits)
        return Piece(Entry(id=uri[:2000], link=uri), Page(uri, body, content_type, len(payload)), at, where)
    except WRONG as error:
        if uri := shown((record.rec_headers.get_header("WARC-Target-URI") or "").strip())[:200]:
            raise Damaged(f"{error or type(error).__name__} ({uri})") from None
        raise
    finally:
        # by its stated length, never by looking for a beginning: a page may have one in its text
        while lines.at < ends and lines.read(ends - lines.at):
            pass


def _payload(stream: _Limited, limits: Limits) -> bytes:
    if stream.limit > limits.wire_bytes:
        raise LimitExceeded(f"its page is over {limits.wire_bytes} bytes")
    parts = bytearray()
    while part := stream.read(STEP):
        parts += part
    if stream.limit > 0:
        raise Damaged("is cut short")
    return bytes(parts)


async def _body(payload: bytes, answer: _Head, limits: Limits) -> bytes:
    """The page as its server meant it; some crawlers keep it unpacked and leave the header."""
    if (answer.get_header("Transfer-Encoding") or "").strip().lower() == "chunked":
        payload = ChunkedDataReader(io.BytesIO(payload)).read()
    encoding = answer.get_header("Content-Encoding") or ""
    try:
        body, _ = await read(_parts(payload), encoding, limits)
    except Damaged:
        if not payload.lstrip().startswith(b"<"):
            raise
        body, _ = await read(_parts(payload), "", limits)
    return body


async def _parts(payload: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(payload), STEP):
        yield payload[start : start + STEP]


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file, _unpacked(file) as raw:
        yield raw


@contextmanager
def _unpacked(file: BinaryIO) -> Iterator[BinaryIO]:
    magic = file.read(2)
    file.seek(0)
    if magic != b"\x1f\x8b":
        yield file
        return
    with gzip.GzipFile(fileobj=file) as unpacked:
        yield cast("BinaryIO", unpacked)


class _Lines:
    """The unpacked file as warcio reads it. `at` counts what was read, `head` the lines since it was set to nought."""

    def __init__(self, raw: BinaryIO, *, at_most: int) -> None:
        self._raw, self._at_most = raw, at_most
        self.at = 0
        self.head = 0

    def start(self) -> tuple[bytes | None, bool]:
        """The next record's first line, none at the end; whether anything else than blank lines came before it."""
        junk, at_start, self.head = False, True, 0
        while line := self._count(self._raw.readline(MAX_LINE)):
            if at_start and line.startswith(b"WARC/"):
                return line, junk
            junk = junk or bool(line.strip())
            at_start = line.endswith(b"\n")
        return None, junk

    def readline(self, length: int | None = None) -> bytes:
        """A line of a record's or an answer's head."""
        most = MAX_LINE if length is None else min(length, MAX_LINE)
        line = self._count(self._raw.readline(most))
        self.head += len(line)
        if (len(line) == MAX_LINE and not line.endswith(b"\n")) or self.head > MAX_HEAD:
            raise LimitExceeded(f"its head is over {MAX_HEAD} bytes, or a line of it over {MAX_LINE}")
        return line

    def read(self, length: int | None = None) -> bytes:
        """A part of a record's content."""
        return self._count(self._raw.read(STEP if length is None else min(length, STEP)))

    def _count(self, data: bytes) -> bytes:
        self.at += len(data)
        if self.at > self._at_most:
            raise _Grown(f"it is over {GROWTH} times as large once unpacked")
        return data
