/** A user of an application: a browser that stores cookies and follows links step by step. */
export interface Visitor {
  /** Returns the page at a URL as HTML. */
  read(url: string): Promise<string>
  /** Returns the first link of a page that contains `part`. */
  linkIn(html: string, part: string): string
  /** Returns where a URL leads: by its redirect, or by the first link of its page that contains `part`. */
  next(url: string, part: string): Promise<string>
  /** Submits a form and returns the URL of the redirect. */
  submit(url: string, form: Record<string, string>): Promise<string>
  /** Opens a URL and returns the URL of the redirect. */
  follow(url: string): Promise<string>
}

/** Creates a visitor without cookies. */
export function createVisitor(): Visitor {
  const cookies = new Map<string, string>()
  const send = async (url: string, init: RequestInit = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=')
      cookies.set(name, value)
    }
    return response
  }
  const redirect = (response: Response) => {
    const location = response.headers.get('location')
    if (location === null) throw new Error(`${response.url} returned ${response.status} without a redirect`)
    return new URL(location, response.url).href
  }
  const linkIn = (html: string, part: string) => {
    const links = [...html.matchAll(/href="([^"]+)"/g)].map((match) => (match[1] ?? '').replaceAll('&amp;', '&'))
    const found = links.find((link) => link.includes(part))
    if (found === undefined) throw new Error(`the page has no link to ${part}`)
    return found
  }
  return {
    read: async (url) => (await send(url)).text(),
    linkIn,
    async next(url, part) {
      const response = await send(url)
      return response.headers.has('location') ? redirect(response) : linkIn(await response.text(), part)
    },
    submit: async (url, form) => redirect(await send(url, { method: 'POST', body: new URLSearchParams(form) })),
    follow: async (url) => redirect(await send(url)),
  }
}

/**
 * Opens an authorization link and decides on the consent page of the sandbox. Returns where the browser arrives: at the
 * confirmation, with `flow_id`, or at the page of the denial.
 */
export async function consent(
  visitor: Visitor,
  link: string,
  options: { readonly user?: string; readonly resources?: string; readonly decision?: 'allow' | 'deny' } = {},
): Promise<URL> {
  const { user = 'owner@acme.test', resources = 'all', decision = 'allow' } = options
  const page = await visitor.next(link, '/v1/oauth/authorize')
  const callback = await visitor.submit(page, { user, resources, decision })
  return new URL(await visitor.follow(callback))
}
