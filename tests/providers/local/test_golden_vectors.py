"""The local model gives the vectors that it gave when it was measured: its packages could change under us."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmembed.providers.local import LocalProvider
from providers.local.golden_vectors import COORDINATES, FILE, golden_contents

HELD = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", HELD)
def test_vector_is_the_held_one(name):
    """The first coordinates point where they pointed, and are as long as they were."""
    with LocalProvider(workers=1).session() as session:
        vector = session.embed([golden_contents()[name]]).matrix[0, :COORDINATES]
    held = np.array(HELD[name])
    assert vector @ held / (np.linalg.norm(vector) * np.linalg.norm(held)) > 0.999
    assert np.linalg.norm(vector) == pytest.approx(np.linalg.norm(held), rel=0.02)


def test_every_content_is_held():
    """No content is without its held vector, and no held vector without its content."""
    assert list(HELD) == list(golden_contents())
