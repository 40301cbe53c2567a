"""route: signed reply addresses, `local+ID.SIGNATURE@host` (docs/behaviour.md#signed-reply-address).

The signature proves only that the sender has seen a notification of that ticket.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.tracker.file_owner import denied, forbid_root, owner_of, readable_by_owner, rightful_owner
from trac_mailintake.tracker.key_files import adapt, too_open
from trac_mailintake.tracker.options import SECTION
from trac_mailintake.tracker.private_dir import flush_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trac.env import Environment

    from trac_mailintake.mail.message import Address

KEY_FILE: Final = "mailintake-reply.key"
"""In the environment's `conf/`, one key a line: the first one signs, all of them verify."""

_SIGNATURE_BYTES: Final = 10
"""80 bits: sixteen characters of base32."""
_LOCAL_OCTETS: Final = 64
"""RFC 5321, 4.5.3.1.1."""
_SHORTEST_KEY: Final = 16
_SIGNED: Final = re.compile(r"([0-9]{1,10})\.([a-z2-7]{16,52})\Z")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one environment, the signing one first; at least one."""

    keys: tuple[bytes, ...] = field(repr=False)

    def loop(self) -> tuple[str, ...]:
        """The values of our loop header: the present one, then earlier ones."""
        return tuple(_digest(key, b"loop")[:16].hex() for key in self.keys)

    def sign(self, ticket: int) -> str:
        """The signature of a ticket's reply address."""
        return _signature(self.keys[0], ticket)

    def verify(self, ticket: int, signature: str) -> bool:
        """Whether one of the keys made the signature; compared in constant time."""
        given = signature.encode("utf-8")
        results = [hmac.compare_digest(_signature(key, ticket).encode("ascii"), given) for key in self.keys]
        return any(results)

    def vouch(self, token: str) -> str:
        """The signature of a probe."""
        return _voucher(self.keys[0], token)

    def vouched(self, value: str) -> str:
        """The token of `TOKEN.SIGNATURE` if one of the keys made the signature, or ""."""
        token, _, signature = value.strip().partition(".")
        given = signature.encode("utf-8", "replace")
        results = [hmac.compare_digest(_voucher(key, token).encode("ascii"), given) for key in self.keys]
        return token if token and any(results) else ""


def delimiter(env: Environment) -> str:
    """`[mailintake] recipient_delimiter`, by default "+"; empty to switch off signed addresses."""
    return str(env.config.get(SECTION, "recipient_delimiter", "+")).strip()


def reply_address(keys: Keys, address: str, delimiter: str, ticket: int) -> str:
    """The reply address of the ticket; `address` itself if a signed one would be too long."""
    local, _, host = address.rpartition("@")
    signed = f"{local}{delimiter}{ticket}.{keys.sign(ticket)}"
    if not local or not delimiter or len(signed.encode("utf-8")) > _LOCAL_OCTETS:
        return address
    return f"{signed}@{host}"


def signed_ticket(keys: Keys, delimiter: str, recipients: Iterable[Address]) -> int | None:
    """The ticket of the first recipient with a valid signature, or None. Ignores case: some relays change it."""
    for recipient in recipients if delimiter else ():
        local = mailbox_key(recipient.spec).rpartition("@")[0].strip('"')
        match = _SIGNED.match(local.rpartition(delimiter.casefold())[2])
        if match and keys.verify(int(match[1]), match[2]):
            return int(match[1])
    return None


def known_keys(env: Environment) -> Keys:
    """The environment's keys, to recognise what they signed; a key that signed nothing where root may make none.

    Raises OSError, and ValueError for a bad file.
    """
    if rightful_owner(env.path) and not os.path.exists(os.path.join(env.conf_dir, KEY_FILE)):
        return Keys((secrets.token_hex(32).encode("ascii"),))
    return load_keys(env)


def load_keys(env: Environment) -> Keys:
    """The environment's keys; creates one if there is none. Raises OSError, and ValueError for a bad file."""
    path = os.path.join(env.conf_dir, KEY_FILE)
    try:
        keys = read_keys(path)
    except FileNotFoundError:
        forbid_root(env.path, path)
        _create(env, path)
        keys = read_keys(path)
    if too_open(env, os.stat(path)):
        env.log.warning("Other users can read %s, and so forge reply addresses: chmod 600 %s", path, path)
    return keys


def cannot_sign(env: Environment) -> str:
    """Why Trac's user, who sends the notifications, cannot sign reply addresses, and the next step; "" if they can.

    Whoever asks, also root, who could read the key. Makes no file.
    """
    path = os.path.join(env.conf_dir, KEY_FILE)
    why = ""
    try:
        read_keys(path)
        if not readable_by_owner(env.path, path):
            why = denied(env.path, path, whom=owner_of(env.path))
    except FileNotFoundError:
        if not os.access(env.conf_dir, os.W_OK | os.X_OK, effective_ids=True):
            why = denied(env.path, path)
    except PermissionError:
        why = denied(env.path, path)
    except (OSError, ValueError) as error:
        why = str(error)
    return f"Reply addresses cannot be signed, so replies may not find their tickets: {why}" if why else ""


def read_keys(path: str) -> Keys:
    """The keys in the file. Raises OSError, and ValueError if there is none or one is too short."""
    with open(path, encoding="ascii") as file:
        lines = tuple(line.strip().encode("ascii") for line in file if line.strip())
    if not lines or min(map(len, lines)) < _SHORTEST_KEY:
        raise ValueError(f"{path}: every line must be a key of {_SHORTEST_KEY} characters or more")
    return Keys(lines)


def _create(env: Environment, path: str) -> None:
    """Create the file with one key atomically, as `key_files` says; another process's file wins."""
    draft = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        adapt(env, draft)
        os.link(draft, path)
    except FileExistsError:
        return  # another process was first; its key is the one
    finally:
        os.unlink(draft)
    flush_folder(os.path.dirname(path))


def _signature(key: bytes, ticket: int) -> str:
    return base64.b32encode(_digest(key, b"ticket %d" % ticket)[:_SIGNATURE_BYTES]).decode("ascii").lower()


def _voucher(key: bytes, token: str) -> str:
    return _digest(key, b"probe " + token.encode("utf-8", "replace")).hex()


def _digest(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"trac_mailintake " + purpose, hashlib.sha256)
