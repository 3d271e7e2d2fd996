/** What all endpoints do alike. */
import type { ApiVersion, CallContext, Route } from '../context.ts'
import { type NotionApiError, validationError } from '../errors.ts'
import type { Capability } from '../model.ts'
import { parseUuid } from '../uuid.ts'
import { InvalidInput, isObject, mismatch, refuseUnknown } from '../validation/check.ts'

const PLACES = ['body', 'path', 'query'] as const

/** The answer to input that fails validation; several issues are alternatives, of which one is to be fixed. */
function refusal({ issues }: InvalidInput): NotionApiError {
  const [first = ''] = issues
  const place = PLACES.find((name) => first.startsWith(`${name}.`) || first.startsWith(`${name} `))
  if (place === undefined) return validationError(issues.join(' '))
  if (issues.length === 1) return validationError(`${place} failed validation: ${first}`)
  return validationError(`${place} failed validation. Fix one:\n${issues.join('\n')}`)
}

/** The parts of a route beside its handler. */
interface RouteRules {
  readonly capability?: Capability
  readonly versions?: readonly ApiVersion[]
  readonly rawBody?: number
}

/**
 * An operation. Failed checks of its input become Notion's 400.
 *
 * @param handle gives the JSON of the answer
 */
export function endpoint(
  method: Route['method'],
  path: string,
  rules: RouteRules,
  handle: (context: CallContext) => unknown,
): Route {
  return {
    method,
    path,
    ...rules,
    async handler(context) {
      try {
        return await handle(context)
      } catch (error) {
        throw error instanceof InvalidInput ? refusal(error) : error
      }
    },
  }
}

/** The versions since data sources exist. */
export const withDataSources: readonly ApiVersion[] = ['2025-09-03', '2026-03-11']

/** An id in the path. */
export function pathId(context: CallContext, name: string): string {
  const text = context.params[name]
  const id = parseUuid(text)
  if (id === undefined) throw mismatch(`path.${name}`, ['a valid uuid'], text)
  return id
}

/**
 * The body as an object; what is not sent at all is an empty one.
 *
 * @param keys the keys that the operation knows, if it refuses others
 */
export function bodyOf(context: CallContext, keys?: readonly string[]): Record<string, unknown> {
  const body = context.body ?? {}
  if (!isObject(body)) throw mismatch('body', ['an object'], body)
  if (keys !== undefined) refuseUnknown(body, 'body', (key) => keys.includes(key))
  return body
}

/** The keys that say whether something is in the trash: `archived` is older than `in_trash`. */
export function trashKeys(context: CallContext): readonly string[] {
  return context.version === '2026-03-11' ? ['in_trash'] : ['in_trash', 'archived']
}

/** Whether a body moves something to the trash or back; undefined if it does neither. */
export function trashOf(context: CallContext, body: Record<string, unknown>): boolean | undefined {
  for (const key of trashKeys(context)) {
    const value = body[key]
    if (value === undefined) continue
    if (typeof value !== 'boolean') throw mismatch(`body.${key}`, ['a boolean', '`undefined`'], value)
    return value
  }
  return undefined
}

/** The values of a query parameter that can be sent several times, with or without brackets. */
export function queryList(context: CallContext, name: string): readonly string[] | undefined {
  const values = [name, `${name}[]`].flatMap((key) => context.query.getAll(key))
  return values.length === 0 ? undefined : values.slice(0, context.limits.arrayElements)
}
