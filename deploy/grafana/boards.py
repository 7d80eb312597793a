"""The dashboards; pure. Every metric in a query is in `consumers/metrics.py` or recorded in `deploy/prometheus`."""

from typing import Any

from deploy.grafana.panels import dashboard, figure, lines, rows

READ = 'vigia_messages_total{stage="classify", outcome="done"}'
"""Pieces that the model is through with."""


def _quantile(share: float, metric: str, by: str, where: str = "") -> str:
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({metric}_bucket{where}[5m])))"


def _mean(metric: str) -> str:
    return f"sum by (stage) (rate({metric}_sum[5m])) / sum by (stage) (rate({metric}_count[5m]))"


def pipeline() -> dict[str, Any]:
    """Does every stage keep up, and if not, where is it held up."""
    return dashboard(
        "vigia-pipeline",
        "Vigía: pipeline",
        "Does every stage keep up, and if not, where is it held up",
        [
            figure("Waiting", "Messages ahead, of all stages", "sum(stage:vigia_lag_messages:sum)", red_from=5000),
            figure("Workers at work", "Members of their consumer group", "sum(vigia_joined)"),
            figure("Paused", "Workers that wait for a sink or the broker", "sum(vigia_paused)", red_from=1),
            figure("Given up, 24 h", "Dead letters", "sum(increase(vigia_dead_letters_total[24h]))", red_from=1),
            lines("Waiting", "Messages ahead", ("stage:vigia_lag_messages:sum", "{{stage}}")),
            lines("Finished", "Messages a second", ("stage:vigia_messages:rate5m", "{{stage}}"), unit="cps"),
            lines(
                "Sent on",
                "Messages acknowledged by the next stream",
                ("sum by (stage, stream) (rate(vigia_emitted_total[5m]))", "{{stage}} → {{stream}}"),
                unit="cps",
            ),
            lines(
                "Hop, p95", "On the stream until committed", ("stage:vigia_hop_seconds:p95_5m", "{{stage}}"), unit="s"
            ),
            lines("Age, p95", "From reading until done", ("stage:vigia_age_seconds:p95_5m", "{{stage}}"), unit="s"),
            lines(
                "Time by step",
                "Seconds a second: what the loop spends its time with",
                ("sum by (stage, step) (rate(vigia_step_seconds_sum[5m]))", "{{stage}} {{step}}"),
                unit="s",
            ),
            lines("Batch", "Messages, on average", (_mean("vigia_batch_messages"), "{{stage}}")),
            lines("Batch size", "Bytes, on average", (_mean("vigia_batch_bytes"), "{{stage}}"), unit="bytes"),
            lines(
                "Read again",
                "Batches of which something was read again, in 15 minutes",
                ("sum by (stage) (increase(vigia_retries_total[15m]))", "{{stage}}"),
            ),
            lines(
                "Given up",
                "Dead letters since the workers started, by error",
                ("sum by (stage, error) (vigia_dead_letters_total)", "{{stage}} {{error}}"),
            ),
            lines(
                "Put back",
                "Messages that came back from the dead letters, in 15 minutes",
                ("sum by (stage) (increase(vigia_replayed_total[15m]))", "{{stage}}"),
            ),
            lines(
                "Memory",
                "Resident",
                ('process_resident_memory_bytes{job="vigia"}', "{{worker}} {{instance}}"),
                unit="bytes",
            ),
            lines(
                "CPU",
                "Cores",
                ('rate(process_cpu_seconds_total{job="vigia"}[5m])', "{{worker}} {{instance}}"),
                unit="short",
            ),
            lines("Open files", "", ('process_open_fds{job="vigia"}', "{{worker}} {{instance}}")),
        ],
    )


def feeds() -> dict[str, Any]:
    """What the sources bring in, as far as the workers see it; each source's own health is not measured here."""
    fresh = 'vigia_age_seconds_count{stage="classify"}'
    on_beat = 'vigia_emitted_total{stage="classify", stream="news.classified"}'
    return dashboard(
        "vigia-feeds",
        "Vigía: feeds",
        "What the sources bring in, all together; each one's health: vigia feeds health, or Kibana",
        [
            figure("Fresh pieces, 1 h", "Read from sources", f"sum(increase({fresh}[1h]))"),
            figure("All pieces, 1 h", "With backfills and replays", f"sum(increase({READ}[1h]))"),
            figure("On the beat, 24 h", "", f"sum(increase({on_beat}[24h]))"),
            figure(
                "To be classified",
                "From poll.max_lag on the poller slows down",
                'stage:vigia_lag_messages:sum{stage="classify"}',
                red_from=100_000,
            ),
            lines(
                "Pieces a minute",
                "Fresh ones, and all",
                (f"60 * sum(rate({fresh}[15m]))", "fresh"),
                (f"60 * sum(rate({READ}[15m]))", "all"),
            ),
            lines(
                "Share on the beat",
                "Of the pieces of the last hour",
                (f"sum(increase({on_beat}[1h])) / (sum(increase({READ}[1h])) > 0)", "on the beat"),
                unit="percentunit",
            ),
            lines(
                "Troubles told",
                "Ops alerts that began or ended, in an hour: drift, loss, pauses of sources (docs/ops-alerts.md)",
                ('sum by (outcome) (increase(vigia_messages_total{stage="ops"}[1h]))', "{{outcome}}"),
            ),
            lines(
                "From reading to classified",
                "Fresh pieces",
                (_quantile(0.5, "vigia_age_seconds", "stage", '{stage="classify"}'), "median"),
                (_quantile(0.95, "vigia_age_seconds", "stage", '{stage="classify"}'), "p95"),
                unit="s",
            ),
        ],
        since="now-24h",
    )


def model() -> dict[str, Any]:
    """How fast the model reads, and what it finds; how right it is, docs/model-card.md says."""
    return dashboard(
        "vigia-model",
        "Vigía: model",
        "How fast the model reads, and how much it finds on the beat; how right it is: vigia model eval",
        [
            figure("Time per token", "Now", "job:vigia_model_token_seconds:ratio5m", unit="s"),
            figure("Tokens a second", "", "sum(rate(vigia_model_tokens_total[5m]))"),
            lines(
                "Time per token",
                "Now, and on average over a day",
                ("job:vigia_model_token_seconds:ratio5m", "now"),
                ("avg_over_time(job:vigia_model_token_seconds:ratio5m[1d])", "a day"),
                unit="s",
            ),
            lines(
                "Model at work",
                "Share of each worker's time in forward passes",
                ("rate(vigia_model_seconds_total[5m])", "{{instance}}"),
                unit="percentunit",
            ),
            lines(
                "Tokens a piece",
                "Read by the model",
                (
                    f"sum(rate(vigia_model_tokens_total[15m])) / (sum(rate({READ}[15m])) > 0)",
                    "tokens",
                ),
            ),
            lines(
                "What it finds",
                "Pieces an hour on the beat (news.classified) and off it",
                ('sum by (stream) (increase(vigia_emitted_total{stage="classify"}[1h]))', "{{stream}}"),
            ),
            lines(
                "A batch through the model",
                "The step `handle`",
                (_quantile(0.5, "vigia_step_seconds", "stage", '{stage="classify", step="handle"}'), "median"),
                (_quantile(0.95, "vigia_step_seconds", "stage", '{stage="classify", step="handle"}'), "p95"),
                unit="s",
            ),
        ],
    )


def alerts() -> dict[str, Any]:
    """Do readers get what the rules find, and soon; and what Prometheus itself finds wrong."""
    refused = 'sum by (stage) (increase(vigia_dead_letters_total{error="DeliveryRefused"}[24h]))'
    return dashboard(
        "vigia-alerts",
        "Vigía: alerts",
        "Do readers get what the rules find, and soon; and what Prometheus itself finds wrong",
        [
            figure("Made, 24 h", "", 'sum(increase(vigia_emitted_total{stage="alert", stream="news.alerts"}[24h]))'),
            figure("Told, 24 h", "", 'sum(increase(vigia_messages_total{stage="notify", outcome="done"}[24h]))'),
            figure("Refused, 24 h", "Channels that will never take it", f"sum({refused})", red_from=1),
            figure(
                "Notifier paused", "A channel or Elasticsearch is away", 'max(vigia_paused{stage="notify"})', red_from=1
            ),
            lines(
                "From reading to reader",
                "Age at the notifier",
                (_quantile(0.5, "vigia_age_seconds", "stage", '{stage="notify"}'), "median"),
                (_quantile(0.95, "vigia_age_seconds", "stage", '{stage="notify"}'), "p95"),
                unit="s",
            ),
            lines(
                "Rules",
                "The step `handle` of `alert`, and the rules that go by the clock (`tick`), p95",
                (_quantile(0.95, "vigia_step_seconds", "step", '{stage="alert", step=~"handle|tick"}'), "{{step}}"),
                unit="s",
            ),
            lines("Refused", "Of news and ops alerts, within a day", (refused, "{{stage}}")),
            rows(
                "Firing now",
                "Each has its runbook in docs/runbooks",
                'ALERTS{alertname=~"Vigia.*", alertstate="firing"}',
            ),
        ],
        since="now-24h",
    )
