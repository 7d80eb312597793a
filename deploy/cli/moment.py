"""Moments as people write them on a command line: `schemas.moment`, under the name that the nouns here import it by."""

from schemas.moment import parse_moment as parse_moment
