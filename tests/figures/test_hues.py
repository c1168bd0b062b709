"""Colours of groups by place: alike where they are near, different for every reader, and readable."""

from __future__ import annotations

import numpy as np
import pytest

from mmembed.figures.hues import BLINDNESS, color_by_place

# Linear RGB to the opponent colours of OKLab, which distances are taken in.
LMS = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
LAB = np.array([[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])
LIGHT = np.array([0.2126, 0.7152, 0.0722])
PAPERS = ("#FFFFFF", "#191C21")


def linear(color):
    coded = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    return np.cbrt(np.clip(rgb, 0, 1) @ LMS.T) @ LAB.T


def contrast(one, other):
    light, dark = sorted((linear(one) @ LIGHT, linear(other) @ LIGHT), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def on_a_circle(count):
    angle = np.arange(count) * 2 * np.pi / count
    return np.cos(angle), np.sin(angle), np.arange(count)


@pytest.mark.parametrize("count", [1, 2, 8, 14, 37, 60])
def test_no_two_groups_have_one_colour(count):
    """Past eight groups, too, colours do not repeat, on white or on dark."""
    x, y = np.random.default_rng(count).normal(size=(2, count))
    tones = color_by_place(x, y, np.arange(count), count).tones
    for side in (0, 1):
        assert len({pair[side] for pair in tones}) == count


@pytest.mark.parametrize("count", [2, 5, 8])
@pytest.mark.parametrize("eyes", [None, *BLINDNESS])
def test_colour_blind_readers_tell_a_few_groups_apart(count, eyes):
    """The least difference is well over that which is just seen (0.02), for all kinds of colour blindness."""
    x, y = np.random.default_rng(count).normal(size=(2, count))
    seen = np.eye(3) if eyes is None else BLINDNESS[eyes]
    for side in (0, 1):
        colors = color_by_place(x, y, np.arange(count), count).tones
        places = lab(np.array([linear(pair[side]) for pair in colors]) @ seen.T)
        apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
        assert apart[~np.eye(count, dtype=bool)].min() > 0.03


def test_near_groups_have_like_hues():
    """Around a circle of 24 groups, the hue of the next one is nearer than that of the one across."""
    tones = color_by_place(*on_a_circle(24), 24).tones
    hue = np.arctan2(*lab(np.array([linear(pair[0]) for pair in tones])).T[[2, 1]])

    def turn(steps):
        off = np.abs(hue - np.roll(hue, steps))
        return np.minimum(off, 2 * np.pi - off)

    # Where the circle of hues closes, so does that of the groups.
    assert turn(1).max() < 0.7
    assert turn(12).min() > 2.0


@pytest.mark.parametrize("count", [3, 12, 40])
def test_dots_and_names_stand_out_from_the_paper(count):
    """Dots have a contrast of 2.9 to 1 at least, names of 7 to 1, on white and on dark."""
    x, y = np.random.default_rng(count).normal(size=(2, count))
    colors = color_by_place(x, y, np.arange(count), count)
    for side, paper in enumerate(PAPERS):
        assert min(contrast(pair[side], paper) for pair in colors.tones) >= 2.9
        assert min(contrast(pair[side], paper) for pair in colors.inks) >= 7


def test_groups_without_points_have_colours_too():
    """A table without places, and a group that is not on the map, are no error."""
    nothing = np.zeros(0)
    assert len(color_by_place(nothing, nothing, np.zeros(0, dtype=np.int64), 3).tones) == 3
    assert color_by_place(nothing, nothing, np.zeros(0, dtype=np.int64), 0).tones == []
    assert len(set(color_by_place(np.zeros(2), np.zeros(2), np.array([0, -1]), 2).tones)) == 2
