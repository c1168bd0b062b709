"""Each documented failure of the service is judged as its page says: whom it concerns, and whether to try again."""

import json
import pickle

import pytest

from mmembed.providers.dashscope.answer import (
    CONNECTION_FAILED,
    MALFORMED,
    TIMED_OUT,
    UNREADABLE,
    RequestFailure,
    read_refusal,
)
from mmembed.providers.dashscope.faults import classify_failure
from mmembed.providers.dashscope.sender import Patience

DOCUMENTED = [
    (400, "InvalidParameter", "dimension must be one of the supported values", "content"),
    (400, "InvalidParameter", "batch size is invalid, it should not be larger than 20", "size"),
    (400, "DataInspectionFailed", "Input data may contain inappropriate content.", "content"),
    (400, "InvalidParameter.DataInspection", "Unable to download the media resource", "content"),
    (400, "InvalidURL", "The request URL is invalid", "content"),
    (400, "InvalidURL.ConnectionRefused", "connection refused", "content"),
    (400, "InvalidURL.Timeout", "timeout", "content"),
    (400, "BadRequest.InputDownloadFailed", "Failed to download input", "content"),
    (400, "BadRequest.EmptyInput", "input is required", "content"),
    (400, "BadRequest.EmptyParameters", "parameters are required", "content"),
    (400, "BadRequest.EmptyModel", "model is required", "job"),
    (400, "BadRequest.TooLarge", "payload too large", "size"),
    (413, "BadRequest.TooLarge", "payload too large", "size"),
    (413, "", "Request Entity Too Large", "size"),
    (400, "Arrearage", "Access denied, please make sure your account is in good standing.", "job"),
    (401, "InvalidApiKey", "Invalid API-key provided.", "job"),
    (401, "invalid_api_key", "Incorrect API key provided.", "job"),
    (403, "AccessDenied", "Access denied.", "job"),
    (403, "AccessDenied.Unpurchased", "Access to model denied.", "job"),
    (403, "Model.AccessDenied", "Model access denied.", "job"),
    (403, "Workspace.AccessDenied", "Workspace access denied.", "job"),
    (403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted.", "job"),
    (404, "ModelNotFound", "Model not exist.", "job"),
    (404, "model_not_supported", "Unsupported model for OpenAI compatibility mode.", "job"),
    (404, "WorkSpaceNotFound", "WorkSpace can not be found.", "job"),
    (408, "RequestTimeOut", "Request timed out, please try again later.", "passing"),
    (500, "RequestTimeOut", "Request timed out, please try again later.", "passing"),
    (429, "Throttling", "Requests throttling triggered.", "throttled"),
    (429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.", "throttled"),
    (429, "Throttling.BurstRate", "Request rate increased too quickly.", "throttled"),
    (429, "LimitRequests", "You exceeded your current requests list.", "throttled"),
    (429, "limit_requests", "You exceeded your current requests list.", "throttled"),
    (429, "limit_burst_rate", "Request rate increased too quickly.", "throttled"),
    (429, "Throttling.AllocationQuota", "Allocated quota exceeded, please increase your quota limit.", "throttled"),
    (429, "insufficient_quota", "You exceeded your current quota.", "throttled"),
    (429, "Throttling.AllocationQuota", "Free allocated quota exceeded.", "job"),
    (429, "insufficient_quota", "Free allocated quota exceeded.", "job"),
    (429, "CommodityNotPurchased", "Commodity has not purchased yet.", "job"),
    (429, "PrepaidBillOverdue", "The prepaid bill is overdue.", "job"),
    (429, "PostpaidBillOverdue", "The postpaid bill is overdue.", "job"),
    (500, "InternalError", "An internal error has occurred.", "passing"),
    (500, "InternalError.Algo", "An internal error has occurred during execution.", "passing"),
    (500, "InternalError.Algo", "Missing Content-Length of multimodal url", "content"),
    (500, "InternalError.Algo", "Embedding_pipeline_Error", "content"),
    (500, "SystemError", "A system error has occurred.", "passing"),
    (500, "ModelServiceFailed", "Failed to request model service.", "passing"),
    (500, "ModelServingError", "Too many requests. Your requests are being throttled due to capacity.", "passing"),
    (503, "ModelServingError", "Too many requests.", "passing"),
    (503, "ModelUnavailable", "Model is unavailable, please try again later.", "passing"),
    (502, "", "<html>Bad Gateway</html>", "passing"),
    (504, "", "", "passing"),
    (429, "", "", "throttled"),
    (403, "", "<html>Forbidden</html>", "job"),
]


def refused(status, code, message, retry_after=None):
    body = json.dumps({"code": code, "message": message, "request_id": "r-1"}).encode()
    return classify_failure(read_refusal(status, body, retry_after), now=1_700_000_000.0)


# Refused for one content, which may yet succeed: the service could not fetch it.
ONE_MORE = {"InvalidURL.Timeout", "InvalidParameter.DataInspection"}


@pytest.mark.parametrize(("status", "code", "message", "verdict"), DOCUMENTED)
def test_each_documented_failure_is_judged(status, code, message, verdict):
    """Status, code and message lead to one verdict; what passes by itself, is throttled or could not be fetched may
    succeed again.
    """
    error = refused(status, code, message)
    assert error.verdict == verdict
    assert error.retryable == (verdict in {"passing", "throttled"} or code in ONE_MORE)
    assert (error.status, error.request_id) == (status, "r-1")
    assert code in str(error)


KNOWN_BY_STATUS = {"", "Model.AccessDenied", "invalid_api_key"}
FREE_QUOTA = [case for case in DOCUMENTED if case[2].startswith("Free allocated quota")]


@pytest.mark.parametrize(
    ("code", "message", "verdict"),
    [case[1:] for case in DOCUMENTED if case[1] not in KNOWN_BY_STATUS and case not in FREE_QUOTA],
)
def test_an_error_under_status_200_means_the_same(code, message, verdict):
    """The service also answers 200 with a code and no output; the code decides."""
    assert refused(200, code, message).verdict == verdict


@pytest.mark.parametrize("code", [TIMED_OUT, CONNECTION_FAILED, UNREADABLE, MALFORMED])
def test_failures_of_the_wire_pass(code):
    """No answer in time, a broken connection, an answer that cannot be read or is wrong: the same is sent again."""
    error = classify_failure(RequestFailure(code, "something about it"))
    assert error.verdict == "passing"
    assert error.retryable


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("inf", 3600.0),
        ("nan", None),
        ("soon", None),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
    ],
)
def test_retry_after_is_read_in_both_forms(header, seconds):
    """Seconds or a date; nonsense is no wish, and no wish is longer than an hour."""
    assert refused(429, "Throttling", "slow down", header).retry_after_seconds == seconds


def test_an_error_survives_pickling():
    """Worker processes hand it over whole."""
    error = refused(429, "Throttling.RateQuota", "slow down", "7")
    copy = pickle.loads(pickle.dumps(error))
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


def test_pauses_double_up_to_the_longest_and_vary():
    """The n-th pause lies between half and all of the doubled one, and never above the longest."""
    patience = Patience(first_pause_seconds=0.5, longest_pause_seconds=30)
    assert [patience.pause_seconds(failures, 1.0) for failures in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [patience.pause_seconds(failures, 0.0) for failures in range(1, 9)] == [0.25, 0.5, 1, 2, 4, 8, 15, 15]
    assert patience.pause_seconds(1000, 1.0) == 30
