"""What a failure of the service means: whom it concerns, and whether trying again can help. One table for all of it.

It decides and never waits; the codes are those of the service's pages, read as prefixes of dotted codes.
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from types import MappingProxyType

from mmembed.errors import ContentError, ServiceError, Verdict
from mmembed.providers.dashscope.answer import (
    BAD_CERTIFICATE,
    CONNECTION_FAILED,
    MALFORMED,
    TIMED_OUT,
    UNREADABLE,
    WRONG_LENGTH,
    RequestFailure,
)

__all__ = ["ServiceError", "classify_failure", "content_error", "is_gateway", "is_outage"]

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
        BAD_CERTIFICATE: "job",
        UNREADABLE: "passing",
        MALFORMED: "passing",
        WRONG_LENGTH: "passing",
    }
)
_SIZE = re.compile(
    r"batch size|should not be larger than|too many|takes at most \d+\.?$|maximum number of|exceed\w* .*(number|count)",
    re.IGNORECASE,
)
# A media file that the service cannot fetch or decode, reported as an error of its own.
_BAD_MEDIA = re.compile(r"missing content-length of multimodal url|embedding_pipeline_error", re.IGNORECASE)
_PERMANENT_QUOTA = re.compile(r"free (allocated )?quota|free tier", re.IGNORECASE)


def classify_failure(failure: RequestFailure, *, now: float | None = None) -> ServiceError:
    """Return what a failed request means.

    Parameters
    ----------
    failure : RequestFailure
        What the wire gave.
    now : float, optional
        Seconds since 1970, against which a Retry-After date is read.
    """
    verdict = _classify(failure)
    advice = _advice(failure) if verdict == "job" else ""
    status = f" (HTTP {failure.status})" if failure.status not in {None, 200} else ""
    said = "The service answered" if failure.status is not None else "No answer came:"
    return ServiceError(
        f"{said} {failure.code}{status}: {failure.message.rstrip('.')}.{advice}",
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
        BAD_CERTIFICATE: " Name the certificate of your own proxy by REQUESTS_CA_BUNDLE, or check the clock.",
    }
)
# Where no code of the table came: a gateway's own page, a proxy, or another server.
_ADVICE_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {
        401: _ADVICE["InvalidApiKey"],
        402: _ADVICE["Arrearage"],
        403: " Check that the key may use the model, and that no proxy or firewall refuses the address.",
        404: " Check DASHSCOPE_HTTP_BASE_URL, the model's name and region=.",
        405: " Check DASHSCOPE_HTTP_BASE_URL.",
        407: " Your proxy asks for a name and a password: put them into HTTPS_PROXY (http://name:password@host:port), "
        "or name the service in NO_PROXY.",
    }
)


def _advice(failure: RequestFailure) -> str:
    for known in (failure.code, failure.code.partition(".")[0]):
        if known in _ADVICE:
            return _ADVICE[known]
    return _ADVICE_BY_STATUS.get(failure.status or 0, "")


def is_outage(error: ServiceError) -> bool:
    """Say whether a failure is of the kind that ends by itself and costs nothing: no answer, or one of a gateway."""
    return error.verdict == "passing" and (error.status is None or error.status >= 500 or error.status == 408)


def is_gateway(error: ServiceError) -> bool:
    """Say whether the network or a gateway failed, and not the service itself."""
    return error.verdict == "passing" and (error.code.startswith(CONNECTION_FAILED) or error.status in {502, 503, 504})


def content_error(error: ServiceError) -> ContentError:
    """Return the error of one row for a request that held nothing else."""
    named = f" Request {error.request_id}." if error.request_id else ""
    return ContentError(error.code, f"{error}{named}", retryable=error.retryable, request_id=error.request_id)


def _classify(failure: RequestFailure) -> Verdict:
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
        except (ValueError, OverflowError):
            return None
    return min(max(0.0, seconds), 3600.0) if seconds == seconds else None  # noqa: PLR0124 - NaN is not itself
