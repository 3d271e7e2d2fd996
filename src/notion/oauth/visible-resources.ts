import { OAuthFailure } from '../../accounts/provider.ts'

/** Asks `GET /v1/<path>`; fails with an {@link OAuthFailure}. */
export type Probe = (path: string) => Promise<unknown>

/** The kinds of object that have ids a user may paste, the likeliest first. A page is a block too, so blocks come last. */
const collections = ['pages', 'databases', 'data_sources', 'blocks'] as const

const uuid = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i
const concurrency = 3

/**
 * Of the given ids those that answer. Notion gives the same 404 for what is missing, what is not shared and what is of
 * another kind, so that every kind has to be tried. A text that is no UUID is never sent and never visible.
 */
export async function visibleAmong(resourceIds: readonly string[], probe: Probe): Promise<ReadonlySet<string>> {
  const visible = new Set<string>()
  const waiting = resourceIds.filter((id) => uuid.test(id))
  const work = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (await isVisible(id, probe)) visible.add(id)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return visible
}

async function isVisible(resourceId: string, probe: Probe): Promise<boolean> {
  const id = resourceId.replaceAll('-', '').toLowerCase()
  const path = `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`
  for (const collection of collections) {
    try {
      await probe(`${collection}/${path}`)
      return true
    } catch (error) {
      if (!(error instanceof OAuthFailure && isNoSuchObject(error))) throw error
    }
  }
  return false
}

/** A wrong kind is told as 404 or, for a database asked for as a page, as 400 `validation_error`. */
function isNoSuchObject(failure: OAuthFailure): boolean {
  return failure.code === 'object_not_found' || failure.code === 'validation_error'
}
