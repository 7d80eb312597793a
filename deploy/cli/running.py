"""The settings of a command that talks to a stack: what the user set, else where the embedded stack answers."""

from deploy.local.home import Home, home_at
from deploy.local.state import endpoints
from schemas.settings import Settings, load_settings


def running_settings() -> Settings:
    """The settings in force; servers that the user did not name are those of the stack running in the home."""
    settings = load_settings()
    found = endpoints(home_of(settings))
    if found is None:
        return settings
    updates: dict[str, object] = {}
    if found.kafka and "servers" not in settings.kafka.model_fields_set:
        updates["kafka"] = settings.kafka.model_copy(update={"servers": (found.kafka,)})
    if found.elasticsearch and "url" not in settings.elasticsearch.model_fields_set:
        updates["elasticsearch"] = settings.elasticsearch.model_copy(update={"url": found.elasticsearch})
    if found.prefect and settings.prefect.api_url is None:
        updates["prefect"] = settings.prefect.model_copy(update={"api_url": found.prefect})
    return settings.model_copy(update=updates)


def home_of(settings: Settings) -> Home:
    """The folders of the Vigía that these settings speak of."""
    return home_at(settings.home)
