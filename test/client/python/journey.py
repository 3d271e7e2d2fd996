"""Runs the operations of the product page with the Python client. Prints one JSON object."""

import json
import os
import sys

from valetkey import (
    AuthorizationRequired,
    ConnectionFailed,
    OperationError,
    RequestError,
    ToolError,
    ValetkeyClient,
)

actions = ValetkeyClient().actions
seen = {}

response = actions.get_or_create_connected_account(connection_name="notion", identifier="user_notion_456")
connected_account = response.connected_account
seen["status"] = connected_account.status

new = actions.get_or_create_connected_account(connection_name="notion", identifier="new_user").connected_account
if new.status != "ACTIVE":
    seen["link"] = actions.get_authorization_link(connection_name="notion", identifier="new_user").link

result = actions.execute_tool(
    identifier="user_notion_456",
    tool_name="notion_data_fetch",
    tool_input={"query": "Q3 roadmap", "page_size": 10},
)
seen["found"] = len(result.data["results"])

result = actions.execute_tool(
    identifier="user_notion_456",
    tool_name="notion_database_query",
    tool_input={
        "database_id": "2561ab6c-418b-8072-beec-c4779fa811cf",
        "page_size": 50,
        "sorts": [{"property": "Due Date", "direction": "ascending"}],
    },
)
seen["rows"] = len(result.data["results"])

result = actions.execute_tool(
    identifier="user_notion_456",
    tool_name="notion_database_insert_row",
    tool_input={
        "database_id": "2561ab6c-418b-8072-beec-c4779fa811cf",
        "properties": {
            "title": {"title": [{"text": {"content": "Q3 Roadmap Review"}}]},
            "Status": {"select": {"name": "Not Started"}},
            "Due Date": {"date": {"start": "2026-07-15"}},
            "Priority": {"select": {"name": "High"}},
        },
    },
)
seen["row"] = result.data["object"]

result = actions.execute_tool(
    identifier="user_notion_456",
    tool_name="notion_page_create",
    tool_input={
        "parent_page_id": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
        "properties": {"title": {"title": [{"text": {"content": "Meeting Notes — 2026-07-01"}}]}},
        "child_blocks": [
            {
                "object": "block",
                "type": "paragraph",
                "paragraph": {
                    "rich_text": [{"type": "text", "text": {"content": "Action items from today's sync."}}]
                },
            }
        ],
    },
    idempotency_key="once",
)
seen["page"] = result.data["object"]
seen["execution"] = result.execution_id != ""


def error_of(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001
        return error
    return None


required = error_of(lambda: actions.execute_tool("notion_data_fetch", "new_user", {"query": ""}))
assert isinstance(required, AuthorizationRequired), required
seen["required"] = required.link
wrong = error_of(lambda: actions.execute_tool("notion_page_create", "user_notion_456", {"titel": "x"}))
assert isinstance(wrong, ToolError) and wrong.type == "InvalidToolInputError" and wrong.issues, wrong
assert "titel" in wrong.for_model()
empty = error_of(lambda: actions.get_or_create_connected_account(""))
assert isinstance(empty, OperationError) and empty.issues[0]["path"] == "identifier", empty
refused = error_of(lambda: ValetkeyClient(api_key="wrong").actions.list_tools())
assert isinstance(refused, RequestError) and refused.code == "UNAUTHENTICATED" and refused.status == 401, refused
down = error_of(lambda: ValetkeyClient(url="http://127.0.0.1:1", max_retries=0).actions.list_tools())
assert isinstance(down, ConnectionFailed), down
late = error_of(lambda: actions.wait_until_active("new_user", timeout=0.05, poll=0.02))
assert isinstance(late, TimeoutError), late

labelled = actions.get_or_create_connected_account("labelled", metadata={"plan": "pro"}).connected_account
updated = actions.update_connected_account("labelled", {"plan": "free", "seats": 3}).connected_account
seen["metadata"] = [labelled.metadata, updated.metadata]
seen["labelled"] = [
    account.identifier for account in actions.list_connected_accounts(metadata={"seats": 3}, identifier_prefix="lab")
]
actions.delete_connected_account("labelled")
seen["accounts"] = sorted(account.identifier for account in actions.list_connected_accounts())
assert actions.disconnect_connected_account("new_user").connected_account.status == "DISCONNECTED"
actions.delete_connected_account("new_user")
actions.delete_connected_account("new_user")
assert actions.get_connected_account("new_user") is None

# LangChain is not a dependency: a stand-in records what its tools are made from.
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "stand_ins"))
from valetkey.langchain import get_tools  # noqa: E402

notion_tools = get_tools(connection_name="notion", identifier="user_notion_456")
search = next(tool for tool in notion_tools if tool.name == "notion_data_fetch")
assert search.args_schema["type"] == "object" and search.description
seen["tools"] = len(notion_tools)
seen["langchain"] = isinstance(search.func(query="Q3 roadmap"), str)
assert search.func(qery="x").startswith("Error: ")

print(json.dumps(seen))
