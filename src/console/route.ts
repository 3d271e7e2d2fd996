import { useEffect, useState } from 'preact/hooks'

/**
 * Where the user is, in the fragment of the URL: browsers do not send it, so identifiers and e-mail addresses do not get
 * into the access logs of proxies.
 */
export interface Route {
  /** The parts of the path, decoded. */
  readonly path: readonly string[]
  readonly search: URLSearchParams
}

/** Returns the link of a place. Parameters that are empty are left out. */
export function href(path: readonly string[], search: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(search).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const query = new URLSearchParams(given).toString()
  return `#/${path.map(encodeURIComponent).join('/')}${query === '' ? '' : `?${query}`}`
}

/** Goes to a place. `replace`: the browser's button "back" skips the current one. */
export function go(to: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace) location.replace(to)
  else location.hash = to
}

function current(): Route {
  const [path = '', search = ''] = location.hash.replace(/^#\/?/, '').split('?', 2)
  return { path: path.split('/').filter(Boolean).map(decode), search: new URLSearchParams(search) }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The current place. */
export function useRoute(): Route {
  const [route, setRoute] = useState(current)
  useEffect(() => {
    const update = () => setRoute(current())
    addEventListener('hashchange', update)
    return () => removeEventListener('hashchange', update)
  }, [])
  return route
}
