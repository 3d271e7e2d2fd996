"""A client of a Valetkey server, on the standard library.

The names follow those that users of Scalekit's SDK know: ``actions.get_or_create_connected_account``,
``actions.get_authorization_link`` and ``actions.execute_tool``.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import json
import math
import os
import random
import re
import threading
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Optional, Sequence

__all__ = [
    "Actions",
    "AuthorizationLink",
    "AuthorizationRequired",
    "ConnectedAccount",
    "ConnectedAccountResponse",
    "ConnectionFailed",
    "OperationError",
    "RequestError",
    "Tool",
    "ToolError",
    "ToolResult",
    "ValetkeyClient",
    "ValetkeyError",
]

_ACCOUNT = """id connectionName identifier status statusReason needsReauthorization nextAction
  workspace { name iconUrl } metadata"""
_ERROR = "... on Error { message }"
_INPUT_ERROR = _ERROR + " ... on InvalidInputError { issues { path message } }"
_TOOL_ERROR = """... on ToolError { message hint retryable retryAfterMs userAction failedExecution: execution { id } }
  ... on InvalidToolInputError { issues { path message } }
  ... on ApprovalRequiredError { approvalId approvalUrl summary expiresAt }
  ... on AccountNotActiveError { status statusReason }
  ... on AmbiguousDataSourceError { choices { id name } }
  ... on MissingCapabilityError { capability }
  ... on MissingScopeError { scope }
  ... on OutcomeUnknownError { committedIds }
  ... on ProviderError { httpStatus: status code requestId }
  ... on ResourceNotFoundError { resourceId evidence }
  ... on ResourceNotSharedError { resourceId evidence }
  ... on ResourceUnavailableError { resourceId evidence }
  ... on ToolNotAllowedError { policy }
  ... on UnknownToolError { suggestions }
  ... on WrongConnectionError { connectionNames connector }
  ... on WrongResourceTypeError { resourceId expected actual }"""


class ValetkeyError(Exception):
    """Any failure that the client raises."""


class ConnectionFailed(ValetkeyError):
    """The server could not be reached, broke off, or did not answer in time."""


class RequestError(ValetkeyError):
    """The server refused the request as a whole, or its answer is not one of the API.

    ``code`` is such as ``UNAUTHENTICATED``; ``request_id`` is in the log of the server. ``retry_after`` is how many seconds the
    server asks to wait, or None.
    """

    def __init__(
        self,
        message: str,
        code: Optional[str],
        status: int,
        request_id: Optional[str],
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.code = code
        self.status = status
        self.request_id = request_id


class OperationError(ValetkeyError):
    """An error that an operation returned. ``type`` is the name of its GraphQL type."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields["message"])
        self.message: str = fields["message"]
        self.type: str = fields["__typename"]
        #: Problems of an input: dictionaries with ``path`` and ``message``.
        self.issues: Sequence[Mapping[str, str]] = fields.get("issues") or []


class ToolError(OperationError):
    """An error of a tool call."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        #: Instruction for a model.
        self.hint: str = fields.get("hint") or ""
        #: Whether the same call may work later without any other change.
        self.retryable: bool = bool(fields.get("retryable"))
        self.retry_after_ms: Optional[int] = fields.get("retryAfterMs")
        #: ``ENABLE_CAPABILITY``, ``REAUTHORIZE``, ``SHARE_RESOURCE`` or None.
        self.user_action: Optional[str] = fields.get("userAction")
        self.execution_id: Optional[str] = (fields.get("failedExecution") or {}).get("id")
        #: Of an ApprovalRequiredError: the ID of the call that waits, what it would do, and when it expires (ISO 8601).
        self.approval_id: Optional[str] = fields.get("approvalId")
        self.summary: Optional[str] = fields.get("summary")
        self.expires_at: Optional[str] = fields.get("expiresAt")
        #: A page on which the user of the account decides, if your application calls confirmApprover.
        self.approval_url: Optional[str] = fields.get("approvalUrl")
        #: Of a ToolNotAllowedError: the setting that decides, or ``approval``.
        self.policy: Optional[str] = fields.get("policy")
        #: Of an OutcomeUnknownError: the IDs that the provider reported as written.
        self.committed_ids: Sequence[str] = fields.get("committedIds") or []
        #: Of a ProviderError: the HTTP status of its answer, its own code, and its ID of the request.
        self.http_status: Optional[int] = fields.get("httpStatus")
        self.code: Optional[str] = fields.get("code")
        self.request_id: Optional[str] = fields.get("requestId")
        #: Of an AccountNotActiveError: those of the account.
        self.status: Optional[str] = fields.get("status")
        self.status_reason: Optional[str] = fields.get("statusReason")
        #: Of an UnknownToolError: names of tools that may be meant.
        self.suggestions: Sequence[str] = fields.get("suggestions") or []
        #: Of an AmbiguousDataSourceError: dictionaries with ``id`` (pass it as ``data_source``) and ``name``.
        self.choices: Sequence[Mapping[str, str]] = fields.get("choices") or []
        #: Of a MissingCapabilityError and a MissingScopeError: what is missing.
        self.capability: Optional[str] = fields.get("capability")
        self.scope: Optional[str] = fields.get("scope")
        #: Of errors about a page or another object: its ID, what speaks for the error, and the kinds expected and found.
        self.resource_id: Optional[str] = fields.get("resourceId")
        self.evidence: Optional[str] = fields.get("evidence")
        self.expected: Optional[str] = fields.get("expected")
        self.actual: Optional[str] = fields.get("actual")
        #: Of a WrongConnectionError: the connections that the tool works with, and its connector.
        self.connection_names: Sequence[str] = fields.get("connectionNames") or []
        self.connector: Optional[str] = fields.get("connector")
        #: The key under which the call was sent; None without one. After an approval, repeat the call with it.
        self.idempotency_key: Optional[str] = None

    def for_model(self) -> str:
        """The error as a text that a model can act on."""
        issues = "".join(f"\n- {issue['path']}: {issue['message']}" for issue in self.issues)
        return f"Error: {self.message}{issues}\n{self.hint}".rstrip()


class AuthorizationRequired(ValetkeyError):
    """A user must act before the account works: send them to ``link``."""

    def __init__(self, message: str, identifier: str, link: str) -> None:
        super().__init__(message)
        self.identifier = identifier
        self.link = link


@dataclass(frozen=True)
class ConnectedAccount:
    """A user's account at a provider. ``status`` is ACTIVE when tools can be called."""

    id: str
    connection_name: str
    identifier: str
    status: str
    status_reason: str
    needs_reauthorization: bool
    next_action: Optional[str]
    workspace_name: Optional[str]
    metadata: Mapping[str, Any]

    @staticmethod
    def _of(fields: Mapping[str, Any]) -> "ConnectedAccount":
        return ConnectedAccount(
            id=fields["id"],
            connection_name=fields["connectionName"],
            identifier=fields["identifier"],
            status=fields["status"],
            status_reason=fields["statusReason"],
            needs_reauthorization=fields["needsReauthorization"],
            next_action=fields["nextAction"],
            workspace_name=(fields["workspace"] or {}).get("name"),
            metadata=fields["metadata"],
        )


@dataclass(frozen=True)
class ConnectedAccountResponse:
    """``return_url`` is set by a confirmation: send the browser there. None without a ``return_url`` of the link."""

    connected_account: ConnectedAccount
    return_url: Optional[str] = None


@dataclass(frozen=True)
class AuthorizationLink:
    """``expires_at`` is in ISO 8601."""

    link: str
    expires_at: str


@dataclass(frozen=True)
class ToolResult:
    """``data`` is the provider's own JSON, or a text in the format MARKDOWN."""

    data: Any
    execution_id: str


@dataclass(frozen=True)
class Tool:
    """A tool as a model is offered it. ``input_schema`` is JSON Schema."""

    name: str
    description: str
    input_schema: Mapping[str, Any]
    read_only: bool
    destructive: bool
    #: Whether each call needs the approval of a person.
    requires_approval: bool = False


class ValetkeyClient:
    """A client of the server at ``url``. Without arguments: ``VALETKEY_URL`` and ``VALETKEY_API_KEY``.

    ``timeout`` is in seconds, and limits a call with its repetitions. Requests that only read or have no second effect are
    repeated up to ``max_retries`` times after a failure of the connection; tool calls under the same idempotency key. Raises
    ValueError for settings that are not valid.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        api_key: Optional[str] = None,
        timeout: float = 75,
        max_retries: int = 2,
    ) -> None:
        address = (url or os.environ.get("VALETKEY_URL") or "").rstrip("/")
        if not address.startswith(("http://", "https://")):
            raise ValueError("Pass the server's url, or set VALETKEY_URL.")
        self._endpoint = address if address.endswith("/graphql") else f"{address}/graphql"
        self._api_key = api_key or os.environ.get("VALETKEY_API_KEY") or ""
        if self._api_key == "":
            raise ValueError("Pass an api_key, or set VALETKEY_API_KEY.")
        # Headers hold no other characters. The message must not contain the key.
        if re.fullmatch(r"[\x21-\x7e]+", self._api_key) is None:
            raise ValueError("The api_key must consist of ASCII characters without spaces.")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < math.inf:
            raise ValueError("The timeout must be a number of seconds greater than 0.")
        self._timeout = min(timeout, _MAX_SECONDS)
        self._max_retries = max_retries
        self.actions = Actions(self)

    def graphql(self, document: str, variables: Optional[Mapping[str, Any]] = None, repeatable: bool = False) -> Any:
        """Sends a GraphQL document and returns its ``data``. Raises RequestError or ConnectionFailed."""
        return self._request(document, variables or {}, repeatable, self._timeout)

    def _request(self, document: str, variables: Mapping[str, Any], repeatable: bool, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        attempt = 0
        while True:
            failure: ValetkeyError
            try:
                return self._send(document, variables, deadline, timeout)
            except RequestError as error:
                throttled = error.status == 429 or error.code == "THROTTLED"
                may_repeat = throttled or (repeatable and (error.status in (502, 503, 504) or error.code in _OUTAGES))
                pause = error.retry_after if error.retry_after is not None else 1.0 if throttled else 0.0
                failure = error
            except ConnectionFailed as error:
                may_repeat = repeatable
                pause = 0.0
                failure = error
            pause += random.random() * 0.2 * 2**attempt
            if not may_repeat or attempt >= self._max_retries or time.monotonic() + pause >= deadline:
                raise failure
            time.sleep(pause)
            attempt += 1

    def _send(self, document: str, variables: Mapping[str, Any], deadline: float, timeout: float) -> Any:
        request = urllib.request.Request(
            self._endpoint,
            data=json.dumps({"query": document, "variables": variables}).encode(),
            headers={
                "content-type": "application/json",
                "accept": "application/graphql-response+json, application/json",
                "authorization": f"Bearer {self._api_key}",
            },
        )
        status, headers, text = _exchange(request, deadline, timeout)
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        fields = answer if isinstance(answer, dict) else {}
        errors = fields.get("errors")
        data = fields.get("data")
        redirected = 300 <= status < 400
        if not redirected and not errors and isinstance(data, dict):
            return data
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        message = first.get("message")
        if redirected:
            # A query may have secrets.
            target = re.split(r"[?#]", headers.get("location") or "")[0] or "another address"
            message = f"{self._endpoint} redirects to {target}. Set url to an address that does not redirect."
        elif not isinstance(message, str):
            message = f"The server answered {status} without a GraphQL result."
        extensions = first.get("extensions")
        code = extensions.get("code") if isinstance(extensions, dict) else None
        retry_after = _seconds_of(headers)
        raise RequestError(message, code, status, headers.get("x-request-id"), retry_after)

    def _mutate(self, field: str, variables: Mapping[str, Any], payload: str, errors: str, repeatable: bool) -> Any:
        name = field[0].upper() + field[1:]
        document = f"""mutation {name}($input: {name}Input!) {{
          {field}(input: $input) {{ __typename ... on {name}Payload {{ {payload} }} {errors} }}
        }}"""
        data = self.graphql(document, {"input": variables}, repeatable)
        with _expected_fields():
            outcome = data[field]
            if outcome["__typename"] == f"{name}Payload":
                return outcome
            error = ToolError(outcome) if "hint" in outcome else OperationError(outcome)
        raise error


#: The codes of answers while the database of the server fails over.
_OUTAGES = ("INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE")
#: How long the request at the end of a wait may take.
_LAST_LOOK_SECONDS = 5.0
#: What all sockets and threads accept as a timeout.
_MAX_SECONDS = 1_000_000.0


@contextlib.contextmanager
def _expected_fields() -> Iterator[None]:
    """Raises a RequestError for an answer that lacks what was selected, as that of a proxy or of another API."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        message = "The server answered 200 without the fields that were selected."
        raise RequestError(message, None, 200, None) from error


def _in_names_of_api(resource: Mapping[str, str]) -> Mapping[str, str]:
    return {"resourceId" if name == "resource_id" else name: value for name, value in resource.items()}


def _list(value: Any) -> Sequence[Any]:
    if isinstance(value, list):
        return value
    raise TypeError("not a list")


def _seconds_of(headers: Mapping[str, str]) -> Optional[float]:
    """Returns the value of the header Retry-After in seconds; None without, and for a date in the past.

    A date counts from the Date of the answer, so that the clock of this machine does not matter.
    """
    retry_after = headers.get("retry-after") or ""
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return float(retry_after)
    until = _time_of(retry_after)
    if until is None:
        return None
    answered = _time_of(headers.get("date") or "")
    seconds = until - (time.time() if answered is None else answered)
    return seconds if seconds >= 0 else None


def _time_of(date: str) -> Optional[float]:
    """Returns the Unix time of a date in a header; None for a string that is not one."""
    try:
        parts = email.utils.parsedate_tz(date)
        return None if parts is None else float(email.utils.mktime_tz(parts))
    except (IndexError, OverflowError, TypeError, ValueError):
        return None


def _exchange(request: urllib.request.Request, deadline: float, timeout: float) -> tuple[int, Mapping[str, str], bytes]:
    """Sends a request. Returns the status, headers and body. Raises ConnectionFailed, at the latest at the deadline.

    A thread of its own waits for the server: timeouts of sockets begin again with each byte.
    """
    ended = threading.Event()
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(_receive(request, deadline, ended))
        except Exception as error:  # Raised below, in the thread of the caller.
            outcome.append(error)

    thread = threading.Thread(target=work, name="valetkey", daemon=True)
    thread.start()
    thread.join(max(deadline - time.monotonic(), 0))
    ended.set()
    result = outcome[0] if outcome else TimeoutError(f"no answer within {timeout} s")
    # A ValueError is that of a URL that cannot be requested.
    if isinstance(result, (OSError, http.client.HTTPException, ValueError)):
        raise ConnectionFailed(f"The connection to the server failed: {result}") from result
    if isinstance(result, Exception):
        raise result
    return result


def _receive(
    request: urllib.request.Request, deadline: float, ended: threading.Event
) -> tuple[int, Mapping[str, str], bytes]:
    try:
        response = _opener.open(request, timeout=max(deadline - time.monotonic(), 0.001))
    except urllib.error.HTTPError as error:
        response = error
    with response:
        status: int = response.status if response.status is not None else 0
        parts: list[bytes] = []
        received = 0
        claimed = response.headers.get("content-length")
        length = int(claimed) if claimed is not None and claimed.isdigit() else None
        try:
            while not ended.is_set() and (length is None or received < length):
                part = response.read1(65536)
                if not part:
                    break
                parts.append(part)
                received += len(part)
            if length is not None and received < length:
                raise http.client.IncompleteRead(b"", length - received)
        except (OSError, http.client.HTTPException):
            # The status of a failure is known, whatever its body was.
            if status < 300:
                raise
        return status, response.headers, b"".join(parts)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The API never redirects; a redirect must not receive the API key."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


class Actions:
    """The operations on the accounts of your users. ``connection_name`` is the name of your OAuth app."""

    def __init__(self, client: ValetkeyClient) -> None:
        self._client = client

    def get_or_create_connected_account(
        self, identifier: str, connection_name: str = "notion", metadata: Optional[Mapping[str, Any]] = None
    ) -> ConnectedAccountResponse:
        """Returns the user's account, created if it does not exist. Safe to call on every session start.

        ``metadata`` is stored if the call creates the account; that of an existing one does not change.
        """
        more = {} if metadata is None else {"metadata": metadata}
        return self._change("getOrCreateConnectedAccount", identifier, connection_name, _INPUT_ERROR, more)

    def update_connected_account(
        self, identifier: str, metadata: Mapping[str, Any], connection_name: str = "notion"
    ) -> ConnectedAccountResponse:
        """Replaces the metadata of the user's account as a whole."""
        more = {"metadata": metadata}
        return self._change("updateConnectedAccount", identifier, connection_name, _INPUT_ERROR, more)

    def get_connected_account(self, identifier: str, connection_name: str = "notion") -> Optional[ConnectedAccount]:
        """Returns the user's account, or None."""
        return self._find_account(identifier, connection_name, self._client._timeout)

    def _find_account(self, identifier: str, connection_name: str, timeout: float) -> Optional[ConnectedAccount]:
        document = f"""query Account($connectionName: String!, $identifier: String!) {{
          connectedAccount(connectionName: $connectionName, identifier: $identifier) {{ {_ACCOUNT} }}
        }}"""
        variables = {"connectionName": connection_name, "identifier": identifier}
        data = self._client._request(document, variables, True, timeout)
        with _expected_fields():
            account = data["connectedAccount"]
            return None if account is None else ConnectedAccount._of(account)

    def list_connected_accounts(
        self,
        connection_name: Optional[str] = None,
        status: Optional[Sequence[str]] = None,
        identifier: Optional[str] = None,
        identifier_prefix: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        workspace_id: Optional[str] = None,
        workspace_name: Optional[str] = None,
        owner_email: Optional[str] = None,
    ) -> Iterator[ConnectedAccount]:
        """Yields all accounts that match, newest first.

        ``metadata`` is what an account's metadata contains. ``workspace_name`` and ``owner_email`` are the start of these
        values, in upper or lower case.
        """
        document = f"""query Accounts($after: String, $filter: ConnectedAccountFilter) {{
          connectedAccounts(first: 100, after: $after, filter: $filter) {{
            nodes {{ {_ACCOUNT} }} pageInfo {{ hasNextPage endCursor }}
          }}
        }}"""
        wanted = {
            "connectionName": connection_name,
            "status": list(status) if status is not None else None,
            "identifier": identifier,
            "identifierPrefix": identifier_prefix,
            "metadata": metadata,
            "workspaceId": workspace_id,
            "workspaceName": workspace_name,
            "ownerEmail": owner_email,
        }
        filters = {name: value for name, value in wanted.items() if value is not None}
        after: Optional[str] = None
        while True:
            data = self._client.graphql(document, {"after": after, "filter": filters}, repeatable=True)
            with _expected_fields():
                page = data["connectedAccounts"]
                accounts = [ConnectedAccount._of(account) for account in _list(page["nodes"])]
                more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
            yield from accounts
            if not more:
                return

    def get_authorization_link(
        self,
        identifier: str,
        connection_name: str = "notion",
        return_url: Optional[str] = None,
        state: Optional[str] = None,
        allow_user_change: bool = False,
        expected_resources: Sequence[Mapping[str, str]] = (),
    ) -> AuthorizationLink:
        """Starts an authorization: send the user to ``link``.

        ``expected_resources`` are the pages and databases that the agent needs, with ``name``, and ``reason`` and ``resource_id``
        (or ``resourceId``) where they are known. They are shown to the user.
        """
        variables: dict[str, Any] = {
            "identifier": identifier,
            "connectionName": connection_name,
            "allowUserChange": allow_user_change,
            "expectedResources": [_in_names_of_api(resource) for resource in expected_resources],
        }
        if return_url is not None:
            variables["returnUrl"] = return_url
        if state is not None:
            variables["state"] = state
        answer = self._client._mutate("authorize", variables, "link expiresAt", _INPUT_ERROR, True)
        with _expected_fields():
            return AuthorizationLink(link=answer["link"], expires_at=answer["expiresAt"])

    def confirm_authorization(self, flow_id: str, identifier: str) -> ConnectedAccountResponse:
        """Confirms which user came back: the one that is signed in to your application, never a value of the URL."""
        variables = {"flowId": flow_id, "identifier": identifier}
        payload = f"connectedAccount {{ {_ACCOUNT} }} returnUrl"
        answer = self._client._mutate("confirmAuthorization", variables, payload, _ERROR, False)
        with _expected_fields():
            return ConnectedAccountResponse(ConnectedAccount._of(answer["connectedAccount"]), answer["returnUrl"])

    def wait_until_active(
        self, identifier: str, connection_name: str = "notion", timeout: float = 600, poll: float = 1
    ) -> ConnectedAccount:
        """Returns the account when it is ACTIVE. ``timeout`` and ``poll`` are in seconds. Raises TimeoutError.

        Goes on while the server restarts or is busy. Raises a RequestError when it refuses the request.
        """
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            pause = max(poll, 0.0)
            cause: Optional[ValetkeyError] = None
            try:
                within = min(max(left, _LAST_LOOK_SECONDS), self._client._timeout)
                account = self._find_account(identifier, connection_name, within)
                if account is not None and account.status == "ACTIVE":
                    return account
            except ConnectionFailed as error:
                cause = error
            except RequestError as error:
                busy = error.status == 429 or error.code == "THROTTLED"
                # Proxies answer with statuses and pages of their own while the server is away.
                if not busy and error.status < 500 and error.code not in _OUTAGES:
                    raise
                cause = error
                pause = max(pause, error.retry_after or 0.0)
            if left <= 0:
                raise TimeoutError(f"The account {identifier} did not become ACTIVE within {timeout} s.") from cause
            time.sleep(min(pause, max(deadline - time.monotonic(), 0.0)))

    def disconnect_connected_account(
        self, identifier: str, connection_name: str = "notion"
    ) -> ConnectedAccountResponse:
        """Revokes the access at the provider and erases the tokens."""
        return self._change("disconnectConnectedAccount", identifier, connection_name, _ERROR)

    def delete_connected_account(self, identifier: str, connection_name: str = "notion") -> None:
        """Disconnects the account and deletes it with its history. Does nothing if it does not exist."""
        variables = {"identifier": identifier, "connectionName": connection_name}
        try:
            self._client._mutate("deleteConnectedAccount", variables, "deletedId", _ERROR, True)
        except OperationError as error:
            if error.type != "AccountNotFoundError":
                raise

    def execute_tool(
        self,
        tool_name: str,
        identifier: str,
        tool_input: Mapping[str, Any],
        connection_name: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        output_format: str = "RAW",
        generate_key: bool = True,
    ) -> ToolResult:
        """Calls a tool. Raises ToolError, or AuthorizationRequired when the account needs its user and the API key may make links.

        ``idempotency_key`` makes a write happen once, also when you repeat the call. Without it a random one is used, or none
        if ``generate_key`` is False: the call is then not repeated after a failure of the connection.

        After the approval of a call that raised an ApprovalRequiredError, repeat it with the ``idempotency_key`` of the error.
        A call without a key is found by its input.
        """
        key = str(uuid.uuid4()) if idempotency_key is None and generate_key else idempotency_key
        variables: dict[str, Any] = {
            "toolName": tool_name,
            "identifier": identifier,
            "toolInput": tool_input,
            "outputFormat": output_format,
        }
        if key is not None:
            variables["idempotencyKey"] = key
        if connection_name is not None:
            variables["connectionName"] = connection_name
        try:
            repeatable = key is not None
            answer = self._client._mutate("executeTool", variables, "data execution { id }", _TOOL_ERROR, repeatable)
        except ToolError as error:
            error.idempotency_key = key
            # Others that are not active wait for the application or its operator: the provider cannot help.
            unconnected = error.type == "AccountNotActiveError" and error.user_action == "REAUTHORIZE"
            if not unconnected and error.type != "AccountNotFoundError":
                raise
            try:
                link = self.get_authorization_link(identifier, connection_name or tool_name.split("_", 1)[0]).link
            except RequestError as refused:
                # A key for tools alone may not make links: what it lacks is not why the call failed.
                if refused.code != "FORBIDDEN":
                    raise
                raise error from None
            raise AuthorizationRequired(f"{error.message} Send the user to {link}.", identifier, link) from error
        with _expected_fields():
            return ToolResult(data=answer["data"], execution_id=answer["execution"]["id"])

    def list_tools(
        self, connection_name: Optional[str] = None, names: Optional[Sequence[str]] = None, all_tools: bool = False
    ) -> Sequence[Tool]:
        """Lists the tools that an agent needs first, or all, or those with these names."""
        document = "query Tools($filter: ToolFilter) { tools(filter: $filter) { name description inputSchema readOnly destructive requiresApproval } }"
        filters: dict[str, Any] = {"set": "ALL" if all_tools else "DEFAULT"}
        if connection_name is not None:
            filters["connectionName"] = connection_name
        if names is not None:
            filters["names"] = list(names)
        data = self._client.graphql(document, {"filter": filters}, repeatable=True)
        with _expected_fields():
            return [
                Tool(
                    name=tool["name"],
                    description=tool["description"],
                    input_schema=tool["inputSchema"],
                    read_only=tool["readOnly"],
                    destructive=tool["destructive"],
                    requires_approval=tool["requiresApproval"],
                )
                for tool in _list(data["tools"])
            ]

    def _change(
        self,
        field: str,
        identifier: str,
        connection_name: str,
        errors: str,
        more: Optional[Mapping[str, Any]] = None,
    ) -> ConnectedAccountResponse:
        variables = {"identifier": identifier, "connectionName": connection_name, **(more or {})}
        answer = self._client._mutate(field, variables, f"connectedAccount {{ {_ACCOUNT} }}", errors, True)
        with _expected_fields():
            return ConnectedAccountResponse(ConnectedAccount._of(answer["connectedAccount"]))
