/** A minimal browser: it stores cookies by origin and follows no redirects by itself. */
export interface Browser {
  /** GETs a URL, with the origin's cookies, and does not follow redirects. */
  get(url: string | URL): Promise<Response>
  /** POSTs a form. */
  post(url: string | URL, form: Record<string, string>): Promise<Response>
  /** Where a redirect leads; throws for another response. */
  redirectOf(response: Response): URL
  /** Where an opened link leads: by its redirect, or by the button of the page before the consent. */
  consentOf(response: Response): Promise<URL>
}

/** A new browser with no cookies. */
export function newBrowser(): Browser {
  const cookies = new Map<string, Map<string, string>>()
  const send = async (url: string | URL, init: RequestInit): Promise<Response> => {
    const { origin } = new URL(url)
    const jar = cookies.get(origin) ?? new Map<string, string>()
    cookies.set(origin, jar)
    const headers = new Headers(init.headers)
    if (jar.size > 0) headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }
  const browser: Browser = {
    get: (url) => send(url, {}),
    post: (url, form) => send(url, { method: 'POST', body: new URLSearchParams(form) }),
    redirectOf(response) {
      const location = response.headers.get('location')
      if (response.status < 300 || response.status > 399 || location === null) {
        throw new Error(`${response.url} answered ${response.status} instead of a redirect`)
      }
      return new URL(location, response.url)
    },
    async consentOf(response) {
      if (response.status !== 200) return browser.redirectOf(response)
      const [, href] = /<a class="go" href="([^"]+)"/.exec(await response.text()) ?? []
      if (href === undefined) throw new Error(`${response.url} has no link to the consent`)
      return new URL(href.replaceAll('&amp;', '&'))
    },
  }
  return browser
}
