"""API keys: whose they are, where they are good, and whether their account may use the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from .protocol import Refusal

KeyState = Literal["good", "arrears", "denied", "unpurchased"]


@dataclass(frozen=True)
class Account:
    """What belongs to one API key.

    Attributes
    ----------
    name : str
        Keys of one account share its rate limits and its bill.
    region : str
        The only region where the key is good.
    state : {"good", "arrears", "denied", "unpurchased"}
        Why the account is refused, if it is.
    models : frozenset of str or None
        The models it may use; None is all.
    """

    name: str = "account"
    region: str = "beijing"
    state: KeyState = "good"
    models: frozenset[str] | None = None

    def check(self, model: str) -> None:
        """Refuse what the account may not do."""
        if self.state == "arrears":
            raise Refusal(400, "Arrearage", "Access denied, please make sure your account is in good standing.")
        if self.state == "unpurchased":
            raise Refusal(403, "AccessDenied.Unpurchased", "Access to model denied. Please make sure you bought it.")
        if self.state == "denied" or (self.models is not None and model not in self.models):
            raise Refusal(403, "AccessDenied", f"Access to model {model} denied.")


Keys = Mapping[str, Account] | Iterable[str]


class KeyRing:
    """The keys that a server knows; a plain collection of names gives good keys of one account in its own region."""

    def __init__(self, keys: Keys, region: str) -> None:
        self._region = region
        self._accounts = dict(keys) if isinstance(keys, Mapping) else {key: Account(region=region) for key in keys}

    def __contains__(self, key: object) -> bool:
        return key in self._accounts

    def authenticate(self, authorization: str | None) -> Account:
        """Return the account of an ``Authorization`` header.

        Raises
        ------
        Refusal
            401 if there is no key, an unknown one, or one of another region.
        """
        if not authorization:
            raise Refusal(401, "InvalidApiKey", "No API-key provided.")
        scheme, _, key = authorization.partition(" ")
        account = self._accounts.get(key)
        if scheme != "Bearer" or account is None or account.region != self._region:
            raise Refusal(401, "InvalidApiKey", "Invalid API-key provided.")
        return account
