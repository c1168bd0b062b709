"""What a failure of the service means: whom it concerns, and whether trying again can help. One table for all of it.

It decides and never waits; the codes are those of the service's pages, read as prefixes of dotted codes.
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from mmembed.errors import ContentError, MMEmbedError
from mmembed.providers.dashscope.answer import (
    CONNECTION_FAILED,
    MALFORMED,
    TIMED_OUT,
    UNREADABLE,
    WRONG_LENGTH,
    RequestFailure,
)

# job: nothing else can succeed either. content: something in the request. size: all of it together.
# passing: may succeed the next time. throttled: will succeed when asked more slowly.
Verdict = Literal["job", "content", "size", "passing", "throttled"]

_BY_CODE: Mapping[str, Verdict] = MappingProxyType(
    {
        "InvalidApiKey": "job",
        "AccessDenied": "job",
        "Workspace.AccessDenied": "job",
        "WorkSpaceNotFound": "job",
        "ModelNotFound": "job",
        "model_not_found": "job",
        "model_not_supported": "job",
        "Arrearage": "job",
        "AllocationQuota.FreeTierOnly": "job",
        # Billing, although it comes with status 429.
        "CommodityNotPurchased": "job",
        "PrepaidBillOverdue": "job",
        "PostpaidBillOverdue": "job",
        "BadRequest.EmptyModel": "job",
        "Throttling": "throttled",
        "LimitRequests": "throttled",
        "limit_requests": "throttled",
        "limit_burst_rate": "throttled",
        "insufficient_quota": "throttled",
        "BadRequest.TooLarge": "size",
        "RequestTimeOut": "passing",
        "InternalError": "passing",
        "SystemError": "passing",
        "ModelServiceFailed": "passing",
        "ModelServingError": "passing",
        "ModelUnavailable": "passing",
        "DataInspectionFailed": "content",
        "InvalidParameter": "content",
        "InvalidURL": "content",
        "BadRequest": "content",
        TIMED_OUT: "passing",
        CONNECTION_FAILED: "passing",
        UNREADABLE: "passing",
        MALFORMED: "passing",
        WRONG_LENGTH: "passing",
    }
)
# Refusals of a content that may be an accident of the service's own download, as its pages have it.
_MAY_PASS = frozenset({"InvalidURL.Timeout", "InvalidParameter.DataInspection"})
_SIZE = re.compile(
    r"batch size|should not be larger than|too many|takes at most \d+\.?$|maximum number of|exceed\w* .*(number|count)",
    re.IGNORECASE,
)
# A media file that the service cannot fetch or decode, reported as an error of its own.
_BAD_MEDIA = re.compile(r"missing content-length of multimodal url|embedding_pipeline_error", re.IGNORECASE)
_PERMANENT_QUOTA = re.compile(r"free (allocated )?quota|free tier", re.IGNORECASE)


class ServiceError(MMEmbedError, RuntimeError):
    """The service did not give vectors, and what that means.

    Attributes
    ----------
    code : str
        The service's code.
    verdict : {"job", "content", "size", "passing", "throttled"}
        Whom it concerns.
    status : int or None
        HTTP status.
    request_id : str or None
        The service's name for the request.
    retry_after_seconds : float or None
        How long the service asks to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        verdict: Verdict,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.verdict: Verdict = verdict
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed when it is sent again."""
        return self.verdict in {"passing", "throttled"} or self.deserves_one_more

    @property
    def deserves_one_more(self) -> bool:
        """Whether a content that is refused alone is to be sent once more, since fetching its media may have failed."""
        return self.verdict == "content" and self.code in _MAY_PASS

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (str(self), vars(self)))


def _rebuild(message: str, state: Mapping[str, object]) -> ServiceError:
    error = ServiceError(message, code="", verdict="passing")
    vars(error).update(state)
    return error


def judge(failure: RequestFailure, *, now: float | None = None) -> ServiceError:
    """Return what a failed request means.

    Parameters
    ----------
    failure : RequestFailure
        What the wire gave.
    now : float, optional
        Seconds since 1970, against which a Retry-After date is read.
    """
    verdict = _verdict(failure)
    advice = _ADVICE.get(failure.code.partition(".")[0], "") if verdict == "job" else ""
    status = f" (HTTP {failure.status})" if failure.status not in {None, 200} else ""
    return ServiceError(
        f"The service answered {failure.code}{status}: {failure.message.rstrip('.')}.{advice}",
        code=failure.code,
        verdict=verdict,
        status=failure.status,
        request_id=failure.request_id,
        retry_after_seconds=_seconds(failure.retry_after, time.time() if now is None else now),
    )


_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "InvalidApiKey": " Check DASHSCOPE_API_KEY, and that region= is the one that the key was made in.",
        "AccessDenied": " Activate the model for this account in the console, or choose another.",
        "Arrearage": " Settle the account; what was embedded is kept, and running again continues.",
        "ModelNotFound": " Check the model's name and region=; mmembed.models() lists what is known.",
    }
)


def content_error(error: ServiceError) -> ContentError:
    """Return the error of one row for a request that held nothing else."""
    named = f" Request {error.request_id}." if error.request_id else ""
    return ContentError(error.code, f"{error}{named}", retryable=error.retryable)


def _verdict(failure: RequestFailure) -> Verdict:
    if _PERMANENT_QUOTA.search(failure.message) and failure.status in {403, 429}:
        return "job"
    if failure.code.startswith("InternalError") and _BAD_MEDIA.search(failure.message):
        return "content"
    if failure.code.startswith("InvalidParameter") and _SIZE.search(failure.message):
        return "size"
    # The longest beginning of a dotted code that the table has.
    names = failure.code.split(".")
    for length in range(len(names), 0, -1):
        found = _BY_CODE.get(".".join(names[:length]))
        if found is not None:
            return found
    return _by_status(failure.status)


def _by_status(status: int | None) -> Verdict:
    if status is None or status < 300 or status >= 500 or status in {408, 409, 425}:
        return "passing"
    if status == 429:
        return "throttled"
    if status == 413:
        return "size"
    # 401, 403, 404 and redirects concern every request alike; other 4xx the one that was sent.
    return "job" if status < 400 or status in {401, 402, 403, 404, 405, 407} else "content"


def _seconds(header: str | None, now: float) -> float | None:
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(header).timestamp() - now
        except ValueError:
            return None
    return min(max(0.0, seconds), 3600.0) if seconds == seconds else None  # noqa: PLR0124 - NaN is not itself
