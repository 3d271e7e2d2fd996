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
