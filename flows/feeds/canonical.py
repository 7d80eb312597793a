"""Which URL is the piece's own: tracking parameters dropped, `rel=canonical` honoured within the same domain; pure.

courlan's cleaning is not used for identity: it drops parameters that name a piece (`?cid=7`, a bare `?20261124`), so
that two pieces would become one.
"""

import re
from functools import lru_cache
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

import tldextract

TRACKING_NAMES = frozenset((
    "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "twclid", "ttclid", "yclid", "igshid",
    "igsh", "li_fat_id", "srsltid", "mkt_tok", "_ga", "_gl", "_hsenc", "_hsmi", "__s", "__twitter_impression",
    "ocid", "cmpid", "cmp", "icid", "ito", "smid", "smtyp", "ftag", "xtor", "ncid", "soc_src", "soc_trk", "spm",
    "sref", "taid", "tpcc", "wt_mc", "wt.mc_id", "rss_id", "feedname",
))  # fmt: skip
"""Parameters that only say where a reader came from; names in lower case."""

TRACKING_PREFIXES = ("utm_", "mtm_", "pk_", "piwik_", "matomo_", "hsa_", "mc_", "oly_", "vero_", "at_", "ns_", "dicbo")
TRACKING_PAIRS = frozenset(
    f"{name}={value}"
    for name in ("ref", "source", "src", "from", "partner", "emc", "via", "feed", "output", "outputtype", "medium")
    for value in ("rss", "feed", "atom", "rss2", "rss_feed", "twitter", "facebook", "whatsapp", "telegram", "amp")
)
"""`ref=rss` says where a reader came from; `ref=4711` may be the piece."""

SAFE_PATH = "/:@!$&'()*+,;=~-._"
SAFE_QUERY = SAFE_PATH + "?%"
MAX_URL = 4096


def canonical(url: str) -> str | None:
    """The URL in normal form, without what only tracks a reader; None when it is not an http(s) URL."""
    if len(url) > MAX_URL:
        return None
    try:
        parts = urlsplit("".join(url.split()))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in {"http", "https"} or not host:
        return None
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return None
    host = f"[{host}]" if ":" in host else host.lower().rstrip(".")
    if port is not None and port != (443 if scheme == "https" else 80):
        host = f"{host}:{port}"
    found = urlunsplit((scheme, host, _path(parts), _query(parts.query), ""))
    return found if len(found) <= MAX_URL else None


def identity(link: str, *, page_url: str | None = None, declared: str | None = None) -> str | None:
    """The canonical URL of a piece: what its page declares, else its link; None when no candidate is an http(s) URL.

    `page_url` is where the link led after redirects, `declared` the page's `rel=canonical`. The declaration counts only
    within the registrable domain of the page, so that no outlet can speak for another's piece, and never when it names
    the front page. A link that leads to another domain (a feed's click counter) gives way to where it led.
    """
    own = canonical(link)
    page = canonical(page_url) if page_url else None
    best = page if page is not None and (own is None or not same_site(own, page)) else own
    if declared and page is not None:
        named = _resolved(page, declared)
        if named is not None and same_site(named, page) and not (_front(named) and not _front(page)):
            return named
    return best


def same_site(a: str, b: str) -> bool:
    """Whether two URLs lie in one registrable domain; hosts without one (addresses) must be the very same, port too.

    Public Suffix List, its private part included; a suffix that it does not know is one label, as its own rules say.
    """
    site = _site(a)
    return site is not None and site == _site(b)


@lru_cache(maxsize=4096)
def _site(url: str) -> str | None:
    parts = urlsplit(url)
    found = _suffixes()(parts.hostname or "")
    if found.suffix or found.ipv4 or found.ipv6 or not found.subdomain:
        return found.top_domain_under_public_suffix or parts.netloc or None
    return f"{found.subdomain.rpartition('.')[2]}.{found.domain}"


def _resolved(page: str, declared: str) -> str | None:
    try:
        return canonical(urljoin(page, declared))
    except ValueError:
        return None


@lru_cache(maxsize=1)
def _suffixes() -> tldextract.TLDExtract:
    # no URLs and no cache: the list that the package carries, never the network
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


def _front(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in {"", "/"} and not parts.query


def _path(parts: SplitResult) -> str:
    path = re.sub(r"%([0-9a-fA-F]{2})", _unescaped, parts.path or "/")
    return quote(path, safe=SAFE_PATH + "%")


def _unescaped(found: re.Match[str]) -> str:
    """An escape of a letter, digit, `-`, `.`, `_` or `~` means that sign itself (RFC 3986, 6.2.2)."""
    sign = unquote(found[0])
    return sign if re.fullmatch(r"[A-Za-z0-9._~-]", sign) else found[0].upper()


def _query(query: str) -> str:
    kept = [part for part in query.split("&") if part and not _tracks(part)]
    return quote("&".join(kept), safe=SAFE_QUERY)


def _tracks(part: str) -> bool:
    name = unquote(part.partition("=")[0]).lower()
    return name in TRACKING_NAMES or name.startswith(TRACKING_PREFIXES) or part.lower() in TRACKING_PAIRS
