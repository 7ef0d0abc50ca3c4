"""The texts that the provider itself writes into authentication templates, by language.

A node often carries them; where it does not, a preview needs them all the same. Source: whatsapp.md §1.4 (wording as
the provider shows it in its manager; other languages than these are shown in English).
"""

from __future__ import annotations

from typing import NamedTuple


class _Texts(NamedTuple):
    body: str
    advice: str
    footer: str
    copy: str


_ENGLISH = _Texts(
    "*{{1}}* is your verification code.",
    "For your security, do not share this code.",
    "This code expires in {minutes} minutes.",
    "Copy offer code",
)
_TEXTS = {
    "en": _ENGLISH,
    "tr": _Texts(
        "Doğrulama kodunuz: *{{1}}*.",
        "Güvenliğiniz için bu kodu paylaşmayın.",
        "Bu kodun süresi {minutes} dakika içinde dolacak.",
        "Teklif kodunu kopyala",
    ),
    "de": _Texts(
        "*{{1}}* ist dein Verifizierungscode.",
        "Teile diesen Code zu deiner Sicherheit mit niemandem.",
        "Dieser Code läuft in {minutes} Minuten ab.",
        "Angebotscode kopieren",
    ),
    "fr": _Texts(
        "*{{1}}* est votre code de vérification.",
        "Pour votre sécurité, ne le partagez pas.",
        "Ce code expire dans {minutes} minutes.",
        "Copier le code de l’offre",
    ),
    "es": _Texts(
        "Tu código de verificación es *{{1}}*.",
        "Por tu seguridad, no lo compartas.",
        "Este código caduca en {minutes} minutos.",
        "Copiar código de la oferta",
    ),
    "ar": _Texts(
        "رمز التحقق الخاص بك هو *{{1}}*.",
        "حفاظًا على أمانك، لا تشارك هذا الرمز.",
        "تنتهي صلاحية هذا الرمز خلال {minutes} دقيقة.",
        "نسخ رمز العرض",
    ),
}


def code_body(language: str, with_advice: bool) -> str:
    """The body, with or without the advice not to share the code."""
    texts = _texts(language)
    return f"{texts.body} {texts.advice}" if with_advice else texts.body


def code_footer(language: str, minutes: int) -> str:
    """The footer that says when the code expires."""
    return _texts(language).footer.format(minutes=minutes)


def copy_text(language: str) -> str:
    """What the button of a coupon code says."""
    return _texts(language).copy


def _texts(language: str) -> _Texts:
    return _TEXTS.get(language.partition("_")[0], _ENGLISH)
