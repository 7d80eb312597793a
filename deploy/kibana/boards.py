"""The dashboards; pure. Each field that they show is in `schemas/templates` or a data view's runtime fields."""

from collections.abc import Iterator

from deploy.kibana import lens, vega
from deploy.kibana.objects import Object, Panel, dashboard
from deploy.kibana.views import ALERTS, MADE, NEWS, PUBLISHED
from schemas.taxonomy import Target

PIECES = lens.count("pieces")
STORIES = lens.distinct("stories", "story_id")


def boards() -> Iterator[Object]:
    """The dashboards, and the charts that they show by reference."""
    yield dashboard(
        "vigia-coverage",
        "[Vigía] Coverage",
        "What is published on the beat: by topic over time, by outlet, country and language",
        list(_coverage()),
        since="now-30d",
    )
    yield dashboard(
        "vigia-stance",
        "[Vigía] Stance",
        "The side taken on each target: over time, by outlet and by country",
        list(_stance()),
        since="now-30d",
    )
    charts = {"vigia-vega-speakers": vega.speakers("vigia-vega-speakers", "news")}
    charts["vigia-vega-targets"] = vega.targets("vigia-vega-targets", "news")
    for target in Target:
        id_ = f"vigia-vega-{target.value.replace('_', '-')}"
        charts[id_] = vega.speakers(id_, "news", target)
    yield from charts.values()
    yield dashboard(
        "vigia-voices",
        "[Vigía] Voices",
        "Who is quoted, with which side on what; and whom pieces name",
        list(_voices(charts)),
        since="now-30d",
    )
    yield dashboard(
        "vigia-alerts-board",
        "[Vigía] Alerts",
        "What rules found, how soon somebody took it up, and how often readers call it right",
        list(_alerts()),
        since="now-30d",
    )
    yield dashboard(
        "vigia-feeds",
        "[Vigía] Feed health",
        "What each source brings in, when it last did, and how well it can be read",
        list(_feeds()),
        since="now-7d",
    )
    yield dashboard(
        "vigia-lag",
        "[Vigía] Pipeline lag",
        "How long a piece takes from publication to a reader",
        list(_lag()),
        since="now-24h",
    )


def _coverage() -> Iterator[Panel]:
    yield lens.figure("Pieces", NEWS, PIECES)
    yield lens.figure("Stories", NEWS, STORIES)
    yield lens.figure("Outlets", NEWS, lens.distinct("outlets", "outlet"))
    yield lens.figure("Mean relevance", NEWS, lens.average("relevance", "relevance"))
    yield lens.stacked("Stories by topic", NEWS, PUBLISHED, lens.top("topics", "topic", 11), STORIES, width=48)
    yield lens.bars("Topics", NEWS, lens.top("topics", "topic", 11), [STORIES, PIECES])
    yield lens.stacked("Pieces by language", NEWS, PUBLISHED, lens.top("language", "language", 4), PIECES)
    yield lens.table(
        "Outlets", NEWS, [lens.top("outlet", "outlet", 50), lens.top("country", "country", 3)], [PIECES, STORIES]
    )
    yield lens.table("Headlines told most", NEWS, [lens.top("title.raw", "headline", 25)], [PIECES])
    yield Panel("Pieces on the beat", 48, 18, shown=("search", "vigia-search-beat"))


def _stance() -> Iterator[Panel]:
    means = [lens.average(target.value, f"stance_score.{target.value}") for target in Target]
    yield lens.lines("Mean stance per target (−1 against, +1 in favor)", NEWS, PUBLISHED, means, width=48)  # noqa: RUF001
    for target in Target:
        sides = lens.top(f"stance.{target.value}", "side", 3)
        yield lens.stacked(f"{target.value}: stories by side", NEWS, PUBLISHED, sides, STORIES, share=True)
    yield lens.bars("Contested, by target", NEWS, lens.top("contested", "target", 5), [PIECES])
    yield lens.table("By outlet", NEWS, [lens.top("outlet", "outlet", 50)], [PIECES, *means], width=48)
    yield lens.table("By country", NEWS, [lens.top("country", "country", 20)], [PIECES, *means], width=48)
    yield lens.table("By leaning", NEWS, [lens.top("source.lean", "leaning", 20)], [PIECES, *means], width=48)


def _voices(charts: dict[str, Object]) -> Iterator[Panel]:
    for id_, chart in charts.items():
        yield Panel(chart["attributes"]["title"].removeprefix("[Vigía] "), 24, 20, shown=("visualization", id_))
    yield lens.table(
        "Whom and what pieces name", NEWS, [lens.top("entities.name", "name", 50)], [PIECES, STORIES], width=24
    )
    yield lens.stacked("Named, by kind", NEWS, PUBLISHED, lens.top("entities.kind", "kind", 9), PIECES)
    yield Panel("Who speaks against US aid", 48, 16, shown=("search", "vigia-search-aid-critics"))


def _alerts() -> Iterator[Panel]:
    alerts = lens.count("alerts")
    right = lens.share("precision", "verdict: right", "verdict: *")
    yield lens.figure("Alerts", ALERTS, alerts)
    yield lens.figure("Not acknowledged", ALERTS, lens.count("new", "state: new"))
    yield lens.figure("Median seconds to acknowledge", ALERTS, lens.percentile("s", "acknowledged_after_s", 50))
    yield lens.figure("Called right, of those judged", ALERTS, right)
    yield lens.stacked("By severity", ALERTS, MADE, lens.top("severity", "severity", 3), alerts)
    yield lens.stacked("By rule", ALERTS, MADE, lens.top("rule_name.raw", "rule", 10, other=True), alerts)
    yield lens.lines(
        "Seconds until somebody took it up",
        ALERTS,
        MADE,
        [lens.percentile(f"{n} %", "acknowledged_after_s", n) for n in (50, 95)],
    )
    yield lens.bars("States", ALERTS, lens.top("state", "state", 4), [alerts])
    yield lens.table(
        "Rules: alerts, acknowledgement and precision",
        ALERTS,
        [lens.top("rule_name.raw", "rule", 100)],
        [
            alerts,
            lens.count("judged", "verdict: *"),
            right,
            lens.percentile("median s to acknowledge", "acknowledged_after_s", 50),
            lens.percentile("95 %", "acknowledged_after_s", 95),
        ],
        width=48,
    )
    yield lens.bars("Verdicts", ALERTS, lens.top("verdict", "verdict", 3), [alerts])
    yield lens.table("Deliveries", ALERTS, [lens.top("deliveries.channel", "channel", 20)], [alerts], width=24)
    yield Panel("Alerts nobody has acknowledged", 48, 16, shown=("search", "vigia-search-open"))
    yield Panel("Alerts that readers call wrong", 48, 14, shown=("search", "vigia-search-wrong"))


def _feeds() -> Iterator[Panel]:
    yield lens.figure("Feeds with a piece", NEWS, lens.distinct("feeds", "feed"))
    yield lens.figure("Dates guessed", NEWS, lens.share("dates guessed", "date_guessed: true", "feed: *"))
    yield lens.figure("Text of the page", NEWS, lens.share("text of the page", "text_source: page", "feed: *"))
    yield lens.figure("Behind a wall", NEWS, lens.share("behind a wall", "flags: paywalled", "feed: *"))
    yield lens.stacked("Pieces by feed", NEWS, PUBLISHED, lens.top("feed", "feed", 15, other=True), PIECES, width=48)
    yield lens.table(
        "Feeds: pieces on the beat, and the last one",
        NEWS,
        [lens.top("feed", "feed", 200)],
        [
            PIECES,
            lens.latest("last published", "published_at"),
            lens.latest("last read", "observed_at"),
            lens.share("dates guessed", "date_guessed: true", "feed: *"),
            lens.share("language guessed", "language_guessed: true", "feed: *"),
            lens.share("headline only", "text_source: title", "feed: *"),
        ],
        width=48,
    )
    yield lens.stacked(
        "Where the text was found", NEWS, PUBLISHED, lens.top("text_source", "text", 3), PIECES, share=True
    )
    yield lens.bars("Without labels, and why", NEWS, lens.top("unclassified", "why", 3), [PIECES])
    yield Panel("Dates that were guessed", 48, 14, shown=("search", "vigia-search-guessed"))


def _lag() -> Iterator[Panel]:
    def spread(of: str) -> list[lens.Metric]:
        return [lens.percentile(f"{share} %", of, share) for share in (50, 95, 99)]

    yield lens.figure("Fetched to indexed, 95 % (s)", NEWS, lens.percentile("s", "lag_pipeline_s", 95))
    yield lens.figure("Fetched to alert, 95 % (s)", ALERTS, lens.percentile("s", "lag_alert_s", 95))
    yield lens.figure("Alert to delivered, 95 % (s)", ALERTS, lens.percentile("s", "lag_told_s", 95))
    yield lens.figure("Last indexed", NEWS, lens.latest("last indexed", "indexed_at"))
    yield lens.lines("Published to fetched (s)", NEWS, "indexed_at", spread("lag_read_s"))
    yield lens.lines("Fetched to classified (s)", NEWS, "indexed_at", spread("lag_classify_s"))
    yield lens.lines("Classified to indexed (s)", NEWS, "indexed_at", spread("lag_index_s"))
    yield lens.lines("Fetched to alert (s)", ALERTS, MADE, spread("lag_alert_s"))
    yield lens.stacked("Pieces indexed, by lane", NEWS, "indexed_at", lens.top("lane", "lane", 2), PIECES)
    yield lens.stacked(
        "Pieces indexed, by model generation",
        NEWS,
        "indexed_at",
        lens.top("model.generation", "generation", 5, kind="number"),
        PIECES,
    )
