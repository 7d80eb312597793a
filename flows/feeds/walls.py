"""Pages that are not the piece: challenges, consent forms, logins; and what a paywall adds to a piece; pure."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from lxml.html import HtmlElement

SHORT_CHARS = 1500
"""A page with more text than this is a piece, whatever else it says."""

LOGIN_CHARS = 600
PROMPT_CHARS = 250
TEASER_CHARS = 200
"""Less text than this before a paywall says less than the feed's summary."""

CHALLENGE_TITLE = re.compile(
    r"\s*(?:just a moment|one moment|un momento|espere un momento|attention required|access denied|acceso denegado"
    r"|checking your browser|please wait|pardon our interruption|security check|robot check|bot verification"
    r"|are you (?:a )?(?:human|robot)|verify(?:ing)? (?:that )?you are|verifi(?:ca|que|cando) que (?:eres|es|usted)"
    r"|human verification|ddos-guard|403 forbidden|request rejected|error 403)\b",
    re.IGNORECASE,
)
CHALLENGE_SCRIPT = re.compile(
    r"_cf_chl_opt|_Incapsula_Resource|captcha-delivery\.com|px-captcha|awsWafCookieDomainList|ddos-guard|sgcaptcha"
)
CONSENT_HOST = re.compile(r"^(?:consent|guce|cmp|privacy)\.", re.IGNORECASE)
CONSENT_TITLE = re.compile(
    r"before you continue|antes de continuar|we value your privacy|valoramos (?:tu|su) privacidad|cookie consent"
    r"|your privacy choices|(?:tu|su) privacidad es importante|data protection consent",
    re.IGNORECASE,
)
LOGIN_PATH = re.compile(
    r"/(?:log-?in|sign-?in|sso|auth|iniciar-?sesion|inicio-sesion|ingresar|acceder|subscribe|subscription|suscri\w*"
    r"|regist\w*|account|cuenta|paywall|consent|captcha)(?:[/.?]|$)",
    re.IGNORECASE,
)
PROMPT = re.compile(
    r"subscribe (?:now|to (?:read|continue|keep))|already (?:a subscriber|have an account)"
    r"|(?:sign|log) in to (?:read|continue)|create (?:a|your) free account|to continue reading"
    r"|this (?:article|content|story) is (?:only )?(?:for|available to) (?:our )?subscribers"
    r"|you(?:'ve| have) reached your (?:limit|monthly)|suscr[ií]b\w+ (?:para|y|ahora|a)\b"
    r"|(?:contenido|art[ií]culo|nota) (?:exclusiv\w+|solo) para suscriptores|ya eres suscriptor|¿ya (?:eres|tienes) "
    r"|inicia sesi[oó]n para|para (?:seguir|continuar) leyendo|hazte (?:suscriptor|socio)",
    re.IGNORECASE,
)
LOCKED = re.compile(r'"isAccessibleForFree"\s*:\s*(?:"?false"?)', re.IGNORECASE)
TIERS = frozenset({"locked", "metered", "premium", "paid", "subscriber"})


@dataclass(frozen=True)
class Signs:
    """What a page's markup tells of a wall, before hidden parts are dropped from it."""

    challenge: bool = False
    password: bool = False

    @classmethod
    def of(cls, tree: HtmlElement) -> "Signs":
        """Those of the page."""
        scripts = (f"{script.get('src') or ''} {(script.text or '')[:20_000]}" for script in tree.iter("script"))
        return cls(
            challenge=any(CHALLENGE_SCRIPT.search(said) for said in scripts),
            password=any((field.get("type") or "").lower() == "password" for field in tree.iter("input")),
        )


def wall(signs: Signs, *, title: str, text: str, url: str, link: str) -> str | None:
    """What the page that `link` led to asks for instead of showing a piece; None when it shows one."""
    if len(text) > SHORT_CHARS:
        return None
    parts = urlsplit(url)
    if signs.challenge or CHALLENGE_TITLE.match(title):
        return "a proof that a human reads it"
    if CONSENT_HOST.match(parts.hostname or "") or CONSENT_TITLE.search(title):
        return "consent"
    if LOGIN_PATH.search(parts.path) and not LOGIN_PATH.search(urlsplit(link).path):
        return "a login"
    return "a password" if signs.password and len(text) < LOGIN_CHARS else None


def paywalled(meta: dict[str, str], scripts: str, text: str) -> bool:
    """Whether the page keeps the rest of the piece for those who pay."""
    tier = meta.get("article:content_tier", meta.get("content_tier", "")).lower()
    asks = len(text) <= SHORT_CHARS and any(map(_prompt, text.split("\n")))
    return asks or tier in TIERS or LOCKED.search(scripts) is not None


def without_prompts(text: str) -> str:
    """The text without the lines that ask to subscribe; nothing when hardly any is left."""
    kept = "\n".join(line for line in text.split("\n") if not _prompt(line))
    return kept if len(kept) >= TEASER_CHARS else ""


def _prompt(line: str) -> bool:
    return len(line) <= PROMPT_CHARS and PROMPT.search(line) is not None
