/** What can be switched on for an OAuth app in the provider's settings (Notion: connection capabilities). */
export const capabilities = [
  'READ_CONTENT',
  'INSERT_CONTENT',
  'UPDATE_CONTENT',
  'READ_COMMENTS',
  'INSERT_COMMENTS',
  'READ_USERS',
  'READ_USER_EMAILS',
] as const

export type Capability = (typeof capabilities)[number]
