"""record: the text of notices to refused senders, in their language if we have it. It reveals no rules and no users."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trac_mailintake.intake.reasons import ALLOW, MAX_SIZE, PERMISSION, REQUIRE_SUBJECT, STRANGER

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG: Final = re.compile(r"\s*([a-z]{2,3})(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of one language. {project} is the project's name, {subject} the mail's subject, as `quoted`."""

    quoted: str
    rejected: str
    rejected_text: str
    held: str
    held_text: str
    filed: str
    filed_text: str
    why: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By rule: the reason as the sender may see it."""
    closing: str = ""

    def text(self, project: str, subject: str, rule: str, *, held: bool) -> tuple[str, str]:
        """Subject and text of a notice. With `subject` "" it does not name the mail."""
        title, body = (self.held, self.held_text) if held else (self.rejected, self.rejected_text)
        named = self.quoted.format(subject=subject) if subject else ""
        paragraphs = (body.format(project=project, subject=named), self.why.get(rule, ""), self.closing)
        return title, "\n\n".join(filter(None, paragraphs)) + "\n"

    def acknowledgement(self, project: str, ticket: int, url: str) -> tuple[str, str]:
        """Subject and text of an acknowledgement that repeats nothing of the mail."""
        return self.filed, self.filed_text.format(project=project, ticket=ticket, url=url) + "\n"


_ENGLISH: Final = Phrases(
    rejected="Your message was not accepted",
    quoted="“{subject}” ",
    rejected_text="Your message {subject}to {project} was not accepted.",
    filed="Your message was received",
    filed_text="Your message to {project} was received as ticket #{ticket}:\n{url}\n\nThis was sent automatically.",
    held="Your message awaits review",
    held_text="Your message {subject}to {project} is kept until somebody has looked at it. You need not send it again.",
    why=MappingProxyType(
        {
            STRANGER.slug: "It refers to a ticket in which you are not involved. To report something new, write a new "
            "message.",
            PERMISSION.slug: "Your address may not write there without approval.",
            ALLOW.slug: "Your address may not write there without approval.",
            MAX_SIZE.slug: "It is too large.",
            REQUIRE_SUBJECT.slug: "It has no subject.",
        }
    ),
    closing="This notice was sent automatically. Please do not reply to it.",
)
_GERMAN: Final = Phrases(
    rejected="Ihre Nachricht wurde nicht angenommen",
    quoted="„{subject}“ ",
    rejected_text="Ihre Nachricht {subject}an {project} wurde nicht angenommen.",
    filed="Ihre Nachricht ist eingegangen",
    filed_text="Ihre Nachricht an {project} ist als Ticket #{ticket} eingegangen:\n{url}\n\nDiese Mitteilung wurde "
    "automatisch versandt.",
    held="Ihre Nachricht wird geprüft",
    held_text="Ihre Nachricht {subject}an {project} wird aufbewahrt, bis jemand sie geprüft hat. Sie brauchen sie "
    "nicht noch einmal zu senden.",
    why=MappingProxyType(
        {
            STRANGER.slug: "Sie bezieht sich auf ein Ticket, an dem Sie nicht beteiligt sind. Um etwas Neues zu "
            "melden, schreiben Sie bitte eine neue Nachricht.",
            PERMISSION.slug: "Von Ihrer Adresse darf dort nicht ohne Freigabe geschrieben werden.",
            ALLOW.slug: "Von Ihrer Adresse darf dort nicht ohne Freigabe geschrieben werden.",
            MAX_SIZE.slug: "Sie ist zu groß.",
            REQUIRE_SUBJECT.slug: "Sie hat keinen Betreff.",
        }
    ),
    closing="Diese Mitteilung wurde automatisch versandt. Bitte antworten Sie nicht darauf.",
)
_FRENCH: Final = Phrases(
    rejected="Votre message n’a pas été accepté",
    quoted="« {subject} » ",
    rejected_text="Votre message {subject}adressé à {project} n’a pas été accepté.",
    filed="Votre message a été reçu",
    filed_text="Votre message adressé à {project} a été reçu et porte le numéro de ticket #{ticket} :\n{url}\n\nCe "
    "message a été envoyé automatiquement.",
    held="Votre message est en attente de vérification",
    held_text="Votre message {subject}adressé à {project} est conservé jusqu’à ce que quelqu’un l’ait vérifié. Il "
    "est inutile de l’envoyer à nouveau.",
    why=MappingProxyType(
        {
            STRANGER.slug: "Il se rapporte à un ticket auquel vous ne participez pas. Pour signaler autre chose, "
            "veuillez écrire un nouveau message.",
            PERMISSION.slug: "Votre adresse ne peut pas y écrire sans autorisation.",
            ALLOW.slug: "Votre adresse ne peut pas y écrire sans autorisation.",
            MAX_SIZE.slug: "Il est trop volumineux.",
            REQUIRE_SUBJECT.slug: "Il n’a pas d’objet.",
        }
    ),
    closing="Ce message a été envoyé automatiquement. Merci de ne pas y répondre.",
)
_SPANISH: Final = Phrases(
    rejected="Su mensaje no ha sido aceptado",
    quoted="«{subject}» ",
    rejected_text="Su mensaje {subject}a {project} no ha sido aceptado.",
    filed="Hemos recibido su mensaje",
    filed_text="Su mensaje a {project} se ha recibido como tique #{ticket}:\n{url}\n\nEste aviso se ha enviado "
    "automáticamente.",
    held="Su mensaje está pendiente de revisión",
    held_text="Su mensaje {subject}a {project} se conserva hasta que alguien lo haya revisado. No hace falta que lo "
    "envíe de nuevo.",
    why=MappingProxyType(
        {
            STRANGER.slug: "Se refiere a un tique en el que usted no participa. Para comunicar algo nuevo, escriba un "
            "mensaje nuevo.",
            PERMISSION.slug: "Su dirección no puede escribir allí sin autorización.",
            ALLOW.slug: "Su dirección no puede escribir allí sin autorización.",
            MAX_SIZE.slug: "Es demasiado grande.",
            REQUIRE_SUBJECT.slug: "No tiene asunto.",
        }
    ),
    closing="Este aviso se ha enviado automáticamente. Por favor, no responda a él.",
)
LANGUAGES: Final = MappingProxyType({"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH, "es": _SPANISH})


def phrases(*wanted: str) -> Phrases:
    """The phrases of the first available language; each argument may be a list of tags (RFC 3282). Default: English."""
    for each in wanted:
        for tag in each.split(","):
            match = _TAG.match(tag)
            if match and match[1].lower() in LANGUAGES:
                return LANGUAGES[match[1].lower()]
    return _ENGLISH
