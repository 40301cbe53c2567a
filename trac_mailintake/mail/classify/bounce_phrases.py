"""parse: recognises plain-text bounces of software that ignores RFC 3464, by their wording.

A subject alone is not enough, since people write about bounces, too: there must also be a machine's sender, or a
machine's sentence at the beginning. Replies and forwards are by people.
"""

from __future__ import annotations

import re
from typing import Final

DAEMON: Final = re.compile(
    r"(?:^|[<\s\"])(mailer-daemon|postmaster|mail-daemon|mailerdaemon|mdaemon)(?:[@>\s\"\\]|$)", re.IGNORECASE
)
"""Names in From that only mail software uses."""

BEGINNING: Final = 4000
"""Characters of the text that are examined."""
_END: Final = 80
"""Characters at the end of a subject that are examined."""

_SUBJECT: Final = re.compile(
    r"""[^\w\[]*+(?:\[[^\]]{0,40}\]\W*+)?(?:
    (?:(?:e-?mail|message|permanent|automatic)\s+)?delivery\s+(?:has\s+)?
        (?:failed|failure|problem|report|error|status|notification|warning|delay)
    |(?:mail|message)\s+(?:could\s+not|cannot|was\s+not)\s+(?:be\s+)?delivered
    |undeliver(?:able|ed)|non[\s-]?deliver(?:y|able)|not\s+delivered|delivered\s+mail\s+returned
    |returned\s+(?:e-?mail|mail|message|to\s+sender)|failure\s+notice|notice:\s+mail\s+delivery
    |mail\s+(?:system\s+)?error|mail\s+(?:delivery|failure|status)|error\s+sending\s+(?:your\s+)?mail
    |there\s+was\s+an\s+error\s+sending\s+your\s+mail|warning:.{0,80}(?:could\s+not\s+send|delayed|unknown)
    |message\s+(?:frozen|delayed)|delayed\s+mail|sorry,\s+your\s+message\s+could\s+not
    |unzustellbar|(?:nachricht\s+)?nicht\s+zustellbar|zustellung\s+fehlgeschlagen|mail(?:zustellung|fehler)
    |mensaje\s+no\s+entregado|no\s+se\s+(?:ha\s+podido|pudo)\s+entregar|notificaci[oó]n\s+de\s+entrega|devuelto
    |non[\s-]remis|[ée]chec\s+de\s+(?:la\s+)?(?:remise|distribution)|message\s+non\s+distribu
    |mancat[oa]\s+(?:recapito|consegna)|impossibile\s+recapitare|n[ãa]o\s+entregue|falha\s+na\s+entrega
    |nie\s+dostarczono|niedostarczon|zwrot\s+wiadomo|onbestelbaar|niet\s+bezorgd|kunde\s+inte\s+levereras|oleveerbar
    |ikke\s+leveret|kunne\s+ikke\s+leveres|nedoru[čc]iteln|недоставленн|(?:ваше\s+)?сообщение\s+не\s+доставлен
    |メール(?:送信)?エラー|送信エラー|配信(?:でき|不能|エラー|失敗)|未配[達信]|.{0,20}配信できません|エラーメール|送信できません
    |(?:系统)?退信|(?:系統)?退信|投递失败|无法投递|반송|전송\s*실패
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_ENDING: Final = re.compile(
    r"(?:[:(–-]\s*)(?:non[\s-]remis|not\s+delivered|undeliver(?:able|ed)|delivery\s+fail(?:ed|ure)|nicht\s+zustellbar"
    r"|unzustellbar|no\s+entregado|non\s+consegnato|n[ãa]o\s+entregue|niet\s+bezorgd|nie\s+dostarczono)\W*$",
    re.IGNORECASE,
)
"""What gateways append to the subject of the mail that they return."""
_SOFTWARE: Final = re.compile(
    r"""(?:^|[<\s\"])(?:no-?_?reply|do-?not-?reply|ndr|smtp|mailer|mmsc\ ndr|imss|mail-?gateway|bounces?
    |mail\ delivery?\b|mail\ system|internet\ mail|system\ administrator|interscan|courier\ mail)
    |smtp[\w.-]{0,40}@|_smtp_|antivirus
    |mail_service@""",
    re.IGNORECASE | re.VERBOSE,
)
"""Names of mail gateways in From; these also send other mail."""

_SENTENCE: Final = re.compile(
    r"""(?:could\ not|cannot|can't|was\ not|has\ not\ been|couldn't|unable\ to|impossible\ to|failed\ to)
        \ (?:be\ )?deliver(?:ed)?\b[^.\n]{0,60}\b(?:following|recipients?|users?|to:|address(?:es)?|mailbox)
    |could\ not\ be\ delivered\ to:?\s
    |(?:the\ )?following\ (?:e-?mail|mail|message|recipient|address(?:es)?)(?:\(?s\)?)?\ [^.\n]{0,40}
        (?:could\ not|cannot|failed|not\ (?:be\ )?delivered|had\ permanent)
    |(?:failed|undeliverable)\ recipients?\b|had\ permanent\ fatal\ (?:delivery\ )?errors
    |created\ automatically\ by\ mail
    |permanent\ (?:fatal\ )?error|transcript\ of\ session|unable\ to\ deliver|delivery\ to\ (?:the\ )?following
    |\b5[05]\d[ -]5\.\d{1,3}\.\d{1,3}\b|smtp\ error\ (?:code\ )?\d{3}|remote\ host\ said
    |konnte\ nicht\ (?:an\ .{0,80}\ )?zugestellt
    |n.a\ pas\ pu\ [êe]tre\ (?:d[ée]livr|remis|distribu)
    |no\ (?:ha\ podido\ ser|pudo\ ser|se\ ha\ podido)\ entreg
    |non\ [èe]\ stato\ possibile\ (?:recapitare|consegnare)|n[ãa]o\ p[ôo]de\ ser\ entregue
    |не\ может\ быть\ доставлен|не\ доставлен
    |(?:送信|配信|お届け)\s*(?:でき|することができ)ません|無法投遞|无法投递|无法送达""",
    re.IGNORECASE | re.VERBOSE,
)


def subject(text: str) -> bool:
    """Whether a decoded subject is one that mail software uses for bounces."""
    return bool(_SUBJECT.match(text))


def ending(text: str) -> bool:
    """Whether a decoded subject ends with what gateways append when they return a mail."""
    return bool(_ENDING.search(text[-_END:]))


def software(sender: str) -> bool:
    """Whether a From field, undecoded, names a mail gateway."""
    return bool(_SOFTWARE.search(sender))


def sentence(text: str) -> bool:
    """Whether the beginning of a text has a sentence that only mail software writes."""
    return bool(_SENTENCE.search(" ".join(text[:BEGINNING].split())))
