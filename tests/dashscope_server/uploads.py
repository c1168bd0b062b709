"""The door that the SDK uploads files through: it really opens here, so that a test can prove nobody went through."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

from .protocol import Refusal, Reply, json_reply


@dataclass(frozen=True)
class _Leave:
    """What a policy allows."""

    model: str
    folder: str
    ends: float


class ObjectStore:
    """Temporary files by name, each taken once, as with the policy that the real service hands out.

    Attributes
    ----------
    objects : dict of str to bytes
        What was uploaded.
    clock : callable
        Gives seconds, by which policies end.
    expire_in_seconds : float
        How long a policy holds; what it says itself is ``announced_seconds``, or this.
    max_file_size_mb : float
        The largest file, in 2**20 bytes.
    answers : list of Reply
        What is answered to the next uploads instead of keeping them, the first first.
    policy_answers : list of Reply
        Likewise for requests for a policy.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.objects: dict[str, bytes] = {}
        self.clock = clock
        self.expire_in_seconds = 300.0
        self.announced_seconds: float | None = None
        self.max_file_size_mb = 100.0
        self.answers: list[Reply] = []
        self.policy_answers: list[Reply] = []
        self._leaves: dict[str, _Leave] = {}
        self._models: dict[str, str] = {}
        self._lock = threading.Lock()

    def policy(self, host: str, model: str, request_id: str) -> dict[str, Any]:
        """Return the answer to ``getPolicy``: where to upload to, and with which form fields."""
        policy, folder = uuid.uuid4().hex, f"dashscope-instant/{uuid.uuid4().hex}"
        with self._lock:
            self._leaves[policy] = _Leave(model, folder, self.clock() + self.expire_in_seconds)
        return {
            "request_id": request_id,
            "data": {
                "policy": policy,
                "signature": "c2lnbmF0dXJl",
                "upload_dir": folder,
                "upload_host": host,
                "expire_in_seconds": self.announced_seconds or self.expire_in_seconds,
                "max_file_size_mb": self.max_file_size_mb,
                "capacity_limit_mb": 999_999_999,
                "oss_access_key_id": "test-access-key",
                "x_oss_object_acl": "private",
                "x_oss_forbid_overwrite": "true",
            },
        }

    def put(self, content_type: str, body: bytes) -> Reply:
        """Keep the file of a multipart form.

        Raises
        ------
        Refusal
            If a form field is missing, or if there is such an object already.
        """
        with self._lock:
            if self.answers:
                return self.answers.pop(0)
        form = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=HTTP)
        fields: dict[str, bytes] = {}
        for part in form.iter_parts():
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                fields[str(part.get_param("name", header="content-disposition"))] = payload
        missing = {"OSSAccessKeyId", "Signature", "policy", "key", "file"} - fields.keys()
        if missing:
            raise Refusal(400, "InvalidArgument", f"The form lacks {sorted(missing)}.")
        name = fields["key"].decode()
        with self._lock:
            leave = self._leaves.get(fields["policy"].decode())
            if leave is None or not name.startswith(f"{leave.folder}/"):
                return oss_refusal(403, "AccessDenied", "Invalid according to Policy: Policy Condition failed.")
            if self.clock() >= leave.ends:
                return oss_refusal(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
            if len(fields["file"]) > self.max_file_size_mb * 2**20:
                return oss_refusal(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
            if name in self.objects:
                raise Refusal(409, "FileAlreadyExists", "The object you specified already exists.")
            self.objects[name] = fields["file"]
            self._models[name] = leave.model
        return Reply(200, b"", None)

    def of_model(self, model: str) -> Callable[[str], bytes | None]:
        """Return what gives the bytes of a file to the model that it was uploaded for, and None to others."""
        return lambda name: self.objects.get(name) if self._models.get(name) == model else None


def oss_refusal(status: int, code: str, message: str) -> Reply:
    """Return a refusal in the store's own form."""
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    body = f"{head}\n<Error>\n  <Code>{code}</Code>\n  <Message>{message}</Message>\n</Error>"
    return Reply(status, body.encode(), "application/xml")


def policy_reply(store: ObjectStore, host: str, query: dict[str, list[str]], request_id: str) -> Reply:
    """Answer ``GET uploads?action=getPolicy&model=…``."""
    if query.get("action") != ["getPolicy"] or not query.get("model"):
        raise Refusal(400, "InvalidParameter", "action must be getPolicy, and model must be named.")
    if store.policy_answers:
        return store.policy_answers.pop(0)
    return json_reply(200, store.policy(host, query["model"][0], request_id))
