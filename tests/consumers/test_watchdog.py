"""When a consumer counts as stalled."""

from consumers.watchdog import Watchdog


def test_a_partition_that_stands_still_with_messages_ahead_is_stalled_after_the_limit() -> None:
    watchdog = Watchdog(60)
    assert watchdog.stalled({0: 5, 1: 7}, {0: 9, 1: 7}, now=0) == []
    assert watchdog.stalled({0: 5, 1: 7}, {0: 9, 1: 7}, now=59) == []
    assert watchdog.stalled({0: 5, 1: 7}, {0: 9, 1: 7}, now=60) == [0]


def test_one_that_moves_or_has_read_everything_is_not() -> None:
    watchdog = Watchdog(60)
    watchdog.stalled({0: 5}, {0: 9}, now=0)
    assert watchdog.stalled({0: 6}, {0: 9}, now=60) == []
    assert watchdog.stalled({0: 9}, {0: 9}, now=120) == []
    assert watchdog.stalled({0: 9}, {0: 12}, now=180) == []


def test_what_was_paused_starts_counting_anew() -> None:
    watchdog = Watchdog(60)
    watchdog.stalled({0: 5}, {0: 9}, now=0)
    watchdog.reset()
    assert watchdog.stalled({0: 5}, {0: 9}, now=60) == []
