"""The SDK's upload of texts that name files: closed in the releases that are known, refused in any other."""

# ruff: noqa: ARG001, ARG002, ARG003, D101 - stand-ins for releases of the SDK, named by what is odd in them

import inspect

import dashscope
import pytest

from mmembed.errors import MMEmbedError
from mmembed.providers.dashscope.sdk import close_upload

HOOK = "_preprocess_message_inputs"


class Known:
    """As the releases that are known: the upload step is one class method, and ``call`` goes through it."""

    @classmethod
    def call(cls, model, input, api_key=None, **kwargs):  # noqa: A002 - the SDK's own name
        uploads = cls._preprocess_message_inputs(model, input, api_key)
        return uploads, input, kwargs

    @classmethod
    def _preprocess_message_inputs(cls, model, input_data, api_key):
        raise AssertionError("This would upload.")


def test_the_step_is_taken_out_of_a_known_release():
    """The subclass answers as before, and uploads nothing."""
    assert close_upload(Known, "1").call("m", [{"text": __file__}], "k", fps=1) == (
        False,
        [{"text": __file__}],
        {"fps": 1},
    )


def test_the_installed_release_is_known():
    """The release that the tests run on passes, and its own class is left alone."""
    closed = close_upload(dashscope.MultiModalEmbedding, "2.0.2")
    assert issubclass(closed, dashscope.MultiModalEmbedding)
    assert closed._preprocess_message_inputs("m", [{"text": __file__}], "k") is False
    assert dashscope.MultiModalEmbedding._preprocess_message_inputs.__doc__


class Renamed:
    @classmethod
    def call(cls, model, input, api_key=None):  # noqa: A002
        return cls._upload_inputs(model, input, api_key)

    @classmethod
    def _upload_inputs(cls, model, input_data, api_key):
        raise AssertionError("This would upload.")


class RenamedWithARest(Renamed):
    @classmethod
    def _preprocess_message_inputs(cls, model, input_data, api_key):
        return False


class OtherParameters(Known):
    @classmethod
    def _preprocess_message_inputs(cls, model, input_data, api_key, workspace):
        return False


class OfAnObject(Known):
    def _preprocess_message_inputs(self, model, input_data, api_key):
        return False


class UploadsBesides(Known):
    @classmethod
    def call(cls, model, input, api_key=None):  # noqa: A002
        cls._preprocess_message_inputs(model, input, api_key)
        return preprocess_message_element(model, input[0], api_key)


def preprocess_message_element(model, element, api_key):
    raise AssertionError("This would upload.")


class WithoutCall:
    _preprocess_message_inputs = Known.__dict__[HOOK]


@pytest.mark.parametrize(
    ("release", "says"),
    [
        (Renamed, "has no class method"),
        (RenamedWithARest, "does not go through"),
        (OtherParameters, r"input_data, api_key, workspace\)"),
        (OfAnObject, "has no class method"),
        (UploadsBesides, "does not go through"),
        (WithoutCall, "does not go through"),
        (type("Empty", (), {}), "has no class method"),
    ],
)
def test_another_release_is_refused(release, says):
    """Without the step, with another one, or with a way past it nothing starts; the error says what works."""
    with pytest.raises(MMEmbedError, match=says) as caught:
        close_upload(release, "3.1.4")
    assert "dashscope 3.1.4" in str(caught.value)
    assert "Known good are 1.25.19, 1.26.7, 1.27.4 and 2.0.2" in str(caught.value)


def test_the_step_is_looked_for_in_base_classes():
    """A release may have moved it up."""
    moved = type("Moved", (Known,), {})
    assert inspect.getattr_static(close_upload(moved, "1"), HOOK).__func__ is not Known.__dict__[HOOK].__func__
