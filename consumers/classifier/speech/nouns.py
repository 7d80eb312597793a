"""Words for those who speak (offices, people, bodies, papers) and small words around them; read from words.toml."""

import tomllib
from importlib.resources import files

_FILE: dict[str, str] = tomllib.loads((files(__package__) / "words.toml").read_text(encoding="utf-8"))


def _words(name: str) -> frozenset[str]:
    return frozenset(_FILE[name].split())


PEOPLE_EN = _words("people_en")
PEOPLE_ES = _words("people_es")
PLURAL_EN = frozenset(f"{w}s" for w in PEOPLE_EN) | {"families", "men", "women", "people", "attorneys", "secretaries"}
PLURAL_ES = frozenset(f"{w}s" for w in PEOPLE_ES) | frozenset(f"{w}es" for w in PEOPLE_ES) | {"jueces", "lideres"}
BODIES = _words("bodies")
"""Institutions and groups, in both languages."""
PAPERS = _words("papers")
"""What is written and so can say something: a report, a lawsuit."""
PLURALS = _words("plurals")

ANAPHORS_PERSON = _words("anaphors_person")
"""With "the" they stand for whoever spoke last, when that fits."""
ANAPHORS_BODY = _words("anaphors_body")

DEFINITE = _words("definite")
INDEFINITE = _words("indefinite")
POSSESSIVES = _words("possessives")
DEMONSTRATIVES = _words("demonstratives")
DETERMINERS = _words("articles") | INDEFINITE | POSSESSIVES | DEMONSTRATIVES
PRONOUN_EN = frozenset({"he", "she", "they", "it"})
PRONOUN_ES = frozenset({"ella", "ellos", "ellas"})
"""«Él» differs from «el» by its accent alone, see `Grammar.pronoun`."""
RELATIVES = _words("relatives")
CONNECTORS = _words("connectors")
OFFICE_OF = _words("office_of")
"""What joins a speaker's noun to what follows it, when the speaker stands after the verb."""
PREPOSITIONS = _words("prepositions")
ADVERBS = _words("adverbs")
"""What may stand between a speaker and the verb, auxiliaries and Spanish pronouns included."""
AUXILIARIES = _words("auxiliaries")
CLITICS = _words("clitics")
CONJUNCTIONS = _words("conjunctions")
OPENERS = _words("openers")
TIMES = _words("times")
CLAUSE_OPENERS = _words("clause_openers")
"""By which an English clause without "that" may begin."""
QUESTIONS = _words("questions")
GIVEN_TITLES = _words("given_titles")
OFFICE_WORDS = _words("office_words")
"""Capitalised in the name of an office, so no part of a person's."""
NATIONS = _words("nations")
"""Capitalised in English and no names: peoples, parties."""
FEMALE = _words("female")
MALE = _words("male")
