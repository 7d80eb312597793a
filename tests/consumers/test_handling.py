"""From bytes to outcomes, and what a dead letter keeps."""

from collections.abc import Callable, Sequence

from consumers import handling
from consumers.batch import Record
from consumers.handling import Raised, dead_letter, read
from consumers.outcome import Done, Outcome, Poison, Retry
from schemas.article import Article
from schemas.deadletter import REPLAYS
from schemas.errors import Unavailable
from schemas.redact import Redactor
from schemas.streams import ARTICLES, DEADLETTER, Stream
from schemas.traceparent import begin
from schemas.wire import encode

MakeArticle = Callable[..., Article]


def record_of(message: Article | bytes | None, offset: int = 0, key: bytes | None = None) -> Record:
    if isinstance(message, Article):
        return Record("news.articles", 0, offset, key or message.article_id.encode(), encode(message))
    return Record("news.articles", 0, offset, key, message)


def outcomes_of(
    records: Sequence[Record], stream: Stream[Article], handle: Callable[[Sequence[Article]], Sequence[Outcome]]
) -> list[Outcome]:
    return handling.outcomes_of([read(record, stream) for record in records], handle)


def done(batch: Sequence[Article]) -> list[Outcome]:
    return [Done() for _ in batch]


def test_what_does_not_decode_never_reaches_the_handler(article: MakeArticle) -> None:
    seen: list[str] = []

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        seen.extend(a.article_id for a in batch)
        return done(batch)

    good = article()
    records = [
        record_of(b"{"),
        record_of(good),
        record_of(None),
        record_of(encode(good).replace(b'"schema_version":1', b'"schema_version":9')),
        record_of(good, key=b"another"),
    ]
    outcomes = outcomes_of(records, ARTICLES, handle)
    assert [type(o) for o in outcomes] == [Poison, Done, Poison, Poison, Poison]
    assert seen == [good.article_id]
    assert "key" in outcomes[4].reason  # type: ignore[union-attr]


def test_what_raises_alone_is_poison_and_the_rest_is_done(article: MakeArticle) -> None:
    def handle(batch: Sequence[Article]) -> list[Outcome]:
        for a in batch:
            if a.title == "bad":
                raise ZeroDivisionError("by this piece")
        return done(batch)

    articles = [article("a"), article("b", title="bad"), article("c"), article("d", title="bad")]
    outcomes = outcomes_of([record_of(a) for a in articles], ARTICLES, handle)
    assert [type(o) for o in outcomes] == [Done, Raised, Done, Raised]
    first, second = outcomes[1], outcomes[3]
    assert isinstance(first, Raised)
    assert isinstance(second, Raised)
    assert (first.error, first.reason) == ("ZeroDivisionError", "by this piece")
    assert first.stack_hash == second.stack_hash


def test_failures_at_different_places_have_different_stack_hashes(article: MakeArticle) -> None:
    def handle(batch: Sequence[Article]) -> list[Outcome]:
        if batch[0].title == "here":
            raise ValueError
        raise ValueError

    one, other = outcomes_of([record_of(article("a", title="here")), record_of(article("b"))], ARTICLES, handle)
    assert isinstance(one, Raised)
    assert isinstance(other, Raised)
    assert one.stack_hash != other.stack_hash


def test_an_unavailable_sink_makes_the_whole_batch_a_retry(article: MakeArticle) -> None:
    def handle(batch: Sequence[Article]) -> list[Outcome]:
        raise Unavailable("elasticsearch", "503")

    outcomes = outcomes_of([record_of(article("a")), record_of(b"{"), record_of(article("b"))], ARTICLES, handle)
    assert [type(o) for o in outcomes] == [Retry, Poison, Retry]


def test_a_handler_that_forgets_a_message_is_asked_one_by_one(article: MakeArticle) -> None:
    def handle(batch: Sequence[Article]) -> list[Outcome]:
        return done(batch[:1])

    outcomes = outcomes_of([record_of(article("a")), record_of(article("b"))], ARTICLES, handle)
    assert [type(o) for o in outcomes] == [Done, Done]


def test_a_dead_letter_keeps_the_bytes_that_came() -> None:
    raw = bytes(range(256))
    letter = dead_letter(
        Record("news.articles", 3, 14, b"\xff", raw),
        Raised("E", "r" * 9000, "hash"),
        stage="classify",
        attempts=2,
        at_ms=5,
        max_bytes=DEADLETTER.max_bytes,
    )
    assert (letter.key, letter.value, letter.value_bytes) == (b"\xff", raw, 256)
    assert (letter.stream, letter.partition, letter.offset) == ("news.articles", 3, 14)
    assert (letter.attempts, letter.stack_hash, len(letter.reason)) == (2, "hash", 4000)


def test_a_dead_letter_knows_its_way_and_how_often_it_came_back_and_tells_no_secret() -> None:
    trace = begin()
    record = Record("news.articles", 0, 0, b"k", b"v", (trace.header(), (REPLAYS, b"2")))
    poison = Poison("E", "no answer from https://bot:tok3n@hooks.example/s3cr3t")
    letter = dead_letter(
        record, poison, stage="notify", attempts=1, at_ms=5, max_bytes=9_000_000, redactor=Redactor(("s3cr3t",))
    )
    assert (letter.trace_id, letter.replays) == (trace.trace_id, 2)
    assert letter.reason == "no answer from https://***@hooks.example/***"


def test_one_that_is_too_large_is_kept_by_reference_and_fits() -> None:
    for size in (5_900_000, 7_000_000):
        letter = dead_letter(
            Record("news.articles", 3, 14, b"k", b"\xff" * size),
            Poison("E", "r"),
            stage="classify",
            attempts=1,
            at_ms=5,
            max_bytes=DEADLETTER.max_bytes,
        )
        assert (letter.value is None) == (size > 6_000_000)
        assert letter.value_bytes == size
        assert len(encode(letter)) <= DEADLETTER.max_bytes
