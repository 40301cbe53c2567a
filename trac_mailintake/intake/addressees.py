"""fetch, screen: whether a mail is for somebody else (docs/behaviour.md#mail-for-somebody-else).

The same function judges a header before the body is fetched, and a mail that was read whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trac_mailintake.intake import reasons
from trac_mailintake.intake.model import Ignore
from trac_mailintake.intake.reasons import because
from trac_mailintake.mail.defects import LONG_FIELD, LONG_HEAD, UNPARSABLE
from trac_mailintake.mail.limits import LIMITS
from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.mail.recipients import FIELDS

if TYPE_CHECKING:
    from trac_mailintake.intake.model import Objection
    from trac_mailintake.intake.ports import Reader
    from trac_mailintake.mail.message import Address, Defect
    from trac_mailintake.mail.recipients import Addressed


def for_others(mail: Addressed, catchemail: tuple[str, ...], reader: Reader) -> Objection | None:
    """Why a service with these addresses leaves a mail alone; None if it takes it, or if that cannot be known."""
    wanted = tuple(mailbox_key(address) for address in catchemail)
    named = (*mail.to, *mail.cc, *mail.bcc, *mail.delivered_to)
    if not wanted or _is_cut(mail) or any(_is_for(address, wanted, reader) for address in named):
        return None
    return because(Ignore, reasons.CATCHEMAIL(addresses=", ".join(wanted)), decisive=True)


def _is_cut(mail: Addressed) -> bool:
    """Whether an address of ours may be among those that were not read, because of a limit."""
    if any(len(each) >= LIMITS.addresses for each in (mail.to, mail.cc, mail.bcc, mail.delivered_to)):
        return True
    return any(_hides_an_address(defect) for defect in mail.defects)


def _hides_an_address(defect: Defect) -> bool:
    if defect.slug == LONG_FIELD.slug and defect.because is not None:
        return str(defect.because.arguments["field"]).lower() in FIELDS
    return defect.slug in (LONG_HEAD.slug, UNPARSABLE.slug)


def _is_for(address: Address, wanted: tuple[str, ...], reader: Reader) -> bool:
    """Whether this is one of our addresses, a sub-address of one, or a signed reply address made from one."""
    key = mailbox_key(address.spec)
    if key in wanted:
        return True
    local, _, domain = key.rpartition("@")
    for each in wanted:
        base, _, host = each.rpartition("@")
        if domain != host or not local.startswith(base):
            continue
        if _is_sub_address(key, base, reader) or reader.signed_ticket((address,)) is not None:
            return True
    return False


def _is_sub_address(key: str, base: str, reader: Reader) -> bool:
    """Whether an address is the local part `base` with a delimiter and more, and no other service lists it itself."""
    delimiter = reader.delimiter()
    return bool(delimiter) and key.startswith(base + delimiter) and key not in reader.caught()
