"""Failures of servers as the Python client raises them. Prints a report of unittest."""

import asyncio
import contextlib
import email.utils
import json
import os
import socket
import sys
import threading
import time
import unittest

from valetkey import AuthorizationRequired, ConnectionFailed, RequestError, ToolError, ValetkeyClient, ValetkeyError

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "stand_ins"))
from valetkey.langchain import get_tools  # noqa: E402


def response(body, status=200, headers=(), length=None):
    """An HTTP response as bytes. ``length`` is what it claims."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status", f"content-length: {len(data) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


@contextlib.contextmanager
def server(*answers):
    """A server that sends each connection its answer, and the last one to all others. Callables write it themselves.

    Yields a client of it with the options, and the list of bodies that it received.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    received = []
    ended = threading.Event()

    def serve(connection, answer):
        with connection:
            try:
                head, _, body = read_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                while len(body) < length:
                    body += connection.recv(65536)
                received.append(json.loads(body))
                if callable(answer):
                    answer(connection, ended)
                else:
                    connection.sendall(answer)
            except OSError:
                pass

    def accept():
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            answer = answers[min(accept.count, len(answers) - 1)]
            accept.count += 1
            threading.Thread(target=serve, args=(connection, answer), daemon=True).start()

    accept.count = 0
    threading.Thread(target=accept, daemon=True).start()

    def client(**options):
        return ValetkeyClient(f"http://127.0.0.1:{listener.getsockname()[1]}", "vk_key", **options)

    try:
        yield client, received
    finally:
        ended.set()
        listener.close()


def read_until(connection, end):
    data = b""
    while end not in data:
        part = connection.recv(65536)
        if not part:
            raise OSError("The client left.")
        data += part
    return data


ACCOUNT = {
    "id": "a",
    "connectionName": "notion",
    "identifier": "ann",
    "status": "ACTIVE",
    "statusReason": "CONNECTED",
    "needsReauthorization": False,
    "nextAction": None,
    "workspace": None,
    "metadata": {},
}
FOUND = response({"data": {"connectedAccount": ACCOUNT}})


class Answers(unittest.TestCase):
    def test_every_answer_that_is_not_the_schemas_is_a_request_error(self):
        bodies = [
            b"",
            b"null",
            b"[]",
            b"7",
            b"\xff\xfe\xfa",
            b"[" * 100_000,
            {"errors": "oops"},
            {"errors": [None]},
            {"errors": [{}]},
            {"errors": [{"message": 7, "extensions": []}]},
            {"data": {}},
            {"data": []},
            {"data": "x"},
            {"data": {"connectedAccount": {}}},
            {"data": {"connectedAccount": {"id": "a"}}},
            {"data": {"executeTool": None, "authorize": {}, "tools": [None], "connectedAccounts": {"nodes": 7}}},
            {"data": {"executeTool": {"__typename": "ExecuteToolPayload"}, "tools": 7, "authorize": []}},
            {"data": {"executeTool": {"__typename": "ToolFailed", "hint": ""}, "tools": {}, "connectedAccounts": []}},
        ]
        for body in bodies:
            with server(response(body)) as (client, _):
                actions = client().actions
                for call in (
                    lambda: actions.execute_tool("notion_data_fetch", "ann", {}),
                    lambda: actions.get_authorization_link("ann"),
                    lambda: actions.get_or_create_connected_account("ann"),
                    lambda: actions.list_tools(),
                    lambda: list(actions.list_connected_accounts()),
                ):
                    with self.subTest(body=str(body)[:80]), self.assertRaises(RequestError) as raised:
                        call()
                    self.assertEqual(raised.exception.status, 200)

    def test_a_missing_account_is_none_and_a_missing_field_an_error(self):
        with server(response({"data": {"connectedAccount": None}})) as (client, _):
            self.assertIsNone(client().actions.get_connected_account("ann"))
        with server(response({"data": {}})) as (client, _), self.assertRaises(RequestError):
            client().actions.get_connected_account("ann")

    def test_a_redirect_is_an_error_that_names_where_it_leads_and_is_not_followed(self):
        for status in (301, 302, 303, 307, 308):
            for body in (b"", {"data": {"connectedAccount": ACCOUNT}}, {"errors": [{"message": "moved"}]}):
                with server(FOUND) as (target, reached):
                    moved = target()._endpoint.replace("/graphql", "/moved")
                    redirect = response(body, status, [f"location: {moved}?token=secret#top"])
                    with server(redirect) as (client, received), self.subTest(status=status, body=body):
                        with self.assertRaises(RequestError) as raised:
                            client().actions.get_connected_account("ann")
                        message = str(raised.exception)
                        self.assertEqual(raised.exception.status, status)
                        self.assertIn(f"{client()._endpoint} redirects to {moved}. Set url to an address", message)
                        self.assertNotIn("secret", message)
                        # It would get the API key.
                        self.assertEqual(reached, [])
                        self.assertEqual(len(received), 1)

    def test_a_redirect_without_a_target_is_an_error_too(self):
        for redirect in (response(b"", 302), response(b"", 302, length=9)):
            with server(redirect) as (client, _), self.assertRaises(RequestError) as raised:
                client(max_retries=0).actions.get_connected_account("ann")
            self.assertIn("redirects to another address", str(raised.exception))

    def test_the_status_of_a_failure_whose_body_breaks_off_is_known(self):
        with server(response(b"Bad", status=502, length=1000)) as (client, received):
            with self.assertRaises(RequestError) as raised:
                client(max_retries=0).actions.get_connected_account("ann")
        self.assertEqual(raised.exception.status, 502)

    def test_a_result_that_breaks_off_is_a_failure_of_the_connection(self):
        with server(response(b'{"data"', length=1000)) as (client, _), self.assertRaises(ConnectionFailed):
            client(max_retries=0).actions.get_connected_account("ann")

    def test_a_body_that_stalls_ends_with_the_timeout(self):
        def stall(connection, ended):
            connection.sendall(response(b"Bad", status=502, length=1000))
            ended.wait()

        with server(stall) as (client, _), self.assertRaises(ValetkeyError):
            client(timeout=0.3).actions.get_connected_account("ann")

    def test_the_timeout_limits_the_whole_call(self):
        def drip(connection, ended):
            connection.sendall(response(b"", length=1_000_000))
            while not ended.wait(0.05):
                connection.sendall(b" ")

        def drip_headers(connection, ended):
            connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
            while not ended.wait(0.05):
                connection.sendall(b"x")

        for answer in (drip, drip_headers):
            with server(answer) as (client, received), self.assertRaises(ConnectionFailed):
                client(timeout=0.5).actions.get_connected_account("ann")
            self.assertEqual(len(received), 1)


class Settings(unittest.TestCase):
    def test_a_timeout_that_is_no_time_is_refused(self):
        for timeout in (float("inf"), float("nan"), -1, 0, "75", None, True):
            with self.subTest(timeout=timeout), self.assertRaises(ValueError):
                ValetkeyClient("http://localhost", "vk_key", timeout=timeout)

    def test_a_key_that_no_header_holds_is_refused_without_being_shown(self):
        for key in ("vk_sec\nret", "vk_secr\u00e9t", "vk_secr\u4e16", "vk sec"):
            with self.subTest(key=key), self.assertRaises(ValueError) as raised:
                ValetkeyClient("http://localhost", key)
            self.assertNotIn("vk", str(raised.exception).replace("VALETKEY", ""))

    def test_a_url_that_cannot_be_reached_is_a_failure_of_the_connection(self):
        for url in ("http://", "http://a b", "http://localhost:x", "http://\u00ff.\u00ff" + "a" * 70):
            with self.subTest(url=url), self.assertRaises((ValueError, ConnectionFailed)):
                ValetkeyClient(url, "vk_key", max_retries=0).actions.get_connected_account("ann")


class RetryAfter(unittest.TestCase):
    THROTTLED = {"errors": [{"message": "Too many requests.", "extensions": {"code": "THROTTLED"}}]}

    def setUp(self):
        self.slept = []
        self.sleep = time.sleep
        time.sleep = self.slept.append

    def tearDown(self):
        time.sleep = self.sleep

    def test_a_throttled_call_waits_as_long_as_the_server_asks(self):
        throttled = response(self.THROTTLED, 429, ["retry-after: 7"])
        with server(throttled, FOUND) as (client, received):
            client().actions.get_connected_account("ann")
        self.assertEqual(len(received), 2)
        self.assertGreaterEqual(self.slept[0], 7)
        self.assertLess(self.slept[0], 8)

    def test_a_wait_that_the_timeout_does_not_permit_is_left_to_the_caller(self):
        throttled = response(self.THROTTLED, 429, ["retry-after: 3600"])
        with server(throttled) as (client, received), self.assertRaises(RequestError) as raised:
            client().actions.get_connected_account("ann")
        self.assertEqual(raised.exception.retry_after, 3600)
        self.assertEqual((len(received), self.slept), (1, []))

    def test_a_date_counts_from_the_date_of_the_answer(self):
        dates = (
            ("Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:52 GMT"),
            ("Friday, 31-Dec-99 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:52 GMT"),
            ("Fri Dec 31 23:59:59 1999", "Fri Dec 31 23:59:52 1999"),
            (email.utils.formatdate(time.time() + 7.99, usegmt=True), None),
            (email.utils.formatdate(time.time() + 7.99, usegmt=True), "soon"),
        )
        for until, date in dates:
            headers = [f"retry-after: {until}"] + ([] if date is None else [f"date: {date}"])
            self.slept.clear()
            with self.subTest(until=until, date=date):
                with server(response(self.THROTTLED, 429, headers), FOUND) as (client, received):
                    client().actions.get_connected_account("ann")
                self.assertEqual(len(received), 2)
                self.assertGreater(self.slept[0], 5)
                self.assertLess(self.slept[0], 9)

    def test_a_date_that_the_timeout_does_not_permit_is_left_to_the_caller(self):
        headers = ["retry-after: Sat, 01 Jan 2000 00:59:59 GMT", "date: Fri, 31 Dec 1999 23:59:59 GMT"]
        with server(response(self.THROTTLED, 429, headers)) as (client, received):
            with self.assertRaises(RequestError) as raised:
                client().actions.get_connected_account("ann")
        self.assertEqual(raised.exception.retry_after, 3600)
        self.assertEqual((len(received), self.slept), (1, []))

    def test_a_value_that_is_no_time_is_ignored(self):
        past = "Fri, 31 Dec 1999 23:59:59 GMT"
        for value in ("soon", "-1", "nan", "inf", "", past, "Fri, 99 Dec 9999999 99:99:99 GMT", "1 2 3 4 5 6 7"):
            throttled = response(self.THROTTLED, 429, [f"retry-after: {value}"])
            with server(throttled, FOUND) as (client, received):
                client().actions.get_connected_account("ann")
            self.assertEqual(len(received), 2, value)


class Repeats(unittest.TestCase):
    PAYLOAD = {"__typename": "ExecuteToolPayload", "data": {}, "execution": {"id": "e"}}

    def test_a_call_without_a_key_is_not_repeated_after_a_failure_that_may_have_written(self):
        done = response({"data": {"executeTool": self.PAYLOAD}})
        for failure in (response(b"", status=502), response(b"", length=9)):
            with server(failure, done) as (client, received), self.assertRaises(ValetkeyError):
                client().actions.execute_tool("notion_page_create", "ann", {}, generate_key=False)
            self.assertEqual(len(received), 1)
            self.assertNotIn("idempotencyKey", received[0]["variables"]["input"])
            with server(failure, done) as (client, received):
                client().actions.execute_tool("notion_page_create", "ann", {})
            first, second = (each["variables"]["input"]["idempotencyKey"] for each in received)
            self.assertEqual(first, second)


class Errors(unittest.TestCase):
    BASE = {"message": "m", "hint": "", "retryable": False, "retryAfterMs": None, "userAction": None}

    def error_of(self, **fields):
        with server(response({"data": {"executeTool": {**self.BASE, **fields}}})) as (client, _):
            with self.assertRaises(ToolError) as raised:
                client().actions.execute_tool("notion_data_fetch", "ann", {})
        return raised.exception

    def test_errors_have_the_fields_of_their_types(self):
        provider = self.error_of(__typename="ProviderError", httpStatus=409, code="conflict_error", requestId="r")
        self.assertEqual((provider.http_status, provider.code, provider.request_id), (409, "conflict_error", "r"))
        unknown = self.error_of(__typename="OutcomeUnknownError", committedIds=["p1"])
        self.assertEqual(unknown.committed_ids, ["p1"])
        kind = self.error_of(__typename="WrongResourceTypeError", resourceId="p1", expected="database", actual="page")
        self.assertEqual((kind.resource_id, kind.expected, kind.actual), ("p1", "database", "page"))

    def test_fields_of_other_types_are_none_or_empty(self):
        error = self.error_of(__typename="RateLimitedError")
        lists = (error.committed_ids, error.suggestions, error.choices, error.connection_names)
        self.assertEqual(lists, ([], [], [], []))
        for name in "status status_reason http_status code request_id capability scope policy approval_url".split():
            self.assertIsNone(getattr(error, name), name)


class LangChain(unittest.TestCase):
    TOOL = {
        "name": "notion_page_create",
        "description": "Creates a page.",
        "inputSchema": {"type": "object", "properties": {"title": {"type": "string"}}},
        "readOnly": False,
        "destructive": False,
        "requiresApproval": False,
    }
    DONE = response({"data": {"executeTool": {"__typename": "ExecuteToolPayload", "data": "x", "execution": {"id": "e"}}}})

    def keys_of(self, *calls, answer=DONE, **options):
        """Runs the calls with tools that are loaded for each, as after a crash. Returns their idempotency keys."""
        keys = []
        for call in calls:
            with server(response({"data": {"tools": [{**self.TOOL, **options}]}}), answer) as (client, received):
                more = {name: call[name] for name in ("conversation",) if name in call}
                tool = get_tools("ann", client=client(), **more)[0]
                if call.get("wait"):
                    asyncio.run(tool.ainvoke(self.tool_call(call)))
                else:
                    tool.invoke(self.tool_call(call))
            keys.append(received[-1]["variables"]["input"].get("idempotencyKey"))
        return keys

    def tool_call(self, call):
        args = {"title": call.get("title", "A")}
        return {"type": "tool_call", "name": self.TOOL["name"], "id": call["id"], "args": args} if call.get("id") else args

    def test_a_call_that_a_graph_runs_again_has_the_same_key(self):
        first, again, asynchronous = self.keys_of({"id": "call_1"}, {"id": "call_1"}, {"id": "call_1", "wait": True})
        self.assertEqual((first, first), (again, asynchronous))
        self.assertTrue(first.startswith("call_1:notion_page_create:"), first)

    def test_other_calls_have_other_keys(self):
        calls = [{"id": "a"}, {"id": "b"}, {"id": "a", "title": "B"}, {"id": "a", "conversation": "c"}, {}, {}]
        self.assertEqual(len(set(self.keys_of(*calls))), 6)

    def test_an_id_of_any_characters_has_a_key_that_the_server_accepts(self):
        for each in ("é" * 600, "x" * 600, "\n \ud800"):
            self.assertRegex(self.keys_of({"id": each})[0], r"^[!-~]{1,255}$")

    def test_a_call_that_needs_an_approval_has_no_key(self):
        self.assertEqual(self.keys_of({"id": "a"}, requiresApproval=True), [None])

    def test_an_input_that_is_refused_as_a_whole_is_text_for_the_model(self):
        with server(response({"data": {"tools": [self.TOOL]}}), response(b"", status=413)) as (client, _):
            self.assertIn("Error: ", get_tools("ann", client=client())[0].invoke(self.tool_call({"id": "a"})))


class Waiting(unittest.TestCase):
    def test_a_restart_of_the_server_does_not_end_a_wait(self):
        pending = response({"data": {"connectedAccount": {**ACCOUNT, "status": "PENDING"}}})
        failures = [response(b"", status=status) for status in (500, 502, 503, 504, 520, 429)]
        broken = response(b"", length=9)
        with server(pending, *failures, broken, FOUND) as (client, received):
            account = client(max_retries=0).actions.wait_until_active("ann", timeout=60, poll=0.01)
        self.assertEqual((account.status, len(received)), ("ACTIVE", 9))

    def test_a_refusal_ends_a_wait(self):
        refused = response({"errors": [{"message": "No.", "extensions": {"code": "UNAUTHENTICATED"}}]}, 401)
        with server(refused) as (client, received), self.assertRaises(RequestError):
            client().actions.wait_until_active("ann", timeout=60)
        self.assertEqual(len(received), 1)

    def test_a_wait_goes_on_while_the_database_of_the_server_fails_over(self):
        for code, status in (("INTERNAL_SERVER_ERROR", 200), ("INTERNAL_SERVER_ERROR", 500), ("SERVICE_UNAVAILABLE", 503)):
            failure = response({"errors": [{"message": "m", "extensions": {"code": code}}]}, status=status)
            with server(failure, failure, failure, FOUND) as (client, received):
                self.assertEqual(client(max_retries=0).actions.wait_until_active("ann", poll=0).status, "ACTIVE")
            self.assertEqual(len(received), 4)

    def test_a_wait_looks_once_more_at_its_deadline(self):
        pending = response({"data": {"connectedAccount": None}})
        with server(pending, FOUND) as (client, received):
            account = client().actions.wait_until_active("ann", timeout=0.3, poll=3600)
        self.assertEqual((account.status, len(received)), ("ACTIVE", 2))
        for answer in (pending, response(b"", status=503)):
            with server(answer) as (client, _), self.assertRaises(TimeoutError):
                client(max_retries=0).actions.wait_until_active("ann", timeout=0.3, poll=3600)


class Links(unittest.TestCase):
    INACTIVE = {
        "__typename": "AccountNotActiveError",
        "message": "Not ACTIVE.",
        "hint": "",
        "retryable": False,
        "userAction": "REAUTHORIZE",
    }

    def test_an_account_that_waits_for_the_application_raises_the_error_of_the_tool(self):
        waiting = {**self.INACTIVE, "userAction": None, "status": "PENDING_CONFIRMATION", "statusReason": "CONSENTED"}
        with server(response({"data": {"executeTool": waiting}})) as (client, received):
            with self.assertRaises(ToolError) as raised:
                client().actions.execute_tool("notion_data_fetch", "ann", {})
        error = raised.exception
        self.assertEqual((error.status, error.status_reason, len(received)), ("PENDING_CONFIRMATION", "CONSENTED", 1))

    def test_an_action_at_another_place_than_the_link_raises_the_error_of_the_tool(self):
        shared = {**self.INACTIVE, "userAction": "SHARE_RESOURCE"}
        with server(response({"data": {"executeTool": shared}})) as (client, received):
            with self.assertRaises(ToolError):
                client().actions.execute_tool("notion_data_fetch", "ann", {})
        self.assertEqual(len(received), 1)

    def test_a_key_that_may_not_make_links_raises_the_error_of_the_tool(self):
        inactive = response({"data": {"executeTool": self.INACTIVE}})
        forbidden = response({"data": None, "errors": [{"message": "No.", "extensions": {"code": "FORBIDDEN"}}]})
        with server(inactive, forbidden) as (client, _), self.assertRaises(ToolError) as raised:
            client().actions.execute_tool("notion_data_fetch", "ann", {})
        self.assertEqual(raised.exception.type, "AccountNotActiveError")

    def test_a_key_that_may_make_links_raises_one(self):
        inactive = response({"data": {"executeTool": self.INACTIVE}})
        link = {"__typename": "AuthorizePayload", "link": "https://link", "expiresAt": "2030-01-01T00:00:00Z"}
        with server(inactive, response({"data": {"authorize": link}})) as (client, _):
            with self.assertRaises(AuthorizationRequired) as raised:
                client().actions.execute_tool("notion_data_fetch", "ann", {})
        self.assertEqual(raised.exception.link, "https://link")

    def test_expected_resources_are_sent_in_the_names_of_the_api(self):
        link = {"__typename": "AuthorizePayload", "link": "https://link", "expiresAt": "2030-01-01T00:00:00Z"}
        resources = [{"name": "Roadmap", "resource_id": "r1", "reason": "Plans."}, {"name": "Tasks", "resourceId": "r2"}]
        with server(response({"data": {"authorize": link}})) as (client, received):
            client().actions.get_authorization_link("ann", expected_resources=resources)
        self.assertEqual(
            received[0]["variables"]["input"]["expectedResources"],
            [{"name": "Roadmap", "resourceId": "r1", "reason": "Plans."}, {"name": "Tasks", "resourceId": "r2"}],
        )

    def test_a_confirmation_returns_where_the_browser_goes(self):
        payload = {"__typename": "ConfirmAuthorizationPayload", "connectedAccount": ACCOUNT, "returnUrl": "https://back"}
        with server(response({"data": {"confirmAuthorization": payload}})) as (client, received):
            confirmed = client().actions.confirm_authorization("flow", "ann")
        self.assertEqual((confirmed.return_url, confirmed.connected_account.status), ("https://back", "ACTIVE"))
        self.assertIn("returnUrl", received[0]["query"])


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv[:1], exit=False).result
    failed = [f"{test}\n{trace}" for test, trace in result.failures + result.errors]
    print(json.dumps({"failed": failed, "successful": result.wasSuccessful() and result.testsRun > 0}))
