"""What the failures of the service mean."""

import pickle

import pytest

from dashscope_server import ONE_CONTENT, WHOLE_JOB
from mmembed.providers.dashscope.answer import RequestFailure, read_refusal
from mmembed.providers.dashscope.faults import classify_failure, content_error


def verdict(code, status=400, message="scripted"):
    return classify_failure(RequestFailure(code, message, status=status)).verdict


@pytest.mark.parametrize(
    ("code", "status", "message", "wanted"),
    [
        ("InvalidApiKey", 401, "Invalid API-key provided.", "job"),
        ("AccessDenied.Unpurchased", 403, "Access to model denied.", "job"),
        ("Workspace.AccessDenied", 403, "", "job"),
        ("AllocationQuota.FreeTierOnly", 403, "", "job"),
        ("Arrearage", 400, "Access denied.", "job"),
        ("ModelNotFound", 404, "Model not exist.", "job"),
        ("CommodityNotPurchased", 429, "", "job"),
        ("PostpaidBillOverdue", 429, "", "job"),
        ("Throttling.AllocationQuota", 429, "Free allocated quota exceeded.", "job"),
        ("Throttling.AllocationQuota", 429, "Allocated quota exceeded, please increase your quota.", "throttled"),
        ("insufficient_quota", 429, "You exceeded your current quota.", "throttled"),
        ("Throttling.BurstRate", 429, "Request rate increased too quickly.", "throttled"),
        ("limit_burst_rate", 429, "", "throttled"),
        ("SomethingNew", 429, "", "throttled"),
        ("InternalError.Algo", 500, "", "passing"),
        ("ModelUnavailable", 503, "", "passing"),
        ("RequestTimeOut", 408, "", "passing"),
        ("TimedOut", None, "", "passing"),
        ("ConnectionFailed", None, "", "passing"),
        ("MalformedAnswer", 200, "", "passing"),
        ("HTTP502", 502, "", "passing"),
        ("HTTP201", 201, "", "passing"),
        ("HTTP307", 307, "", "job"),
        ("DataInspectionFailed", 400, "", "content"),
        ("DataInspectionFailed", 200, "", "content"),
        ("InvalidParameter.DataInspection", 400, "", "content"),
        ("InvalidURL.Timeout", 400, "", "content"),
        ("BadRequest.InputDownloadFailed", 400, "", "content"),
        ("SomethingNew", 400, "", "content"),
        ("BadRequest.TooLarge", 413, "", "size"),
        ("HTTP413", 413, "", "size"),
        ("InvalidParameter", 400, "batch size is invalid, it should not be larger than 20.: input.contents", "size"),
        ("InvalidParameter", 400, "input.contents has 11 of kind image; the model takes at most 10.", "size"),
        ("InvalidParameter", 400, "something about one content", "content"),
    ],
)
def test_the_table_says_whom_a_failure_concerns(code, status, message, wanted):
    """Each documented code, in its dotted forms, and unknown ones by their status."""
    assert verdict(code, status, message) == wanted


@pytest.mark.parametrize(("group", "wanted"), [(WHOLE_JOB, {"job"}), (ONE_CONTENT, {"content"})])
def test_the_servers_refusals_are_sorted_as_it_sorts_them(group, wanted):
    """Two hands sorted the same pages alike."""
    found = set()
    for fault in group.values():
        reply = fault.reply(type("Exchange", (), {"request_id": "r", "path": "/"})())
        found.add(classify_failure(read_refusal(reply.status, reply.body, None)).verdict)
    assert found == wanted


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2.5", 2.5), ("0", 0.0), ("-3", 0.0), ("99999", 3600.0), ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0), ("soon", None)],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(header, seconds):
    """Both forms of the header; nonsense is no wish, and no wish is longer than an hour."""
    failure = RequestFailure("Throttling", "slow down", status=429, retry_after=header)
    assert classify_failure(failure, now=60.0).retry_after_seconds == seconds


@pytest.mark.parametrize("header", [None, "nan"])
def test_without_a_usable_retry_after_there_is_no_wish(header):
    """A missing header and a number that is none."""
    failure = RequestFailure("Throttling", "slow down", status=429, retry_after=header)
    assert classify_failure(failure).retry_after_seconds is None


def test_the_message_says_what_to_do_about_a_job():
    """A wrong key names the variable and the region; the request can be named to support."""
    error = classify_failure(RequestFailure("InvalidApiKey", "Invalid API-key provided.", status=401, request_id="r-1"))
    assert str(error) == (
        "The service answered InvalidApiKey (HTTP 401): Invalid API-key provided. Check DASHSCOPE_API_KEY, and that "
        "region= is the one that the key was made in."
    )
    assert error.request_id == "r-1"


def test_the_error_of_a_row_keeps_code_request_and_whether_to_try_again():
    """What goes into the errors frame."""
    refused = classify_failure(RequestFailure("DataInspectionFailed", "bad content", status=400, request_id="r-2"))
    row = content_error(refused)
    assert (row.code, row.retryable) == ("DataInspectionFailed", False)
    assert "r-2" in str(row)
    assert content_error(classify_failure(RequestFailure("InternalError", "broken", status=500))).retryable


def test_a_service_error_survives_pickling():
    """It may come from a worker process."""
    error = classify_failure(RequestFailure("Arrearage", "overdue", status=400, request_id="r", retry_after="3"))
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))
