"""What several sources have to publish at one moment goes to the broker in one go: an exchange each costs more."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from flows.publish import Publisher, Receipt
from schemas.article import Article
from schemas.streams import Stream

MOST = 500
"""Articles sent at a time: what is sent is held twice in memory."""


@dataclass(frozen=True)
class _Parcel:
    articles: Sequence[Article]
    receipt: asyncio.Future[Receipt]


class Outbox:
    """Sends articles to `stream`; whoever gives it some waits until the broker has answered for them."""

    def __init__(self, publisher: Publisher, stream: Stream[Article]) -> None:
        self._publisher, self._stream = publisher, stream
        self._waiting: list[_Parcel] = []
        self._sending: asyncio.Task[None] | None = None

    async def send(self, articles: Sequence[Article]) -> Receipt:
        """What became of each, by its id. Raises Unavailable as the publisher does."""
        if not articles:
            return Receipt()
        parcel = _Parcel(articles, asyncio.get_running_loop().create_future())
        self._waiting.append(parcel)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        return await parcel.receipt

    async def _send(self) -> None:
        while self._waiting:
            parcels = self._taken()
            articles = [article for parcel in parcels for article in parcel.articles]
            try:
                receipt = await asyncio.to_thread(self._publisher.send, self._stream, articles)
            except Exception as error:  # noqa: BLE001, it is for those who wait
                for parcel in parcels:
                    if not parcel.receipt.done():
                        parcel.receipt.set_exception(error)
                continue
            acked = set(receipt.acked)
            for parcel in parcels:
                keys = [article.article_id for article in parcel.articles]
                refused = {key: receipt.refused[key] for key in keys if key in receipt.refused}
                if not parcel.receipt.done():
                    parcel.receipt.set_result(Receipt(tuple(key for key in keys if key in acked), refused))

    def _taken(self) -> list[_Parcel]:
        """The first that wait, as many as go together."""
        taken: list[_Parcel] = []
        count = 0
        while self._waiting and (not taken or count + len(self._waiting[0].articles) <= MOST):
            parcel = self._waiting.pop(0)
            count += len(parcel.articles)
            taken.append(parcel)
        return taken
