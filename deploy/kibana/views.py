"""The data views, and the saved searches that analysts start from; pure."""

from collections.abc import Iterator

from deploy.kibana.objects import Object, data_view, search

NEWS, ALERTS = "vigia-news", "vigia-alerts"
PUBLISHED, MADE = "published_at", "created_at_ms"


def _seconds(later: str, earlier: str) -> str:
    """Painless: the seconds from one date field to another, of documents that have both."""
    have = " && ".join(f"doc['{name}'].size() > 0" for name in (later, earlier))
    millis = f"doc['{later}'].value.toInstant().toEpochMilli() - doc['{earlier}'].value.toInstant().toEpochMilli()"
    return f"if ({have}) {{ emit(({millis}) / 1000.0); }}"


NEWS_LAGS = {
    "lag_read_s": _seconds("observed_at", "published_at"),
    "lag_classify_s": _seconds("classified_at", "observed_at"),
    "lag_index_s": _seconds("indexed_at", "classified_at"),
    "lag_pipeline_s": _seconds("indexed_at", "observed_at"),
}
ALERT_LAGS = {
    "lag_alert_s": _seconds("created_at_ms", "observed_at_ms"),
    "lag_told_s": _seconds("deliveries.at", "created_at_ms"),
}
"""Seconds between two dates of a document; the first delivery counts, since dates of a document are sorted."""

PIECE = ("title", "outlet", "country", "language", "topics", "relevance")


def views() -> Iterator[Object]:
    """The pieces, and the alerts."""
    yield data_view(NEWS, "news", "Vigía: pieces", time=PUBLISHED, runtime=NEWS_LAGS)
    yield data_view(ALERTS, "alerts", "Vigía: alerts", time=MADE, runtime=ALERT_LAGS)


def searches() -> Iterator[Object]:
    """One for each question that analysts begin with."""
    pieces: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
        ("beat", "Pieces on the beat", "Everything that was found relevant, the newest first", "relevant: true", PIECE),
        (
            "deal-against",
            "Against the deportation deal",
            "Pieces that take a side against it, and the passages that carried it",
            "relevant: true and stance.deportation_deal: against and stance_confidence.deportation_deal >= 0.6",
            (*PIECE, "stance_score.deportation_deal"),
        ),
        (
            "contested",
            "Contested pieces",
            "Strong passages on both sides of a target",
            "relevant: true and contested: *",
            (*PIECE, "contested"),
        ),
        (
            "aid-critics",
            "Who speaks against US aid",
            "Pieces in which somebody named is quoted against it",
            "relevant: true and voices:{ named: true and target: us_aid and stance: against }",
            PIECE,
        ),
        (
            "guessed",
            "Dates that were guessed",
            "No date was found, or none within reason: these stand where they were read",
            "date_guessed: true",
            ("title", "outlet", "feed", "published_at", "observed_at"),
        ),
        (
            "unlabelled",
            "Pieces without labels",
            "Empty, in another language, or boilerplate",
            "unclassified: *",
            ("title", "outlet", "feed", "language", "unclassified"),
        ),
    )
    for id_, title, description, kql, columns in pieces:
        yield search(
            f"vigia-search-{id_}", f"[Vigía] {title}", description, NEWS, kql=kql, columns=columns, time=PUBLISHED
        )
    alerts: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
        (
            "open",
            "Alerts nobody has acknowledged",
            "The state is new; the oldest are those to see to",
            "state: new",
            ("severity", "rule_name", "title", "outlet", "state"),
        ),
        (
            "wrong",
            "Alerts that readers call wrong",
            "The verdicts not_relevant and wrong_stance: what to change a rule for",
            "verdict: (not_relevant or wrong_stance)",
            ("rule_name", "title", "verdict", "verdict_by", "outlet"),
        ),
        (
            "untold",
            "Alerts that a channel failed to take",
            "Failed or refused at least once",
            "deliveries.status: (failed or refused)",
            ("rule_name", "title", "deliveries.channel", "deliveries.status"),
        ),
    )
    for id_, title, description, kql, columns in alerts:
        yield search(
            f"vigia-search-{id_}", f"[Vigía] {title}", description, ALERTS, kql=kql, columns=columns, time=MADE
        )
