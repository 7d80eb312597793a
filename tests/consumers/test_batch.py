"""How much is taken at once, and how far a batch may be committed."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.batch import Record, plan, take
from consumers.outcome import Done, Outcome, Poison, Retry

OUTCOMES = st.sampled_from([Done(), Retry("away"), Poison("E", "r")])


def batch_of(partitions: list[int], size: int = 1) -> list[Record]:
    offsets: dict[int, int] = {}
    records = []
    for partition in partitions:
        offset = offsets.get(partition, 10)
        offsets[partition] = offset + 1
        records.append(Record("s", partition, offset, b"k", b"x" * size))
    return records


BATCHES = st.lists(st.tuples(st.integers(0, 3), OUTCOMES), max_size=30)


@given(BATCHES)
def test_no_partition_is_committed_past_its_first_retry(pairs: list[tuple[int, Outcome]]) -> None:
    records = batch_of([p for p, _ in pairs])
    outcomes = [o for _, o in pairs]
    decided = plan(records, outcomes)
    for partition in {r.partition for r in records}:
        retried = [
            r.offset
            for r, o in zip(records, outcomes, strict=True)
            if r.partition == partition and isinstance(o, Retry)
        ]
        last = max(r.offset for r in records if r.partition == partition)
        expected = min(retried, default=last + 1)
        assert decided.commit.get(partition, 10) == expected
        assert decided.rewind.get(partition) == (min(retried) if retried else None)


@given(BATCHES)
def test_what_is_finished_is_exactly_what_is_committed(pairs: list[tuple[int, Outcome]]) -> None:
    records = batch_of([p for p, _ in pairs])
    decided = plan(records, [o for _, o in pairs])
    finished = {(r.partition, r.offset) for r, _ in decided.finished}
    assert finished == {(r.partition, r.offset) for r in records if r.offset < decided.commit.get(r.partition, 0)}


@given(st.lists(st.integers(0, 100), min_size=1, max_size=40), st.integers(1, 20), st.integers(1, 300))
def test_a_batch_keeps_both_limits_and_holds_at_least_one(sizes: list[int], messages: int, size: int) -> None:
    records = [Record("s", i % 3, i, None, b"x" * n) for i, n in enumerate(sizes)]
    taken, left = take(records, messages=messages, size=size)
    assert 1 <= len(taken) <= messages
    assert len(taken) == 1 or sum(r.size for r in taken) <= size
    assert list(taken) == records[: len(taken)]
    for partition, offset in left.items():
        assert offset == min(r.offset for r in records[len(taken) :] if r.partition == partition)


def test_the_reasons_for_reading_again_are_each_told_once() -> None:
    records = batch_of([0, 0, 1])
    assert plan(records, [Retry("a"), Retry("b"), Retry("a")]).reasons == ("a", "b")


def test_a_record_that_was_polled_twice_is_committed_once_and_forwards() -> None:
    record, later = Record("s", 0, 5, None, b""), Record("s", 0, 9, None, b"")
    assert plan([later, record], [Done(), Done()]).commit == {0: 10}
