"""Which entities a text names."""

import pytest

from consumers.classifier.entities.find import find
from consumers.classifier.entities.gazetteer import gazetteer, read
from schemas.classification import EntityKind


def named(text: str) -> list[tuple[str, str]]:
    return [(f.entry.id, text[f.start : f.end]) for f in find(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ICE put the ice on the table", [("ice", "ICE")]),
        ("THEY TOLD US TO MELT ICE CUBES", []),
        ("the U.S. and EE. UU. or US",
         [("united-states", "U.S."), ("united-states", "EE. UU"), ("united-states", "US")]),
        ("el regimen de excepcion y el Régimen de Excepción",
         [("state-of-exception", "regimen de excepcion"), ("state-of-exception", "Régimen de Excepción")]),
        ("the US Embassy in San Salvador", [("us-embassy-sv", "US Embassy in San Salvador")]),
        ("la Unión Europea y La Unión", [("european-union", "Unión Europea"), ("la-union", "La Unión")]),
        ("Bukele's cecot, the CECOT", [("nayib-bukele", "Bukele"), ("cecot", "CECOT")]),
        ("Marco Rubio left. Rubio spoke.", [("marco-rubio", "Marco Rubio"), ("marco-rubio", "Rubio")]),
        ("Rubio spoke of the rubio. Ana Rubio did not.", []),
        ("Secretary Rubio spoke", [("marco-rubio", "Rubio")]),
        ("Supreme\n\nCourt", []),
        ("Prince George's County", [("prince-georges", "Prince George's County")]),
        ("the Temporary\u200b Protected Sta\u0301tus", [("tps", "Temporary\u200b Protected Sta\u0301tus")]),
        ("un salvador, mexicano, la salvadora", []),
    ],
)  # fmt: skip
def test_names_are_found_whole_and_the_longest_first(text: str, found: list[tuple[str, str]]) -> None:
    assert named(text) == found


def test_the_gazetteer_covers_the_beat_in_both_languages() -> None:
    entries = gazetteer().entries.values()
    assert len(entries) >= 250
    assert {e.kind for e in entries} == set(EntityKind) - {EntityKind.OTHER}
    dhs = gazetteer().entries["dhs"]
    assert dhs.name("es") == "Departamento de Seguridad Nacional"
    assert dhs.name("fr") == "Department of Homeland Security"
    assert all(e.wikidata is None or e.wikidata.startswith("Q") for e in entries)


def test_every_sure_name_of_the_gazetteer_is_found() -> None:
    for aliases in gazetteer().aliases.values():
        for alias in aliases:
            if not alias.unsure:
                written = " ".join(
                    {"upper": w.upper(), "title": w.title(), "lower": w}[how] + ("'s" if own else "")
                    for w, how, own in zip(alias.words, alias.cases, alias.possessive, strict=True)
                )
                assert alias.entry.id in [found for found, _ in named(f"and {written} was")], written


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[law]\na = { en = ["X Act"] }\n[court]\na = { en = ["Y"] }', "named twice"),
        ('[law]\na = { en = ["X Act"] }\nb = { en = ["X Act"] }', "is a's"),
        ("[law]\na = { near = [] }", "has no name"),
        ('[law]\na = { en = ["..."] }', "is no name"),
    ],
)
def test_a_gazetteer_that_contradicts_itself_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(text)
