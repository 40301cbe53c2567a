"""parse: sentences that say how the kind of sender was recognised. Rules about automatic mail include them."""

from __future__ import annotations

from typing import Final

from trac_mailintake.mail.wording import Wording


def _evidence(form: str, text: str) -> Wording:
    return Wording("", text, f"evidence-{form}")


# declared (RFC 6522)

REPORT: Final = _evidence("report", "It is a multipart/report ({type}).")
REPORT_OF_NO_TYPE: Final = _evidence("report-of-no-type", "It is a multipart/report (of no type).")
FAILED_RECIPIENTS: Final = _evidence("failed-recipients", "It has an X-Failed-Recipients field.")
PART: Final = _evidence("part", "It has a part message/{type}.")

# a delivery report, by its words

DAEMON: Final = _evidence("daemon", "It comes from {name}.")
AUTOMATIC_REPORT: Final = _evidence(
    "automatic-report", "It is automatic, and its subject is that of a delivery report."
)
WORDS_OF_REPORT: Final = _evidence("words", "Its subject and its text are those of a delivery report.")
MACHINE: Final = _evidence("machine", "Its sender is a machine, and its subject is that of a delivery report.")
RETURNED: Final = _evidence("returned", "Its subject ends, and its text begins, like those of a delivery report.")

# a responder (RFC 3834, 5)

AUTO_SUBMITTED: Final = _evidence("auto-submitted", "Auto-Submitted is {value}.")
RESPONDER_FIELD: Final = _evidence("field", "It has the field {name}.")
PRECEDENCE: Final = _evidence("precedence", "Precedence is {value}.")
NULL_PATH: Final = _evidence("null-path", "Its Return-Path is null.")
AWAY: Final = _evidence("away", "Its subject is that of an automatic reply.")
RECEIPT: Final = _evidence("receipt", "Its subject is that of a receipt or of an abuse report.")

# another Trac, or this one

TRAC_FIELD: Final = _evidence("trac-field", "It has the field {name}, as what a Trac sends has.")

# sent to many

LIST_ID: Final = _evidence("list-id", "It has a List-Id.")

WORDINGS: Final = tuple(each for each in globals().copy().values() if isinstance(each, Wording))
"""All of them."""
