"""record: finds free usernames and creates user accounts with AccountManager, if it is enabled.

Only services with `createusers` need AccountManager; everything else works without it.
"""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from trac_mailintake.mail.mailbox_key import mailbox_key
from trac_mailintake.tracker.people.names_in_use import occurs, reserved
from trac_mailintake.tracker.trac_calls.mail_request import mail_request

try:
    from acct_mgr import pwhash, register
    from acct_mgr.api import AccountManager
    from acct_mgr.model import delete_user, prime_auth_session, set_user_attribute
    from acct_mgr.register import RegistrationModule
    from acct_mgr.web_ui import AccountModule, ResetPwStore
except Exception:  # noqa: BLE001 - counts as not installed: Trac has logged why, and mail is filed without it
    AccountManager = None

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trac.env import Environment

_UNFIT: Final = re.compile(r"[^a-z0-9._-]+")
_LENGTH: Final = 60
_NUMBERS: Final = 100
"""Numbered usernames to try before giving up."""


class Accounts:
    """The user accounts of one environment."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    @property
    def writable(self) -> bool:
        """Whether an account can be created: AccountManager is enabled, and one of its password stores is writable."""
        manager = _manager(self._env)
        if manager is None or not _hashes():
            return False
        store = manager.get_supporting_store("set_password")
        if store is None or isinstance(store, ResetPwStore):  # that store has temporary passwords, not accounts
            return False
        return _may_write(getattr(store, "filename", ""))

    def free_name(self, address: str) -> str:
        """A username for `address` that AccountManager accepts and that means nobody here; "" if there is none."""
        taken = reserved(self._env)
        for name in _names(address):
            if name not in taken and self._allowed(name, address) and not occurs(self._env, name):
                return name
        return ""

    def make(self, username: str, name: str, address: str) -> None:
        """Create the account, unless an interrupted attempt has already done so. Raises whatever the store raises.

        The password is random and unknown; the owner chooses another one with the reset link.
        """
        manager = _manager(self._env)
        if manager is None:
            raise LookupError("AccountManager is not enabled.")
        if manager.has_user(username):
            if not self._is_of(username, address):
                raise LookupError(f"There is an account {username} already, and it is not that of {address}.")
            return
        # In AccountManager's own order: attributes first, so that no account ever lacks its address.
        prime_auth_session(self._env, username)
        for attribute, value in (("name", name), ("email", address), ("approval", self._approval())):
            if value:
                set_user_attribute(self._env, username, attribute, value)
        try:
            manager.set_password(username, secrets.token_urlsafe(24), overwrite=False)
        except Exception:
            if not manager.has_user(username):
                delete_user(self._env, username)
                raise
            # The account exists; only a listener failed, such as the mail to the administrators.
            self._env.log.exception("The account %s was created, but a listener of AccountManager failed", username)

    def reset_link(self) -> str:
        """The URL for choosing a password; "" if people cannot reset passwords in this environment."""
        if AccountManager is None:
            return ""
        module = self._env[AccountModule]
        return str(self._env.abs_href("reset_password")) if module and module.reset_password_enabled else ""

    # inside

    def _allowed(self, username: str, address: str) -> bool:
        """Whether AccountManager's registration checks accept this; those against robots are skipped."""
        password = secrets.token_urlsafe()
        form = {"username": username, "email": address, "password": password, "password_confirm": password}
        request = mail_request(self._env, "anonymous", "/register", form)
        try:
            for check in (register.BasicCheck, register.UsernamePermCheck, register.RegExpCheck, register.EmailCheck):
                check(self._env).validate_registration(request)
        except register.RegistrationError:
            return False
        return True

    def _is_of(self, username: str, address: str) -> bool:
        known = self._env.get_known_users(as_dict=True).get(username)
        return known is not None and mailbox_key(known[1] or "") == mailbox_key(address)

    def _approval(self) -> str:
        """AccountManager's mark of an account that an administrator must approve first."""
        module = self._env[RegistrationModule]
        return "pending" if module is not None and module.require_approval else ""


def _manager(env: Environment) -> Any:  # noqa: ANN401 - AccountManager has no types
    """AccountManager; None if it is not installed or not enabled."""
    return None if AccountManager is None else env[AccountManager]


def _hashes() -> bool:
    """Whether AccountManager can hash a password: Python 3.13 has no `crypt`, so it needs passlib there."""
    return bool(pwhash.passlib or pwhash.crypt)


def _may_write(path: str) -> bool:
    """Whether this process can write the file of a password store ("": it has none)."""
    if not path:
        return True
    return os.access(path if os.path.exists(path) else os.path.dirname(path), os.W_OK)


def _names(address: str) -> Iterator[str]:
    """Candidate usernames for an address: the local part, then with more and more of the domain, then with numbers."""
    local, _, domain = address.casefold().rpartition("@")
    base = _fit(local.partition("+")[0])
    whole = _fit(f"{base}.{domain}")
    yield from (name for name in (base, _fit(f"{base}.{domain.partition('.')[0]}"), whole) if name)
    yield from (f"{whole}.{number}" for number in range(2, _NUMBERS))


def _fit(text: str) -> str:
    return _UNFIT.sub("-", text)[:_LENGTH].strip(".-_")
