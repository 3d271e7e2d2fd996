/** An operation with a method and a path. */
export interface Routed {
  readonly method: string
  readonly path: string
}

/** A route and its decoded parameters. */
export interface RouteMatch<R> {
  readonly route: R
  readonly params: Readonly<Record<string, string>>
}

const parametersIn = (path: string) => path.split('/').filter((segment) => segment.startsWith(':')).length

/**
 * Returns a function that finds the route of a method and path. Literal segments win over parameters. A path with
 * invalid percent-encoding or an empty parameter does not match.
 */
export function createRouter<R extends Routed>(
  routes: readonly R[],
): (method: string, path: string) => RouteMatch<R> | undefined {
  const candidates = routes
    .map((route) => ({ route, segments: route.path.split('/'), parameters: parametersIn(route.path) }))
    .sort((a, b) => a.parameters - b.parameters)

  return (method, path) => {
    const sent = path.split('/')
    for (const { route, segments } of candidates) {
      if (route.method !== method || segments.length !== sent.length) continue
      const params: Record<string, string> = {}
      const fits = segments.every((segment, index) => {
        const value = sent[index] ?? ''
        if (!segment.startsWith(':')) return segment === value
        const decoded = decode(value)
        if (decoded === undefined || decoded === '') return false
        params[segment.slice(1)] = decoded
        return true
      })
      if (fits) return { route, params }
    }
    return undefined
  }
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
