"""Near duplicates, leaks and outliers on Dask are those of pandas, however the rows are cut."""

from __future__ import annotations

import dask
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mmembed
from distributed_tables import cut, same, table
from mmembed.analysis.finding.duplicates import find_duplicates as find_duplicates_of_pandas
from mmembed.distributed.duplicates import find_duplicates, find_leaks
from mmembed.distributed.outliers import find_outliers
from mmembed.distributed.pairs import Blocking
from mmembed.errors import ColumnNotFoundError
from mmembed.vectors import VectorArray

DF = table()
QUERY = np.random.default_rng(1).normal(size=8).astype("f4")
CUTS = (1, 20, 20, 45)
DDF = cut(DF, *CUTS)
MANY_GO = pytest.mark.filterwarnings("ignore:.* rows are dropped at threshold")
BLOCKS = Blocking(rows_at_once=5, rows_a_cell=8, rows_a_block=20, most_cells=100, rows_of_recall=20)


@pytest.fixture(scope="module", autouse=True)
def in_this_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


CALLS = {
    "duplicates": lambda df: df.mmembed.duplicates("v", 0.97),
    "duplicates of a level that is found": lambda df: df.mmembed.duplicates("v"),
    "of each kind": lambda df: df.mmembed.duplicates("v", "auto", kinds="kind"),
    "leaks of a level that is found": lambda df: df.mmembed.duplicates("v", across="part"),
    "loose": lambda df: df.mmembed.duplicates("v", 0.5),
    "none but equal ones": lambda df: df.mmembed.duplicates("v", 1.0),
    "kinds": lambda df: df.mmembed.duplicates("v", 0.9, kinds="kind"),
    "across": lambda df: df.mmembed.duplicates("v", 0.95, across="part"),
    "across and kinds": lambda df: df.mmembed.duplicates("v", 0.9, across="part", kinds="kind"),
    "deduplicate": lambda df: df.mmembed.deduplicate("v", 0.95),
    "last": lambda df: df.mmembed.deduplicate("v", 0.95, keep="last"),
    "greatest": lambda df: df.mmembed.deduplicate("v", 0.95, keep="price"),
    "text, which may be missing": lambda df: df.mmembed.deduplicate("v", 0.9, keep="text"),
    "levels": lambda df: df.mmembed.duplicate_levels("v"),
    "some levels": lambda df: df.mmembed.duplicate_levels("v", [0.6, 0.9], show="row", examples=2, kinds="kind"),
    "outliers": lambda df: df.mmembed.outliers("v"),
    "outliers of kinds": lambda df: df.mmembed.outliers("v", 4, kinds="kind", name="strange"),
}


@MANY_GO
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_rows_order_and_numbers_are_those_of_pandas(call):
    """Each verb and option, over partitions of unlike sizes, one of them empty."""
    same(call(DDF), call(DF), rtol=1e-5)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=8), st.sampled_from([0.8, 0.95, 1.0]), st.booleans())
def test_the_answer_does_not_depend_on_how_rows_are_cut(bounds, threshold, blocks):
    """In one block or in several, with empty partitions, partitions without vectors and repeated labels."""
    found = find_duplicates(cut(DF, *bounds)["v"], threshold, blocking=BLOCKS if blocks else None)
    assert found.recall == 1
    assert (found.pairing.n_blocks > 1) == blocks
    same(found.rows_of(cut(DF, *bounds)), DF.mmembed.duplicates("v", threshold))


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=8))
def test_outliers_and_leaks_do_not_depend_on_it_either(bounds):
    """Nor does a sample: it is made of the rows' values."""
    ddf = cut(DF, *bounds)
    same(ddf.mmembed.duplicates("v", 0.9, across="part"), DF.mmembed.duplicates("v", 0.9, across="part"))
    scores = find_outliers(ddf["v"], 3, most=25).add_to(ddf).compute()["outlier_score"]
    expected = find_outliers(DDF["v"], 3, most=25).add_to(DDF).compute()["outlier_score"]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.fixture(scope="module")
def clustered():
    """Return 3,000 rows of 40 loose groups, every tenth of them with a near twin."""
    random = np.random.default_rng(3)
    centres = random.normal(size=(40, 24))
    rows = centres[random.integers(40, size=2700)] + 0.6 * random.normal(size=(2700, 24))
    twins = rows[::9] + 0.05 * random.normal(size=(300, 24))
    matrix = random.permutation(np.concatenate([rows, twins])).astype("f4")
    return pd.DataFrame({"row": np.arange(3000), "v": VectorArray.from_matrix(matrix)})


def test_blocks_find_all_pairs_where_they_can_prove_it(clustered):
    """Rows visit the cells beyond whose border a near one may be; then nothing is missed."""
    ddf = cut(clustered, 1000, 2000)
    found = find_duplicates(
        ddf["v"], 0.98, blocking=Blocking(rows_at_once=100, rows_a_cell=60, rows_a_block=500, most_cells=60)
    )
    assert found.pairing.n_blocks > 3
    assert found.recall == 1
    assert found.pairing.n_measured > 0
    same(found.rows_of(ddf), clustered.mmembed.duplicates("v", 0.98))


def test_what_is_missed_is_measured_and_told(clustered):
    """With too few cells a row, the recall of the sample is that of the whole but for chance, and a warning says so."""
    ddf = cut(clustered, 1500)
    few = Blocking(rows_at_once=100, rows_a_cell=30, rows_a_block=500, most_cells=1)
    with pytest.warns(UserWarning, match="near pairs of a sample"):
        found = find_duplicates(ddf["v"], 0.85, blocking=few, prefer="last")
    true = find_duplicates(ddf["v"], 0.85, prefer="last").pairing.pairs
    share = len(set(zip(found.pairing.pairs.left, found.pairing.pairs.right, strict=True))) / len(true)
    assert 0.1 < found.recall < 0.9
    assert abs(found.recall - share) < 0.1
    assert f"recall {found.recall:.3f}" in repr(found)


def test_a_sample_puts_outliers_in_nearly_the_full_order(clustered):
    """Of 3,000 rows, 1,000 are looked at."""
    strange = clustered["v"].mmembed.to_matrix().copy()
    strange[:30] = np.random.default_rng(5).normal(size=(30, 24)) * 2
    df = clustered.assign(v=VectorArray.from_matrix(strange))
    found = find_outliers(cut(df, 100, 2500)["v"], most=1000)
    assert repr(found).startswith("DistributedOutliers(reference=1000 of 3000 rows, k=None)")
    assert found.sampled
    scores = found.add_to(cut(df, 100, 2500)).compute()["outlier_score"]
    full = df.mmembed.outliers("v")["outlier_score"]
    assert scores.corr(full, method="spearman") > 0.6
    assert scores[:30].min() > scores[30:].quantile(0.95)


def test_many_rows_come_in_several_partitions():
    """Equal rows are found in their partition and over partitions; the answer stays in order."""
    rows = np.random.default_rng(0).normal(size=(6_000, 4)).astype("f4")
    df = pd.DataFrame({"row": np.arange(24_000), "v": VectorArray.from_matrix(np.tile(rows, (4, 1)))})
    ddf = cut(df, 9_000, 15_000)
    found = ddf.mmembed.duplicates("v", 1.0)
    assert found.npartitions == 3
    found = found.compute()
    assert found["row"].tolist() == [start + step for start in range(6_000) for step in range(0, 24_000, 6_000)]
    assert ddf.mmembed.deduplicate("v", 1.0)["row"].compute().tolist() == list(range(6_000))


def test_known_divisions_stay():
    """Leaving rows out does not move the others."""
    ddf = dask.dataframe.from_pandas(DF.reset_index(drop=True), npartitions=4)
    assert ddf.mmembed.deduplicate("v").divisions == ddf.divisions
    assert ddf.mmembed.outliers("v").divisions == ddf.divisions


def test_two_processes_give_the_same(cluster):
    """The rows are sent to their blocks by the cluster's own shuffle."""
    with cluster.as_current():
        found = find_duplicates(DDF["v"], 0.9, blocking=BLOCKS)
        assert found.pairing.n_blocks > 1
        same(found.rows_of(DDF), DF.mmembed.duplicates("v", 0.9))
        same(DDF.mmembed.outliers("v"), DF.mmembed.outliers("v"), rtol=1e-5)


WRONG = {
    "threshold": (lambda ddf: ddf.mmembed.duplicates("v", 2), ValueError, "threshold=2 is not a cosine"),
    "column": (lambda ddf: ddf.mmembed.deduplicate("w"), ColumnNotFoundError, "Column 'w' is not in the frame"),
    "keep": (lambda ddf: ddf.mmembed.deduplicate("v", keep="pric"), ColumnNotFoundError, "Did you mean 'price'"),
    "kinds": (lambda ddf: ddf.mmembed.outliers("v", kinds="kin"), ColumnNotFoundError, "Did you mean 'kind'"),
    "across": (lambda ddf: ddf.mmembed.duplicates("v", across="par"), ColumnNotFoundError, "Did you mean 'part'"),
    "no level": (lambda ddf: ddf.mmembed.duplicate_levels("v", []), ValueError, "levels is empty"),
    "no example": (lambda ddf: ddf.mmembed.duplicate_levels("v", examples=0), ValueError, "shows no pair"),
    "shown": (lambda ddf: ddf.mmembed.duplicate_levels("v", show="pric"), ColumnNotFoundError, "mean 'price'"),
    "k": (lambda ddf: ddf.mmembed.outliers("v", 0), ValueError, "k=0 looks at no neighbour"),
}


@pytest.mark.parametrize(("call", "error", "message"), WRONG.values(), ids=WRONG)
def test_errors_are_those_of_pandas_and_come_early(call, error, message):
    """Nothing is computed for a call that makes no sense."""

    def refuse(*_arguments, **_options):
        raise AssertionError("Something was computed.")

    with dask.config.set(scheduler=refuse), pytest.raises(error, match=message):
        call(DDF)


def test_one_part_cannot_leak():
    """As on pandas, but for that the parts must be read to know."""
    one = cut(DF.assign(part="train"), 30)
    with pytest.raises(ValueError, match="The split has 1 part; a leak needs two"):
        find_leaks(one["v"], one["part"])


def test_where_many_rows_go_the_least_similar_pair_is_told():
    """With the positions of both rows in the table, as on pandas."""
    with pytest.warns(UserWarning, match=r"of 60 rows are dropped at threshold=0.9.*least similar") as told:
        DDF.mmembed.deduplicate("v", 0.9)
    with pytest.warns(UserWarning, match="of 60 rows are dropped") as expected:
        DF.mmembed.deduplicate("v", 0.9)
    assert str(told[0].message) == str(expected[0].message)


def test_a_sample_of_many_rows_tells_the_level(clustered):
    """Neighbours are looked for in the whole table, and equal rows of several partitions count once."""
    random = np.random.default_rng(8)
    matrix = clustered["v"].mmembed.to_matrix().copy()
    matrix[:400] = matrix[1000:1400] + 0.01 * random.normal(size=(400, 24)).astype("f4")
    matrix[400:500] = matrix[2000]
    df = clustered.assign(v=VectorArray.from_matrix(matrix))
    few = Blocking(rows_at_once=500, rows_a_cell=100, rows_a_block=1000, rows_of_recall=800)
    told = find_duplicates(cut(df, 250, 450, 2500)["v"], blocking=few).among
    whole = find_duplicates_of_pandas(df["v"])
    assert told.threshold_source == whole.threshold_source == "gap"
    assert (1 - told.threshold) / (1 - whole.threshold) == pytest.approx(1, rel=0.6)
    assert "(auto: few pairs lie about it)" in repr(whole)


def test_a_table_that_was_changed_meanwhile_is_refused():
    """The answer belongs to the rows that were compared."""
    found = find_duplicates(DDF["v"], 0.9)
    with pytest.raises(ValueError, match="Give the frame whose vectors were used"):
        found.rows_of(cut(DF.iloc[1:], *CUTS)).compute()


@MANY_GO
def test_files_that_dask_reads_as_one_partition_keep_their_places(tmp_path):
    """Where few columns of a wide table are wanted, Dask puts files together; answers stay with their rows."""
    wide = DF.reset_index(drop=True).assign(page=[f"{row} {'x' * 5000}" for row in range(len(DF))])
    for start in range(0, len(wide), 6):
        wide.iloc[start : start + 6].to_parquet(tmp_path / f"{start:02}.parquet")
    ddf, columns = dask.dataframe.read_parquet(tmp_path), ["row", "price", "part", "v"]
    assert len(ddf["v"].to_delayed()) < ddf.npartitions
    narrow = wide[columns]
    for call in (
        lambda df: df.mmembed.duplicates("v", 0.9),
        lambda df: df.mmembed.duplicates("v", 0.9, across="part"),
        lambda df: df.mmembed.deduplicate("v", 0.9, keep="price"),
        lambda df: df.mmembed.search(QUERY, "v", 5, where=lambda df: df["price"] < 50),
        lambda df: df.mmembed.join(df[["row", "v"]], "v", k=2),
        lambda df: df[["row", "v"]].mmembed.outliers("v"),
    ):
        same(call(ddf[columns]), call(narrow), rtol=1e-5)
    found = find_duplicates(ddf["v"], 0.9, blocking=BLOCKS)
    same(found.rows_of(ddf), wide.mmembed.duplicates("v", 0.9))
    same(found.rows_of(ddf[["row"]]), wide.mmembed.duplicates("v", 0.9)[["row", "group", "similarity"]])


def written_anew():
    """Return 40 texts and three copies, with vectors that tell nothing of them, labels that occur twice."""
    random = np.random.default_rng(0)
    words = [f"{one}{other}" for one in ("bar", "cel", "dom", "fer", "gal") for other in ("ato", "ecks", "illo", "omb")]
    texts = [" ".join(random.choice(words, 6, replace=False)) for _ in range(40)]
    rows = random.normal(size=(40, 8))
    matrix = np.concatenate([rows, rows[:3] + 0.8 * random.normal(size=(3, 8))]).astype("f4")
    copies = [f"{texts[0]} (reposted)", texts[1].upper(), texts[2].replace(" ", ", ", 1)]
    vectors = VectorArray.from_matrix(matrix)
    return pd.DataFrame(
        {"t": [*texts, *copies], "t_vector": vectors, "part": ["train"] * 40 + ["test"] * 3, "row": np.arange(43)},
        index=np.arange(43) % 30,
    )


TEXTS = written_anew()
BY_CONTENTS = {
    "at hand": lambda df: df.mmembed.duplicates("t_vector"),
    "named": lambda df: df.mmembed.duplicates("t_vector", contents={"t": "text"}),
    "left out": lambda df: df.mmembed.duplicates("t_vector", contents=False),
    "across": lambda df: df.mmembed.duplicates("t_vector", across="part"),
    "deduplicate": lambda df: df.mmembed.deduplicate("t_vector"),
    "last": lambda df: df.mmembed.deduplicate("t_vector", keep="last"),
    "greatest": lambda df: df.mmembed.deduplicate("t_vector", keep="row"),
    "levels": lambda df: df.mmembed.duplicate_levels("t_vector", [0.5, 0.9], show="t"),
}


@pytest.mark.parametrize("call", BY_CONTENTS.values(), ids=BY_CONTENTS)
def test_contents_are_compared_as_on_pandas(call):
    """Texts that stand beside the vectors say which rows are copies, and three rows are, which no cosine tells."""
    same(call(cut(TEXTS, 7, 7, 30)), call(TEXTS))
    assert len(TEXTS.mmembed.duplicates("t_vector")) == 6


def test_the_functions_take_contents_as_on_pandas():
    """Duplicates and leaks of a column that knows nothing of its texts."""
    ddf = cut(TEXTS, 7, 30)
    found = find_duplicates(ddf["t_vector"], contents=ddf["t"])
    same(found.rows_of(ddf), mmembed.find_duplicates(TEXTS["t_vector"], contents=TEXTS["t"]).rows_of(TEXTS))
    assert (found.among.threshold_source, found.among.n_groups, found.recall, len(found.pairing.pairs)) == (
        "pairs",
        3,
        1.0,
        3,
    )
    leaks = find_leaks(ddf["t_vector"], ddf["part"], contents=ddf["t"])
    expected = mmembed.find_leaks(TEXTS["t_vector"], TEXTS["part"], contents=TEXTS["t"])
    same(leaks.rows_of(ddf), expected.rows_of(TEXTS))


def test_a_table_of_many_rows_is_not_compared_in_silence():
    """The vectors alone tell, and it is said; contents that are named are refused, others are nothing to speak of."""
    many = pd.concat([TEXTS] * 240, ignore_index=True)
    ddf = cut(many, 0, 5000)
    with pytest.warns(UserWarning, match=r"'t' is not looked at: .* up to 10,000 rows, and this one has 10,320"):
        told = ddf.mmembed.duplicates("t_vector")
    same(told, ddf.mmembed.duplicates("t_vector", contents=False).compute())
    with pytest.raises(ValueError, match=r"up to 10,000 rows, and this one has 10,320"):
        ddf.mmembed.deduplicate("t_vector", contents="t")
    with pytest.raises(ValueError, match=r"threshold=0.9 is one"):
        ddf.mmembed.deduplicate("t_vector", 0.9, contents="t")
    numbers = ddf.rename(columns={"t": "said", "row": "t"})
    same(numbers.mmembed.duplicates("t_vector"), numbers.mmembed.duplicates("t_vector", contents=False).compute())
