import { addIssue, checkCount, type InputContext, textLimits } from './rich-text.ts'

/** Schemes of addresses that contain what they show, run it, or name a file of one machine. */
const contained = new Set(['javascript:', 'vbscript:', 'data:', 'blob:', 'file:', 'about:', 'view-source:'])

/** Returns the scheme of a URL, such as `https:`; null for an address without one, such as `a.example:8080/path`. */
function schemeOf(address: string): string | null {
  if (!URL.canParse(address)) return null
  const { protocol } = new URL(address)
  return protocol.includes('.') || /^localhost:\d/i.test(address) ? null : protocol
}

/**
 * Adds an issue for a link of text that leads nowhere: its scheme is one of a script or of content. Notion decides about
 * other schemes, of applications for example, and about paths, which lead within the workspace.
 */
export function checkLink(url: string, context: InputContext): void {
  checkCount(url.length, { max: textLimits.url }, context)
  const scheme = schemeOf(url)
  if (scheme !== null && contained.has(scheme)) addIssue(context, `must not be a ${scheme} URL`)
}

/** Adds an issue for the address of an embed or bookmark that is not one of the web. */
export function checkWebAddress(url: string, context: InputContext): void {
  checkCount(url.length, { min: 1, max: textLimits.url }, context)
  const scheme = schemeOf(url)
  if (scheme !== null && !/^https?:$/.test(scheme)) addIssue(context, `must be an http(s) URL, not a ${scheme} URL`)
}
