/**
 * Whether a browser sent a request from a page of this server itself. Forms of other sites and of other origins of this site
 * are refused, and so are programs, which have the API. `Origin` decides in browsers that do not send `Sec-Fetch-Site`.
 *
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function isSameOrigin({ headers }: Request, publicUrl: string): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  return headers.get('origin') === new URL(publicUrl).origin
}
