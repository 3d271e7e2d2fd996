"""Tools for LangChain. Needs ``langchain-core``."""

from __future__ import annotations

import json
from typing import Any, Optional, Sequence

from langchain_core.tools import BaseTool, StructuredTool

from . import RequestError, Tool, ToolError, ValetkeyClient

#: Calls that wait for an approval and are remembered. The server has fewer for each account.
_MAX_WAITING = 100


def get_tools(
    identifier: str,
    connection_name: str = "notion",
    client: Optional[ValetkeyClient] = None,
    names: Optional[Sequence[str]] = None,
    all_tools: bool = False,
    output_format: str = "MARKDOWN",
) -> list[BaseTool]:
    """Loads a user's tools. Errors become text for the model; AuthorizationRequired (with a link for the user) is raised."""
    actions = (client or ValetkeyClient()).actions
    # The keys of calls that need an approval since the tools were loaded: the model repeats them by the input alone.
    waiting: dict[str, str] = {}

    def bound(tool: Tool) -> Any:
        def call(**tool_input: Any) -> str:
            same = json.dumps([tool.name, tool_input], sort_keys=True, default=str)
            try:
                result = actions.execute_tool(
                    tool_name=tool.name,
                    identifier=identifier,
                    tool_input=tool_input,
                    connection_name=connection_name,
                    output_format=output_format,
                    idempotency_key=waiting.get(same),
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
        StructuredTool.from_function(
            func=bound(tool),
            name=tool.name,
            description=tool.description,
            args_schema=dict(tool.input_schema),
        )
        for tool in actions.list_tools(connection_name=connection_name, names=names, all_tools=all_tools)
    ]
