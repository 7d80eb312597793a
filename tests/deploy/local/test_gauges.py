"""From pages of Prometheus' text format to figures."""

from deploy.local.gauges import Reading, figures, parse

PAGE = """\
# TYPE vigia_messages_total counter
vigia_messages_total{{outcome="done",stage="index"}} {done}
vigia_messages_total{{outcome="dead",stage="index"}} 1
# TYPE vigia_hop_seconds histogram
vigia_hop_seconds_bucket{{le="0.1",stage="index"}} {fast}
vigia_hop_seconds_bucket{{le="1.0",stage="index"}} {slow}
vigia_hop_seconds_bucket{{le="+Inf",stage="index"}} {slow}
vigia_hop_seconds_count{{stage="index"}} {slow}
vigia_hop_seconds_sum{{stage="index"}} 1
"""


def page(at: float, **counts: int) -> Reading:
    found = parse(PAGE.format(**counts), at)
    assert found is not None
    return found


def test_rates_and_latencies_are_those_between_two_readings() -> None:
    before, now = page(10, done=100, fast=100, slow=100), page(12, done=150, fast=100, slow=150)
    assert figures(before, now).rate == 25
    assert figures(before, now).hop_p95 == 1.0
    assert figures(before, page(12, done=150, fast=150, slow=150)).hop_p95 == 0.1
    assert figures(before, before).hop_p95 is None
    assert figures(None, now).rate is None
    assert figures(None, now).done == 150


def test_a_worker_that_was_started_again_has_no_negative_rate() -> None:
    assert figures(page(10, done=100, fast=1, slow=1), page(12, done=5, fast=1, slow=1)).rate == 0


def test_what_is_no_page_is_none() -> None:
    assert parse("<html>", 0) is None
