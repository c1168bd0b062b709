"""Print the bars for names, clusters, copies and labels, one line each: item, set, part, figure, bar, met or not.

    python benchmarks/bars.py [--items names small …] [--part development]

The part of a set says whether methods were developed on it or it was kept aside (``labelled.sets()``); the made-up
small tables have seeds of their own for either part. Bars:

names
    First terms of true classes that are right, by texts alone: .95 in Chinese, .75 in English.
small
    Small tables of 10 to 14 classes: AMI of ``auto`` at most .03 below that of k-means with the true number.
noise, background
    At most 3 % noise in tables of classes alone; of planted background a precision of .5 at a recall of .4.
steady
    Rows that are shaken by 1e-6 and 1e-4: AMI of .95 between the answers, numbers of clusters within one.
weeks
    Clusters that go on from one half of a set with the other: a class that is new is found with a recall of .9.
copies
    Planted copies of texts in vectors of three encoders and of pictures, without a threshold: F1 of .9; of the same
    table without the copies at most 1 % of the rows are dropped.
time
    The default classifier's processor time as a share of a five-fold grid search over logistic regression: a fifth at
    most; and accuracy not below that search's by more than .005.
rare
    Recall of a class of twenty labelled rows less that of logistic regression, at the same precision: not below. With
    five draws chance is up to .1: of clip-art it was -.10 with five, +.01 with 15 and -.02 with 30.
issues
    Planted mistakes found among as many rows, less those found by cleanlab's default order on the same probabilities:
    not below. With three draws of mistakes for any class chance is .02 and more: of digits, sayings and emoji-names-en
    the figure was -.019, -.015 and -.018, and with 15 others -.007, +.002 and -.002 (standard errors .004 to .007); of
    bbc-news it was -.015, and -.007 (.005) with ten. Of emoji-names-zh it was .000, and -.021 (.008) with 15; of
    chatbot and laws-zh +.031. What finds more of these, all other classes together instead of the likeliest, loses .04
    at the most similar class; and votes weighed by nearness with a fourth-power norm of the others, +.010 (.003) on the
    development sets, were +.000 (.003) on the held-out ones, and -.007 (.004) at the most similar class.
words
    Accuracy with descriptions of the classes less that without, of twenty labelled rows a class: not below.
outliers
    Foreign rows in a table, alone or 12, 40 and 60 of them, drawn and most alike: AUC of .95, in pandas and on Dask.

Ties, clouds and draws that change as little as rows do, and the level that is taken, were developed on the made-up
tables of up to 220 rows and on the development sets, chatbot, breast-cancer and sayings above all; the held-out ones
were looked at afterwards. What else was tuned on which set stands in
``clusters.py`` and ``cluster_names.py``, of copies in ``finding.py``, of labels in ``label_bars.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from cluster_names import embedded_here, laws, measure_texts
from clusters import k_means, shaken, weeks
from finding import FOREIGN_SIZES, f1, labelled_copies, on_dask, units, with_foreign
from label_bars import SHARES, issue_precisions, rare_recall, share_of_search
from labelled import load, sets
from labelled.copies import COPIES
from labelled.synthetic import api_like
from name_synonyms import BBC, COMPUTING, DEBIAN, DIAGNOSES, HEADINGS, SAYINGS
from wording import gain_by_words

from mmembed import find_duplicates, find_outliers, fit_clusters
from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.preparation import Preparation
from mmembed.vectors import as_vector_array

Line = dict[str, Any]
PARTS = ("development", "held out")
_SMALL = [(300, 10), (450, 12), (600, 14), (800, 12)]
_CLEAN = ("demo-photographs", "wine", "texture", "laws-zh", "penguins", "laws-zh-others")
_STEADY = (
    "chatbot",
    "demo-photographs",
    "breast-cancer",
    "sayings",
    "blobs",
    "heavy-tails-development",
    "few-columns-many-rows",
)
_STEADY_HELD_OUT = ("penguins", "wisconsin", "segment", "laws-zh-others")
# By part: development, held out.
_TIME = (("digits", "sayings", "verb-glosses"), ("bbc-news", "noun-glosses", "emoji-pictures"))
_RARE = (
    ("digits", "sayings", "emoji-names-en", "emoji-names-zh", "verb-glosses"),
    ("bbc-news", "noun-glosses", "clip-art"),
)
_ISSUES = (
    ("digits", "sayings", "emoji-names-en", "emoji-names-zh", "chatbot", "laws-zh"),
    ("bbc-news", "emoji-pictures", "laws-zh-others"),
)
_WORDS = (("sayings", "emoji-names-en"), ("debian-sections", "clip-art"))
_FOREIGN = (("sayings", "verb-glosses"), ("verb-glosses", "chatbot"))
_FOREIGN_HELD_OUT = (("laws-zh", "recipes-zh"), ("chinese-words", "debian-sections"))
_WEEKS = ("laws-zh", "demo-mixed", "texture", "laws-zh-others", "penguins", "segment")


def line(item: str, name: str, part: str, figure: float, bar: float, *, at_most: bool = False) -> Line:
    """Return one line of the table."""
    is_met = figure <= bar if at_most else figure >= bar
    sign = "≤" if at_most else "≥"
    return {
        "item": item,
        "set": name,
        "part": part,
        "figure": round(figure, 3),
        "bar": f"{sign} {bar:g}",
        "met": is_met,
    }


def part_of(name: str) -> str:
    return PARTS[int(sets().loc[name, "is_held_out"])]


def agreement(left: Any, right: Any) -> float:
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(left, right))


def labels_of(found: Any) -> np.ndarray:
    return np.asarray(pd.Series(found.labels).astype(int))


def names(part: str) -> Iterator[Line]:
    with contextlib.redirect_stdout(io.StringIO()):
        made: list[tuple[str, pd.DataFrame, Any, str]] = []
        if part == PARTS[0]:
            made += [(f"laws, {half}", laws(half), None, "zh") for half in PARTS]  # type: ignore[arg-type]
            made.append(("computing terms", embedded_here("computing-terms"), COMPUTING, "en"))
            made.append(("BBC news", load("bbc-news").replace({"label": {"sports": "sport"}}), BBC, "en"))
            made.append(("sayings", load("sayings"), SAYINGS, "en"))
            made.append(("library headings", load("library-headings-zh"), HEADINGS, "zh"))
            diagnoses = embedded_here("diagnoses")
            diagnoses = diagnoses[diagnoses["label"].isin(DIAGNOSES)].reset_index(drop=True)
            made.append(("diagnoses", diagnoses, DIAGNOSES, "en"))
        else:
            made.append(("Debian's sections", load("debian-sections"), DEBIAN, "en"))
        found = [
            (title, one) for title, frame, words, spoken in made for one in measure_texts(title, frame, words, spoken)
        ]
    for title, one in found:
        yield line("names", f"{title}, {one['names from']}", part, one["share"], one["bar"])


def small(part: str) -> Iterator[Line]:
    for at, (n_rows, n_classes) in enumerate(_SMALL):
        seed = 300 + at + 50 * PARTS.index(part)
        frame = api_like(n_rows, seed=seed, n_coarse=n_classes, n_fine=n_classes, background=0.0, dimension=256)
        array = as_vector_array(frame["vector"])
        rows = Preparation.learn(array).rows(array)
        told = agreement(frame["label"], k_means(rows, n_classes))
        found = agreement(frame["label"], labels_of(fit_clusters(frame["vector"])))
        yield line("small", f"api-like, {n_rows} rows, {n_classes} classes", part, found - told, -0.03)


def noise(part: str) -> Iterator[Line]:
    for name in (one for one in _CLEAN if part_of(one) == part or (one.startswith("demo") and part == PARTS[0])):
        yield line(
            "noise", name, part, float((labels_of(fit_clusters(load(name)["vector"])) < 0).mean()), 0.03, at_most=True
        )


def background(part: str) -> Iterator[Line]:
    for name in (one for one in ("api-like-development", "api-like") if part_of(one) == part):
        frame = load(name)
        is_noise = labels_of(fit_clusters(frame["vector"])) < 0
        is_background = (frame["label"] == "background").to_numpy()
        hits = float((is_noise & is_background).sum())
        yield line("background", f"{name}, precision", part, hits / max(1, is_noise.sum()), 0.5)
        yield line("background", f"{name}, recall", part, hits / is_background.sum(), 0.4)


def steady(part: str) -> Iterator[Line]:
    for name in _STEADY if part == PARTS[0] else _STEADY_HELD_OUT:
        found = shaken(name)
        yield line("steady", f"{name}, AMI", part, min(one["AMI"] for one in found), 0.95)
        apart = max(abs(one["found"] - one["then"]) for one in found)
        yield line("steady", f"{name}, clusters more or fewer", part, apart, 1, at_most=True)


def new_classes(part: str) -> Iterator[Line]:
    for name in (one for one in _WEEKS if part_of(one) == part or (one.startswith("demo") and part == PARTS[0])):
        for one in weeks(name):
            if one["planted"]:
                yield line("weeks", f"{name}, {one['planted']} ({one['rows']} rows)", part, one["recall"], 0.9)


def copies(part: str) -> Iterator[Line]:
    for name in (one for one, known in COPIES.items() if PARTS[int(known.is_held_out)] == part):
        case = labelled_copies(name)
        found = find_duplicates(case.matrix, contents=case.contents, modality=case.kind)
        yield line("copies", f"{name}, F1", part, f1(found, case.origin), 0.9)
        clean = case.without_copies()
        found = find_duplicates(clean.matrix, contents=clean.contents, modality=clean.kind)
        yield line("copies", f"{name}, originals dropped", part, float(found.is_duplicate.mean()), 0.01, at_most=True)


def learned(name: str) -> tuple[Any, Any, list[str]]:
    """Return unit rows, codes and classes of a set."""
    frame = load(name)
    classes = sorted(set(frame["label"]))
    codes = pd.Categorical(frame["label"], categories=classes).codes.astype(np.intp)
    return unit_rows(frame["vector"].array.matrix), codes, classes


def time_taken(part: str) -> Iterator[Line]:
    for name in _TIME[PARTS.index(part)]:
        rows, y, _ = learned(name)
        share, above = share_of_search(rows, y)
        yield line("time", f"{name}, share of a grid search's", part, share, 0.2, at_most=True)
        yield line("time", f"{name}, accuracy less the search's", part, above, -0.005)


def rare(part: str) -> Iterator[Line]:
    for name in _RARE[PARTS.index(part)]:
        rows, y, _ = learned(name)
        ours, theirs = rare_recall(rows, y)
        yield line("rare", f"{name}, {ours:.3f} less {theirs:.3f}", part, ours - theirs, 0.0)


def issues(part: str) -> Iterator[Line]:
    for kind in SHARES:
        for name in _ISSUES[PARTS.index(part)]:
            rows, y, _ = learned(name)
            ours, theirs = issue_precisions(rows, y, kind)
            yield line("issues", f"{name}, {kind}, {ours:.3f} less {theirs:.3f}", part, ours - theirs, 0.0)


def described(part: str) -> Iterator[Line]:
    for name in _WORDS[PARTS.index(part)]:
        rows, y, classes = learned(name)
        yield line("words", f"{name}, 20 rows a class", part, gain_by_words(name, rows, y, classes), 0.0)


def outliers(part: str) -> Iterator[Line]:
    from sklearn.metrics import roc_auc_score

    for table, other in _FOREIGN if part == PARTS[0] else _FOREIGN_HELD_OUT:
        left, right = (units(load(name)["vector"].array.matrix) for name in (table, other))
        random = np.random.default_rng(1)
        for size in FOREIGN_SIZES:
            found = [
                (roc_auc_score(is_foreign, find_outliers(rows).scores), roc_auc_score(is_foreign, on_dask(rows)))
                for rows, is_foreign in with_foreign(left, right, size, random)
            ]
            for where, figure in zip(("pandas", "Dask"), np.mean(found, axis=0), strict=True):
                yield line("outliers", f"{size} of {other} in {table}, {where}", part, float(figure), 0.95)


ITEMS: dict[str, Callable[[str], Iterator[Line]]] = {
    "names": names,
    "small": small,
    "noise": noise,
    "background": background,
    "steady": steady,
    "weeks": new_classes,
    "copies": copies,
    "time": time_taken,
    "rare": rare,
    "issues": issues,
    "words": described,
    "outliers": outliers,
}


def main() -> None:
    """Print the table, line by line as it is measured, and then what is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", nargs="+", choices=list(ITEMS), default=list(ITEMS))
    parser.add_argument("--part", choices=PARTS, help="one part alone; held-out sets are for what is final")
    options = parser.parse_args()
    missed = 0
    print(f"{'item':11s} {'set':56s} {'part':12s} {'figure':>7s}  {'bar':8s} met")
    for item in options.items:
        for part in PARTS if options.part is None else (options.part,):
            for one in ITEMS[item](part):
                missed += not one["met"]
                print(
                    f"{one['item']:11s} {one['set']:56s} {one['part']:12s} {one['figure']:7.3f}  {one['bar']:8s} "
                    f"{'yes' if one['met'] else 'NO'}",
                    flush=True,
                )
    print(f"{missed} not met")


if __name__ == "__main__":
    main()
