"""Video files of this machine through the service's temporary storage, over real HTTP, for those who ask for it."""

from __future__ import annotations

import base64
import dataclasses
import pickle
from concurrent.futures import CancelledError

import numpy as np
import pandas as pd
import pytest

import mmembed
from dashscope_server import DashScopeServer
from dashscope_server.calling import picture
from dashscope_server.protocol import OBJECT_STORE_PATH, UPLOAD_POLICY_PATH, Refusal, Reply, json_reply, refusal_reply
from dashscope_server.reaching import KEY, reachable
from dashscope_server.uploads import oss_refusal
from mmembed import Embedder
from mmembed.cache.local import VectorCache
from mmembed.contents.content import read_contents
from mmembed.embedding.pipeline import embed_columns
from mmembed.errors import ServiceError
from mmembed.providers.dashscope.connection import ConnectionSettings
from mmembed.providers.dashscope.limiter import RateLimit, limiter_for
from mmembed.providers.dashscope.provider import DashScopeProvider
from mmembed.providers.dashscope.sender import Patience, RequestSender
from mmembed.providers.dashscope.temporary_storage import KEPT_SECONDS, TemporaryStorage, policy_of
from mmembed.providers.models import find_model

QWEN = "qwen3-vl-embedding"
HEADER = "x-dashscope-ossresourceresolve"
QUICK = Patience(attempts=3, first_pause_seconds=0.001, longest_pause_seconds=0.001)


@pytest.fixture
def server(monkeypatch, tmp_path):
    with reachable(monkeypatch, tmp_path / "cache") as running:
        yield running


def clip(number=0, size=64):
    """Return the bytes of a clip as far as anybody here looks at them."""
    return b"\x00\x00\x00\x18ftypmp42" + number.to_bytes(4, "big") + bytes(size)


def files(folder, count, name="private diary {}.mp4"):
    paths = []
    for number in range(count):
        folder.joinpath(name.format(number)).write_bytes(clip(number))
        paths.append(str(folder / name.format(number)))
    return paths


def stored_as(server, data):
    """Return the address of the one object that holds these bytes."""
    (name,) = [name for name, held in server.uploads.items() if held == data]
    return f"oss://{name}"


def vector_of(server, data, **parameters):
    sent = server.vector({"video": stored_as(server, data)}, QWEN, **parameters)
    return np.array(sent, np.float32)


def to(server, path):
    return [one for one in server.requests if one.path == path]


def embedder(**settings):
    rates = {"requests_per_minute": 60_000, "tokens_per_minute": 10**9}
    return Embedder(model=QWEN, dimension=256, upload="temporary", **rates, **settings)


def quickly(cells, modality="video", *, spec=None, cache=None):
    """Embed with short pauses; return the failures by position, and the matrix."""
    asked = embedder()
    provider = DashScopeProvider(asked, spec or asked.spec, patience=QUICK)
    done = embed_columns([read_contents(cells, modality)], provider, cache, progress=False)
    return {one.position: one.error for one in done.failures}, done.matrices[0]


def test_each_file_gets_the_vector_of_its_bytes_with_one_policy_for_all(server, tmp_path):
    """Files go to the store once each, under drawn names, without the key; equal files go once."""
    paths = files(tmp_path, 3)
    again = tmp_path / "copy.mp4"
    again.write_bytes(clip(0))
    cells = pd.Series([*paths, str(again), "https://example.com/a.mp4", None])
    run = embedder(workspace="ws-1").embed(cells, "video")
    assert not len(run.errors)
    assert run.vectors.isna().tolist() == [False] * 5 + [True]
    for row, number in enumerate((0, 1, 2, 0)):
        assert np.array_equal(np.asarray(run.vectors[row]), vector_of(server, clip(number), dimension=256))
    (asked,) = to(server, UPLOAD_POLICY_PATH)
    assert asked.query == f"action=getPolicy&model={QWEN}"
    assert (asked.headers["authorization"], asked.headers["x-dashscope-workspace"]) == (f"Bearer {KEY}", "ws-1")
    sent = to(server, OBJECT_STORE_PATH)
    assert len(sent) == len(server.uploads) == 3
    assert all("authorization" not in one.headers and KEY not in str(one.headers) for one in sent)
    for name in server.uploads:
        assert name.startswith("dashscope-instant/")
        assert name.endswith(".mp4")
        assert not any(word in name for word in ("private", "diary", tmp_path.name))
    for request in server.embedding_requests:
        holds_stored = any(str(one.get("video", "")).startswith("oss://") for one in request.contents)
        assert request.headers.get(HEADER) == ("enable" if holds_stored else None)


def test_bytes_in_memory_and_clips_of_fused_rows_go_there_too(server, tmp_path):
    """A clip that several rows share is uploaded once; pictures and texts of the row go along as ever."""
    (path,) = files(tmp_path, 1)
    run = embedder().embed(pd.Series([clip(7)]), "video")
    assert np.array_equal(np.asarray(run.vectors[0]), vector_of(server, clip(7), dimension=256))
    df = pd.DataFrame({"video": [path, path], "text": ["red", "blue"], "image": [picture(), picture()]})
    fused = embedder().fuse({name: df[name] for name in df}, "row")
    assert not len(fused.errors)
    assert sorted(server.uploads.values()) == sorted([clip(7), clip(0)])
    first = {"text": "red", "image": picture(), "video": stored_as(server, clip(0))}
    entries = [one for one in server.embedding_requests if one.parameters.get("enable_fusion")]
    assert any(one.contents[0] == {name: first[name] for name in one.contents[0]} for one in entries)
    assert all(one.headers[HEADER] == "enable" for one in entries)


def test_nothing_is_uploaded_unasked_nor_ever_for_a_text_or_a_picture(server, tmp_path):
    """Without the option a file fails its row as before; with it, names in texts stay texts and pictures go inline."""
    (path,) = files(tmp_path, 1)
    run = Embedder(model=QWEN, dimension=256).embed(pd.Series([path]), "video")
    assert run.errors["code"].tolist() == ["LocalVideo"]
    assert "upload='temporary'" in run.errors["message"][0]
    photo = tmp_path / "photo.png"
    photo.write_bytes(base64.b64decode(picture().partition(",")[2]))
    texts = [path, f"file://{path}", "oss://dashscope-instant/x/y.mp4", str(photo)]
    assert not len(embedder().embed(pd.Series(texts), "text").errors)
    assert not len(embedder().embed(pd.Series([str(photo)]), "image").errors)
    assert (server.uploads, to(server, UPLOAD_POLICY_PATH), to(server, OBJECT_STORE_PATH)) == ({}, [], [])
    assert all(HEADER not in one.headers for one in server.embedding_requests)


def test_the_cache_key_is_the_hash_of_the_file(server, tmp_path):
    """A second run uploads nothing, also for a file of another name, and also without the option."""
    (path,) = files(tmp_path, 1)
    first = embedder().embed(pd.Series([path]), "video")
    (other,) = files(tmp_path, 1, "moved{}.mov")
    for again in (embedder(), Embedder(model=QWEN, dimension=256)):
        run = again.embed(pd.Series([other]), "video")
        assert np.array_equal(np.asarray(run.vectors[0]), np.asarray(first.vectors[0]))
    assert (len(server.uploads), len(server.embedding_requests)) == (1, 1)


def test_the_plan_says_how_many_files_and_megabytes(server, tmp_path):
    """Neither what is cached, too large nor by address counts, and a plan uploads nothing."""
    paths = files(tmp_path, 2)
    large = tmp_path / "large.mp4"
    large.write_bytes(clip(9, 1_500_000))
    df = pd.DataFrame({"clip": [*paths, str(large), "https://example.com/a.mp4"]})
    plan = df.mmembed.plan({"clip": "video"}, embedder=embedder())
    assert plan.uploads == 3
    assert plan.upload_mb == pytest.approx((1_500_000 + 16 + 2 * len(clip())) / 1e6)
    assert "3 files (1.5 MB) uploaded to the service for 48 hours" in repr(plan)
    assert "48 hours" in plan._repr_html_()
    tiny = df.iloc[:1].mmembed.plan({"clip": "video"}, embedder=embedder())
    assert f"1 file ({len(clip())} bytes) uploaded" in repr(tiny)
    small = embedder()
    small = dataclasses.replace(small, model=dataclasses.replace(find_model(QWEN), video_mb=1.0))
    assert df.mmembed.plan({"clip": "video"}, embedder=small).uploads == 2
    plain = df.mmembed.plan({"clip": "video"}, embedder=Embedder(model=QWEN))
    assert (plain.uploads, plain.upload_mb) == (0, 0.0)
    assert "upload" not in repr(plain)
    assert server.requests == ()
    embedder().embed(df["clip"][:1], "video")
    assert df.mmembed.plan({"clip": "video"}, embedder=embedder()).uploads == 2


def test_a_policy_that_has_ended_is_asked_for_again(server, tmp_path):
    """One whose time is over is not used; one that the store holds for ended is replaced, and the file sent again."""
    server.storage.expire_in_seconds = 1e-9
    server.storage.announced_seconds = 300.0
    failures, _ = quickly(files(tmp_path, 1))
    assert failures[0].code == "UploadFailed"
    assert "Policy expired" in str(failures[0])
    assert len(to(server, UPLOAD_POLICY_PATH)) == len(to(server, OBJECT_STORE_PATH)) == 2
    server.storage.expire_in_seconds = 300.0
    server.storage.answers = [oss_refusal(403, "AccessDenied", "Invalid according to Policy: Policy expired.")]
    assert quickly(files(tmp_path, 1))[0] == {}
    server.storage.announced_seconds = 1e-9
    before = len(to(server, UPLOAD_POLICY_PATH))
    assert quickly(files(tmp_path, 3, "c{}.mp4"))[0] == {}
    assert len(to(server, UPLOAD_POLICY_PATH)) == before + 3


def test_what_passes_is_tried_again_under_another_name(server, tmp_path):
    """A stumble of the store or of the service costs a pause; a lost answer's object is not written over."""
    server.storage.answers = [oss_refusal(503, "ServiceUnavailable", "Please reduce your request rate."), Reply(500)]
    server.storage.policy_answers = [Reply(502, b"<html>bad gateway</html>", "text/html"), json_reply(200, {"data": 1})]
    failures, matrix = quickly(files(tmp_path, 1))
    assert failures == {}
    assert np.isfinite(matrix).all()
    assert (len(to(server, UPLOAD_POLICY_PATH)), len(to(server, OBJECT_STORE_PATH))) == (3, 3)


def test_a_file_that_the_store_refuses_is_the_error_of_its_row(server, tmp_path):
    """The other rows get their vectors; the message shows nothing of the policy, and no redirect is followed."""
    elsewhere = [("Location", f"{server.host_url}/elsewhere")]
    for answer, said in (
        (
            oss_refusal(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size."),
            "EntityTooLarge",
        ),
        (Reply(307, b"", headers=tuple(elsewhere)), "redirect"),
        (oss_refusal(400, "InvalidPolicyDocument", "test-access-key c2lnbmF0dXJl"), "InvalidPolicyDocument"),
    ):
        server.storage.answers = [answer]
        failures, matrix = quickly([*files(tmp_path, 1), "https://example.com/a.mp4"])
        assert (list(failures), failures[0].code, failures[0].retryable) == ([0], "UploadFailed", False)
        assert said in str(failures[0])
        assert "give its https:// address; or embed its frames with Embedder(video_frames=8)" in str(failures[0])
        assert not any(word in str(failures[0]) for word in (KEY, "test-access-key", "c2lnbmF0dXJl"))
        assert np.isfinite(matrix[1]).all()
    assert to(server, "/elsewhere") == []
    server.storage.answers = [oss_refusal(503, "ServiceUnavailable", "later")] * QUICK.attempts
    failures, _ = quickly(files(tmp_path, 1))
    assert (failures[0].code, failures[0].retryable) == ("UploadFailed", True)
    assert "Embed again later" in str(failures[0])


def test_without_a_storage_rows_by_address_still_pass(server, tmp_path):
    """A server that gives no policies is asked once; a key that is refused ends the run, as without files."""
    server.storage.policy_answers = [refusal_reply(Refusal(404, "InvalidURL", "url error"), "r-1")]
    failures, matrix = quickly([*files(tmp_path, 3), "https://example.com/a.mp4"])
    assert sorted(failures) == [0, 1, 2]
    assert {one.code for one in failures.values()} == {"UploadFailed"}
    assert np.isfinite(matrix[3]).all()
    assert len(to(server, UPLOAD_POLICY_PATH)) == 1
    server.storage.policy_answers = [refusal_reply(Refusal(401, "InvalidApiKey", "Invalid API-key provided."), "r-2")]
    with pytest.raises(ServiceError, match="InvalidApiKey") as caught:
        quickly(files(tmp_path, 2))
    assert KEY not in str(caught.value)


def test_what_the_model_or_the_policy_does_not_take_is_not_sent(server, tmp_path):
    """Size and format are looked at before the policy is asked for, and the policy's own limit before the upload."""
    large, page = tmp_path / "large.mp4", tmp_path / "page.mp4"
    large.write_bytes(clip(1, 3_000))
    page.write_text("<html>", encoding="utf-8")
    matroska = tmp_path / "film.mp4"
    matroska.write_bytes(b"\x1aE\xdf\xa3" + bytes(60))
    spec = dataclasses.replace(find_model(QWEN), video_mb=0.002)
    failures, _ = quickly([str(large), str(page), str(matroska)], spec=spec)
    assert [failures[row].code for row in range(3)] == ["VideoTooLarge", "UnsupportedVideo", "UnsupportedVideo"]
    assert "MKV" in str(failures[2])
    assert "0.0 MB" in str(failures[0])
    assert server.requests == ()
    server.storage.max_file_size_mb = 0.001
    failures, _ = quickly([str(large)])
    assert (failures[0].code, len(to(server, OBJECT_STORE_PATH))) == ("VideoTooLarge", 0)


def test_a_file_that_changed_since_it_was_hashed_is_not_sent(server, tmp_path):
    """Its row fails and can be run again; nothing is kept under the digest of what is gone."""
    (path,) = files(tmp_path, 1)
    cache = VectorCache(tmp_path / "kept")
    read = read_contents([path], "video")
    tmp_path.joinpath("private diary 0.mp4").write_bytes(clip(5))
    done = embed_columns([read], embedder().provider(), cache, progress=False)
    assert [(one.error.code, one.error.retryable) for one in done.failures] == [("FileChanged", True)]
    assert server.requests == ()
    assert quickly([path], cache=cache)[0] == {}
    assert list(server.uploads.values()) == [clip(5)]


GOOD = {
    "upload_host": "https://bucket.example.com",
    "upload_dir": "dashscope-instant/0a1b/2026-11-30/c2",
    "oss_access_key_id": "id",
    "signature": "s/i+g=",
    "policy": "cG9saWN5",
    "x_oss_object_acl": "private",
    "x_oss_forbid_overwrite": "true",
    "expire_in_seconds": 300,
    "max_file_size_mb": 100,
}


def test_a_policy_is_followed_only_where_it_is_whole_and_safe():
    """Without TLS for files of a service that has it, with a name in the host, or without a part: it is none."""
    policy = policy_of(GOOD, 1000.0, is_safe=True)
    assert (policy.host, policy.folder, policy.most_bytes) == (GOOD["upload_host"], GOOD["upload_dir"], 100 * 2**20)
    assert 1000.0 + 200 < policy.ends < 1000.0 + 300
    assert not any(secret in repr(policy) for secret in policy.secrets)
    assert policy_of({**GOOD, "upload_host": "http://127.0.0.1:80"}, 0.0, is_safe=False).host == "http://127.0.0.1:80"
    for changed in (
        {"upload_host": "http://bucket.example.com"},
        {"upload_host": "https://user:word@bucket.example.com"},
        {"upload_host": "file:///etc"},
        {"upload_host": None},
        {"upload_dir": "a b"},
        {"upload_dir": ""},
        {"signature": None},
        {"policy": 5},
        {"expire_in_seconds": "soon"},
        {"max_file_size_mb": float("nan")},
    ):
        with pytest.raises((ValueError, TypeError)):
            policy_of({**GOOD, **changed}, 0.0, is_safe=True)


def test_an_address_is_used_again_for_as_long_as_the_file_is_kept(server, tmp_path):
    """The files of a run that lasts for days are uploaded again before the service drops them; a stop ends all."""
    (path,) = files(tmp_path, 1)
    (content,) = read_contents([path], "video")
    now = [0.0]
    spec = find_model(QWEN)
    settings = ConnectionSettings(model=QWEN, dimension=256, base_address=server.base_url, api_key=KEY)
    with settings.open() as connection:
        sender = RequestSender(connection, limiter_for(KEY, server.base_url, QWEN, RateLimit(None, None, None)), QUICK)
        storage = TemporaryStorage(connection, sender, spec, clock=lambda: now[0])
        first = storage.address_of(content)
        now[0] = KEPT_SECONDS - 7200.0
        assert storage.address_of(content) == first
        now[0] = KEPT_SECONDS - 1800.0
        again = storage.address_of(content)
        assert again != first
        assert sorted(server.uploads) == sorted(one.removeprefix("oss://") for one in (first, again))
        assert len(to(server, UPLOAD_POLICY_PATH)) == 2
        sender.stop()
        now[0] *= 2
        with pytest.raises(CancelledError):
            storage.address_of(content)
    assert len(server.uploads) == 2


def test_the_region_in_the_environment_is_asked_for_the_policy(monkeypatch, tmp_path, server):
    """The policy comes from the address that the model is asked at, whatever the SDK was told."""
    import dashscope

    with DashScopeServer(keys=(KEY,)) as other:
        monkeypatch.setattr(dashscope, "base_http_api_url", other.base_url)
        assert quickly(files(tmp_path, 1))[0] == {}
        assert other.requests == ()
    assert len(to(server, UPLOAD_POLICY_PATH)) == 1


def test_the_option_is_checked_and_travels():
    """Only the one storage there is; only for models that take videos by address; not beside frames."""
    with pytest.raises(ValueError, match="expected 'temporary'"):
        Embedder(model=QWEN, upload="forever").provider(for_plan=True)
    for model in ("local", "text-embedding-v4"):
        with pytest.raises(ValueError, match="Leave it out"):
            Embedder(model=model, upload="temporary").provider(for_plan=True)
    with pytest.raises(ValueError, match="two ways"):
        Embedder(model=QWEN, upload="temporary", video_frames=8)
    assert pickle.loads(pickle.dumps(embedder())).upload == "temporary"
    assert mmembed.Embedder().upload is None
