"""What the variable VIGIA_FAULT says, and what happens then."""

from collections.abc import Iterator

import pytest

from consumers import faults
from schemas.errors import ConfigError


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    faults.arm(None)


def test_a_fault_happens_at_its_hit_of_its_point_alone() -> None:
    faults.arm("after_effect:2:raise, after_poll:9")
    faults.hit("after_effect")
    faults.hit("before_commit")
    with pytest.raises(faults.FaultRaised, match="after_effect:2"):
        faults.hit("after_effect")
    faults.hit("after_effect")


def test_unarmed_points_do_nothing_at_all() -> None:
    for _ in range(3):
        faults.hit("after_effect")
    assert faults.hit is faults._nothing
    assert faults.arm("") == []


def test_a_sleep_has_seconds() -> None:
    assert faults.parse("after_commit:1:sleep=0.5") == [faults.Fault("after_commit", 1, "sleep", 0.5)]


@pytest.mark.parametrize(
    "text", ["after_lunch:1", "after_effect", "after_effect:0", "after_effect:1:sing", "after_poll:1:sleep=1.2.3"]
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="VIGIA_FAULT"):
        faults.parse(text)
