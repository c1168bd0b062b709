"""Labels for rows: learnt from rows that have one, from words, from both; and what a label set is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from mmembed.embedding.embedder import Embedder
from mmembed.embedding.queries import embed_queries
from mmembed.errors import listed
from mmembed.frames import column_of
from mmembed.vectors import VectorArray, as_vector_array

Labels = Sequence[str] | Mapping[Any, str | Sequence[str]]


class ClassificationVerbs:
    """Labels for rows: learnt from rows that have one, from words, from both; and what a label set is worth."""

    _df: pd.DataFrame

    def classify(
        self,
        column: str,
        *,
        target: str | None = None,
        labels: Labels | None = None,
        kinds: str | None = None,
        groups: str | None = None,
        threshold: float | None = None,
        estimator: Any = None,
        class_weight: Any = None,
        random_state: int | None = None,
        embedder: Embedder | None = None,
        name: str | None = None,
    ) -> pd.DataFrame:
        """Add a label to each row: learnt from the rows that have one, from the labels' own words, or from both.

        ``mmembed.fit_classifier(df[column], df[target])`` gives the same predictions with the experiment: accuracy with
        its interval beside baselines, confusion, learning curve, doubtful labels.

        Parameters
        ----------
        column : str
            A vector column.
        target : str, optional
            A column with labels for some or all rows; gives ``<target>_predicted`` and ``<target>_score``. Where its
            cells are lists, each row may have several labels, and ``<target>_predicted`` holds lists.
        labels : list of str, {label: description} or {label: [descriptions]}, optional
            Alone, zero-shot: each row gets the label whose words, in any language of the model, are nearest in the
            column's own space; gives ``label`` and ``label_score``. With ``target``, for few labelled rows: each class
            is learnt from its rows and from its words, and some 50 rows drawn at random bring scores close to the
            truth.
        kinds : str, optional
            For zero-shot, a column that says which kind of content each row is of; each kind's mean is removed. See
            :func:`mmembed.zero_shot` for when it helps.
        groups : str, optional
            With ``target``, a column of what belongs together; it is held out together.
        threshold : float, optional
            Rows whose score is lower get no label. With ``target`` scores are probabilities. Of labels alone only their
            order is to be trusted: ``df["label"].where(df["label_score"].rank(pct=True) > 0.5)`` keeps the surest half.
        estimator : scikit-learn classifier, optional
            Instead of the default one; it is cloned.
        class_weight : None, "balanced" or dict, optional
            With ``target``, how much each class counts.
        random_state : int, optional
            Seed.
        embedder : Embedder, optional
            Settings for embedding the labels; the column's model if not given.
        name : str, optional
            First part of the new columns' names.

        Raises
        ------
        ValueError
            If neither target nor labels are given, or an option that does not go with them.
        """
        check_asked(target, labels, kinds=kinds, estimator=estimator, groups=groups)
        array = as_vector_array(column_of(self._df, column))
        described = None if labels is None else embedded_labels(labels, array, embedder)
        if target is None:
            from mmembed.analysis.labels.zero_shot import zero_shot

            found = zero_shot(
                array,
                as_vector_array([vector for vectors in (described or {}).values() for vector in vectors]),
                [label for label, vectors in (described or {}).items() for _ in vectors],
                kinds=None if kinds is None else column_of(self._df, kinds),
                threshold=threshold,
            )
            return found.add_to(self._df, name=name or "label")
        from mmembed.analysis.labels.fit import fit_classifier

        fitted = fit_classifier(
            array,
            column_of(self._df, target),
            descriptions=described,
            groups=None if groups is None else column_of(self._df, groups),
            estimator=estimator,
            class_weight=class_weight,
            random_state=random_state,
        )
        return fitted.add_to(self._df, name=name or target, threshold=threshold)


def check_asked(target: Any, labels: Any, *, kinds: Any, estimator: Any, groups: Any) -> None:
    """Refuse options of :meth:`ClassificationVerbs.classify` that do not go together.

    Raises
    ------
    ValueError
        If neither target nor labels are given, or an option that does not go with them.
    """
    if target is None and labels is None:
        raise ValueError("classify needs target= (a column of labels), labels= (words), or both.")
    if target is None and (bad := [k for k, v in {"estimator": estimator, "groups": groups}.items() if v is not None]):
        raise ValueError(f"{listed(bad)} need target=: labels alone are not learned from examples.")
    if target is not None and kinds is not None:
        raise ValueError("kinds= is for labels= alone. Leave it out: a classifier learns from kinds what they tell.")


def embedded_labels(labels: Labels, array: VectorArray, embedder: Embedder | None) -> dict[Any, VectorArray]:
    """Return the vectors of each label's descriptions; all of them are embedded in one run."""
    prompts = dict(_prompts(labels))
    if not prompts:
        raise ValueError("There is no label to choose from. Give at least one.")
    words = [word for each in prompts.values() for word in each]
    vectors = embed_queries(words, array, modality="text", embedder=embedder)
    found, at = {}, 0
    for label, each in prompts.items():
        found[label] = vectors[at : at + len(each)]
        at += len(each)
    return found


def _prompts(labels: Labels) -> Iterator[tuple[Any, list[str]]]:
    if isinstance(labels, str):
        raise TypeError(f"labels={labels!r} is one text. Give a list of labels, or a dict {{label: description}}.")
    if not isinstance(labels, Mapping):
        if repeated := sorted({str(label) for label in labels if list(labels).count(label) > 1}):
            raise ValueError(f"Labels occur twice: {listed(repeated)}. Give each label once.")
        yield from ((label, [label]) for label in labels)
        return
    for label, words in labels.items():
        each = [words] if isinstance(words, str) else list(words)
        if not each:
            raise ValueError(f"Label {label!r} has no description. Give at least one text.")
        yield label, each
