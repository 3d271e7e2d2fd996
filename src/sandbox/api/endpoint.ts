/** Shared parts of the endpoints: error responses, ids in paths, fields of bodies. */
import type { ApiVersion, CallContext, Route } from '../context.ts'
import { type NotionApiError, validationError } from '../errors.ts'
import type { Capability } from '../model.ts'
import { parseUuid } from '../uuid.ts'
import { type Check, InvalidInput, isObject, mismatch, refuseUnknown } from '../validation/check.ts'

const places = ['body', 'path', 'query'] as const

/** Returns the error response for invalid input. Several issues are alternatives: one of them must be fixed. */
export function refusal({ issues }: InvalidInput): NotionApiError {
  const [first = ''] = issues
  const place = places.find((name) => first.startsWith(`${name}.`) || first.startsWith(`${name} `))
  if (place === undefined) return validationError(issues.join(' '))
  if (issues.length === 1) return validationError(`${place} failed validation: ${first}`)
  return validationError(`${place} failed validation. Fix one:\n${issues.join('\n')}`)
}

/** Options of a route. */
interface RouteRules {
  readonly capability?: Capability
  readonly versions?: readonly ApiVersion[]
  readonly rawBody?: number
}

/** Returns a route. `handle` returns the JSON of the response. InvalidInput becomes Notion's 400 response. */
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

/** API versions with data sources. */
export const withDataSources: readonly ApiVersion[] = ['2025-09-03', '2026-03-11']

/** Returns an id in the path. Throws InvalidInput when it is not a UUID. */
export function pathId(context: CallContext, name: string): string {
  const text = context.params[name]
  const id = parseUuid(text)
  if (id === undefined) throw mismatch(`path.${name}`, ['a valid uuid'], text)
  return id
}

/**
 * Returns the body, an empty object if the request has none. Throws InvalidInput when the body is not an object, or has
 * a key that is not in `keys`. Without `keys`, any key is valid.
 */
export function bodyOf(context: CallContext, keys?: readonly string[]): Record<string, unknown> {
  const body = context.body ?? {}
  if (!isObject(body)) throw mismatch('body', ['an object'], body)
  if (keys !== undefined) refuseUnknown(body, 'body', (key) => keys.includes(key))
  return body
}

/** Returns a field of the body, undefined if it is absent. Throws InvalidInput when it is invalid. */
export function optionalField<T>(body: Record<string, unknown>, key: string, check: Check<T>): T | undefined {
  return body[key] === undefined ? undefined : check.read(body[key], `body.${key}`, ['`undefined`'])
}

/** Returns the keys for the trash: `in_trash`, and `archived` in older versions. */
export function trashKeys(context: CallContext): readonly string[] {
  return context.version === '2026-03-11' ? ['in_trash'] : ['in_trash', 'archived']
}

/** Returns the new trash state in a body, undefined if it is absent. Throws InvalidInput when it is not a boolean. */
export function trashOf(context: CallContext, body: Record<string, unknown>): boolean | undefined {
  for (const key of trashKeys(context)) {
    const value = body[key]
    if (value === undefined) continue
    if (typeof value !== 'boolean') throw mismatch(`body.${key}`, ['a boolean', '`undefined`'], value)
    return value
  }
  return undefined
}

/** Returns the values of a repeated query parameter, with or without brackets, undefined if it is absent. */
export function queryList(context: CallContext, name: string): readonly string[] | undefined {
  const values = [name, `${name}[]`].flatMap((key) => context.query.getAll(key))
  return values.length === 0 ? undefined : values.slice(0, context.limits.arrayElements)
}
