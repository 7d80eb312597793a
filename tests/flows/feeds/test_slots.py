"""Places for fetches."""

import asyncio
from time import monotonic

import pytest

from flows.feeds import slots
from flows.feeds.slots import Slots


async def fetch(places: Slots, url: str, seconds: float) -> float:
    """When the fetch began, after so many seconds of waiting."""
    started = monotonic()
    async with places.at(url):
        waited = monotonic() - started
        await asyncio.sleep(seconds)
    return waited


def test_one_host_holds_no_more_places_than_its_own() -> None:
    async def waits() -> list[float]:
        places = Slots(total=10, per_host=2)
        return await asyncio.gather(*(fetch(places, "http://a.example/x", 0.1) for _ in range(6)))

    found = sorted(round(wait, 1) for wait in asyncio.run(waits()))
    assert found == [0, 0, 0.1, 0.1, 0.2, 0.2]


def test_slow_hosts_make_room_for_quick_ones_and_keep_to_their_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "SLOW_S", 0.1)

    async def waits() -> tuple[float, float]:
        places = Slots(total=4, per_host=1)
        slow = [asyncio.create_task(fetch(places, f"http://slow{n}.example/", 0.5)) for n in range(4)]
        await asyncio.sleep(0.01)
        first = await fetch(places, "http://quick.example/", 0)
        await asyncio.gather(*slow)
        slow = [asyncio.create_task(fetch(places, f"http://slow{n}.example/", 0.3)) for n in range(4)]
        await asyncio.sleep(0.01)
        second = await fetch(places, "http://quick.example/", 0)
        await asyncio.gather(*slow)
        return first, second

    first, second = asyncio.run(waits())
    assert 0.05 < first < 0.2
    assert second < 0.05


def test_a_fetch_that_is_cancelled_gives_its_place_back() -> None:
    async def turns() -> None:
        places = Slots(total=1, per_host=1)
        holder = asyncio.create_task(fetch(places, "http://a.example/", 5))
        await asyncio.sleep(0)
        waiter = asyncio.create_task(fetch(places, "http://b.example/", 5))
        await asyncio.sleep(0.01)
        waiter.cancel()
        holder.cancel()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        for _ in range(3):
            async with asyncio.timeout(0.5), places.at("http://c.example/"):
                pass

    asyncio.run(turns())
