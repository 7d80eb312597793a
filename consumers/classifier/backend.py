"""Which model reads: the shipped one, another folder's, or one of the hub."""

from consumers.classifier.scorer import Scorer
from schemas.settings import ClassifySettings


def load(settings: ClassifySettings) -> Scorer:
    """The model that the settings name. Raises ModelFileError or ConfigError when it can't be loaded."""
    if settings.backend == "hub":
        from consumers.classifier import hub

        return hub.load(settings)
    from consumers.classifier import model

    return model.load(settings)
