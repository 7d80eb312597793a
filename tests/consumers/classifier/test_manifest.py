"""model.toml, and files that are not those it names."""

import shutil
from pathlib import Path

import pytest

from consumers.classifier import manifest as manifests
from consumers.classifier.decide import STANCE_ORDER
from consumers.classifier.model import load
from schemas.errors import ModelFileError
from schemas.settings import ClassifySettings
from schemas.taxonomy import Target, Topic


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped model, to spoil."""
    for name in (manifests.NAME, *manifests.FILES):
        shutil.copy(manifests.SHIPPED / name, tmp_path / name)
    return tmp_path


def test_the_shipped_labels_are_the_taxonomys_in_its_order() -> None:
    manifest, ref = manifests.load(manifests.SHIPPED)
    assert manifest.labels.topics == tuple(Topic)
    assert manifest.labels.targets == tuple(Target)
    assert manifest.labels.stances == STANCE_ORDER
    assert ref.generation == manifest.generation


def test_a_manifest_is_read_as_it_was_written(folder: Path) -> None:
    manifest, _ = manifests.load(folder)
    (folder / manifests.NAME).write_text(manifest.toml(), encoding="utf-8")
    assert manifests.load(folder)[0] == manifest


@pytest.mark.parametrize("name", manifests.FILES)
def test_a_changed_file_is_refused_by_name(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelFileError, match=f"{name}.*SHA-256"):
        load(ClassifySettings(model=folder))


@pytest.mark.parametrize("name", [manifests.NAME, *manifests.FILES])
def test_a_missing_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFileError, match=name):
        load(ClassifySettings(model=folder))


def test_other_labels_than_the_taxonomys_are_refused(folder: Path) -> None:
    path = folder / manifests.NAME
    path.write_text(path.read_text().replace('"favor", "against"', '"against", "favor"'))
    with pytest.raises(ModelFileError, match="taxonomy"):
        load(ClassifySettings(model=folder))


def test_a_manifest_that_is_not_toml_is_refused(folder: Path) -> None:
    (folder / manifests.NAME).write_bytes(b"\xff{")
    with pytest.raises(ModelFileError, match="not TOML"):
        load(ClassifySettings(model=folder))
