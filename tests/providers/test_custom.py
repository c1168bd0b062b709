"""Models of one's own: what they are given, what they may answer, and that everything else comes with them."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import warnings

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone

import mmembed
from mmembed.cache.local import VectorCache
from mmembed.contents.content import Content, content_of_text, read_content
from mmembed.embedding.embedder import Embedder
from mmembed.errors import EmbeddingError, EmbeddingWarning, ModalityError, ModelError, UnknownModelError
from mmembed.providers.custom import find_own, own_model
from own_models import ColourEncoder

TEXTS = ["red dress", "blue shoe", "绿色的树"]
COLOURS = ["red", "blue", "green"]


@pytest.fixture(autouse=True)
def _own(tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def encoder():
    """Return a stand-in for an encoder."""
    return ColourEncoder()


@pytest.fixture
def df():
    """Return texts and pictures of three colours."""
    return pd.DataFrame({"title": TEXTS, "photo": [Image.new("RGB", (9, 7), one) for one in COLOURS]})


def register(encoder, **changes):
    """Register the encoder by callables."""
    given = {
        "dimension": 3,
        "version": "1",
        "text": lambda texts: encoder.encode([{"text": one} for one in texts]),
        "image": encoder.encode,
    }
    return mmembed.register_model("colours", **given | changes)


def asked(encoder):
    """Return what the encoder was given, without the fixed contents that tell weights apart."""
    fixed = ("A red bicycle leans",)
    held = [one["text"] if isinstance(one, dict) else one for call in encoder.calls for one in call[1:]]
    texts = [one for one in held if isinstance(one, str) and not one.startswith(fixed)]
    return texts or [one for one in held if not isinstance(one, str) and one.size != (64, 64)]


def test_the_lines_of_the_page_run_as_written(df):
    """Texts and pictures are embedded by callables, and found again by the space of their column."""
    clip = ColourEncoder()
    mmembed.register_model(
        "qwen3-vl-2b", dimension=3, version="2026-04",
        text=lambda texts: clip.encode([{"text": t} for t in texts]),
        image=clip.encode,
    )  # fmt: skip
    df = df.mmembed.embed({"title": "text", "photo": "image"}, model="qwen3-vl-2b")
    assert str(df["photo_vector"].dtype) == "vector[3, qwen3-vl-2b]"
    assert df.mmembed.search("红色连衣裙", "photo_vector", k=1).index.tolist() == [0]
    named = df.mmembed.classify("photo_vector", labels=["a blue thing", "a green thing", "a red thing"])
    assert named["label"].tolist() == ["a red thing", "a blue thing", "a green thing"]


def test_equal_contents_are_asked_for_once_and_kept(encoder, df):
    """Deduplication, the order of rows and the cache are those of any model."""
    register(encoder)
    doubled = pd.concat([df, df.iloc[::-1]], ignore_index=True)
    first = doubled.mmembed.embed("title", "text", model="colours")
    assert asked(encoder) == TEXTS
    encoder.calls.clear()
    again = doubled.mmembed.embed("title", "text", model="colours")
    assert asked(encoder) == []
    matrix = first["title_vector"].mmembed.to_matrix()
    np.testing.assert_array_equal(matrix, again["title_vector"].mmembed.to_matrix())
    np.testing.assert_allclose(matrix, [encoder._text(one) for one in doubled["title"]], rtol=1e-6)


def test_a_batch_is_no_larger_than_was_said(encoder):
    """A callable gets at most ``batch_size`` contents."""
    register(encoder, batch_size=4)
    pd.DataFrame({"title": [f"red {one}" for one in range(10)]}).mmembed.embed("title", "text", model="colours")
    assert sorted(len(call) - 1 for call in encoder.calls if len(call) > 2) == [2, 4, 4]


def test_other_weights_under_one_name_and_version_do_not_mix(encoder, df):
    """The cache tells weights apart by what they say of a fixed text and picture, and finds the former again."""
    register(encoder)
    old = df.mmembed.embed("title", "text", model="colours")["title_vector"].mmembed.to_matrix()
    encoder.tilt = 0.05
    new = df.mmembed.embed("title", "text", model="colours")["title_vector"].mmembed.to_matrix()
    assert (old != new).any()
    encoder.tilt = 0.0
    encoder.calls.clear()
    np.testing.assert_array_equal(
        old, df.mmembed.embed("title", "text", model="colours")["title_vector"].mmembed.to_matrix()
    )
    assert asked(encoder) == []


def test_rounding_of_another_machine_is_not_taken_for_other_weights(encoder, df):
    """A difference as between two processors finds the cached vectors."""
    register(encoder)
    df.mmembed.embed("title", "text", model="colours")
    encoder.tilt = 1e-6
    encoder.calls.clear()
    df.mmembed.embed("title", "text", model="colours")
    assert asked(encoder) == []


def test_another_version_is_embedded_anew(encoder, df):
    """The version is part of the keys."""
    register(encoder)
    df.mmembed.embed("title", "text", model="colours")
    register(encoder, version="2")
    encoder.calls.clear()
    df.mmembed.embed("title", "text", model="colours")
    assert asked(encoder) == TEXTS


def test_a_run_asks_only_for_the_weights_that_it_rests_on(encoder, df):
    """A column of texts, or a search by words, calls for one fixed text beside what is embedded, and for no picture."""
    register(encoder)
    df = df.mmembed.embed({"title": "text"}, model="colours")
    assert all(isinstance(one, dict) for call in encoder.calls for one in call[1:])
    encoder.calls.clear()
    df.mmembed.search("red", "title_vector")
    assert [len(call) - 1 for call in encoder.calls] == [1, 1]


def test_weights_of_pictures_alone_are_told_apart(df):
    """Where the picture half of a model changes, its pictures are embedded anew."""
    texts, pictures = ColourEncoder(), ColourEncoder()
    register(texts, image=pictures.encode)
    df.mmembed.embed("photo", "image", model="colours")
    pictures.tilt = 0.05
    pictures.calls.clear()
    df.mmembed.embed("photo", "image", model="colours")
    assert len(asked(pictures)) == 3


def test_a_plan_does_not_ask_the_model_and_knows_what_is_cached(encoder, df):
    """A plan costs nothing, also of time: no callable is called."""
    register(encoder)
    assert df.mmembed.plan("title", "text", model="colours").cached == 0
    assert encoder.calls == []
    df.iloc[:2].mmembed.embed("title", "text", model="colours")
    encoder.calls.clear()
    plan = df.mmembed.plan("title", "text", model="colours")
    assert (plan.unique, plan.cached, plan.requests, plan.cost) == (3, 2, 1, 0.0)
    assert encoder.calls == []


def test_a_price_is_planned_charged_and_kept_to(encoder, df):
    """Where a price is given, plan, bill and ``max_cost`` go by it."""
    register(encoder, price=2.0)
    plan = df.mmembed.plan("title", "text", model="colours")
    assert plan.cost == pytest.approx(plan.tokens * 2 / 1000)
    with pytest.raises(mmembed.errors.BudgetError):
        df.mmembed.embed("title", "text", model="colours", max_cost=1e-6)
    run = Embedder(model="colours").embed(df["title"], "text")
    assert run.usage.cost == pytest.approx(plan.cost)
    assert run.usage.tokens == plan.tokens


def test_a_callable_that_raises_is_asked_until_the_cell_is_alone(encoder):
    """One bad content fails alone with what was raised; the rows beside it get their vectors."""

    def text(texts):
        if "poison" in texts:
            raise ZeroDivisionError("too much poison")
        return encoder.encode(texts)

    register(encoder, text=text)
    cells = pd.Series([*(f"red {one}" for one in range(20)), "poison", "blue"], name="title")
    run = Embedder(model="colours").embed(cells, "text")
    assert run.errors["position"].tolist() == [20]
    assert run.errors["code"].tolist() == ["ModelFailed"]
    assert "ZeroDivisionError: too much poison (test_custom.py, line" in run.errors["message"].item()
    assert run.vectors.notna().sum() == 21
    with pytest.warns(EmbeddingWarning, match="1 of 22"):
        cells.to_frame().mmembed.embed("title", "text", model="colours", errors="coerce")


def test_a_callable_that_raises_for_everything_ends_the_run_with_its_own_error(encoder):
    """A mistake in the callable is no matter of the cells: it is raised, with what was raised as its cause."""
    register(encoder, text=lambda texts: texts.no_such_method())
    with pytest.raises(ModelError, match=r"each of \d+ contents.*AttributeError") as caught:
        pd.DataFrame({"t": [f"text {one}" for one in range(40)]}).mmembed.embed(
            "t", "text", embedder=Embedder(model="colours", cache=None)
        )
    assert isinstance(caught.value.__cause__, AttributeError)


def test_a_lack_of_memory_halves_the_batch(encoder):
    """What raises for many contents at once, and not for fewer, costs no row."""

    def text(texts):
        if len(texts) > 3:
            raise MemoryError("out of memory")
        return encoder.encode(texts)

    register(encoder, text=text)
    found = pd.DataFrame({"t": [f"red {one}" for one in range(17)]}).mmembed.embed("t", "text", model="colours")
    assert found["t_vector"].notna().all()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda texts: np.zeros((len(texts), 4)), r"shape \(2, 4\); expected an array of shape \(2, 3\).*dimension=4"),
        (lambda texts: np.zeros((len(texts) + 1, 3)), r"shape \(3, 3\); expected an array of shape \(2, 3\)"),
        (lambda _: np.zeros(3), r"shape \(3,\); expected"),
        (lambda _: None, r"returned NoneType, which is no matrix"),
        (lambda texts: [[1, 2, 3], [1, 2]][: len(texts)], r"returned list, which is no matrix"),
        (lambda texts: [["a", "b", "c"]] * len(texts), r"numbers are of type"),
    ],
)
def test_an_answer_that_is_no_vectors_says_what_was_expected(encoder, answer, message):
    """Shape, length and type of what a callable returns are checked before anything is kept."""
    register(encoder, text=answer)
    with pytest.raises(ModelError, match=message):
        Embedder(model="colours", cache=None).embed(pd.Series(["red", "blue"], name="t"), "text")


def test_a_row_of_nan_is_the_error_of_its_cell(encoder):
    """NaN and infinity fail the row, and are not kept."""
    register(
        encoder,
        text=lambda texts: [[np.nan if "bad" in one else 1, 1, np.inf if "huge" in one else 1] for one in texts],
    )
    run = Embedder(model="colours").embed(pd.Series(["good", "bad", "huge"], name="t"), "text")
    assert run.errors[["position", "code"]].to_numpy().tolist() == [[1, "NotFinite"], [2, "NotFinite"]]
    assert run.vectors.notna().tolist() == [True, False, False]


class Tensor:
    """As much of a tensor as a callable's answer needs."""

    def __init__(self, held):
        self._held = np.asarray(held)

    def detach(self):
        """Return it without a graph."""
        return self

    def cpu(self):
        """Return it on this machine."""
        return self

    def float(self):
        """Return it in single precision: bfloat16 has no numpy type."""
        return Tensor(self._held.astype(np.float32))

    def numpy(self):
        """Return the array."""
        return self._held


@pytest.mark.parametrize(
    "make", [Tensor, lambda rows: [Tensor(row) for row in rows], lambda rows: list(map(list, rows))]
)
def test_tensors_and_lists_are_taken(encoder, make, df):
    """An array, a tensor on any device, a list of tensors or of lists: all are vectors."""
    register(encoder, text=lambda texts: make(encoder.encode(texts)))
    found = df.mmembed.embed("title", "text", model="colours")["title_vector"].mmembed.to_matrix()
    np.testing.assert_allclose(found, [encoder._text(one) for one in TEXTS], rtol=1e-6)


def test_a_kind_without_a_callable_is_refused_before_anything_is_asked(encoder, df):
    """A model of texts refuses a column of pictures, and says what embeds them."""
    register(encoder, image=None)
    with pytest.raises(ModalityError, match=r"'colours' does not embed 'image'\. It embeds 'text'"):
        df.mmembed.embed("photo", "image", model="colours")
    assert encoder.calls == []


def gif(*colours):
    """Return an animation."""
    import io

    out = io.BytesIO()
    first, *others = (Image.new("RGB", (16, 16), one) for one in colours)
    first.save(out, "PNG", save_all=True, append_images=others, duration=100)
    return out.getvalue()


def test_clips_lists_and_rows_of_several_kinds_are_made_of_their_parts(encoder):
    """Without a callable of their own they get the mean direction of frames, pictures and parts."""
    register(encoder)
    provider = find_own("colours").provider()
    picture = read_content(Image.new("RGB", (8, 8), "red"), "image")
    blue = read_content(Image.new("RGB", (8, 8), "blue"), "image")
    clip = read_content(gif("red", "blue"), "video")
    contents = [
        clip,
        Content("multi_images", parts=(picture, blue)),
        Content("fused", parts=(content_of_text("blue"), picture)),
    ]
    with provider.session() as session:
        matrix = session.embed(contents).matrix
    means = np.array([[1.1, 0.1, 0.1], [0.1, 0.1, 1.1]])
    means = (means / np.linalg.norm(means, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(matrix, [means / np.linalg.norm(means)] * 3, atol=0.02)


def test_callables_of_clips_and_rows_are_given_frames_and_parts(encoder, df):
    """A clip is a list of pictures; a row is a mapping of kind to content."""
    seen = []

    def video(clips):
        seen.extend(("clip", [frame.size for frame in clip]) for clip in clips)
        return np.ones((len(clips), 3))

    def fused(rows):
        seen.extend(("row", {kind: type(value).__name__ for kind, value in row.items()}) for row in rows)
        return np.ones((len(rows), 3))

    register(encoder, video=video, fused=fused)
    pd.DataFrame({"clip": [gif("red", "blue")]}).mmembed.embed("clip", "video", model="colours")
    df.iloc[:1].mmembed.fuse(text="title", image="photo", model="colours")
    assert seen.pop(0) == ("clip", [(32, 32)] * 2)  # the fixed one, which tells weights apart
    assert seen == [("clip", [(16, 16)] * 2), ("row", {"text": "str", "image": "Image"})]


def test_what_is_searched_with_goes_to_its_own_callable(encoder, df):
    """Queries, labels and vocabularies are queries; columns are documents; both are kept apart in the cache."""
    queries = []

    def query_text(texts):
        queries.extend(texts)
        return encoder.encode(texts)

    register(encoder, query_text=query_text)
    df = df.mmembed.embed("title", "text", model="colours")
    encoder.calls.clear()
    df.mmembed.search("red dress", "title_vector")
    assert queries[-1:] == ["red dress"]
    df.mmembed.search("red dress", "title_vector")
    assert queries.count("red dress") == 1
    df.mmembed.classify("title_vector", labels=["blue", "green"])
    assert queries[-2:] == ["blue", "green"]


def test_names_by_vocabulary_are_on_where_they_are_free(encoder):
    """A model of one's own names clusters from the vocabulary by itself; one with a price does not."""
    cells = [Image.new("RGB", (8, 8), (250 - one, one, 0)) for one in range(12)]
    cells += [Image.new("RGB", (8, 8), (one, 0, 250 - one)) for one in range(12)]
    frame = pd.DataFrame({"photo": cells})
    for price, is_named in ((None, True), (1.0, False)):
        register(encoder, price=price)
        done = frame.mmembed.embed("photo", "image", model="colours")
        encoder.calls.clear()
        done.mmembed.cluster("photo_vector", n_clusters=2, random_state=0)
        assert (len(asked(encoder)) > 100) is is_named


def test_shorter_vectors_are_cut_where_the_model_may_be_cut(encoder, df):
    """A Matryoshka model gives, and is asked for, shorter lengths; another refuses them."""
    register(encoder)
    with pytest.raises(ValueError, match="has one dimension, 3; got dimension=2"):
        df.mmembed.embed("title", "text", model="colours", dimension=2)
    register(encoder, shorter_dimensions=(2,))
    short = df.mmembed.embed("title", "text", model="colours", dimension=2)
    whole = df.mmembed.embed("title", "text", model="colours")["title_vector"].mmembed.truncate(2)
    np.testing.assert_allclose(short["title_vector"].mmembed.to_matrix(), whole.mmembed.to_matrix(), rtol=1e-6)
    assert short.mmembed.search("red", "title_vector", k=1)["title"].item() == "red dress"


def test_the_model_itself_is_taken_and_found_again(encoder, df):
    """``model=`` takes what ``register_model`` returns, or a model that nobody registered."""
    model = mmembed.CustomModel(name="mine", dimension=3, version="1", text=encoder.encode)
    df = df.mmembed.embed("title", "text", model=model)
    assert df.mmembed.search("blue", "title_vector", k=1)["title"].item() == "blue shoe"
    assert mmembed.models().loc["mine", "provider"] == "own"


def test_numbers_of_numpy_are_whole_numbers(encoder):
    """The length may come from an array's shape."""
    assert register(encoder, dimension=np.zeros((2, 3)).shape[1], batch_size=np.int64(4)).batch_size == 4
    assert type(register(encoder, dimension=np.int32(3)).dimension) is int


def test_compare_and_the_transformer_take_it(encoder):
    """The verbs that take models take one of one's own, and no clone copies it."""
    model = register(encoder)
    frame = pd.DataFrame(
        {"t": [f"{word} {one}" for one in range(12) for word in ("red", "blue")], "y": ["r", "b"] * 12}
    )
    found = frame.mmembed.compare("t", target="y", models=[model, "colours"], modality="text")
    assert found["model"].tolist() == ["colours"]
    assert found["text_price"].tolist() == [0.0]
    step = mmembed.EmbeddingTransformer("text", model=model)
    assert clone(step).model is model
    assert step.fit_transform(frame["t"]).shape == (24, 3)


def test_an_encoder_is_read_for_what_it_is(encoder, df):
    """Kinds, length and name come from the encoder; a text that names a file stays a text."""
    model = mmembed.CustomModel.of(encoder)
    assert (model.name, model.dimension, sorted(model.kinds)) == (
        "colours",
        3,
        ["fused", "image", "multi_images", "text", "video"],
    )
    titles = pd.DataFrame({"t": ["photo.png", "https://example.org/red.jpg"]})
    done = titles.mmembed.embed("t", "text", model=encoder)
    assert {"text": "photo.png"} in [one for call in encoder.calls for one in call[1:]]
    assert encoder.calls[-1][0] == "document"
    done.mmembed.search("red", "t_vector")
    assert encoder.calls[-1][0] == "query"
    df.mmembed.fuse(text="title", image="photo", model=encoder)
    assert sorted(encoder.calls[-1][1]) == ["image", "text"]


class OldEncoder:
    """An encoder as before sentence-transformers 5.4, or of one's own: strings in, an array out."""

    def encode(self, sentences):
        """Return a vector a text."""
        assert all(isinstance(one, str) for one in sentences)
        return np.array([[len(one), 1.0] for one in sentences])


def test_an_encoder_that_says_nothing_embeds_texts_and_needs_a_name():
    """The length is that of the vector of a short text; pictures only where that is said."""
    with pytest.raises(ValueError, match=r"CustomModel.of\(encoder, name='my-model'\)"):
        own_model(OldEncoder())
    model = mmembed.CustomModel.of(OldEncoder(), name="old")
    assert (model.dimension, model.kinds) == (2, frozenset({"text"}))
    assert mmembed.CustomModel.of(OldEncoder(), name="old", kinds=["text", "image"]).image is not None
    found = pd.DataFrame({"t": ["photo.png"]}).mmembed.embed("t", "text", model=model)
    assert found["t_vector"].mmembed.to_matrix().tolist() == [[9.0, 1.0]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda texts: texts, r"model=function is a function.*mmembed.register_model\('my-model'"),
        (len, r"text=len\)"),
        (3, "model is of type int. Expected a name"),
        (ColourEncoder, "model is of type type"),
    ],
)
def test_what_is_no_model_says_the_line_to_write(given, message):
    """A function, a class or a number is refused with what to write."""
    with pytest.raises(TypeError, match=message):
        Embedder(model=given)


def test_names_that_nobody_knows_say_the_line_to_write():
    """A name of Hugging Face, one of one's own, and a provider that does not exist."""
    with pytest.raises(UnknownModelError, match=r"SentenceTransformer\('Qwen/Qwen3-VL-Embedding-2B'\)"):
        Embedder(model="Qwen/Qwen3-VL-Embedding-2B").provider()
    with pytest.raises(UnknownModelError, match=r"mmembed.register_model\('my-clip', dimension"):
        Embedder(model="my-clip").provider()
    with pytest.raises(ValueError, match=r"provider='mine'.*register_model\('x'"):
        mmembed.ModelSpec(name="x", provider="mine")
    with pytest.raises(UnknownModelError, match="none of that name is registered here"):
        Embedder(model=mmembed.ModelSpec(name="x", provider="own")).provider()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dimension": 0}, ValueError, "dimension=0"),
        ({"batch_size": True}, ValueError, "batch_size=True"),
        ({"text": None, "image": None}, ValueError, "embeds nothing"),
        ({"text": np.zeros(3)}, TypeError, "is not callable"),
        ({"shorter_dimensions": (4,)}, ValueError, r"shorter_dimensions holds \[4\]"),
    ],
)
def test_what_cannot_be_registered_says_why(encoder, changes, error, message):
    """Numbers that are none, nothing to embed with, and what is no function."""
    with pytest.raises(error, match=message):
        register(encoder, **changes)


@pytest.mark.parametrize("name", ["local", "qwen3-vl-embedding", "local-conse-1", "", " x", "a]b", "a, b", "float16"])
def test_a_name_that_means_another_model_is_refused(encoder, name):
    """Vectors of two models never share a space by accident."""
    with pytest.raises(ValueError, match=r"another name|needs a name"):
        mmembed.register_model(name, dimension=3, version="1", text=encoder.encode)


MODULE = """
import numpy as np, mmembed
clip = mmembed.register_model("of-module", dimension=2, version="1", text=lambda texts: [[len(t), 1] for t in texts])
"""


def test_a_model_of_a_module_travels_by_its_name(tmp_path, monkeypatch):
    """A lambda cannot be pickled; a model that a module registers is found there by another process."""
    (tmp_path / "ownmodule.py").write_text(MODULE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import ownmodule  # made above

    packed = pickle.dumps(Embedder(model=ownmodule.clip, cache=None))
    assert len(packed) < 1_000
    code = (
        "import pickle, pandas as pd;"
        f"print(pickle.loads({packed!r}).embed(pd.Series(['abc'], name='t'), 'text').vectors[0])"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert "3" in done.stdout
    step = mmembed.EmbeddingTransformer("text", model="of-module")
    for packed in (pickle.dumps(Embedder(model="of-module", cache=None)), pickle.dumps(step)):
        code = (
            f"import pickle; print(pickle.loads({packed!r}).model); import mmembed; print(mmembed.models().index[-1])"
        )
        done = subprocess.run(  # noqa: S603  our own code
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        )
        assert done.stdout.split() == ["of-module", "of-module"]
    del sys.modules["ownmodule"]


def test_a_model_of_a_notebook_travels_by_value():
    """What Dask pickles with holds the callables themselves."""
    model = register(ColourEncoder(), text=lambda texts: [[len(one), 1, 1] for one in texts], image=None)
    again = cloudpickle.loads(cloudpickle.dumps(model))
    assert again is not model
    assert again.text(["abc"]) == [[3, 1, 1]]


def test_two_runs_share_nothing_that_is_left_open(encoder, df, tmp_path):
    """Caches that the weights were looked up in are closed with the run."""
    register(encoder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        df.mmembed.embed("title", "text", embedder=Embedder(model="colours", cache=tmp_path / "own"))
        gc.collect()
    with VectorCache(tmp_path / "own") as cache:
        assert cache.info().entries == 4  # three texts, and the weights by a fixed one


def test_several_workers_call_at_once_only_where_that_was_said(encoder):
    """One call at a time is the default, since few models can be called from several threads."""
    import threading

    at_once, most, lock = 0, 0, threading.Lock()
    barrier = threading.Barrier(2)

    def text(texts):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        if "wait" in texts[0]:
            barrier.wait(timeout=60)
        with lock:
            at_once -= 1
        return encoder.encode(texts)

    cells = pd.Series([f"red {one}" for one in range(12)], name="t")
    register(encoder, text=text, batch_size=2)
    Embedder(model="colours", cache=None).embed(cells, "text")
    assert most == 1
    register(encoder, text=text, batch_size=1, workers=2)
    Embedder(model="colours", cache=None).embed(pd.Series(["wait 1", "wait 2"], name="t"), "text")
    assert most == 2


def test_errors_by_row_name_the_bad_picture(encoder, tmp_path):
    """A file that is no picture fails its row, before the callable sees it."""
    (tmp_path / "bad.png").write_bytes(b"no picture")
    Image.new("RGB", (9, 9), "red").save(tmp_path / "good.png")
    register(encoder)
    with pytest.raises(EmbeddingError, match=r"row 1 .*bad.png"):
        pd.DataFrame({"photo": ["good.png", "bad.png"]}).mmembed.embed("photo", "image", model="colours", root=tmp_path)
