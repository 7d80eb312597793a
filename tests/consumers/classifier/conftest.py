"""The shipped model, loaded once."""

import pytest

from consumers.classifier.model import Model, load
from schemas.settings import ClassifySettings


@pytest.fixture(scope="session")
def model() -> Model:
    return load(ClassifySettings(threads=2))
