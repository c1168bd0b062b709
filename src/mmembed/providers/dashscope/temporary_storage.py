"""Video files of this machine in the service's temporary storage, where that is asked for: policy, uploads, addresses.

One policy serves all files of a run until it ends. The key goes to the service, which gives the policy, and never to
the host that takes the files; names of objects are drawn and say nothing of the file. A file that cannot be uploaded is
the error of its row. This module looks at clips alone: texts and pictures never come here.
"""

from __future__ import annotations

import math
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.errors import ContentError, ServiceError, listed
from mmembed.providers.dashscope.answer import MALFORMED, RequestFailure
from mmembed.providers.dashscope.faults import classify_failure
from mmembed.providers.dashscope.sender import Patience
from mmembed.providers.models import ModelSpec

KEPT_SECONDS = 48 * 3600.0  # by the service, from the upload on
_SAFE_SECONDS = KEPT_SECONDS - 3600.0  # an address is used again so long: the service has yet to read it
_MARGIN = 0.2  # of a policy's life, for the upload itself
_REFUSED_SECONDS = 60.0  # so long nobody asks again after a policy could not be had
_POLICY_SECONDS = 30.0
_SLOWEST_BYTES_A_SECOND = 250_000  # an upload gets time for that, beside the time of any request
_NOT_OFFERED = frozenset({403, 404, 405})  # by this server, to this key, for this model: rows with addresses may pass
_FIELDS = ("oss_access_key_id", "signature", "policy", "x_oss_object_acl", "x_oss_forbid_overwrite")


class Uploads(Protocol):
    """What sends one request beside those for vectors; see :class:`.connection.DashScopeConnection`."""

    @property
    def provider(self) -> Any:
        """Its settings."""
        ...

    def exchange(
        self, method: str, url: str, *, with_key: bool, seconds: float, secrets: tuple[str, ...] = (), **sent: Any
    ) -> Any:
        """Send once; a RequestFailure says what went wrong."""
        ...


class Waiting(Protocol):
    """What waits between attempts, and ends all waiting; see :class:`.sender.RequestSender`."""

    @property
    def patience(self) -> Patience:
        """How often and how long a request is tried."""
        ...

    def pause(self, failures: int, *, at_least: float = 0.0) -> None:
        """Wait as after so many failures."""
        ...

    def check_running(self) -> None:
        """Raise CancelledError if the run was stopped."""
        ...


@dataclass(frozen=True)
class Policy:
    """What the service allows for some minutes: where files go, under which folder, how large."""

    host: str
    folder: str
    form: Mapping[str, str] = field(repr=False)
    most_bytes: float
    ends: float

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may show."""
        return tuple(self.form[name] for name in ("OSSAccessKeyId", "Signature", "policy"))


class TemporaryStorage:
    """The files that one run has put into the storage; for the threads of the run.

    Parameters
    ----------
    connection : Uploads
        To the service that gives policies.
    sender : Waiting
        Whose patience holds, and who knows whether the run was stopped.
    spec : ModelSpec
        The model: files are bound to it, and its limits are checked before anything is sent.
    clock : callable
        Seconds that only rise.
    """

    def __init__(
        self, connection: Uploads, sender: Waiting, spec: ModelSpec, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection, self._sender, self._spec, self._clock = connection, sender, spec, clock
        self._asking = threading.Lock()
        self._policy: Policy | None = None
        self._refused: tuple[float, ServiceError] | None = None
        self._lock = threading.Lock()
        self._stored: dict[bytes, tuple[float, Future[str]]] = {}

    def address_of(self, leaf: Content) -> str:
        """Return the ``oss://`` address of a clip, after uploading it unless this run has done so.

        Raises
        ------
        ContentError
            If the model does not take it, if it was changed since it was hashed, or if the upload failed.
        ServiceError
            If the key or the account is refused: nothing else can succeed either.
        concurrent.futures.CancelledError
            If the run was stopped.
        """
        assert leaf.media is not None  # noqa: S101 - a clip
        with self._lock:
            began, found = self._stored.get(leaf.digest, (-math.inf, Future[str]()))
            is_first = self._clock() - began > _SAFE_SECONDS
            if is_first:
                found = Future[str]()
                self._stored[leaf.digest] = self._clock(), found
        if not is_first:
            return found.result()
        try:
            address = self._upload(leaf.media)
        except BaseException as error:
            with self._lock:
                del self._stored[leaf.digest]
            found.set_exception(error)
            raise
        found.set_result(address)
        return address

    def _upload(self, media: Media) -> str:
        self._check_size(media, media.size())
        data = media.read()
        self._check_size(media, len(data))
        suffix = self._suffix(media, data)
        is_renewed, failures = False, 0
        while True:
            policy = self._current_policy(media)
            if len(data) > policy.most_bytes:
                raise _too_large(media, len(data), policy.most_bytes, "the service's temporary storage")
            try:
                return self._post(policy, data, suffix)
            except RequestFailure as failure:
                error = classify_failure(failure)
                if error.status == 403 and not is_renewed:
                    is_renewed = True  # it may have ended on the way
                    self._drop(policy)
                    continue
                failures += 1
                if not error.retryable or failures >= self._sender.patience.attempts:
                    raise _failed(media, f"{failure.code}: {failure.message}", error) from None
                self._sender.pause(failures, at_least=error.retry_after_seconds or 0.0)

    def _post(self, policy: Policy, data: bytes, suffix: str) -> str:
        self._sender.check_running()
        # A name of its own for each attempt: an upload whose answer was lost is there, and is not overwritten.
        name = f"{policy.folder}/{uuid.uuid4().hex}.{suffix}"
        self._connection.exchange(
            "POST",
            policy.host,
            with_key=False,
            seconds=self._connection.provider.timeout_seconds + len(data) / _SLOWEST_BYTES_A_SECOND,
            secrets=policy.secrets,
            data={**policy.form, "key": name, "success_action_status": "200"},
            files={"file": ("file", data)},
        )
        return f"oss://{name}"

    def _drop(self, policy: Policy) -> None:
        with self._asking:
            if self._policy is policy:
                self._policy = None

    def _current_policy(self, media: Media) -> Policy:
        with self._asking:
            self._sender.check_running()
            if self._policy is not None and self._clock() < self._policy.ends:
                return self._policy
            self._policy = None
            if self._refused is None or self._clock() >= self._refused[0]:
                try:
                    self._policy = self._ask()
                except ServiceError as error:
                    self._refused = self._clock() + _REFUSED_SECONDS, error
                else:
                    self._refused = None
                    return self._policy
            refusal = self._refused[1]
        if refusal.verdict == "job" and refusal.status not in _NOT_OFFERED:
            raise refusal
        raise _failed(media, f"no leave to upload was given. {refusal}", refusal)

    def _ask(self) -> Policy:
        failures = 0
        while True:
            asked = self._clock()
            try:
                return self._policy_once(asked)
            except RequestFailure as failure:
                error = classify_failure(failure)
            failures += 1
            if not error.retryable or failures >= self._sender.patience.attempts:
                raise error
            self._sender.pause(failures, at_least=error.retry_after_seconds or 0.0)

    def _policy_once(self, asked: float) -> Policy:
        base = self._connection.provider.base_address
        answer = self._connection.exchange(
            "GET",
            f"{base}/uploads",
            with_key=True,
            seconds=min(_POLICY_SECONDS, self._connection.provider.timeout_seconds),
            params={"action": "getPolicy", "model": self._spec.name},
        )
        try:
            body = answer.json()
            return policy_of(body.get("data") or body["output"], asked, is_safe=base.startswith("https://"))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise RequestFailure(MALFORMED, "the answer holds no leave to upload", status=200) from None

    def _check_size(self, media: Media, size: int) -> None:
        most = math.inf if self._spec.video_mb is None else self._spec.video_mb * 1e6
        if size > most:
            raise _too_large(media, size, most, f"model {self._spec.name!r}")

    def _suffix(self, media: Media, data: bytes) -> str:
        found, able = _format_of(data), self._spec.video_formats
        if found is None or found not in able:
            held = "no video of a known format" if found is None else f"a video of the format {found}"
            raise ContentError(
                "UnsupportedVideo",
                f"{media.named} holds {held}; model {self._spec.name!r} takes {listed(able)}. Convert it; nothing was "
                "uploaded.",
            )
        return found.lower()


def policy_of(data: Mapping[str, Any], asked: float, *, is_safe: bool) -> Policy:
    """Return the policy of an answer; raises ValueError, TypeError or KeyError if it is none that can be followed.

    Parameters
    ----------
    asked : float
        When it was asked for.
    is_safe : bool
        Whether the service itself is called over TLS: then files, too, go nowhere without.
    """
    host, folder = data["upload_host"], data["upload_dir"]
    if not re.fullmatch(r"https://[^\s@]+" if is_safe else r"https?://[^\s@]+", host):
        raise ValueError(host)
    if not re.fullmatch(r"[\w.=+-]+(/[\w.=+-]+)*", folder, re.ASCII):
        raise ValueError(folder)
    identity, signature, policy, acl, forbids = (data[name] for name in _FIELDS)
    form = {
        "OSSAccessKeyId": identity,
        "Signature": signature,
        "policy": policy,
        "x-oss-object-acl": acl,
        "x-oss-forbid-overwrite": forbids,
    }
    if not all(isinstance(value, str) and value for value in form.values()):
        raise TypeError
    lasts = float(data.get("expire_in_seconds") or 0.0)
    most = float(data.get("max_file_size_mb") or math.inf)
    if not lasts >= 0 or not most > 0:
        raise ValueError
    return Policy(host, folder, form, most * 2**20, asked + lasts * (1 - _MARGIN))


def _format_of(data: bytes) -> str | None:
    """Return the format of a clip by its first bytes: the name of its object says it to the service."""
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return "MOV" if brand == b"qt  " else "3GP" if brand.startswith(b"3g") else "MP4"
    if data[4:8] in {b"moov", b"mdat", b"wide", b"free"}:
        return "MOV"  # QuickTime from before brands
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "AVI"
    if data.startswith(b"\x1aE\xdf\xa3"):
        return "WEBM" if b"webm" in data[:64] else "MKV"
    if data.startswith(b"FLV\x01"):
        return "FLV"
    return "MPEG" if data.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")) else None


def _too_large(media: Media, size: int, most: float, by: str) -> ContentError:
    return ContentError(
        "VideoTooLarge",
        f"{media.named} is {size / 1e6:.1f} MB; {by} takes at most {most / 1e6:g} MB. Shorten it, or embed its frames "
        "with Embedder(video_frames=8); nothing was uploaded.",
    )


def _failed(media: Media, why: str, error: ServiceError) -> ContentError:
    again = "Embed again later, which sends only what has no vector; or" if error.retryable else "Either"
    return ContentError(
        "UploadFailed",
        f"{media.named} was not put into the service's temporary storage: {why.rstrip('.')}. {again} put the file "
        "where the service can fetch it and give its https:// address; or embed its frames with "
        "Embedder(video_frames=8), which uploads nothing.",
        retryable=error.retryable,
        request_id=error.request_id,
    )
