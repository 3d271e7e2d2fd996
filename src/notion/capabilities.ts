/** What can be switched on for a connection in Notion's settings (https://developers.notion.com/reference/capabilities). */
export const notionCapabilities = {
  READ_CONTENT: 'Read pages, blocks, databases and data sources; query and search.',
  INSERT_CONTENT: 'Create pages, databases and data sources; append blocks.',
  UPDATE_CONTENT: 'Change, move, trash and restore existing content.',
  READ_COMMENTS: 'Read comments. Off at Notion unless switched on.',
  INSERT_COMMENTS: 'Write, change and delete comments. Off at Notion unless switched on.',
  READ_USERS: 'List the members of the workspace, without email addresses.',
  READ_USER_EMAILS: 'Read the email addresses of the members as well.',
} as const

export type NotionCapability = keyof typeof notionCapabilities

/** Whether a capability of an OAuth app is one of Notion's. */
export function isNotionCapability(capability: string): capability is NotionCapability {
  return Object.hasOwn(notionCapabilities, capability)
}
