"""Loaded into the tests of a Python program: what it sends to Notion goes to the sandbox. The program is not changed."""

import os

import httpx
import pytest

sandbox = httpx.URL(os.environ["NOTION_SANDBOX_URL"])


def redirect(request):
    if request.url.host == "api.notion.com":
        path = sandbox.raw_path.decode().rstrip("/") + request.url.raw_path.decode()
        request.url = sandbox.copy_with(raw_path=path.encode())
        request.headers["host"] = f"{sandbox.host}:{sandbox.port}"
    return request


send = httpx.HTTPTransport.handle_request
send_async = httpx.AsyncHTTPTransport.handle_async_request
httpx.HTTPTransport.handle_request = lambda self, request: send(self, redirect(request))
httpx.AsyncHTTPTransport.handle_async_request = lambda self, request: send_async(self, redirect(request))


class NoRecordings:
    """Stands for the library that replays recorded answers."""

    def register_matcher(self, *_):
        pass


@pytest.fixture(scope="module")
def vcr():
    return NoRecordings()
