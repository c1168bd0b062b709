"""The cache key covers all that changes a vector and nothing else."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmembed.cache.keys import content_key, content_keys

OPTIONS = {"dimension": 1024, "fps": 0.5, "instruct": "find the product", "extra": {"res_level": 1}}


@pytest.mark.parametrize(
    ("digest", "space", "options"),
    [
        (b"other", "model", OPTIONS),
        (b"digest", "another model", OPTIONS),
        (b"digest", "model", OPTIONS | {"dimension": 512}),
        (b"digest", "model", OPTIONS | {"fps": 0.25}),
        (b"digest", "model", OPTIONS | {"instruct": "find the product."}),
        (b"digest", "model", OPTIONS | {"extra": {"res_level": 2}}),
        (b"digest", "model", OPTIONS | {"extra": {"res_level": True}}),
        (b"digest", "model", OPTIONS | {"dimension": "1024"}),
        (b"digest", "model", {}),
    ],
)
def test_whatever_changes_a_vector_changes_its_key(digest, space, options):
    """Another content, model or option value, or another type of it, has another key."""
    assert content_key(digest, space=space, options=options) != content_key(b"digest", space="model", options=OPTIONS)


def test_keys_do_not_depend_on_how_options_are_written():
    """Order, an option that is None, a tuple for a list and 1.0 for 1 make no difference."""
    one = content_key(b"digest", space="m", options={"a": 1, "b": [1, 2.0], "c": None})
    assert one == content_key(b"digest", space="m", options={"b": (1.0, 2), "a": 1.0})


def test_parts_cannot_run_into_each_other():
    """Moving a byte from the model to the digest gives another key."""
    cuts = [("ab", b"c"), ("a", b"bc"), ("abc", b""), ("", b"abc")]
    keys = {content_key(digest, space=space, options={}) for space, digest in cuts}
    assert len(keys) == len(cuts)


def test_a_key_stays_the_same_between_releases():
    """A change of this value makes every user pay again for what is cached: it needs a new domain and a reason."""
    key = content_key(b"digest", space="qwen3-vl-embedding", options={"dimension": 1024, "instruct": "找商品"})
    assert key.hex() == "88796ee1cc17aa9c98addb10ff05806e94f427d1a9e65e1f8afa5a6f99e9f9ff"


@given(st.lists(st.binary(min_size=20, max_size=32), max_size=8), st.dictionaries(st.text(), st.integers() | st.text()))
def test_many_keys_at_once_are_the_keys_of_each(digests, options):
    """The fast path for many contents gives what one call for each gives."""
    assert content_keys(digests, space="m", options=options) == [
        content_key(digest, space="m", options=options) for digest in digests
    ]


@given(
    st.lists(st.dictionaries(st.sampled_from("ab"), st.sampled_from(["", "a", '":"', 0, 1])), min_size=2, max_size=4)
)
def test_unequal_options_have_unequal_keys(several):
    """Two sets of options share a key only if they are equal."""
    for one, other in itertools.combinations(several, 2):
        is_same = content_key(b"d", space="m", options=one) == content_key(b"d", space="m", options=other)
        assert is_same == (one == other)


def test_option_names_must_be_strings():
    """JSON would write 1 and "1" alike, so a name that is no string is refused."""
    with pytest.raises(TypeError, match="names of options are strings"):
        content_key(b"d", space="m", options={"extra": {1: "a"}})


def test_options_that_are_not_finite_are_refused():
    """NaN is not equal to itself and would never be found again."""
    with pytest.raises(ValueError, match="JSON"):
        content_key(b"d", space="m", options={"fps": float("nan")})
