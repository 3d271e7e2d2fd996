import type { NotionCapability } from './capabilities.ts'

/** A request that only a connection with a certain capability may make, and that changes nothing. */
export interface CapabilityProbe {
  readonly method: 'GET' | 'POST' | 'PATCH'
  /** Below `/v1/`, with its query. */
  readonly path: string
  readonly body: Readonly<Record<string, unknown>> | null
}

/**
 * Returns a read of one entry, or a write to an object that does not exist. Neither changes anything. `nowhere` is a random
 * UUID.
 */
export function probeOf(capability: Exclude<NotionCapability, 'READ_USER_EMAILS'>, nowhere: string): CapabilityProbe {
  switch (capability) {
    case 'READ_CONTENT':
      return { method: 'POST', path: 'search', body: { page_size: 1 } }
    case 'INSERT_CONTENT':
      return {
        method: 'PATCH',
        path: `blocks/${nowhere}/children`,
        body: { children: [{ object: 'block', type: 'paragraph', paragraph: { rich_text: text } }] },
      }
    case 'UPDATE_CONTENT':
      return { method: 'PATCH', path: `pages/${nowhere}`, body: { in_trash: false } }
    case 'READ_COMMENTS':
      return { method: 'GET', path: `comments?block_id=${nowhere}&page_size=1`, body: null }
    case 'INSERT_COMMENTS':
      return { method: 'POST', path: 'comments', body: { parent: { page_id: nowhere }, rich_text: text } }
    case 'READ_USERS':
      return { method: 'GET', path: 'users?page_size=1', body: null }
  }
}

const text = [{ type: 'text', text: { content: 'Does this connection have the capability?' } }] as const
