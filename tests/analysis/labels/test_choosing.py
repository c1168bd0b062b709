"""What the default classifier tries, and what it leaves out because it could not change the choice."""

import numpy as np
import pytest

from mmembed.analysis.labels.choosing import best_temperature, choose
from mmembed.analysis.labels.softmax import softmax


def chosen(rows, y, *, groups=None, strength=None):
    """Return the choice between both kernels."""
    return choose(
        rows.astype(np.float32),
        y,
        np.ones(len(y)),
        groups=groups,
        kernels=("linear", "gaussian"),
        strength=strength,
        n_classes=int(y.max()) + 1,
        n_features=64,
        seed=0,
    )


def corners(n_rows, spread):
    """Return three classes around three corners."""
    random = np.random.default_rng(0)
    y = np.arange(n_rows) % 3
    return np.eye(5)[y] + random.normal(scale=spread, size=(n_rows, 5)), y


def test_few_rows_try_every_strength_of_both_kernels():
    """In a small table each kernel is tried with six strengths, and the least log loss decides."""
    found = chosen(*corners(120, 0.5))
    assert [(kernel, strength) for kernel, strength, _ in found.trials] == [
        (kernel, strength) for kernel in ("linear", "gaussian") for strength in (1, 3, 10, 30, 100, 300)
    ]
    least = {
        kernel: min(loss for tried, _, loss in found.trials if tried == kernel) for kernel in ("linear", "gaussian")
    }
    assert found.kernel == ("gaussian" if least["gaussian"] < 0.99 * least["linear"] else "linear")
    assert (found.kernel, found.strength, least[found.kernel]) in found.trials


def test_many_rows_stop_where_the_loss_rises():
    """Overlapping balls want much regularisation: neither weaker strengths nor more of the other kernel are tried."""
    found = chosen(*corners(900, 0.6))
    assert (found.kernel, found.strength) == ("linear", 3.0)
    assert [(kernel, strength) for kernel, strength, _ in found.trials] == [
        ("linear", 3.0),
        ("linear", 30.0),
        ("gaussian", 3.0),
    ]


def test_what_is_perfect_needs_no_second_kernel():
    """Where the first fit leaves nothing to gain it is the only one."""
    found = chosen(*corners(900, 0.01))
    assert [kernel for kernel, _, _ in found.trials] == ["linear"]


def test_groups_are_held_out_together():
    """A label that follows the group, not the vector, cannot be learned from the group's other rows."""
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(30), 20)
    rows = random.normal(size=(30, 40))[groups] + random.normal(scale=0.05, size=(600, 40))
    y = random.integers(0, 2, 30)[groups]
    together = min(loss for _, _, loss in chosen(rows, y, groups=groups).trials)
    apart = min(loss for _, _, loss in chosen(rows, y).trials)
    assert apart < 0.05
    assert together > 0.5


def test_a_given_strength_is_kept():
    """With one strength only the kernels are compared."""
    found = chosen(*corners(900, 0.6), strength=7.0)
    assert found.strength == 7.0
    assert [strength for _, strength, _ in found.trials] == [7.0, 7.0]


def test_nothing_to_hold_out_is_no_trial():
    """Two classes of one row each leave the first kernel and a temperature of 1."""
    found = chosen(np.eye(2), np.array([0, 1]))
    assert (found.kernel, found.temperature, found.trials) == ("linear", 1.0, [])


def test_temperature_cools_what_is_too_sure():
    """Logits that are three times too large are divided by about three."""
    random = np.random.default_rng(5)
    logits = random.normal(scale=2, size=(4000, 3))
    y = np.array([random.choice(3, p=row) for row in softmax(logits)])
    assert best_temperature(3 * logits, y)[0] == pytest.approx(3, rel=0.1)
    assert best_temperature(logits[:0], y[:0])[0] == 1
