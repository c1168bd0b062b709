"""A stand-in for DashScope multimodal embedding: real HTTP on loopback, strict, with a bill, able to misbehave.

Tests import it as ``dashscope_server``; ``python -m tests.dashscope_server`` runs it for a person who tries the
library. It imports nothing of ``mmembed``: its tables are written from the documentation a second time, so that the two
check each other.
"""

from __future__ import annotations

from .accounts import Account
from .bill import Bill, Charge
from .catalogue import FAULTS, GARBLED, HARMLESS, ONE_CONTENT, TRANSIENT, WHOLE_JOB, patience_with
from .faults import Fault, Misbehaviour, containing, embedding, every, on_requests, with_probability
from .limits import RateLimits
from .models import MODELS, Model
from .protocol import BodyLimits, Exchange, Refusal, Reply
from .server import DashScopeServer

__all__ = [
    "FAULTS",
    "GARBLED",
    "HARMLESS",
    "MODELS",
    "ONE_CONTENT",
    "TRANSIENT",
    "WHOLE_JOB",
    "Account",
    "Bill",
    "BodyLimits",
    "Charge",
    "DashScopeServer",
    "Exchange",
    "Fault",
    "Misbehaviour",
    "Model",
    "RateLimits",
    "Refusal",
    "Reply",
    "containing",
    "embedding",
    "every",
    "on_requests",
    "patience_with",
    "with_probability",
]
