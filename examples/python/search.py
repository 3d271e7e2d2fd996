"""Searches a user's Notion. Needs VALETKEY_URL and VALETKEY_API_KEY."""

import sys

from valetkey import AuthorizationRequired, ValetkeyClient

identifier = sys.argv[1] if len(sys.argv) > 1 else "user_1"
actions = ValetkeyClient().actions

try:
    result = actions.execute_tool(
        tool_name="notion_data_fetch",
        identifier=identifier,
        tool_input={"query": "Projects"},
        output_format="MARKDOWN",
    )
    print(result.data)
except AuthorizationRequired as required:
    print(f"open {required.link}")
