"""Every misbehaviour under a name, sorted by what a good client does about it, for tests that go through them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import dropping, garbling, refusing

if TYPE_CHECKING:
    from .faults import Fault

# A good client does not even notice these.
HARMLESS: Mapping[str, Fault] = {
    "reversed order": garbling.reversed_order(),
    "code beside output": garbling.code_beside_output(),
    "no usage": garbling.without_usage(),
    "text/plain": garbling.other_type("text/plain"),
    "no content type": garbling.other_type(None),
    "cookies": garbling.cookies(),
    "gzip": garbling.gzipped(),
    "no type": garbling.without_type(),
    "type vl": garbling.typed("vl"),
    "request_id number": garbling.named(12),
    "request_id object": garbling.named({"id": ["a"]}),
    "request_id null": garbling.named(None),
    "usage infinity": garbling.counted({"input_tokens": float("inf")}),
    "usage 1e400": garbling.counted_as("1e400"),
    "usage 1e12": garbling.counted({"input_tokens": 1e12}),
    "usage list": garbling.counted([1]),
    "usage text": garbling.counted({"input_tokens": "12", "input_tokens_details": {"text_tokens": {}}}),
    "redirect 307": refusing.redirect(307),
    "redirect 308": refusing.redirect(308),
    "dripping": dropping.dripping(seconds=0.1, pieces=5),
}

# A good client tries again. The first group is charged although nothing usable arrives.
GARBLED: Mapping[str, Fault] = {
    "fewer": garbling.fewer(),
    "more": garbling.more(),
    "duplicate index": garbling.duplicate_index(),
    "index out of range": garbling.index_out_of_range(),
    "no index": garbling.without_index(),
    "wrong length": garbling.wrong_length(),
    "NaN": garbling.not_finite(),
    "infinity": garbling.not_finite(float("inf")),
    "nulls": garbling.no_numbers(),
    "zeros": garbling.all_zero(),
    "strings": garbling.texts_for_numbers(),
    "nested": garbling.nested(),
    "number 1e400": garbling.first_number("1e400"),
    "number 1e39": garbling.first_number("1e39"),
    "index list": garbling.index_as([0]),
    "index object": garbling.index_as({}),
    "index null": garbling.index_as(None),
    "other type": garbling.typed("image"),
    "type number": garbling.typed(3),
    "nesting 900": garbling.nesting(900),
    "nesting": garbling.nesting(5_000),
    "nesting 100000": garbling.nesting(100_000),
    "gzip bomb": garbling.bomb(8),
    "null output": garbling.null_output(),
    "output.embedding": garbling.one_peace_shape(),
    "201": garbling.other_status(201),
    "202": garbling.other_status(202),
    "bad gzip": garbling.bad_gzip(),
    "truncated": dropping.truncated(),
    "reset in body": dropping.reset_in_body(),
    "stalled": dropping.stalled(),
}
TRANSIENT: Mapping[str, Fault] = {
    "500": refusing.error(500, "InternalError", "An internal error has occurred, please try again later."),
    "500 algorithm": refusing.error(500, "InternalError.Algo", "inference internal error."),
    "500 system": refusing.error(500, "SystemError", "A system error occurred."),
    "500 serving": refusing.error(500, "ModelServingError", "Too many requests. Your requests are being throttled."),
    "503": refusing.error(503, "ModelUnavailable", "Model is unavailable, please try again later."),
    "503 Retry-After": refusing.error(503, "ModelUnavailable", "Please try again later.", retry_after=0),
    "408": refusing.error(408, "RequestTimeOut", "Request timed out, please try again later."),
    "429": refusing.error(429, "Throttling", "Request was denied due to request throttling."),
    "429 rate": refusing.error(429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later."),
    "429 burst": refusing.error(429, "Throttling.BurstRate", "Request rate increased too quickly."),
    "429 tokens": refusing.error(429, "Throttling.AllocationQuota", "Allocated quota exceeded."),
    "429 OpenAI": refusing.error(429, "limit_requests", "You exceeded your current requests list."),
    "429 Retry-After": refusing.error(429, "Throttling", "Request throttling.", retry_after=0),
    "HTML": refusing.html(502),
    "endless page": refusing.endless(502, 8),
    "HTML gbk": refusing.html(502, "gbk"),
    "empty": refusing.empty(500),
    "empty JSON": refusing.empty(500, "application/json"),
    "broken JSON": refusing.broken_json(500),
    "null": refusing.json_value(500, None),
    "list": refusing.json_value(500, []),
    "OpenAI style": refusing.openai_style(500),
    "event stream": refusing.event_stream(500),
    "200 HTML": refusing.html(200),
    "200 event stream": refusing.event_stream(200),
    "200 empty": refusing.empty(200),
    "200 empty JSON": refusing.empty(200, "application/json"),
    "200 broken JSON": refusing.broken_json(200),
    "200 null": refusing.json_value(200, None),
    "200 list": refusing.json_value(200, []),
    "200 with an error": refusing.error_under_200(),
    "closed": dropping.closed(),
    "closed after work": dropping.closed(works=True),
    "reset": dropping.connection_reset(),
    "silent": dropping.silent(),
    **GARBLED,
}

# A good client gives up the one content that is to blame, and asks for the others without it.
ONE_CONTENT: Mapping[str, Fault] = {
    "moderation": refusing.error(400, "DataInspectionFailed", "Input data may contain inappropriate content."),
    "media inspection": refusing.error(
        400, "InvalidParameter.DataInspection", "Unable to download the media resource."
    ),
    "media timeout": refusing.error(400, "InvalidURL.Timeout", "The media resource did not arrive in time."),
    "URL": refusing.error(400, "InvalidURL", "Invalid URL provided in your request."),
    "download": refusing.error(400, "BadRequest.InputDownloadFailed", "Failed to download the input file."),
    "parameter": refusing.error(400, "InvalidParameter", "<400> InternalError.Algo.InvalidParameter: bad content"),
    "200 with a refusal": refusing.error_under_200("DataInspectionFailed", "Input data may contain bad content."),
}

# A good client stops the whole job.
WHOLE_JOB: Mapping[str, Fault] = {
    "key": refusing.error(401, "InvalidApiKey", "Invalid API-key provided."),
    "access": refusing.error(403, "AccessDenied", "Access denied."),
    "purchase": refusing.error(403, "AccessDenied.Unpurchased", "Access to model denied. Please buy it first."),
    "workspace": refusing.error(403, "Workspace.AccessDenied", "Workspace access denied."),
    "free tier": refusing.error(403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted."),
    "arrears": refusing.error(400, "Arrearage", "Access denied, please make sure your account is in good standing."),
    "model": refusing.error(404, "ModelNotFound", "Model not exist."),
    "no workspace": refusing.error(404, "WorkSpaceNotFound", "Workspace can not be found."),
    "429 not purchased": refusing.error(429, "CommodityNotPurchased", "Commodity has not been purchased yet."),
    "429 prepaid": refusing.error(429, "PrepaidBillOverdue", "The prepaid bill is overdue."),
    "429 postpaid": refusing.error(429, "PostpaidBillOverdue", "The postpaid bill is overdue."),
    "429 free quota": refusing.error(429, "Throttling.AllocationQuota", "Free allocated quota exceeded."),
}

FAULTS: Mapping[str, Fault] = {**HARMLESS, **TRANSIENT, **ONE_CONTENT, **WHOLE_JOB}


def patience_with(name: str) -> float:
    """Return the seconds that a client of a test gives each answer while this misbehaviour goes on.

    Short only where they must run out, and then still long for a good answer of a machine that is busy.
    """
    return 2.0 if name in {"silent", "stalled"} else 60.0
