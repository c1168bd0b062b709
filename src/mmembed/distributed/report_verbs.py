"""Reports on Dask: the verb that writes a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mmembed.accessor.arguments import naming_embedder
from mmembed.distributed.aligning import vector_dtype
from mmembed.distributed.columns import no_vectors
from mmembed.distributed.sampling import SAMPLE_ROWS, check_sample_rows
from mmembed.frames import as_list, column_of

if TYPE_CHECKING:
    from mmembed.embedding.run import EmbeddingRun
    from mmembed.report.report import Report


class ReportVerbs:
    """Reports on Dask: the verb that writes a page."""

    _ddf: Any

    def report(
        self,
        column: str,
        *,
        text: str | Sequence[str] | None = None,
        image: str | None = None,
        video: str | None = None,
        title: str | None = None,
        language: Literal["auto", "zh", "en"] = "auto",
        breakdown: str | None = None,
        date: str | None = None,
        duplicates: Any = None,
        outliers: Any = None,
        label_issues: Any = None,
        run: EmbeddingRun | Sequence[EmbeddingRun] | None = None,
        compare: Any = None,
        random_state: int | None = None,
        budget_bytes: int = 8_000_000,
        max_points: int = 100_000,
        root: Path | str | None = None,
        sample_rows: int = SAMPLE_ROWS,
    ) -> Report:
        """Return a report on the clusters of a vector column: one offline HTML page. It computes.

        Rows, shares, noise, missing vectors, cohesion, breakdown, trends and centroids are counted over all rows. The
        map, the search, typical and borderline rows and keywords are those of a sample, and the page says so. Clusters
        that are missing are computed with the default settings; a map that is missing is that of the sample.

        Parameters
        ----------
        column : str
            A vector column.
        text, image, video, title, language, breakdown, date, run, compare, random_state, budget_bytes, max_points, root
            As on pandas. Files that cells name are read in this process, those of the sample only.
        duplicates, outliers, label_issues
            Not on Dask: they name single rows, of which a sample has few.
        sample_rows : int
            About how many rows are shown: of each cluster in proportion, and at least 20. They travel to this process.

        Returns
        -------
        Report

        Raises
        ------
        ValueError
            If duplicates, outliers or label issues are asked for; otherwise as on pandas.
        """
        from mmembed.distributed.clustering import fit_clusters
        from mmembed.distributed.group_verbs import joined_texts
        from mmembed.distributed.reporting import report_of_partitions
        from mmembed.report.build import build_report
        from mmembed.report.words import choose_language

        findings = {"duplicates": duplicates, "outliers": outliers, "label_issues": label_issues}
        if given := [name for name, value in findings.items() if value is not None]:
            raise ValueError(
                f"{given[0]}= is not in the report of a Dask DataFrame: it names single rows, and a sample has few "
                "of them. Leave it out, or report on those rows alone: ddf[…].compute().mmembed.report(…)."
            )
        check_sample_rows(sample_rows)
        ddf, texts = self._ddf, as_list(self._ddf, text)
        vectors = column_of(ddf, column)
        for one in texts[:1]:
            column_of(ddf, one)
        options = {
            "image": image, "video": video, "title": title, "breakdown": breakdown, "date": date, "run": run,
            "compare": compare, "budget_bytes": budget_bytes, "max_points": max_points, "root": root,
        }  # fmt: skip
        nothing = ddf._meta.assign(  # noqa: SLF001 - Dask's own word
            cluster=np.empty(0, dtype=np.int64), map_x=np.empty(0), map_y=np.empty(0)
        ).drop(columns=["duplicate_group", "outlier_score"], errors="ignore")
        # What pandas refuses is refused now, before anything is computed.
        build_report(nothing, vector=column, text=texts or None, language=language, **options)
        dtype, method = vector_dtype(vectors), None
        if "cluster" not in ddf.columns:
            spoken = "auto" if texts else language if language != "auto" else choose_language([title or ""])
            clusters = fit_clusters(vectors, random_state=random_state, sample_rows=sample_rows).named(
                joined_texts(ddf, texts[0]) if texts else None,
                embed=naming_embedder(no_vectors(dtype), "auto", buys=False),
                language=spoken,
            )
            ddf, method = clusters.add_to(ddf), clusters.method
        return report_of_partitions(
            ddf,
            column,
            texts=texts,
            options=options,
            language=None if language == "auto" else language,
            random_state=random_state,
            sample_rows=sample_rows,
            method=method,
        )
