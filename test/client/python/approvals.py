"""Repeats calls after their approval. The key in VALETKEY_APPROVER_KEY approves. Prints one JSON object."""

import json
import os
import sys
from dataclasses import replace

from valetkey import RequestError, ToolError, ValetkeyClient

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "stand_ins"))
from valetkey.langchain import get_tools

user = "user_notion_456"
parent = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
agent = ValetkeyClient()
approver = ValetkeyClient(api_key=os.environ["VALETKEY_APPROVER_KEY"])
seen = {}


def approve_all():
    document = "query { pendingApprovals { id } }"
    waiting = [each["id"] for each in approver.graphql(document)["pendingApprovals"]]
    for approval_id in waiting:
        approver.graphql(
            "mutation ($id: ID!) { approveToolExecution(input: { approvalId: $id }) { __typename } }", {"id": approval_id}
        )
    return len(waiting)


def comment(text, **more):
    return agent.actions.execute_tool("notion_comment_create", user, {"parent": parent, "comment": text}, **more)


try:
    comment("By the client.")
except ToolError as error:
    seen["type"] = error.type
    seen["page"] = (error.approval_url or "").startswith(os.environ["VALETKEY_URL"])
    approve_all()
    first = comment("By the client.", idempotency_key=error.idempotency_key)
    seen["repeated"] = first.data["object"]
seen["waitingAfterClient"] = approve_all()

# As where the operator requires approvals after the tools were loaded.
listed = agent.actions.list_tools
agent.actions.list_tools = lambda **more: [replace(tool, requires_approval=False) for tool in listed(**more)]
late = get_tools(user, client=agent, names=["notion_comment_create"])[0].func
late(parent=parent, comment="By the model, later.")
approve_all()
seen["late"] = "Error" not in late(parent=parent, comment="By the model, later.")
seen["waitingAfterLate"] = approve_all()
agent.actions.list_tools = listed

tools = {tool.name: tool for tool in get_tools(user, client=agent, names=["notion_comment_create"])}
create = tools["notion_comment_create"].func
seen["asks"] = "approv" in create(parent=parent, comment="By the model.")
approve_all()
seen["model"] = "Error" not in create(parent=parent, comment="By the model.")
seen["waitingAfterModel"] = approve_all()

try:
    comment("With an empty key.", idempotency_key="")
except ToolError as error:
    seen["empty"] = error.type
except RequestError as error:
    seen["empty"] = error.code
print(json.dumps(seen))
