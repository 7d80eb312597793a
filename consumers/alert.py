"""A handler: what was indexed -> which rules it meets -> new alerts, through an outbox.

An alert is created with `handover: pending`, then everything pending is sent and marked. So a worker that is killed
anywhere in between loses none: the next batch sends what the last one left. `tick` does the same for what only the
clock brings about: silence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from consumers.archive import Client, Created, create, get_many, mark_handed_over, refresh, search, update
from consumers.outcome import Done, Emit, Outcome
from consumers.rules import follow, match
from consumers.rules.made import alert_of, joined
from consumers.rules.preselect import Selector, labels_of, select
from consumers.rules.windows import Windowed, window_alerts
from schemas.alert import Alert, Handover
from schemas.classification import Indexed
from schemas.identity import alert_id
from schemas.queries import handover_pending
from schemas.reason import Joined, JoinedAs
from schemas.rule import Follow, Match, Rule, Silence
from schemas.rule_queries import LABELS, chunks, rules_over
from schemas.streams import ALERTS, Stream

log = structlog.get_logger()

OUTBOX = 10_000
"""Alerts taken from the outbox at once: the most that Elasticsearch returns."""

Doc = Mapping[str, Any]


def alert(
    batch: Sequence[Indexed],
    *,
    es: Client,
    rules: Callable[[], Sequence[Rule]],
    now: Callable[[], datetime],
    alerts: Stream[Alert] = ALERTS,
) -> list[Outcome]:
    """Run the rules over every piece of the batch; one alert a rule and story (or window), ever. Raises Unavailable."""
    refresh(es, es.indices.news)
    moment = now()
    drafts = _drafts({i.article_id for i in batch}, selector(rules()), es=es, now=moment)
    _keep(drafts, es=es)
    done: list[Outcome] = [Done() for _ in batch]
    done[-1] = _hand_over(es, alerts)
    return done


def tick(
    *,
    es: Client,
    rules: Callable[[], Sequence[Rule]],
    now: Callable[[], datetime],
    alerts: Stream[Alert] = ALERTS,
) -> Done:
    """What no piece brings about: rules of silence; and whatever waits in the outbox. Raises Unavailable."""
    moment = now()
    quiet = {rule.id: (rule, ()) for rule in rules() if isinstance(rule, Silence) and rule.awake(moment)}
    if quiet:
        refresh(es, es.indices.news, es.indices.alerts)
        _keep([Draft(made) for made in window_alerts(es, quiet, moment)], es=es)
    return _hand_over(es, alerts)


@dataclass
class Draft:
    """An alert to be made, and the pieces that belong to it; `retells` when its readers want to hear of each."""

    alert: Alert
    pieces: list[tuple[Doc, JoinedAs]] = field(default_factory=list)
    retells: bool = False

    def thread(self, so_far: Sequence[Joined]) -> tuple[Joined, ...]:
        """The thread with the draft's pieces, each once."""
        thread = list(so_far)
        for piece, kind in self.pieces:
            entry = joined(piece, thread, kind)
            if entry is not None:
                thread.append(entry)
        return tuple(thread)


@dataclass
class _Filed:
    """The rules as they were last filed: filing 5,000 takes longer than asking them."""

    rules: object = None
    selector: Selector = field(default_factory=lambda: select(()))


_filed = _Filed()


def selector(rules: Sequence[Rule]) -> Selector:
    """The rules, filed by what a piece must have to meet them."""
    if _filed.rules is not rules or not isinstance(rules, tuple):
        _filed.selector = select(rules)
        _filed.rules = rules
    return _filed.selector


def _drafts(ids: set[str], rules: Selector, *, es: Client, now: datetime) -> list[Draft]:
    met = meetings(ids, rules, es=es, now=now)
    drafts = _match_drafts([(doc, rule) for doc, rule in met if isinstance(rule, Match)], es=es, now=now)
    touched: dict[str, tuple[Windowed, list[Doc]]] = {}
    followed: dict[str, tuple[Follow, list[Doc]]] = {}
    for doc, rule in met:
        match rule:
            case Follow():
                followed.setdefault(rule.id, (rule, []))[1].append(doc)
            case Match():
                pass
            case _:
                touched.setdefault(rule.id, (rule, []))[1].append(doc)
    if touched:
        refresh(es, es.indices.alerts)
        drafts += [Draft(made) for made in window_alerts(es, touched, now)]
    return drafts + _follow_drafts(followed, es=es, now=now)


def meetings(ids: set[str], rules: Selector, *, es: Client, now: datetime) -> list[tuple[Doc, Rule]]:
    """Which of the pieces are in the scope of which rules: told from labels first, then asked of Elasticsearch."""
    body = {"size": len(ids), "query": {"ids": {"values": sorted(ids)}}, "_source": list(LABELS)}
    wanted: dict[str, Rule] = {}
    asked: list[str] = []
    for hit in search(es, body)["hits"]["hits"]:
        if hit["_source"].get("lane") != "historic":
            found = {rule.id: rule for rule in rules.candidates(labels_of(hit["_source"])) if rule.awake(now)}
            wanted |= found
            asked += [hit["_id"]] if found else []
    met: list[tuple[Doc, Rule]] = []
    for lot in chunks(wanted.values()):
        for hit in search(es, rules_over(asked, lot, now))["hits"]["hits"]:
            met += [(hit["_source"], wanted[rule_id]) for rule_id in hit["matched_queries"]]
    return met


def _match_drafts(met: Sequence[tuple[Doc, Rule]], *, es: Client, now: datetime) -> list[Draft]:
    hours: dict[str, float] = {}
    for doc, rule in met:
        hours[doc["article_id"]] = max(hours.get(doc["article_id"], 0.0), rule.max_age_hours)
    pieces = list({doc["article_id"]: doc for doc, _ in met}.values())
    old = match.returned(es, pieces, hours, now)
    drafts: dict[str, Draft] = {}
    firsts: dict[str, tuple[Doc, Rule]] = {}
    for doc, rule in sorted(met, key=lambda one: (one[0]["published_at"], one[0]["article_id"])):
        if doc["article_id"] in old:
            continue
        key = alert_id(rule.id, doc["story_id"])
        if key not in drafts:
            firsts[key] = (doc, rule)
            drafts[key] = Draft(alert_of(doc, rule, now))
        drafts[key].pieces.append((doc, JoinedAs.COPY if drafts[key].pieces else JoinedAs.FIRST))
    asked = {
        k: (doc["article_id"], rule.query) for k, (doc, rule) in firsts.items() if rule.query and rule.query.strip()
    }
    found = dict(zip(asked, match.fragments(es, list(asked.values())), strict=True))
    for key, (doc, rule) in firsts.items():
        reason = match.reason(doc, rule, now, found.get(key, ()))
        drafts[key].alert = drafts[key].alert.model_copy(update={"reason": reason})
    return list(drafts.values())


def _follow_drafts(followed: Mapping[str, tuple[Follow, Sequence[Doc]]], *, es: Client, now: datetime) -> list[Draft]:
    stories = follow.seeds(es, [rule for rule, _ in followed.values()]) if followed else {}
    drafts: list[Draft] = []
    for rule_id, (rule, docs) in followed.items():
        story = stories[rule_id]
        if not story:
            continue
        weighed = follow.weights(es, story)
        joining = [(doc, kind) for doc in docs if (kind := follow.joins(doc, story, rule, weighed)) is not None]
        if joining:
            own = [(piece, JoinedAs.COPY if n else JoinedAs.FIRST) for n, piece in enumerate(story)]
            joining.sort(key=lambda one: (one[0]["published_at"], one[0]["article_id"]))
            drafts.append(Draft(alert_of(story[0], rule, now), [*own, *joining], retells=True))
    return drafts


def _keep(drafts: Sequence[Draft], *, es: Client) -> None:
    """Create the alerts that are new; add to the others' threads what has joined them since."""
    wanted = {d.alert.alert_id: d for d in drafts}
    new = [d.alert.model_copy(update={"thread": d.thread(())}) for d in wanted.values()]
    there: list[str] = []
    for made_id, made in create(es, new).items():
        if isinstance(made, Created):
            draft = wanted[made_id].alert
            log.info("alert.created", alert_id=made_id, rule=draft.rule_id, story_id=draft.story_id)
        elif wanted[made_id].pieces:
            there.append(made_id)
    index = es.indices.alerts
    held = get_many(es, [(index, made_id) for made_id in there], fields=["thread", "edition"])
    for made_id, before in held.items():
        so_far = [Joined.model_validate(entry) for entry in before.get("thread", ())]
        thread = wanted[made_id].thread(so_far)
        if len(thread) == len(so_far):
            continue
        changes: dict[str, Any] = {"thread": [entry.model_dump(mode="json") for entry in thread]}
        if wanted[made_id].retells:
            changes |= {"edition": before.get("edition", 1) + 1, "handover": Handover.PENDING.value}
        update(es, index, made_id, changes)


def _hand_over(es: Client, alerts: Stream[Alert]) -> Done:
    outbox = _outbox(es)
    if not outbox:
        return Done()
    emits = tuple(Emit(alerts, waiting) for waiting in outbox)
    return Done(emit=emits, then=partial(mark_handed_over, es, [a.alert_id for a in outbox]))


def _outbox(es: Client) -> list[Alert]:
    refresh(es, es.indices.alerts)
    hits = search(es, handover_pending(OUTBOX), index=es.indices.alerts)["hits"]["hits"]
    return [Alert.model_validate({k: v for k, v in hit["_source"].items() if k in Alert.model_fields}) for hit in hits]
