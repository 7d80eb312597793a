"""A source's past from WARC files, hostile ones among them."""

import asyncio
import gzip
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.backfill import read_past
from flows.feeds import warc as module
from flows.feeds.find import Find, Passed, Piece, Why
from flows.feeds.limits import Limits
from flows.feeds.warc import recorded
from flows.uptake import Progress
from schemas.article import Lane
from schemas.errors import ConfigError
from schemas.feed import Feed

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FEED = Feed(id="d", url="https://diario.example/feed", outlet="Diario")
TEXT = "The two governments signed the agreement. " * 10
URL = "https://diario.example/a"


def page(title: str, day: str) -> bytes:
    return (
        f'<html><head><title>{title}</title><meta property="article:published_time" content="{day}T08:00:00Z"></head>'
        f"<body><article><h1>{title}</h1><p>{title}. {TEXT}</p></article></body></html>"
    ).encode()


PAGE = page("Piece", "2026-03-10")
LIMITS = Limits()


def record(
    body: bytes = PAGE,
    *,
    url: str = URL,
    made: str = "2026-03-20T10:00:00Z",
    kind: str = "response",
    status: str = "HTTP/1.1 200 OK",
    head: str = "Content-Type: text/html",
    length: str | None = None,
) -> bytes:
    """A record as a crawler writes it."""
    block = f"{status}\r\n{head}\r\n\r\n".encode() + body
    said = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {made}\r\n"
    said += f"Content-Type: application/http; msgtype=response\r\nContent-Length: {length or len(block)}\r\n\r\n"
    return said.encode() + block + b"\r\n\r\n"


def finds(path: Path, *records: bytes, limits: Limits = LIMITS) -> list[Find]:
    """What is found in a file of these records; each is packed by itself when the name says so."""
    path.write_bytes(b"".join(gzip.compress(one) for one in records) if path.suffix == ".gz" else b"".join(records))

    return read(path, limits)


def read(path: Path, limits: Limits = LIMITS) -> list[Find]:
    async def all_of_it() -> list[Find]:
        return [find async for find in recorded(FEED, path, limits, now=NOW)]

    return asyncio.run(all_of_it())


def reason(find: Find) -> str:
    assert isinstance(find, Passed)
    return f"{find.why}: {find.reason}"


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_pages_are_found_with_their_time_among_other_records(tmp_path: Path, name: str) -> None:
    info = record(kind="warcinfo", url="")
    others = [
        record(url="https://other.example/a"),
        record(status="HTTP/1.1 301 Moved", head="Location: /b"),
        record(head="Content-Type: image/png"),
        record(kind="request"),
        record(url="dns:diario.example"),
        record(url="https://diario.example/"),
    ]
    first, *passed, last = finds(tmp_path / name, info, *others, record(status="HTTP/2 200"))
    assert reason(first) == "other: is of type warcinfo"
    assert [reason(one).partition(":")[0] for one in passed] == ["other"] * len(others)
    assert isinstance(last, Piece)
    assert last.page is not None
    assert (last.entry.link, last.page.body, last.at) == (URL, PAGE, datetime(2026, 3, 20, 10, tzinfo=UTC))
    assert last.where.startswith(f"{name}, record 8 (")


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (gzip.compress(PAGE), "Content-Encoding: gzip"),
        (brotli.compress(PAGE), "Content-Encoding: br"),
        (PAGE, "Content-Encoding: gzip"),
        (b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE), "Transfer-Encoding: chunked"),
        (PAGE, "Transfer-Encoding: chunked"),
    ],
)
def test_a_page_is_unpacked_as_its_server_meant_it(tmp_path: Path, body: bytes, head: str) -> None:
    (found,) = finds(tmp_path / "a.warc", record(body, head=f"Content-Type: text/html\r\n{head}"))
    assert isinstance(found, Piece)
    assert found.page is not None
    assert found.page.body == PAGE


WRONG = {
    "a length in letters": (record(length="x"), "states no length"),
    "a length below nought": (record(length="-5"), "states no length"),
    "an endless length": (record(length="9" * 5000), "states no length"),
    "a date to come": (record(made="2099-01-01T00:00:00Z"), "states no date"),
    "no date": (record(made="yesterday"), "states no date"),
    "no answer": (record(status="no HTTP"), "Expected Status Line"),
    "a long line": (record(head="X: " + "y" * 70_000), "its head is over"),
    "many lines": (record(head="\r\n".join(f"X{n}: y" for n in range(60_000))), "its head is over"),
    "a large page": (record(b"z" * 5000), "its page is over 4000 bytes"),
    "no gzip": (
        record(b"\x1f\x8b nothing", head="Content-Type: text/html\r\nContent-Encoding: gzip"),
        "does not decompress",
    ),
    "stacked encodings": (
        record(head="Content-Type: text/html\r\nContent-Encoding: gzip, gzip"),
        "encodings are stacked",
    ),
    "no head": (b"WARC/1.0\r\n\r\n", "states no length"),
    "no record": (b"GARBAGE" * 30_000 + b"\r\n", "belong to no record"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_a_wrong_record_is_kept_with_its_reason_and_the_next_one_read(tmp_path: Path, name: str, what: str) -> None:
    wrong, why = WRONG[what]
    found = finds(tmp_path / name, record(), wrong, record(url=f"{URL}b"), limits=Limits(wire_bytes=4000))
    pieces = [one.entry.link for one in found if isinstance(one, Piece)]
    faults = [reason(one) for one in found if not isinstance(one, Piece)]
    assert pieces == [URL, f"{URL}b"]
    assert why in faults[0]
    assert all(fault.startswith(Why.WRONG) for fault in faults)


def test_a_page_cannot_bring_in_records_of_its_own(tmp_path: Path) -> None:
    forged = b"\r\n" + record(page("Forged", "2026-03-10"), url=f"{URL}/forged")
    for head in ("Content-Type: text/html", "X: " + "y" * 300_000):
        found = finds(tmp_path / "a.warc", record(PAGE + forged, head=head), record(forged, url="https://x.example/"))
        assert f"{URL}/forged" not in {one.entry.link for one in found if isinstance(one, Piece)}


@pytest.mark.parametrize("cut", [60, 200])
@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_a_file_that_is_cut_short_gives_what_came_before(tmp_path: Path, name: str, cut: int) -> None:
    whole = b"".join(gzip.compress(one) if name.endswith("gz") else one for one in (record(), record(url=f"{URL}b")))
    path = tmp_path / name
    path.write_bytes(whole[:-cut])
    first, *rest = read(path)
    assert isinstance(first, Piece)
    assert [reason(one).partition(":")[0] for one in rest] == ["wrong"]


def test_bombs_end_in_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL_BYTES", 30_000_000)
    zeros = b"0" * 60_000_000
    packed = record(gzip.compress(zeros), head="Content-Type: text/html\r\nContent-Encoding: gzip")
    line, grown = "its head is over", "100 times as large once unpacked"
    bombs = {
        "page": (packed, "over 1000000 bytes once expanded"),
        "record": (record(zeros), grown),
        "junk": (b"0" + zeros, grown),
        "first": (b"WARC/1.0" + zeros, line),
        "head": (b"WARC/1.0\r\nX: " + zeros, line),
        "long": (record(length="1" * 15) + zeros, grown),
        "twice": (gzip.compress(record()), "no record"),
    }
    for name, (bomb, _) in bombs.items():
        (tmp_path / f"{name}.warc.gz").write_bytes(gzip.compress(bomb, compresslevel=1))
    del zeros, bomb, packed
    tracemalloc.start()
    try:
        for name, (_, why) in bombs.items():
            found = read(tmp_path / f"{name}.warc.gz", Limits(body_bytes=1_000_000))
            assert why in reason(found[0])
            assert name in {"page", "twice"} or grown in reason(found[-1])
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_a_file_raise(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = bytearray(record() + record(PAGE, head="Content-Type: text/html\r\nTransfer-Encoding: chunked"))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=30))
    path = tmp_path_factory.getbasetemp() / f"fuzzed.warc{data.draw(st.sampled_from(['', '.gz']))}"
    path.write_bytes(bytes(whole) if path.suffix == ".warc" else gzip.compress(bytes(whole)))
    assert all(isinstance(one, Piece | Passed) for one in read(path))


def warc(path: Path, pages: dict[str, bytes], *, made: str = "2026-03-20T10:00:00Z") -> Path:
    records = (record(body, url=url, made=made) for url, body in pages.items())
    path.write_bytes(b"".join(gzip.compress(one) if path.suffix == ".gz" else one for one in records))
    return path


def past(desk: "Desk", **options: Any) -> Progress:
    span = {"since": SINCE, "until": UNTIL} | options
    return asyncio.run(read_past(desk.settings, "one", stream=desk.stream, **span))


def test_the_pages_of_warc_files_are_read_once_however_they_come(desk: "Desk", tmp_path: Path) -> None:
    desk.source("one")
    urls = [desk.site.url(f"/{name}") for name in "abc"]
    first = warc(
        tmp_path / "1.warc.gz", {urls[0]: page("Piece a", "2026-03-10"), urls[1]: page("Piece b", "2026-03-11")}
    )
    warc(
        tmp_path / "2.warc",
        {
            urls[1]: page("Piece b", "2026-03-11"),
            urls[2]: page("Piece c", "2026-05-11"),
            "https://other.example/x": page("Piece x", "2026-03-11"),
            desk.site.url("/"): page("Front", "2026-03-11"),
            desk.site.url("/section"): b"<html><title>Section</title><p>" + TEXT.encode(),
        },
        made="2026-06-01T10:00:00Z",
    )
    assert past(desk, warc=[first]).published == 2
    progress = past(desk, warc=[tmp_path])
    assert (progress.found, progress.known, progress.published, progress.outside) == (5, 3, 0, 1)
    assert (progress.undated, progress.passed, progress.broken, progress.left) == (1, 2, 0, 0)
    links = "".join(f"<url><loc>{url}</loc><lastmod>2026-03-12</lastmod></url>" for url in urls[:2])
    desk.site.answers["/sitemap.xml"] = f"<urlset>{links}</urlset>".encode()
    assert past(desk).known == 2
    found = desk.published()
    assert {(a.url, a.title, a.lane, a.observed_at.isoformat()) for a in found} == {
        (urls[0], "Piece a", Lane.HISTORIC, "2026-03-20T10:00:00+00:00"),
        (urls[1], "Piece b", Lane.HISTORIC, "2026-03-20T10:00:00+00:00"),
    }
    assert len(found) == 2
    assert [path for path, _ in desk.site.asked if path not in {"/sitemap.xml", "/robots.txt"}] == []


def test_what_was_read_for_one_range_is_there_for_another(desk: "Desk", tmp_path: Path) -> None:
    desk.source("one")
    file = warc(tmp_path / "1.warc", {desk.site.url("/a"): page("Piece a", "2026-02-10")})
    assert past(desk, warc=[file]).outside == 1
    assert past(desk, warc=[file]).known == 1
    assert past(desk, warc=[file], since=datetime(2026, 1, 1, tzinfo=UTC)).published == 1


def test_a_backfill_reads_from_one_place_and_from_files_that_are_there(desk: "Desk", tmp_path: Path) -> None:
    desk.source("one")
    (tmp_path / "page.warc").write_bytes(b"<html>")
    (tmp_path / "bad.warc.gz").write_bytes(b"\x1f\x8b\x08 no gzip")
    (tmp_path / "empty").mkdir()
    for name, reason in (
        ("none.warc", "no such file"),
        ("page.warc", "is no WARC file"),
        ("bad.warc.gz", "can't be read"),
        ("empty", "no .warc or .warc.gz file in it"),
    ):
        with pytest.raises(ConfigError, match=reason):
            past(desk, warc=[tmp_path / name])
    with pytest.raises(ConfigError, match="from one place at a time"):
        past(desk, folder=tmp_path, archives=True)
