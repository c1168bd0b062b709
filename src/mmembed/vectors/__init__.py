"""Vector columns: a pandas extension type that knows the space (model) its vectors live in.

Knows pandas and Arrow, and nothing of providers, contents or analysis.
"""

from mmembed.vectors.array import VectorArray, as_vector_array
from mmembed.vectors.dtype import VectorDtype
from mmembed.vectors.scalar import Vector, check_comparable

__all__ = ["Vector", "VectorArray", "VectorDtype", "as_vector_array", "check_comparable"]
