"""The labels: topics, stance targets and stances, with the words a reader sees in English and Spanish."""

from enum import StrEnum


class Topic(StrEnum):
    """What a passage is about; many may hold at once."""

    SECURITY_COOPERATION = "security_cooperation"
    ECONOMIC_AID = "economic_aid"
    INFORMATION_SHARING = "information_sharing"
    DEPORTATION_RETURNS = "deportation_returns"
    BORDER_CONTROL = "border_control"
    HUMAN_RIGHTS = "human_rights"
    ROOT_CAUSES = "root_causes"
    REGIONAL_STABILITY = "regional_stability"
    DOMESTIC_POLITICS = "domestic_politics"
    DIPLOMATIC_TALKS = "diplomatic_talks"
    ASYLUM_TPS = "asylum_tps"


class Target(StrEnum):
    """What a stance is taken on."""

    US_SV_COOPERATION = "us_sv_cooperation"
    DEPORTATION_DEAL = "deportation_deal"
    US_CRACKDOWN = "us_crackdown"
    BUKELE_GOVERNMENT = "bukele_government"
    US_AID = "us_aid"


class Stance(StrEnum):
    """The side taken on a target that is addressed; a target that is not addressed has none."""

    FAVOR = "favor"
    AGAINST = "against"
    NEUTRAL = "neutral"


TOPIC_WORDS: dict[Topic, dict[str, str]] = {
    Topic.SECURITY_COOPERATION: {"en": "security cooperation", "es": "cooperación en seguridad"},
    Topic.ECONOMIC_AID: {"en": "economic aid", "es": "ayuda económica"},
    Topic.INFORMATION_SHARING: {"en": "information sharing", "es": "intercambio de información"},
    Topic.DEPORTATION_RETURNS: {"en": "deportation and returns", "es": "deportaciones y retornos"},
    Topic.BORDER_CONTROL: {"en": "border control", "es": "control fronterizo"},
    Topic.HUMAN_RIGHTS: {"en": "human rights", "es": "derechos humanos"},
    Topic.ROOT_CAUSES: {"en": "root causes of migration", "es": "causas de la migración"},
    Topic.REGIONAL_STABILITY: {"en": "regional stability", "es": "estabilidad regional"},
    Topic.DOMESTIC_POLITICS: {"en": "domestic politics", "es": "política interna"},
    Topic.DIPLOMATIC_TALKS: {"en": "diplomatic talks", "es": "conversaciones diplomáticas"},
    Topic.ASYLUM_TPS: {"en": "asylum and TPS", "es": "asilo y TPS"},
}

TARGET_WORDS: dict[Target, dict[str, str]] = {
    Target.US_SV_COOPERATION: {
        "en": "US–El Salvador cooperation on migration",
        "es": "la cooperación migratoria entre EE. UU. y El Salvador",
    },
    Target.DEPORTATION_DEAL: {
        "en": "US deportations and transfers to El Salvador",
        "es": "las deportaciones y traslados de EE. UU. a El Salvador",
    },
    Target.US_CRACKDOWN: {
        "en": "the US immigration crackdown",
        "es": "la ofensiva migratoria de EE. UU.",
    },
    Target.BUKELE_GOVERNMENT: {
        "en": "President Bukele's government",
        "es": "el gobierno del presidente Bukele",
    },
    Target.US_AID: {"en": "US economic aid to El Salvador", "es": "la ayuda económica de EE. UU. a El Salvador"},
}

STANCE_WORDS: dict[Stance, dict[str, str]] = {
    Stance.FAVOR: {"en": "in favor", "es": "a favor"},
    Stance.AGAINST: {"en": "against", "es": "en contra"},
    Stance.NEUTRAL: {"en": "neutral", "es": "neutral"},
}
