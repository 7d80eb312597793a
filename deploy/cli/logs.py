"""Where the supervisor's events go while a person has the terminal."""

import structlog

from deploy.local.home import Home


def log_to_file(home: Home) -> None:
    """Send structured events to `stack.log` of this home, one JSON object a line."""
    home.create()
    file = home.logs / "stack.log"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=file.open("a", buffering=1, encoding="utf-8")),
    )
