"""The door that the SDK uploads files through: it really opens here, so that a test can prove nobody went through."""

from __future__ import annotations

import threading
import uuid
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

from .protocol import Refusal, Reply, json_reply


class ObjectStore:
    """Temporary files by name, each taken once, as with the policy that the real service hands out.

    Attributes
    ----------
    objects : dict of str to bytes
        What was uploaded.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def policy(self, host: str, request_id: str) -> dict[str, Any]:
        """Return the answer to ``getPolicy``: where to upload to, and with which form fields."""
        return {
            "request_id": request_id,
            "data": {
                "policy": "c2NyaXB0ZWQ=",
                "signature": "c2lnbmF0dXJl",
                "upload_dir": f"dashscope-instant/{uuid.uuid4().hex}",
                "upload_host": host,
                "expire_in_seconds": 300,
                "max_file_size_mb": 100,
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
            if name in self.objects:
                raise Refusal(409, "FileAlreadyExists", "The object you specified already exists.")
            self.objects[name] = fields["file"]
        return Reply(200, b"", None)

    def get(self, name: str) -> bytes | None:
        """Return an uploaded file, or None."""
        return self.objects.get(name)


def policy_reply(store: ObjectStore, host: str, query: dict[str, list[str]], request_id: str) -> Reply:
    """Answer ``GET uploads?action=getPolicy&model=…``."""
    if query.get("action") != ["getPolicy"] or not query.get("model"):
        raise Refusal(400, "InvalidParameter", "action must be getPolicy, and model must be named.")
    return json_reply(200, store.policy(host, request_id))
