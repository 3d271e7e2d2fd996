import asyncio
from dataclasses import dataclass
from typing import Any, Callable


class BaseTool:
    pass


@dataclass
class StructuredTool(BaseTool):
    func: Callable[..., Any]
    name: str
    description: str
    args_schema: dict

    @classmethod
    def from_function(cls, func, name, description, args_schema):
        return cls(func, name, description, args_schema)

    def invoke(self, call):
        """Runs a tool call of a model, or a plain input."""
        if call.get("type") == "tool_call":
            return self.run(call["args"], tool_call_id=call["id"])
        return self.run(call, tool_call_id=None)

    async def ainvoke(self, call):
        return await self.arun(call["args"], tool_call_id=call["id"])

    def run(self, tool_input, tool_call_id=None):
        return self.func(**tool_input)

    async def arun(self, tool_input, tool_call_id=None):
        return await asyncio.to_thread(self.func, **tool_input)
