"""Tools for LangChain. Needs ``langchain-core``."""

from __future__ import annotations

import hashlib
import json
import re
from contextvars import ContextVar
from typing import Any, Optional, Sequence

from langchain_core.tools import BaseTool, StructuredTool

from . import RequestError, Tool, ToolError, ValetkeyClient

#: Calls that wait for an approval and are remembered. The server has fewer for each account.
_MAX_WAITING = 100
#: The ID of the model's tool call that runs. LangChain injects no ID into the arguments of tools with a JSON Schema.
_call_id: ContextVar[Optional[str]] = ContextVar("valetkey_call_id", default=None)


class _IdentifiedTool(StructuredTool):
    """A tool whose function reads the ID of the call. Without one, ``_call_id`` is None."""

    def run(self, *args: Any, **kwargs: Any) -> Any:
        token = _call_id.set(kwargs.get("tool_call_id"))
        try:
            return super().run(*args, **kwargs)
        finally:
            _call_id.reset(token)

    async def arun(self, *args: Any, **kwargs: Any) -> Any:
        token = _call_id.set(kwargs.get("tool_call_id"))
        try:
            return await super().arun(*args, **kwargs)
        finally:
            _call_id.reset(token)


def get_tools(
    identifier: str,
    connection_name: str = "notion",
    client: Optional[ValetkeyClient] = None,
    names: Optional[Sequence[str]] = None,
    all_tools: bool = False,
    output_format: str = "MARKDOWN",
    conversation: str = "",
) -> list[BaseTool]:
    """Loads a user's tools. Errors become text for the model; AuthorizationRequired (with a link for the user) is raised.

    A write under the ID of a tool call, with the same name and input, happens once, also when a graph runs the call again.
    ``conversation`` is your ID of the conversation, as a part of all idempotency keys. It is required where the provider's
    IDs of tool calls repeat between conversations: they must otherwise be unique for the account within 24 hours.
    """
    actions = (client or ValetkeyClient()).actions
    # The keys of calls that need an approval since the tools were loaded: the model repeats them by the input alone.
    waiting: dict[str, str] = {}

    def bound(tool: Tool) -> Any:
        def call(**tool_input: Any) -> str:
            same = json.dumps([tool.name, tool_input], sort_keys=True, default=str)
            identified = _key_of(_call_id.get(), conversation, tool.name, same)
            key = None if tool.requires_approval else waiting.get(same, identified)
            try:
                result = actions.execute_tool(
                    tool_name=tool.name,
                    identifier=identifier,
                    tool_input=tool_input,
                    connection_name=connection_name,
                    output_format=output_format,
                    idempotency_key=key,
                    # A model repeats a call after its approval by the input alone, under which the server finds it.
                    generate_key=not tool.requires_approval,
                )
            except ToolError as error:
                waiting.pop(same, None)
                if error.type == "ApprovalRequiredError" and error.idempotency_key is not None:
                    if len(waiting) >= _MAX_WAITING:
                        waiting.pop(next(iter(waiting)), None)
                    waiting[same] = error.idempotency_key
                return error.for_model()
            except RequestError as error:
                # What is not an input of a tool at all is refused as a whole.
                if error.code != "BAD_USER_INPUT" and error.status != 413:
                    raise
                return f"Error: {error}"
            waiting.pop(same, None)
            return result.data if isinstance(result.data, str) else json.dumps(result.data, ensure_ascii=False)

        return call

    return [
        _IdentifiedTool.from_function(
            func=bound(tool),
            name=tool.name,
            description=tool.description,
            args_schema=dict(tool.input_schema),
        )
        for tool in actions.list_tools(connection_name=connection_name, names=names, all_tools=all_tools)
    ]


def _key_of(call_id: Optional[str], conversation: str, name: str, same: str) -> Optional[str]:
    """Returns the idempotency key of a call; None without an ID. The server accepts the keys of IDs of any characters."""
    if not call_id:
        return None
    # The ID itself is for people who read the key; the hash is what differs.
    readable = re.sub(r"[^!-~]", "", call_id)[:100]
    digest = hashlib.sha256(json.dumps([conversation, call_id, same]).encode()).hexdigest()[:32]
    return f"{readable}:{name[:100]}:{digest}"
