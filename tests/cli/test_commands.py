"""The commands, called as a person calls them: files in, files out, exit codes, messages on the right stream."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dashscope_server.reaching import reachable
from mmembed import VectorDtype
from mmembed.accessor.arguments import NAME_SOURCES
from mmembed.analysis.clusters import fit as clusters
from mmembed.analysis.maps import fit as maps
from mmembed.analysis.names.terms import LANGUAGES
from mmembed.cli import main
from mmembed.cli.program import program
from mmembed.cli.tables import read_table
from mmembed.contents.content import MODALITIES

TEXT = ["--modality", "text", "--model", "local"]
VECTORS = ["--column", "title_vector"]


def test_embed_says_what_it_made_on_the_standard_error(table, capsys):
    """The table goes to the file, the summary to people, nothing to the standard output."""
    assert main(["embed", str(table), "--column", "title", *TEXT, "-o", "out.parquet"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "8 of 9 rows have a vector in 'title_vector' (vector[512, local-conse-2])" in captured.err
    assert "0 CNY" in captured.err
    assert read_table(Path("out.parquet"))["title_vector"].dtype == VectorDtype(512, "local-conse-2")
    assert main(["embed", str(table), "--column", "title", *TEXT, "-o", "out.parquet"]) == 0
    assert "8 of 8 distinct contents came from the cache" in capsys.readouterr().err


def test_columns_and_modalities_have_short_names(table, capsys):
    """-c and -m, as the README types them."""
    assert main(["embed", str(table), "-c", "title", "-m", "text", "--model", "local", "-o", "o.parquet"]) == 0
    assert main(["search", "o.parquet", "-c", "title_vector", "-m", "text", "puppy", "-k", "1"]) == 0
    assert "小狗" in capsys.readouterr().out


def test_several_columns_share_a_plan_and_have_a_modality_each(capsys):
    """--modality once is for all; once for each goes by order; another number of them is a wrong call."""
    pd.DataFrame({"a": ["red"], "b": ["blue"], "c": ["green"]}).to_csv("t.csv", index=False)
    call = ["embed", "t.csv", "--column", "a", "--column", "b", "--column", "c", "--model", "local", "-o", "o.parquet"]
    assert main([*call, "--modality", "text"]) == 0
    assert main([*call, "--modality", "text", "--modality", "text", "--modality", "auto"]) == 0
    assert [name for name in read_table(Path("o.parquet")) if name.endswith("_vector")] == [
        "a_vector",
        "b_vector",
        "c_vector",
    ]
    capsys.readouterr()
    assert main([*call, "--modality", "text", "--modality", "text"]) == 2
    assert "2 times for 3 columns" in capsys.readouterr().err


def test_cells_that_fail_are_exit_code_three_where_the_rest_is_written(capsys):
    """Coerced: 3 and a table of the failures; raised: 1, nothing written, the same table of failures."""
    pd.DataFrame({"photo": ["none.png", "missing.png"]}).to_csv("t.csv", index=False)
    call = ["embed", "t.csv", "--column", "photo", "--modality", "image", "--model", "local", "--failed", "failed.csv"]
    assert main([*call, "-o", "raised.parquet"]) == 1
    message = capsys.readouterr().err
    assert "2 of 2 cells could not be embedded" in message
    assert not Path("raised.parquet").exists()
    assert pd.read_csv("failed.csv")["position"].tolist() == [0, 1]
    assert main([*call, "--errors", "coerce", "-o", "coerced.parquet"]) == 3
    assert "mmembed: warning: 2 of 2 cells" in capsys.readouterr().err
    assert read_table(Path("coerced.parquet"))["photo_vector"].isna().all()


def test_search_prints_rows_without_vectors_or_writes_them(embedded, capsys):
    """Text for people, CSV for programs, and a file; several queries are ranked each."""
    assert main(["search", embedded, *VECTORS, "puppy", "-k", "2"]) == 0
    found = capsys.readouterr().out
    assert "a dog" in found
    assert "小狗" in found
    assert "vector" not in found
    assert main(["search", embedded, *VECTORS, "puppy", "railway", "-k", "1", "-o", "hits.csv"]) == 0
    hits = pd.read_csv("hits.csv")
    assert hits["query"].tolist() == ["puppy", "railway"]
    assert hits["rank"].tolist() == [1, 1]
    assert main(["search", embedded, *VECTORS, "puppy", "--where", "title.str.startswith('a ')", "-k", "9"]) == 0
    assert "小狗" not in capsys.readouterr().out


@pytest.mark.parametrize("query", ["a lorry for my dog", "我的小狗在哪里", "where is it"])
def test_search_by_words_too_gives_what_the_accessor_gives(query, embedded):
    """``--hybrid`` has the rows, order and numbers of ``hybrid=``; of stop words alone, those of the vectors."""
    call = ["search", embedded, *VECTORS, query, "-k", "5", "--hybrid", "title", "-o", "hits.csv"]
    assert main(call) == 0
    hits, df = pd.read_csv("hits.csv"), read_table(Path(embedded))
    expected = df.mmembed.search(query, "title_vector", k=5, hybrid="title")
    assert hits["title"].tolist() == expected["title"].tolist()
    assert hits["score"].tolist() == pytest.approx(expected["score"].tolist())
    by_vectors = df.mmembed.search(query, "title_vector", k=5)
    if query == "where is it":
        assert expected["title"].tolist() == by_vectors["title"].tolist()
    else:
        assert expected["score"].iloc[0] > 1.2 / 61


def test_vectors_survive_text_files_and_know_their_model_by_space(table, capsysbinary):
    """CSV and JSON lines hold exact numbers; words need --space then, and say so."""
    for form in ("csv", "tsv", "jsonl"):
        assert main(["embed", str(table), "--column", "title", *TEXT, "-o", f"out.{form}"]) == 0
    assert main(["embed", str(table), "--column", "title", *TEXT, "-o", "out.parquet"]) == 0
    capsysbinary.readouterr()
    exact = read_table(Path("out.parquet"))["title_vector"].mmembed.to_matrix()
    results = []
    for form in ("csv", "tsv", "jsonl"):
        assert main(["search", f"out.{form}", *VECTORS, "puppy"]) == 1
        assert b"--space" in capsysbinary.readouterr().err
        assert main(["search", f"out.{form}", *VECTORS, "--space", "local", "puppy", "-f", "parquet"]) == 0
        hits = pd.read_parquet(io.BytesIO(capsysbinary.readouterr().out))
        assert hits["title_vector"].dtype == VectorDtype(512, "local-conse-2")
        positions = [pd.read_csv(table)["title"].tolist().index(title) for title in hits["title"]]
        np.testing.assert_array_equal(hits["title_vector"].mmembed.to_matrix(), exact[positions])
        results.append(hits["title"].tolist())
    assert results[0] == results[1] == results[2]
    assert results[0][:2] == ["小狗", "a dog"]
    assert main(["cluster", "out.csv", "--column", "title", "-o", "x.csv"]) == 1
    assert b"where a vector was expected" in capsysbinary.readouterr().err


def test_duplicates_are_listed_dropped_and_shown_by_level(embedded, capsys):
    """The dog and its translation are one group at .7."""
    assert main(["duplicates", embedded, *VECTORS, "--threshold", "0.7", "-o", "twins.csv"]) == 0
    assert {"group", "similarity"} <= set(pd.read_csv("twins.csv"))
    assert "groups of near duplicates" in capsys.readouterr().err
    assert main(["duplicates", embedded, *VECTORS, "--levels"]) == 0
    assert main(["duplicates", embedded, *VECTORS, "--levels", "--across", "title"]) == 2
    assert main(["deduplicate", embedded, *VECTORS, "--threshold", "0.7", "--keep", "last", "-o", "u.parquet"]) == 0
    kept = read_table(Path("u.parquet"))["title"]
    assert 0 < len(kept) < 9
    assert f"{9 - len(kept)} of 9 rows dropped" in capsys.readouterr().err


def test_copies_are_told_by_texts_and_pictures(capsys):
    """Texts are read where they are at hand, pictures with ``--image``; ``--by-meaning`` asks the vectors alone."""
    random = np.random.default_rng(0)
    texts = ["".join(random.choice([*"abcdefghij"], 40)) for _ in range(30)]
    names = [f"{row}.png" for row in range(31)]
    for name in names:
        pixels = random.integers(0, 255, (4, 5, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((100, 80), Image.Resampling.BICUBIC).save(name)
    Image.open("0.png").crop((4, 3, 97, 78)).save("30.png")
    vectors = random.normal(size=(31, 8)).astype(np.float32)
    vectors[30] = vectors[0] + 0.5
    column = pd.Series(list(vectors)).mmembed.as_vectors(space="own")
    df = pd.DataFrame({"t": [*texts, f"{texts[0]} again"], "t_vector": column, "p": names, "p_vector": column})
    df.to_parquet("copied.parquet")
    call = ["copied.parquet", "--column"]
    assert main(["duplicates", *call, "t_vector", "-o", "twins.csv"]) == 0
    assert pd.read_csv("twins.csv")["t"].tolist() == [texts[0], f"{texts[0]} again"]
    assert "contents" in capsys.readouterr().err
    assert main(["deduplicate", *call, "p_vector", "--image", "p", "-o", "kept.parquet"]) == 0
    assert read_table(Path("kept.parquet"))["p"].tolist() == names[:30]
    assert main(["duplicates", *call, "t_vector", "--by-meaning", "-o", "none.csv"]) == 0
    assert len(pd.read_csv("none.csv")) == 0
    assert main(["duplicates", *call, "p_vector", "--by-meaning", "--image", "p"]) == 2
    assert main(["duplicates", *call, "p_vector", "--threshold", "0.9", "--image", "p"]) == 1
    assert "threshold=0.9 is one" in capsys.readouterr().err


def test_join_pairs_rows_of_two_files(embedded):
    """A table joined to itself pairs each row with itself."""
    assert main(["join", embedded, embedded, "--left-on", "title_vector", "--threshold", "0.99", "-o", "p.csv"]) == 0
    pairs = pd.read_csv("p.csv")
    assert (pairs["title"] == pairs["title_right"]).all()
    assert len(pairs) == 8


def test_a_map_goes_on_from_the_columns_of_the_file(embedded):
    """``--like map`` lays the rows out as before, and the options of UMAP are those of pandas."""
    options = ["--n-neighbors", "4", "--min-dist", "0.2", "--spread", "1.5"]
    assert main(["project", embedded, *VECTORS, *options, "-o", embedded]) == 0
    assert main(["project", embedded, *VECTORS, *options, "--like", "map", "--name", "now", "-o", embedded]) == 0
    df = read_table(Path(embedded))
    want = df.mmembed.project("title_vector", n_neighbors=4, min_dist=0.2, spread=1.5, like="map")
    np.testing.assert_array_equal(df[["now_x", "now_y"]], want[["map_x", "map_y"]])
    assert main(["project", embedded, *VECTORS, "--like", "mop", "-o", embedded]) == 1


def test_cluster_classify_project_outliers_and_report_follow_each_other(embedded, capsys):
    """Each adds its columns to the same file, and the page shows them."""
    options = ["--method", "kmeans", "--n-clusters", "2", "--text", "title"]
    assert main(["cluster", embedded, *VECTORS, *options, "-o", embedded]) == 0
    assert "cluster_name" in capsys.readouterr().err
    labels = ["--label", "animal", "--label", "vehicle=train", "--label", "vehicle=lorry"]
    assert main(["classify", embedded, *VECTORS, *labels, "-o", embedded]) == 0
    assert "vehicle" in capsys.readouterr().err
    assert main(["project", embedded, *VECTORS, "--method", "pca", "-o", embedded]) == 0
    assert main(["outliers", embedded, *VECTORS, "-k", "3", "-o", embedded]) == 0
    df = read_table(Path(embedded))
    assert df["label"].dropna().tolist() == ["animal"] * 4 + ["vehicle"] * 4
    assert df["cluster"].nunique() == 2
    assert {"map_x", "map_y", "outlier_score"} <= set(df)

    page = ["report", embedded, *VECTORS, "--text", "title", "--breakdown", "label"]
    assert main([*page, "-o", "page.html", "-o", "facts.json", "-o", "page.md"]) == 0
    told = capsys.readouterr().err
    assert "page.html in a browser" in told
    assert "Written: facts.json" in told
    assert "小狗" in Path("page.html").read_text("utf-8")
    assert main([*page, "--compare", "facts.json", "--language", "en", "-o", "next.html"]) == 0
    assert "Since the last report" in Path("next.html").read_text("utf-8")
    assert json.loads(Path("facts.json").read_text("utf-8"))["duplicates"] is not None
    left = ["--leave-out", "duplicates", "--leave-out", "outliers", "--leave-out", "label-issues"]
    assert main([*page, *left, "-o", "less.json"]) == 0
    less = json.loads(Path("less.json").read_text("utf-8"))
    assert [less[name] for name in ("duplicates", "outliers", "label_issues")] == [None, None, None]
    assert main([*page, *left, "--outliers", "outlier_score", "-o", "less.json"]) == 2
    again = ["cluster", embedded, *VECTORS, "--text", "title", "--name", "again", "-o", embedded]
    assert main([*again, "--like", "facts.json"]) == 0
    df = read_table(Path(embedded))
    assert df["again"].equals(df["cluster"])
    assert df["again_name"].equals(df["cluster_name"])
    assert main([*again, "--like", "gone.json"]) == 1
    assert "gone.json" in capsys.readouterr().err
    assert main([*page, "--compare", "gone.json"]) == 1
    assert "gone.json" in capsys.readouterr().err


def test_classify_learns_from_a_column_and_needs_something_to_learn_from(embedded, capsys):
    """With --target the rows that have a label teach; without anything it is a wrong call."""
    df = read_table(Path(embedded))
    df["kind"] = [None, "animal", "animal", "animal", None, "vehicle", "vehicle", "vehicle", None]
    df.to_parquet("some.parquet")
    call = ["classify", "some.parquet", *VECTORS, "--target", "kind", "--label", "animal", "--label", "vehicle"]
    assert main([*call, "-o", "all.parquet"]) == 0
    assert read_table(Path("all.parquet"))["kind_predicted"].iloc[[0, 4]].tolist() == ["animal", "vehicle"]
    assert main([*call[:-4], "--class-weight", "balanced", "-o", "even.parquet"]) == 0
    assert read_table(Path("even.parquet"))["kind_predicted"].iloc[[0, 4]].tolist() == ["animal", "vehicle"]
    assert main(["classify", "some.parquet", *VECTORS]) == 2
    assert "--target" in capsys.readouterr().err


def test_cluster_adds_two_levels_where_they_are_asked_for(embedded):
    """--levels 2 adds the columns of smaller groups, too, and another number is a wrong call."""
    call = ["cluster", embedded, *VECTORS, "--text", "title", "--method", "kmeans", "--n-clusters", "2"]
    assert main([*call, "--levels", "2", "-o", "two.parquet"]) == 0
    made = read_table(Path("two.parquet"))
    assert {f"{level}{end}" for level in ("cluster", "subcluster") for end in ("", "_score", "_name")} <= set(made)
    assert main([*call, "--levels", "3", "-o", "three.parquet"]) == 2


def test_cluster_names_from_the_vocabulary_in_the_language_asked_for(embedded):
    """Without texts, names are Chinese where --language says so; noise goes where --assign-noise puts it."""
    options = ["--n-clusters", "2", "--random-state", "1", "--names", "space", "--language", "zh", "--assign-noise"]
    assert main(["cluster", embedded, *VECTORS, *options, "-o", embedded]) == 0
    names = read_table(Path(embedded))["cluster_name"].dropna().unique()
    assert len(names) == 2
    assert all(any("\u4e00" <= character <= "\u9fff" for character in name) for name in names)
    assert main(["cluster", embedded, *VECTORS, "--min-cluster-size", "1", "-o", "x.csv"]) == 1


def test_plan_says_what_it_would_cost_without_a_key(table, capsys):
    """Nothing is sent, and the figures are those of the model; --json has the same for programs."""
    call = ["plan", str(table), "--column", "title", "--modality", "text", "--model", "qwen3-vl-embedding"]
    assert main(call) == 0
    printed = capsys.readouterr().out
    assert "9 rows, 8 cells, 8 distinct, 0 cached" in printed
    assert "1 requests" in printed
    assert "CNY" in printed
    assert main([*call, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["rows"], plan["requests"], plan["currency"]) == (9, 1, "CNY")


def test_local_videos_are_uploaded_where_that_is_asked_for(tmp_path, monkeypatch, capsys):
    """The plan says how many files; without --upload nothing leaves this machine."""
    tmp_path.joinpath("a.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(64))
    pd.DataFrame({"clip": ["a.mp4"]}).to_csv("t.csv", index=False)
    columns = ["t.csv", "--column", "clip", "--modality", "video", "--model", "qwen3-vl-embedding"]
    with reachable(monkeypatch, tmp_path / "cache") as server:
        assert main(["plan", *columns, "--upload", "temporary"]) == 0
        assert "1 file (76 bytes) uploaded to the service for 48 hours" in capsys.readouterr().out
        assert main(["embed", *columns, "-o", "o.parquet"]) == 1
        assert "LocalVideo" in capsys.readouterr().err
        assert server.uploads == {}
        assert main(["embed", *columns, "--upload", "temporary", "-o", "o.parquet"]) == 0
        assert len(server.uploads) == 1


@pytest.mark.usefixtures("embedded")
def test_the_cache_can_be_looked_at_and_emptied(capsys):
    """Its size is shown, and clearing says how much went."""
    assert main(["cache", "info"]) == 0
    assert capsys.readouterr().out.startswith("8 vectors")
    assert main(["cache", "clear"]) == 0
    assert "8 vectors removed" in capsys.readouterr().out
    main(["cache", "info"])
    assert capsys.readouterr().out.startswith("0 vectors")


def test_models_are_listed_for_people_and_for_programs(capsys):
    """The prices are in both; the whole table in the second."""
    assert main(["models"]) == 0
    assert "qwen3-vl-embedding" in capsys.readouterr().out
    assert main(["models", "-o", "models.csv"]) == 0
    assert pd.read_csv("models.csv").set_index("name").loc["qwen3-vl-embedding", "text_price"] == pytest.approx(0.0007)


def test_the_demo_without_data_says_where_it_is(capsys, tmp_path):
    """The sample data is not in the wheel; the message names both ways on."""
    assert main(["demo", "--data", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "clone of the repository" in message
    assert "mmembed embed" in message


@pytest.mark.parametrize(
    ("command", "option", "choices"),
    [
        ("cluster", "method", clusters.METHODS),
        ("cluster", "names", (*NAME_SOURCES, "qwen-vl", "qwen-vl-plus")),
        ("cluster", "language", LANGUAGES),
        ("report", "language", LANGUAGES),
        ("project", "method", maps.METHODS),
        ("search", "modality", MODALITIES),
        ("embed", "modality", MODALITIES),
        ("embed", "errors", ("raise", "coerce")),
        ("embed", "region", ("beijing", "singapore")),
    ],
)
def test_choices_are_those_of_the_verbs(command, option, choices):
    """What a verb learns, the shell offers."""
    (found,) = (one for one in program.commands[command].params if one.name == option)
    assert tuple(found.type.choices) == choices


def test_a_file_that_is_replaced_is_told(embedded, capsys):
    """Whoever names a file of theirs by mistake reads it; the help says it before."""
    out = Path("page.html")
    call = ["report", str(embedded), *VECTORS, "--leave-out", "duplicates", "-o", str(out)]
    assert main(call) == 0
    assert "Written: page.html\nOpen page.html in a browser.\n" in capsys.readouterr().err
    assert main(call) == 0
    assert "Replaced: page.html\n" in capsys.readouterr().err
    table = ["outliers", str(embedded), *VECTORS, "-o"]
    assert main([*table, "scored.csv"]) == 0
    assert "Written: scored.csv" in capsys.readouterr().err
    assert main([*table, "scored.csv"]) == 0
    assert "Replaced: scored.csv" in capsys.readouterr().err
    assert main(["outliers", "--help"]) == 0
    assert "that is there is replaced" in " ".join(capsys.readouterr().out.split())


def test_a_folder_is_told_how_to_become_a_table(capsys):
    """A folder of pictures is what people have; the message has the line that lists it."""
    Path("photos").mkdir()
    assert main(["embed", "photos", "--column", "file", "--model", "local", "-o", "o.parquet"]) == 1
    assert "'photos' is a folder." in (told := capsys.readouterr().err)
    assert "(echo file; ls photos/*) > files.csv" in told


def test_classify_says_how_right_it_was(capsys):
    """Beside the counts stands the accuracy of rows that were held out, and that of the commonest label."""
    angles = np.linspace(0, 0.3, 40) + np.repeat([0.0, 1.5], 20)
    rows = [f'{{"v": [{np.cos(one)}, {np.sin(one)}], "side": "{"ab"[n // 20]}"}}\n' for n, one in enumerate(angles)]
    Path("t.jsonl").write_text("".join(rows), "utf-8")
    assert main(["classify", "t.jsonl", "--column", "v", "--target", "side", "-o", "o.jsonl"]) == 0
    assert "held out: 1.00 (" in (told := capsys.readouterr().err)
    assert "the commonest label for every row: 0.50." in told
    assert main(["classify", "t.jsonl", "--column", "v", "--target", "side", "--kinds", "side", "-o", "p.jsonl"]) == 1
    assert "kinds= is for labels= alone" in capsys.readouterr().err
