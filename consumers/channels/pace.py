"""How fast each channel is sent to, and until when one asked to be left alone."""

from dataclasses import dataclass, field

BURST = 5
"""How many messages may go at once after a pause; then they are spread over the minute."""


@dataclass
class Pace:
    """Keeps each channel's rate (a leaky bucket: GCRA) and what its receiver asked for. Times are of a monotonic clock.

    It forgets at the end of the process: a worker that is started anew may send a burst once more.
    """

    due: dict[str, float] = field(default_factory=dict)
    silent_until: dict[str, float] = field(default_factory=dict)

    def wait_s(self, channel: str, per_minute: float | None, now: float) -> float:
        """Seconds until the channel may be sent to; 0 takes its place in the rate."""
        wait = max(0.0, self.silent_until.get(channel, now) - now)
        if per_minute is None or wait > 0:
            return wait
        between = 60 / per_minute
        due = max(self.due.get(channel, now), now)
        wait = due - now - between * (BURST - 1)
        if wait > 1e-9:
            return wait
        self.due[channel] = due + between
        return 0.0

    def silence(self, channel: str, seconds: float, now: float) -> None:
        """The receiver asked not to be sent to for so long."""
        self.silent_until[channel] = max(self.silent_until.get(channel, now), now + seconds)
