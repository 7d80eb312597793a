"""What a briefing asks of the index, as Elasticsearch bodies; pure. `flows.archive` runs them.

Everything counts stories where it says so, not pieces: one agency text that forty outlets copy is one statement.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from schemas.taxonomy import Stance, Target, Topic

Body = dict[str, Any]

STORIES = 40
"""How many stories are looked at, those in the most outlets first; the briefing ranks them itself."""

OUTLETS = 300
SPEAKERS = 300
"""Of outlets and of speakers, as many as are compared."""

SHOWN = ["title", "url", "outlet", "published_at", "topics", "stance", "evidence", "language"]
"""What is read of a story's most relevant piece."""


def window(since: datetime, until: datetime) -> Body:
    """That a piece is on the beat and was published from `since` on, before `until`."""
    return {"bool": {"filter": [{"term": {"relevant": True}}, _published(since, until)]}}


def stories(since: datetime, until: datetime) -> Body:
    """The stories of a window: `stories` has of each its pieces, outlets, relevance and most relevant piece.

    `all` counts the window's stories, `outlets` those that carried any.
    """
    return {
        "size": 0,
        "track_total_hits": True,
        "query": window(since, until),
        "aggs": {
            "all": {"cardinality": {"field": "story_id"}},
            "outlets": {"cardinality": {"field": "outlet"}},
            "stories": {
                "terms": {
                    "field": "story_id",
                    "size": STORIES,
                    "shard_size": STORIES * 10,
                    "order": [{"outlets": "desc"}, {"relevance": "desc"}],
                },
                "aggs": {
                    "outlets": {"cardinality": {"field": "outlet"}},
                    "relevance": {"max": {"field": "relevance"}},
                    "piece": {
                        "top_hits": {
                            "size": 1,
                            "sort": [{"relevance": "desc"}, {"published_at": "asc"}, {"article_id": "asc"}],
                            "_source": SHOWN,
                        }
                    },
                },
            },
        },
    }


def sides(before: datetime, since: datetime, until: datetime) -> Body:
    """How stances and topics stand in the window (`now`) and from `before` to `since` (`before`).

    Of each window: `balance.TARGET.STANCE.stories`, `outlets` with the statistics of their signed scores on each
    target, and `topics`.
    """
    return {
        "size": 0,
        "query": window(before, until),
        "aggs": {
            "windows": {
                "filters": {"filters": {"now": _published(since, until), "before": _published(before, since)}},
                "aggs": {
                    "topics": {
                        "terms": {"field": "topics", "size": len(Topic)},
                        "aggs": {"stories": {"cardinality": {"field": "story_id"}}},
                    },
                    **{
                        f"balance_{target}": {
                            "terms": {"field": f"stance.{target}", "size": len(Stance)},
                            "aggs": {"stories": {"cardinality": {"field": "story_id"}}},
                        }
                        for target in Target
                    },
                    "outlets": {
                        "terms": {"field": "outlet", "size": OUTLETS},
                        "aggs": {
                            target.value: {"extended_stats": {"field": f"stance_score.{target}"}} for target in Target
                        },
                    },
                },
            }
        },
    }


def voices(before: datetime, since: datetime, until: datetime) -> Body:
    """Who spoke by name in the window (`now`) and before it (`before`), and with which side, counted in stories.

    Those with an entity are found by it (`known`), whatever they are called; the others by their name (`other`).
    """
    spoke: Body = {
        "stories": _stories_of_quotes(),
        "names": {"terms": {"field": "voices.speaker.raw", "size": 1}},
        "targets": {
            "terms": {"field": "voices.target", "size": len(Target)},
            "aggs": {
                "sides": {
                    "terms": {"field": "voices.stance", "size": len(Stance)},
                    "aggs": {"stories": _stories_of_quotes()},
                }
            },
        },
    }
    with_entity = {"exists": {"field": "voices.entity"}}
    named = {"term": {"voices.named": True}}
    return {
        "size": 0,
        "query": window(before, until),
        "aggs": {
            "windows": {
                "filters": {"filters": {"now": _published(since, until), "before": _published(before, since)}},
                "aggs": {
                    "quotes": {
                        "nested": {"path": "voices"},
                        "aggs": {
                            "known": {
                                "filter": {"bool": {"filter": [named, with_entity]}},
                                "aggs": {
                                    "who": {"terms": {"field": "voices.entity", "size": SPEAKERS}, "aggs": spoke},
                                },
                            },
                            "other": {
                                "filter": {"bool": {"filter": [named], "must_not": [with_entity]}},
                                "aggs": {
                                    "who": {"terms": {"field": "voices.speaker.raw", "size": SPEAKERS}, "aggs": spoke},
                                },
                            },
                        },
                    }
                },
            }
        },
    }


def heard_before(since: datetime, entities: Sequence[str], speakers: Sequence[str]) -> Body:
    """Which of these spoke before `since`, at any time; `total` hits say whether the index goes back that far."""
    fields = (("known", "voices.entity", entities), ("other", "voices.speaker.raw", speakers))
    return {
        "size": 0,
        "track_total_hits": 1,
        "query": {"range": {"published_at": {"lt": since.isoformat()}}},
        "aggs": {
            "quotes": {
                "nested": {"path": "voices"},
                "aggs": {
                    name: {
                        "filter": {"terms": {field: list(asked)}},
                        "aggs": {"who": {"terms": {"field": field, "include": list(asked), "size": len(asked)}}},
                    }
                    for name, field, asked in fields
                    if asked
                },
            }
        },
    }


def first_words(since: datetime, until: datetime, field: str, speaker: str) -> Body:
    """The first piece of the window in which a speaker (`voices.entity` or `voices.speaker.raw`) is quoted.

    The quotes that name a target come first among its inner hits.
    """
    spoke = {"term": {field: speaker}}
    return {
        "size": 1,
        "query": {
            "bool": {
                "filter": [
                    window(since, until),
                    {
                        "nested": {
                            "path": "voices",
                            "query": {"bool": {"filter": [spoke], "should": [{"exists": {"field": "voices.target"}}]}},
                            "inner_hits": {"size": 1},
                        }
                    },
                ]
            }
        },
        "sort": [{"published_at": "asc"}, {"article_id": "asc"}],
        "_source": ["title", "url", "outlet", "published_at", "entities"],
    }


def _published(since: datetime, until: datetime) -> Body:
    return {"range": {"published_at": {"gte": since.isoformat(), "lt": until.isoformat()}}}


def _stories_of_quotes() -> Body:
    return {"reverse_nested": {}, "aggs": {"count": {"cardinality": {"field": "story_id"}}}}
