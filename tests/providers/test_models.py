"""The table of models, and the checks that need no request."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import dashscope_server
from mmembed.cache.keys import content_keys
from mmembed.errors import ModalityError, UnknownModelError
from mmembed.providers.local import LocalProvider
from mmembed.providers.models import MODELS, ModelSpec, check_request, default_model, find_model, models
from mmembed.vectors import VectorArray


@pytest.mark.parametrize("name", sorted(dashscope_server.MODELS))
def test_table_agrees_with_the_server_that_was_written_by_another_hand(name):
    """Dimensions, limits, prices and rates are those that the strict test server read from the same pages."""
    ours, theirs = MODELS[name], dashscope_server.MODELS[name]
    assert ours.dimensions == theirs.dimensions
    assert ours.sends_dimension is not theirs.fixed_dimension
    assert ours.text_tokens == theirs.text_tokens
    assert (ours.image_mb or 0) * 1e6 == theirs.image_bytes
    assert {one.lower() for one in ours.image_formats} == theirs.image_formats
    assert {one.lower() for one in ours.video_formats} == theirs.video_formats
    assert (ours.media_price, ours.text_price) == (theirs.media_price, theirs.text_price)
    assert (ours.requests_per_minute, ours.tokens_per_minute) == (
        theirs.rates.requests_per_minute,
        theirs.rates.tokens_per_minute,
    )
    assert set(ours.regions) == theirs.regions
    assert ours.max_multi_images == (theirs.fused_images if theirs.fusion_flag else theirs.multi_images)
    assert ours.can_fuse is theirs.fuses_objects
    assert ours.always_fuses is theirs.fuses_requests
    for region in ours.regions:
        assert ours.most_images(region) == theirs.images_in(region)
    if not ours.always_fuses:  # one content a request there, which no single limit says
        assert (ours.max_contents, ours.max_videos) == (theirs.contents, theirs.videos)


def test_models_shows_each_model_once_with_its_default_dimension():
    """The frame has a row a model, named by it, and limits that no page gives are missing rather than zero."""
    frame = models()
    assert list(frame.index) == list(MODELS)
    assert frame.loc["multimodal-embedding-v1", "default_dimension"] == 1024
    assert frame["max_contents"].isna()["tongyi-embedding-vision-plus"]
    assert frame.loc["qwen3-vl-embedding", "kinds"] == "fused, image, multi_images, text, video"


def test_unknown_name_is_refused_with_the_nearest():
    """A misspelt name gets the right one proposed, and a way out for new models."""
    with pytest.raises(UnknownModelError, match=r"'qwen3-vl-embeding' .* Did you mean 'qwen3-vl-embedding'.*ModelSpec"):
        find_model("qwen3-vl-embeding")


def test_a_spec_of_ones_own_is_taken_as_it_is():
    """A model released tomorrow can be used today, and known figures can be overridden."""
    own = ModelSpec("tomorrow-embedding", dimensions=(8,))
    assert find_model(own) is own
    changed = dataclasses.replace(find_model("qwen3-vl-embedding"), max_images=5)
    assert find_model(changed).most_images("beijing") == 5


def test_local_is_the_alias_of_the_model_on_this_machine():
    """The word "local" finds the versioned space, which costs nothing."""
    spec = find_model("local")
    assert (spec.name, spec.provider, spec.dimensions, spec.text_price) == ("local-conse-2", "local", (512,), 0)


def test_each_region_has_a_default_that_it_offers():
    """The default model of a region passes the checks of that region."""
    for region in ("beijing", "singapore"):
        check_request(find_model(default_model(region)), region=region)


@pytest.mark.parametrize(
    ("name", "request_options", "error", "message"),
    [
        (
            "multimodal-embedding-v1",
            {"dimension": 512},
            ValueError,
            r"^Model 'multimodal-embedding-v1' has one dimension, 1024; got dimension=512\. Leave dimension out\.$",
        ),
        ("qwen3-vl-embedding", {"dimension": 100}, ValueError, r"256, 512, .* got dimension=100"),
        ("qwen3-vl-embedding", {"dimension": True}, ValueError, r"got dimension=True"),
        ("qwen3-vl-embedding", {"region": "singapore"}, ValueError, r"not offered in 'singapore'.*tongyi"),
        ("qwen3-vl-embedding", {"region": "singapur"}, ValueError, r"Did you mean 'singapore'"),
        ("qwen3-vl-embedding", {"fps": 2}, ValueError, r"from 0 to 1; got fps=2"),
        ("local", {"instruct": "find"}, ValueError, r"takes no instruct"),
        ("local", {"fps": 0.5}, ValueError, r"takes no fps"),
        ("qwen2.5-vl-embedding", {"kinds": ["multi_images"]}, ModalityError, r"does not embed 'multi_images'.*plus"),
        ("multimodal-embedding-v1", {"kinds": ["text", "fused"]}, ModalityError, r"does not embed 'fused'.*qwen3"),
    ],
)
def test_what_the_model_cannot_do_is_refused_before_any_request(name, request_options, error, message):
    """Wrong dimension, region, parameter or kind is an error that says what would be right."""
    with pytest.raises(error, match=message):
        check_request(find_model(name), **request_options)


def test_what_the_model_can_do_passes():
    """Documented combinations are let through."""
    check_request(find_model("qwen3-vl-embedding"), dimension=256, instruct="Retrieve", fps=0.0, kinds=["fused"])


def test_a_spec_without_dimensions_is_refused():
    """A spec that could give no vector is an error when it is made."""
    with pytest.raises(ValueError, match="needs a name and dimensions"):
        ModelSpec("x", dimensions=())


@pytest.mark.parametrize("model", ["local-conse-1"])
def test_a_model_of_an_earlier_version_says_what_to_do(model):
    """Its name is refused with the reason and the way on, not as a misspelling of the new one."""
    with pytest.raises(UnknownModelError, match=r"earlier version .* 'local-conse-2'.*anew with model='local'"):
        find_model(model)


def test_a_column_of_the_earlier_local_model_is_not_searched_with_words():
    """Words are not embedded by the new model for a column of the old one; given vectors of its space still are."""
    old = pd.DataFrame({"v": VectorArray.from_matrix(np.eye(3, 512, dtype=np.float32), space="local-conse-1")})
    with pytest.raises(UnknownModelError, match=r"Embed the column anew with model='local'"):
        old.mmembed.search("a bird", "v")
    assert len(old.mmembed.search(old["v"].iloc[0], "v", k=1)) == 1


def test_vectors_of_the_earlier_local_model_are_not_found_in_the_cache():
    """The key of a content holds the space and the options of its model, so that no old vector is taken for a new."""
    provider = LocalProvider(workers=1)
    before = {**provider.options, "model": "local-conse-1"}
    new = content_keys([b"a"], space=provider.space, options=provider.options)
    assert new != content_keys([b"a"], space="local-conse-1", options=before)
    assert new != content_keys([b"a"], space=provider.space, options=before)
