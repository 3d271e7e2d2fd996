"""Tools for LangChain. Needs ``langchain-core``."""

from __future__ import annotations

import json
from typing import Any, Optional, Sequence

from langchain_core.tools import BaseTool, StructuredTool

from . import RequestError, Tool, ToolError, ValetkeyClient


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

    def bound(tool: Tool) -> Any:
        def call(**tool_input: Any) -> str:
            try:
                result = actions.execute_tool(
                    tool_name=tool.name,
                    identifier=identifier,
                    tool_input=tool_input,
                    connection_name=connection_name,
                    output_format=output_format,
                    # A model repeats a call after its approval by the input alone, under which the server finds it.
                    generate_key=not tool.requires_approval,
                )
            except ToolError as error:
                return error.for_model()
            except RequestError as error:
                if error.code != "BAD_USER_INPUT":
                    raise
                return f"Error: {error}"
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
