/** What can be switched on for an OAuth app in the provider's settings, with what it allows (Notion: capabilities). */
export const capabilities = {
  READ_CONTENT: 'Read pages, blocks, databases and data sources; query and search.',
  INSERT_CONTENT: 'Create pages, databases and data sources; append blocks.',
  UPDATE_CONTENT: 'Change, move, trash and restore what is there.',
  READ_COMMENTS: 'Read comments. Off at Notion unless switched on.',
  INSERT_COMMENTS: 'Write, change and delete comments. Off at Notion unless switched on.',
  READ_USERS: 'See the members of the workspace, without email addresses.',
  READ_USER_EMAILS: 'See the email addresses of the members as well.',
} as const

export type Capability = keyof typeof capabilities
