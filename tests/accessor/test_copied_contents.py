"""``duplicates`` and its like, ``threshold="auto"``, where the contents of the vectors are at hand."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

import mmembed
from mmembed.errors import ContentError, EmbeddingWarning

WORDS = [
    f"{one}{other}"
    for one in ("bar", "cel", "dom", "fer", "gal", "hun", "kip")
    for other in ("ato", "ecks", "illo", "omb", "urst", "yne")
]
TEXTS = [" ".join(np.random.default_rng(row).choice(WORDS, 6, replace=False)) for row in range(40)]


def frame(column, cells, copies, seed=0):
    """Return cells and copies of the first ones, with vectors that tell nothing of them."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(len(cells), 8))
    vectors = np.concatenate([vectors, vectors[: len(copies)] + 0.8 * random.normal(size=(len(copies), 8))])
    df = pd.DataFrame({column: [*cells, *copies]})
    df[f"{column}_vector"] = pd.Series(list(vectors.astype(np.float32))).mmembed.as_vectors(space="own")
    return df


def pictures(n):
    """Return pictures that are unlike each other."""
    random = np.random.default_rng(7)
    small = random.integers(0, 255, (n, 4, 5, 3)).astype(np.uint8)
    return [Image.fromarray(one).resize((100, 80), Image.Resampling.BICUBIC) for one in small]


@pytest.fixture
def texts():
    """Return texts and three copies."""
    return frame("t", TEXTS, [f"{TEXTS[0]} (reposted)", TEXTS[1].upper(), TEXTS[2].replace(" ", ", ", 1)])


def test_texts_at_hand_tell_copies(texts):
    """``t`` for ``t_vector``; every verb on duplicates, and none of them changes the frame."""
    n = len(TEXTS)
    found = texts.mmembed.duplicates("t_vector")
    assert found.index.tolist() == [0, n, 1, n + 1, 2, n + 2]
    assert texts.mmembed.deduplicate("t_vector").index.tolist() == list(range(n))
    split = texts.assign(part=["train"] * n + ["test"] * 3)
    assert sorted(split.mmembed.duplicates("t_vector", across="part").index) == [0, 1, 2, n, n + 1, n + 2]
    assert not texts.mmembed.duplicate_levels("t_vector", [0.99, 0.5])["suggested"].any()
    renamed = texts.rename(columns={"t": "said"})
    pd.testing.assert_frame_equal(
        renamed.mmembed.duplicates("t_vector", contents="said").drop(columns="said"), found.drop(columns="t")
    )


def test_contents_can_be_left_out(texts):
    """By meaning alone nothing stands apart in these vectors."""
    assert len(texts.mmembed.duplicates("t_vector", contents=False)) == 0
    assert len(texts.rename(columns={"t": "said"}).mmembed.duplicates("t_vector")) == 0


def test_pictures_in_memory_are_compared_and_files_only_where_they_are_declared(tmp_path):
    """A name of a file is opened in a column that the caller says holds pictures, and in no other."""
    originals = pictures(40)
    df = frame("photo", originals, [originals[0].crop((3, 4, 96, 77)), originals[1].resize((50, 40))])
    assert df.mmembed.duplicates("photo_vector").index.tolist() == [0, 40, 1, 41]
    for row, picture in enumerate(df["photo"]):
        picture.save(tmp_path / f"{row}.png")
    named = df.assign(photo=[f"{row}.png" for row in range(len(df))])
    assert len(named.mmembed.duplicates("photo_vector")) == 0
    declared = {"contents": {"photo": "image"}, "root": tmp_path}
    assert named.mmembed.duplicates("photo_vector", **declared).index.tolist() == [0, 40, 1, 41]
    assert named.mmembed.deduplicate("photo_vector", keep="last", **declared).index.tolist() == list(range(2, 42))
    (tmp_path / "5.png").write_bytes(b"no picture")
    with pytest.warns(EmbeddingWarning, match=r"1 of \d+ pictures cannot be opened"):
        assert len(named.mmembed.duplicates("photo_vector", **declared)) == 4
    with pytest.raises(ContentError, match=r"\.png"):
        named.mmembed.duplicates("photo_vector", contents={"photo": "image"}, root=tmp_path / "elsewhere")


def test_a_drawing_on_nothing_and_one_on_white_are_copies(tmp_path):
    """Transparent parts are white to models, too; many programs save a drawing so."""
    drawings = []
    for picture in pictures(40):
        drawing = picture.convert("RGBA")
        drawing.putalpha(Image.fromarray((np.indices((80, 100))[1] > 45).astype(np.uint8) * 255))
        drawings.append(drawing)
    white = Image.new("RGB", (100, 80), "white")
    white.paste(drawings[0], mask=drawings[0].getchannel("A"))
    df = frame("photo", drawings, [white])
    assert df.mmembed.duplicates("photo_vector").index.tolist() == [0, 40]
    for row, picture in enumerate(df["photo"]):
        picture.save(tmp_path / f"{row}.png")
    named = df.assign(photo=[str(tmp_path / f"{row}.png") for row in range(41)])
    assert named.mmembed.duplicates("photo_vector", contents={"photo": "image"}).index.tolist() == [0, 40]


def test_what_cannot_be_compared_is_refused(texts):
    """Names of files that are not declared, other kinds, and a threshold beside contents; the error says what to do."""
    named = texts.assign(t=[f"{row}.png" for row in range(len(texts))])
    with pytest.raises(ValueError, match=r"contents=\{'t': 'image'\}"):
        named.mmembed.duplicates("t_vector", contents="t")
    with pytest.raises(ValueError, match="texts and pictures can"):
        texts.mmembed.deduplicate("t_vector", contents={"t": "video"})
    with pytest.raises(ValueError, match=r"threshold=0.9 is one"):
        texts.mmembed.duplicates("t_vector", 0.9, contents="t")
    for several in ({}, {"t": "text", "photo": "image"}):
        with pytest.raises(ValueError, match=f"names {len(several)} columns"):
            texts.mmembed.duplicates("t_vector", contents=several)
    with pytest.raises(KeyError, match="'tt'"):
        texts.mmembed.duplicates("t_vector", contents="tt")


def test_the_functions_answer_as_the_verbs_do_where_they_are_given_the_contents(texts):
    """In any order of a labelled column; duplicates, leaks and levels."""
    n = len(TEXTS)
    texts.index = [f"row {row}" for row in range(len(texts))]
    parts = ["train"] * n + ["test"] * 3
    vectors, shuffled = texts["t_vector"], texts["t"].sample(frac=1, random_state=0)
    found = mmembed.find_duplicates(vectors, contents=shuffled)
    assert found.threshold_source == "pairs"
    pd.testing.assert_frame_equal(found.rows_of(texts), texts.mmembed.duplicates("t_vector"))
    kept = mmembed.find_duplicates(vectors, contents=list(texts["t"]), prefer=range(n + 3)).drop_from(texts)
    pd.testing.assert_frame_equal(kept, texts.mmembed.deduplicate("t_vector", keep="last"))
    leaks = mmembed.find_leaks(vectors, parts, contents=texts["t"])
    verb = texts.assign(part=parts).mmembed.duplicates("t_vector", across="part")
    pd.testing.assert_frame_equal(leaks.rows_of(texts.assign(part=parts)), verb)
    assert mmembed.duplicate_levels(vectors, contents=texts["t"]).suggested is None
    for others in (pl.Series(texts["t"].tolist()), pa.array(texts["t"].tolist()), np.array(texts["t"].tolist())):
        assert np.array_equal(mmembed.find_duplicates(vectors, contents=others).representatives, found.representatives)


def test_the_functions_open_files_where_they_are_told_that_cells_name_pictures(tmp_path):
    """As the verbs do with a declared column; pictures in memory need no word."""
    originals = pictures(40)
    df = frame("photo", originals, [originals[0].crop((3, 4, 96, 77))])
    assert mmembed.find_duplicates(df["photo_vector"], contents=df["photo"]).n_groups == 1
    for row, picture in enumerate(df["photo"]):
        picture.save(tmp_path / f"{row}.png")
    names = [f"{row}.png" for row in range(len(df))]
    assert mmembed.find_duplicates(df["photo_vector"], contents=names, modality="image", root=tmp_path).n_groups == 1
    with pytest.raises(ValueError, match="modality='image'"):
        mmembed.find_duplicates(df["photo_vector"], contents=names)


def test_contents_that_do_not_fit_are_refused(texts):
    """Beside another answer, of another length, of a kind that cannot be compared."""
    vectors, cells = texts["t_vector"], list(texts["t"])
    with pytest.raises(ValueError, match=r"threshold=0.9 says it, too"):
        mmembed.find_duplicates(vectors, 0.9, contents=cells)
    with pytest.raises(ValueError, match="alike= says it, too"):
        mmembed.find_duplicates(vectors, contents=cells, alike=lambda left, right: left == right)
    with pytest.raises(ValueError, match="42 cells for 43 rows"):
        mmembed.find_duplicates(vectors, contents=cells[1:])
    with pytest.raises(ValueError, match="'text' or 'image'"):
        mmembed.find_leaks(vectors, cells, contents=cells, modality="video")


def test_few_notes_are_not_copies_because_each_has_one_on_its_subject():
    """With the contents those that are written anew are found; the vectors alone tell nothing, and say so."""
    pairs = {
        "Buy milk and bread on the way home": "buy milk and bread on the way home!",
        "Call the dentist about Tuesday": "Call the dentist about Thursday",
        "Renew the car insurance before June": "Renew the house insurance before June",
        "Book flights to Lisbon": "Book flights to Lisbon.",
        "Water the plants on the balcony": "water plants on the balcony",
        "Send the invoice to Maria": "Send the invoice to Maria again",
        "Read the report on sales": "Write the report on sales",
    }
    notes = pd.DataFrame({"note": [note for pair in pairs.items() for note in pair]})
    df = notes.mmembed.embed({"note": "text"}, model="local")
    alone = mmembed.find_duplicates(df["note_vector"])
    assert (alone.threshold, alone.threshold_source, alone.n_groups) == (0.999, "rarest", 0)
    told = mmembed.find_duplicates(df["note_vector"], contents=df["note"])
    assert told.rows_of(df).index.tolist() == df.mmembed.duplicates("note_vector").index.tolist()
    assert told.rows_of(df).index.tolist() == [0, 1, 6, 7, 8, 9, 10, 11]


def test_rows_that_go_without_certainty_are_told():
    """Where nothing sets copies apart, and some rows go that are not equal."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(400, 6)).astype(np.float32)
    df = pd.DataFrame({"v": pd.Series(list(vectors)).mmembed.as_vectors()})
    with pytest.warns(UserWarning, match="No level is certain"):
        kept = df.mmembed.deduplicate("v")
    assert len(kept) < len(df)


def test_a_report_compares_what_it_shows(tmp_path):
    """Its pictures are declared; a page does not fail where none can be opened."""
    originals = pictures(40)
    df = frame("photo", originals, [originals[0].crop((3, 4, 96, 77))])
    for row, picture in enumerate(df["photo"]):
        picture.save(tmp_path / f"{row}.png")
    df = df.assign(photo=[f"{row}.png" for row in range(len(df))], cluster=0, map_x=0.5, map_y=0.5)
    page = df.mmembed.report("photo_vector", image="photo", root=tmp_path, language="en")
    assert "contents were compared as such" in page.to_markdown()
    lost = df.mmembed.report("photo_vector", image="photo", root=tmp_path / "elsewhere", language="en")
    assert "contents were compared as such" not in lost.to_markdown()
