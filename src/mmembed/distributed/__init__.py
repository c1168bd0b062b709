"""The same verbs on Dask: importing registers ``ddf.mmembed``, and what Dask has to know of vector columns.

Dask does the distribution, the spilling, the retries and the dashboard. What is here says how a verb is cut into
partitions and put together again; what a verb means is known in the layers below.
"""

from __future__ import annotations

from mmembed._optional import import_optional

import_optional("dask.dataframe", extra="dask", purpose="Working on Dask")

from mmembed.distributed import columns as _registration  # noqa: E402  the message above comes first
from mmembed.distributed.clustering import fit_clusters  # noqa: E402
from mmembed.distributed.clusters import DistributedClusters  # noqa: E402
from mmembed.distributed.duplicates import (  # noqa: E402
    DistributedDuplicates,
    DistributedLeaks,
    find_duplicates,
    find_leaks,
)
from mmembed.distributed.embed_verbs import embedding_errors  # noqa: E402
from mmembed.distributed.frame import DaskFrameAccessor  # noqa: E402
from mmembed.distributed.labels import DistributedClassifier, DistributedZeroShot, fit_classifier, zero_shot  # noqa: E402  # noqa: E402
from mmembed.distributed.outliers import DistributedOutliers, find_outliers  # noqa: E402
from mmembed.distributed.pairs import Blocking  # noqa: E402
from mmembed.distributed.projection import DistributedProjection, fit_projection  # noqa: E402
from mmembed.distributed.series import DaskSeriesAccessor  # noqa: E402

__all__ = [
    "Blocking",
    "DaskFrameAccessor",
    "DaskSeriesAccessor",
    "DistributedClassifier",
    "DistributedClusters",
    "DistributedDuplicates",
    "DistributedLeaks",
    "DistributedOutliers",
    "DistributedProjection",
    "DistributedZeroShot",
    "embedding_errors",
    "find_duplicates",
    "find_leaks",
    "find_outliers",
    "fit_classifier",
    "fit_clusters",
    "fit_projection",
    "zero_shot",
]

del _registration
