"""Ways to ask the server: by the official SDK, and by raw HTTP where the SDK would be in the way."""

from __future__ import annotations

import base64
import http.client
import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .protocol import EMBEDDING_PATH

if TYPE_CHECKING:
    import requests

    from .server import DashScopeServer


def call(
    server: DashScopeServer,
    contents: list[Any],
    model: str = "qwen3-vl-embedding",
    *,
    session: requests.Session | None = None,
    **arguments: Any,
) -> Any:
    """Ask by the SDK's synchronous call and return its response; ``arguments`` go to the SDK as they are.

    Without a session of the caller's, one is made that reads no environment and is closed in the end.
    """
    import dashscope
    import requests

    if session is None:
        with requests.Session() as own:
            own.trust_env = False
            return call(server, contents, model, session=own, **arguments)
    defaults: dict[str, Any] = {"api_key": "sk-test", "base_address": server.base_url, "request_timeout": 5}
    return dashscope.MultiModalEmbedding.call(model=model, input=contents, session=session, **(defaults | arguments))


def post(
    server: DashScopeServer, body: object, key: str = "sk-test", path: str = EMBEDDING_PATH, **headers: str | None
) -> tuple[int, Any]:
    """Send one raw POST and return its status and its JSON; a header that is None is not sent."""
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=5)
    try:
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"} | headers
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("POST", path, data, {name: value for name, value in sent.items() if value is not None})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def ask(
    server: DashScopeServer,
    contents: object,
    model: str = "qwen3-vl-embedding",
    key: str = "sk-test",
    **parameters: Any,
) -> tuple[int, Any]:
    """Ask for vectors by raw HTTP and return the status and the JSON."""
    return post(server, {"model": model, "parameters": parameters, "input": {"contents": contents}}, key)


def picture(
    image_format: str = "PNG", declared: str | None = None, size: tuple[int, int] = (4, 4), padding: int = 0
) -> str:
    """Return a small real picture as a data URI; ``padding`` adds bytes after its end."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, image_format)
    encoded = base64.b64encode(file.getvalue() + bytes(padding)).decode()
    return f"data:image/{declared or image_format.lower()};base64,{encoded}"
