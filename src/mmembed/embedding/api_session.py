"""One run over open connections: a batch becomes requests, refused requests are halved, and all is added up.

Who waits how long, and what may be tried again, the limiter and the table of failures decide.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mmembed.embedding.batching import load_of
from mmembed.embedding.bisecting import Bisection
from mmembed.embedding.limiter import Limiter
from mmembed.embedding.models import ModelSpec
from mmembed.embedding.retrying import Retry, ServiceError, service_error
from mmembed.embedding.wire_contents import wire_content
from mmembed.errors import ContentError
from mmembed.providers.dashscope_answer import Reply, RequestFailure
from mmembed.providers.protocol import Answer, Content, FloatMatrix
