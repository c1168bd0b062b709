"""Names of clusters through the accessor: where they come from, in which language, and what they may cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmembed
from dashscope_server import DashScopeServer
from mmembed import Embedder
from mmembed.accessor.arguments import reader_language
from mmembed.analysis import fit_clusters
from mmembed.analysis.clusters.two_levels import add_two
from mmembed.analysis.names.vocabulary import shipped_phrases, wordings
from mmembed.errors import BudgetError, ColumnNotFoundError, VectorError
from mmembed.vectors import VectorArray

THINGS = [
    *("a dog", "a puppy", "a hound", "a car", "a red car", "an automobile"),
    *("a violin", "a cello", "a viola"),
]
KEY = "sk-names-0123456789"


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def settings(cache_folder, monkeypatch):
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(cache_folder))
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def df():
    frame = pd.DataFrame({"thing": THINGS, "vehicle or not": ["living"] * 3 + ["moving"] * 3 + ["sounding"] * 3})
    return frame.mmembed.embed("thing", "text", model="local").rename(columns={"thing_vector": "v"})


def names(df, **options):
    """Return the names of the clusters in the order of their first rows: dogs, cars, instruments."""
    return df.mmembed.cluster("v", "kmeans", n_clusters=3, **options)["cluster_name"].unique().tolist()


def test_without_texts_the_local_model_names_by_the_vocabulary(df, monkeypatch):
    """Each group gets its kind; Chinese readers get Chinese names, by their locale or because they say so."""
    english = names(df)
    assert [one.split(" · ")[0] for one in english] == ["animal", "vehicle", "musical instrument"]
    chinese = names(df, language="zh")
    assert [one.split(" · ")[0] for one in chinese] == ["动物", "车辆", "乐器"]
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert names(df) == chinese


def test_texts_name_clusters_and_may_be_several_columns(df):
    """Words that the texts share lead; names= chooses texts or vocabulary alone."""
    words = ["living", "moving", "sounding"]
    assert names(df, text="vehicle or not") == words
    both = names(df, text=["thing", "vehicle or not"], names="text")
    # Of two words that all rows of a group have, the one leads that is nearer to it.
    assert [one.split(" · ")[0] for one in both] == ["living", "car", "sounding"]
    assert names(df, text="vehicle or not", names="space") == names(df)


def test_the_source_column_names_clusters_if_it_holds_texts(df):
    """The cells of x name the groups of x_vector; not names of files, nor other columns, and not with text=False."""
    source = df.assign(note=[f"{one} kept" for one in df["vehicle or not"]], note_vector=df["v"])

    def of_notes(frame, **options):
        out = frame.mmembed.cluster("note_vector", "kmeans", n_clusters=3, **options)
        return out["cluster_name"].unique().tolist()

    assert of_notes(source) == of_notes(source, text="note") == ["living", "moving", "sounding"]
    assert of_notes(source, text=False) == names(df)
    files = source.assign(note=[f"photo{n}.jpg" for n in range(len(df))])
    assert of_notes(files) == names(df)
    assert of_notes(source.assign(note=range(len(df)))) == names(df)
    with pytest.raises(ValueError, match="needs text="):
        of_notes(source, text=False, names="text")


def test_function_and_verb_give_the_same_names(df):
    """mmembed.fit_clusters names as df.mmembed.cluster does, from texts, from the vocabulary and in both languages."""
    for options in ({}, {"language": "zh"}, {"names": "text", "text": "vehicle or not"}, {"text": "thing"}):
        verb = df.mmembed.cluster("v", "kmeans", n_clusters=3, **options)
        given = options | ({"text": df[options["text"]]} if "text" in options else {})
        fitted = mmembed.fit_clusters(df["v"], "kmeans", n_clusters=3, **given)
        assert verb["cluster_name"].tolist() == [fitted.names[label] for label in fitted.labels.tolist()]


def test_a_report_names_what_it_clusters(df):
    """Without clusters in the frame and without texts, the report's own clusters have names in its language."""
    mapped = df.assign(map_x=range(len(df)), map_y=0.0)
    page = mapped.mmembed.report("v", language="zh").html()
    assert "动物" in page
    assert "cluster 0" not in page


def test_rename_and_rewrite_reach_the_column(df):
    """Given and rewritten names stand in cluster_name."""
    out = df.mmembed.cluster("v", "kmeans", n_clusters=3, rename={0: "first"})
    assert (out["cluster_name"] == "first").equals(out["cluster"].astype(int) == 0)
    assert names(df, rewrite=lambda drafts: {label: f"group {label}" for label in drafts}) == names(
        df, rename={label: f"group {label}" for label in range(3)}
    )


def test_vectors_of_an_unknown_model_are_called_by_number(df):
    """What cannot be embedded alike is not, and naming by the space says why when it is asked for."""
    unknown = df.assign(v=VectorArray(df["v"].mmembed.to_matrix().tolist()))
    assert sorted(names(unknown)) == ["cluster 0", "cluster 1", "cluster 2"]
    with pytest.raises(VectorError, match="does not know which model"):
        names(unknown, names="space")


def test_arguments_that_name_nothing_are_refused(df):
    """A wrong source or column is answered with what there is."""
    with pytest.raises(ValueError, match="Did you mean 'space'"):
        names(df, names="spaces")
    with pytest.raises(ValueError, match="needs text="):
        names(df, names="text")
    with pytest.raises(ColumnNotFoundError, match="'thing'"):
        names(df, text="things")
    with pytest.raises(ValueError, match="cluster 9, which does not exist"):
        names(df, rename={9: "x"})


def test_the_language_of_the_reader_is_that_of_the_locale():
    """The variables count in the order in which programs read them."""
    assert reader_language({}) == "en"
    assert reader_language({"LANG": "zh_TW"}) == "zh"
    assert reader_language({"LC_MESSAGES": "zh_CN", "LANG": "en_US"}) == "zh"
    assert reader_language({"LC_ALL": "de_DE", "LC_MESSAGES": "zh_CN"}) == "en"


def test_a_paid_model_is_asked_only_when_somebody_said_so(monkeypatch, tmp_path):
    """Names cost nothing by default; max_cost is kept; and what was bought once is used without asking."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    with DashScopeServer(keys=(KEY,)) as server:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
        model = "tongyi-embedding-vision-flash"
        embedder = Embedder(model=model, dimension=64, requests_per_minute=60_000, tokens_per_minute=10**9)
        df = pd.DataFrame({"t": THINGS}).mmembed.embed("t", "text", embedder=embedder, name="v")
        sent = len(server.embedding_requests)
        assert sorted(names(df, embedder=embedder)) == ["cluster 0", "cluster 1", "cluster 2"]
        assert len(server.embedding_requests) == sent
        with pytest.raises(BudgetError, match=r"max_cost=0\.000001"):
            names(df, names="space", max_cost=1e-6, embedder=embedder)
        assert len(server.embedding_requests) == sent
        bought = names(df, names="space", embedder=embedder)
        assert not any(name.startswith("cluster") for name in bought)
        assert server.bill.distinct == len(THINGS) + len(wordings(shipped_phrases()))
        sent = len(server.embedding_requests)
        assert names(df, embedder=embedder) == bought
        assert names(df) == bought
        assert len(server.embedding_requests) == sent
        assert not server.bill.paid_twice


def two_level_table():
    """Return 240 rows in three families of four communities each, and the family."""
    random = np.random.default_rng(0)
    above = random.normal(size=(3, 1, 24))
    centres = (above + 0.5 * random.normal(size=(3, 4, 24))).reshape(-1, 24)
    child = np.arange(240) % 12
    rows = (centres[child] + 0.08 * random.normal(size=(240, 24))).astype("float32")
    words = np.array(["fruit", "metal", "music"])[child // 4]
    texts = [f"{word} kind{number}" for word, number in zip(words, child, strict=True)]
    return pd.DataFrame({"v": VectorArray.from_matrix(rows, space="toy"), "title": texts}), child


def test_two_levels_are_columns_of_a_frame_with_names_of_both():
    """Each subcluster is within one cluster, and its name begins with the cluster's; scores are of each level."""
    df, _ = two_level_table()
    fitted = fit_clusters(df["v"], "leiden", text=df["title"])
    got = add_two(df, fitted.at(3).rename({0: "first"}), fitted, "topic")
    assert list(got.columns[2:]) == [
        *("topic", "topic_score", "topic_name"),
        *("subtopic", "subtopic_score", "subtopic_name"),
    ]
    inside = got[got["subtopic"] >= 0]
    assert inside.groupby("subtopic")["topic"].nunique().max() == 1
    assert inside["subtopic"].nunique() > inside["topic"].nunique() == 3
    for above, below in zip(inside["topic_name"], inside["subtopic_name"], strict=True):
        assert below.startswith(above)
    assert got.loc[got["topic"] == 0, "subtopic_name"].str.startswith("first / ").all()
    with pytest.raises(ValueError, match="no number of levels"):
        df.mmembed.cluster("v", levels=3)


def test_subclusters_of_a_table_with_one_level_are_told():
    """Where the data have no second level the parts are made all the same, and a warning says what they are."""
    df, _ = two_level_table()
    with pytest.warns(UserWarning, match="one level only"):
        got = df.mmembed.cluster("v", "kmeans", n_clusters=3, levels=2)
    assert got["cluster"].nunique() == 3
    assert got["subcluster"].nunique() == 9
