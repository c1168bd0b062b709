"""What people do with frames all day, on a frame with a vector column."""

import numpy as np
import pandas as pd
import pytest

from mmembed.errors import SpaceMismatchError
from mmembed.vectors import Vector, VectorArray, VectorDtype


def rows(column):
    """Return a vector column as plain lists, None where missing."""
    return [None if cell is pd.NA else cell.tolist() for cell in column]


A, B, D, E = [0.5, -1, 2], [1, 0.25, 3], [-2, 0, 1], [4, 8, -16]


def test_drop_duplicates_keeps_one_of_equal_rows(df):
    """Equal vectors are duplicates, and so are missing ones."""
    assert df.drop_duplicates("vector").index.tolist() == [10, 11, 12, 13, 14]
    assert df.drop_duplicates("vector", keep="last").index.tolist() == [11, 12, 13, 14, 15]
    assert pd.concat([df, df]).duplicated("vector").sum() == 7


def test_nunique_and_unique_count_distinct_rows(df):
    """Missing rows count only where asked."""
    assert df["vector"].nunique() == 4
    assert df["vector"].nunique(dropna=False) == 5
    assert rows(df["vector"].unique()) == [A, B, None, D, E]


def test_value_counts_counts_rows(df):
    """The most frequent row comes first."""
    counts = df["vector"].value_counts()
    assert rows(counts.index) == [A, B, D, E]
    assert counts.tolist() == [2, 1, 1, 1]
    assert df["vector"].value_counts(dropna=False).sum() == 6
    assert df["vector"].value_counts(normalize=True).iloc[0] == pytest.approx(0.4)


def test_describe_counts_and_names_the_top_row(df):
    """``describe(include="all")`` treats vectors as categories."""
    told = df[["group", "vector"]].describe(include="all")["vector"]
    assert told[["count", "unique", "freq"]].tolist() == [5, 4, 2]
    assert told["top"].tolist() == A


def test_groupby_by_vectors(df):
    """Equal vectors form one group, in the order of their numbers; missing ones only where asked."""
    sizes = df.groupby("vector").size()
    assert rows(sizes.index) == [D, A, B, E]
    assert sizes.tolist() == [1, 2, 1, 1]
    assert df.groupby("vector", dropna=False)["group"].agg("".join).tolist() == ["b", "aa", "a", "c", "b"]
    assert rows(df.groupby("vector", sort=False).size().index) == [A, B, D, E]


def test_groupby_gives_the_first_and_last_vector_of_a_group(df):
    """First and last skip missing rows and keep the dtype."""
    for frame in (df, df.drop(columns="tags")):
        first, last = frame.groupby("group").first()["vector"], frame.groupby("group").last()["vector"]
        assert first.dtype == last.dtype == df["vector"].dtype
        assert rows(first) == [A, D, E]
        assert rows(last) == [A, D, E]
    assert df.groupby("group")["vector"].count().tolist() == [3, 1, 1]
    assert df.groupby("group")["vector"].size().tolist() == [3, 2, 1]


def test_merge_carries_vectors(df):
    """A join on another column keeps the dtype; rows without a partner are missing."""
    other = pd.DataFrame({"group": ["c", "a", "z"], "price": [1, 2, 3]})
    inner = df.merge(other, on="group")
    assert inner["vector"].dtype == df["vector"].dtype
    assert sorted(zip(inner["group"], inner["price"], strict=True)) == [("a", 2)] * 3 + [("c", 1)]
    outer = other.merge(df, on="group", how="left")
    assert rows(outer["vector"]) == [E, A, B, A, None]


def test_merge_on_vectors(df):
    """Equal vectors match, exactly."""
    names = pd.DataFrame({"vector": df["vector"].array[[0, 3]], "name": ["first", "fourth"]})
    joined = df.merge(names, on="vector", how="left")
    assert joined["name"].fillna("").tolist() == ["first", "", "", "fourth", "", "first"]
    assert joined["vector"].dtype == df["vector"].dtype


def test_explode_of_another_column_repeats_vectors(df):
    """A row's vector stands beside each of its tags."""
    long = df.explode("tags")
    assert long["vector"].dtype == df["vector"].dtype
    assert rows(long["vector"]) == [A, A, B, None, D, E, A]


def test_concat_of_one_space_keeps_the_dtype(df):
    """Two frames of one space become one; a frame without the column adds missing rows."""
    both = pd.concat([df, df.iloc[::-1]], ignore_index=True)["vector"]
    assert both.dtype == df["vector"].dtype
    assert rows(both) == [A, B, None, D, E, A, A, E, D, None, B, A]
    padded = pd.concat([df, df[["group"]]])["vector"]
    assert padded.dtype == df["vector"].dtype
    assert padded.isna().sum() == 7


def test_concat_of_two_spaces_is_object():
    """Unlike types become object, and each cell still knows its space."""
    one, two = (pd.Series(VectorArray.from_matrix([[1, 2]], space)) for space in ("one", "two"))
    both = pd.concat([one, two])
    assert both.dtype == object
    assert [cell.space for cell in both] == ["one", "two"]
    assert pd.concat([one, pd.Series(VectorArray.from_matrix([[1, 2, 3]], "one"))]).dtype == object


def test_concat_of_two_storages_is_the_wider(df):
    """float16 beside float32 becomes float32, and loses nothing."""
    both = pd.concat([df["vector"].astype("float16"), df["vector"].astype("float32")])
    assert both.dtype == VectorDtype(3, "toy")
    assert rows(both) == rows(df["vector"]) * 2


def test_reindex_and_shift_fill_with_missing_rows(df):
    """Places without a row are missing."""
    assert rows(df["vector"].reindex([15, 99, 11])) == [A, None, B]
    assert rows(df["vector"].shift(2)) == [None, None, A, B, None, D]
    assert rows(df["vector"].shift(-5)) == [A, None, None, None, None, None]
    assert rows(df["vector"].shift(99)) == [None] * 6


def test_sort_values_orders_by_the_numbers(df):
    """The order is lexicographic, missing rows last or first."""
    assert rows(df.sort_values("vector")["vector"]) == [D, A, A, B, E, None]
    backwards = df.sort_values("vector", ascending=False, na_position="first")["vector"]
    assert rows(backwards) == [None, E, B, A, A, D]


def test_isin_and_comparisons_find_rows(df):
    """A vector, a list of vectors and a column of them are looked for by value."""
    column = df["vector"]
    assert column.isin([column.iloc[0]]).tolist() == [True, False, False, False, False, True]
    assert column.isin(column.iloc[:2]).tolist() == [True, True, False, False, False, True]
    assert (column == column.iloc[0]).tolist() == [True, False, False, False, False, True]
    assert (column == column.copy()).tolist() == [True, True, False, True, True, True]
    assert (column != column.copy()).tolist() == [False, False, True, False, False, False]
    assert (df[["vector"]] == df[["vector"]])["vector"].sum() == 5
    assert not (column == "a red dress").any()
    assert (column < column.iloc[1]).tolist() == [True, False, False, True, False, True]


def test_fillna_where_and_mask_write_vectors(df):
    """Missing rows take a vector, another column's row or the row before; rows can be taken away."""
    column = df["vector"]
    assert rows(column.fillna(column.iloc[4]))[2] == E
    assert rows(column.fillna(column.shift(1)))[2] == B
    assert rows(column.ffill())[2] == B
    assert rows(column.bfill())[2] == D
    assert rows(column.where(column.notna(), column.iloc[0]))[2] == A
    assert column.mask(df["group"] == "a").isna().tolist() == [True, True, True, False, False, True]
    assert rows(column.combine_first(column.shift(1)))[2] == B
    assert df["vector"].isna().sum() == 1


def test_shapes_of_frames_keep_the_dtype(df):
    """Melting, pivoting, transposing and stacking carry vectors."""
    wanted = df["vector"].dtype
    assert df.melt(id_vars="group", value_vars=["vector"])["value"].dtype == wanted
    assert df.set_index("group", append=True)["vector"].unstack().dtypes.eq(wanted).all()  # noqa: PD010  not an aggregate
    assert df[["vector"]].T.dtypes.eq(wanted).all()
    assert df.set_index("group").loc["a", "vector"].dtype == wanted
    assert df.sample(3, random_state=0)["vector"].dtype == wanted
    assert df.convert_dtypes()["vector"].dtype == wanted


def test_vectors_of_two_spaces_are_not_compared():
    """Every comparison names both spaces."""
    one, two = (pd.Series(VectorArray.from_matrix([[1, 2]], space)) for space in ("qwen", "tongyi"))
    for compare in (lambda: one == two, lambda: one != two, lambda: one < two, lambda: one == two.iloc[0]):
        with pytest.raises(SpaceMismatchError, match=r"'qwen'.*'tongyi'"):
            compare()


def test_vectors_of_unknown_space_are_compared():
    """A space that nobody named is taken at the caller's word."""
    one = pd.Series(VectorArray.from_matrix([[1, 2]], "qwen"))
    assert (one == pd.Series(VectorArray.from_matrix([[1, 2]]))).all()
    assert (one == Vector([1, 2])).all()


def test_negative_zero_is_zero():
    """−0.0 equals 0.0 in ``==``, hashes, factorize, duplicates, groups, order and merges."""
    column = pd.Series(VectorArray.from_matrix(np.array([[-0.0, 1], [0.0, 1]]), "toy"))
    for one in (column, column.astype("float16")):
        assert one.iloc[0] == one.iloc[1]
        assert hash(one.iloc[0]) == hash(one.iloc[1])
        assert (one == one.iloc[::-1].reset_index(drop=True)).all()
        assert one.array.equals(one.array[::-1])
        assert one.factorize()[0].tolist() == [0, 0]
        assert one.duplicated().tolist() == [False, True]
        assert one.value_counts().tolist() == [2]
        assert len(one.to_frame("v").groupby("v").size()) == 1
        assert len(set(pd.util.hash_pandas_object(one, index=False))) == 1
        assert one.rank().tolist() == [1.5, 1.5]
        assert len(one.iloc[:1].to_frame("v").merge(one.iloc[1:].to_frame("v"))) == 1


def test_float16_rows_equal_what_their_scalars_equal():
    """A comparison does not round the other side to float16."""
    column = VectorArray([[0.1]], dtype="vector[1, toy, float16]")
    assert (column == column[0]).all()
    assert not (column == Vector([0.1], "toy")).any()
    assert column[0] != Vector([0.1], "toy")


def mean(df, *cells):
    """Return the mean of cells, rounded as the frame stores vectors."""
    return Vector(np.mean(cells, axis=0).astype(df["vector"].dtype.storage), "toy")


def test_means_are_vectors_of_the_space(df):
    """Of a column, and of each group, also by agg, resample, pivot_table and transform; missing rows have no part."""
    means = df.groupby("group")["vector"].mean()
    assert list(means) == [mean(df, A, B, A), Vector(D, "toy"), Vector(E, "toy")]
    assert means.dtype == df["vector"].dtype
    for frame in (
        df.groupby("group").agg(vector=("vector", "mean")),
        df.pivot_table(index="group", values="vector", aggfunc="mean"),
        df[["group", "vector"]].groupby("group").mean(),
    ):
        pd.testing.assert_series_equal(frame["vector"], means)
    assert df.groupby("group")["vector"].transform("mean").tolist()[0] == means["a"]
    assert df["vector"].mean() == mean(df, A, B, D, E, A)


def test_means_of_nothing_are_missing(df):
    """No rows, no known rows, an unused category, or a missing row where these are not to be skipped."""
    assert df["vector"].iloc[:0].mean() is pd.NA
    assert df["vector"].iloc[[2]].mean() is pd.NA
    assert df["vector"].mean(skipna=False) is pd.NA
    groups = pd.Categorical(df["group"], categories=["z", *"abc"])
    assert df.groupby(groups, observed=False)["vector"].mean().isna().tolist() == [True, False, False, False]


def test_other_arithmetic_is_refused(df):
    """What has no one meaning for vectors is pandas' own TypeError."""
    by = df.groupby("group")["vector"]
    for compute in (df["vector"].sum, df["vector"].std, by.sum, by.median, lambda: df["vector"] + df["vector"]):
        with pytest.raises(TypeError):
            compute()
