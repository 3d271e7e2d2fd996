/** An occurrence of a term in a text. */
export interface Hit {
  readonly term: number
  readonly start: number
  readonly end: number
}

/** The length of a snippet and what of it comes before its first hit, in UTF-16 code units. */
const snippetLength = 160
const lengthBefore = 50

const words = new Intl.Segmenter('en', { granularity: 'word' })
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/**
 * Returns about 160 characters of a text around the place where most terms occur, on one line: white space becomes one
 * space. It is cut between words, or between graphemes where a word is longer, and `…` stands for what was cut off.
 *
 * @see https://unicode.org/reports/tr29/
 */
export function snippetOf(text: string, hits: readonly Hit[]): string {
  const hit = bestOf(hits)
  if (hit === undefined) return ''
  const around = lengthBefore + snippetLength + 100
  const from = wholeCharacter(text, Math.max(0, hit.start - around))
  const to = wholeCharacter(text, Math.min(text.length, hit.start + around))
  const nearby = text.slice(from, to)
  const local = { start: hit.start - from, end: Math.min(hit.end, to) - from }
  const wantedStart = Math.max(0, local.start - lengthBefore)
  const start = from === 0 && wantedStart === 0 ? 0 : startAfter(nearby, wantedStart, local.start)
  const wantedEnd = Math.min(nearby.length, start + snippetLength)
  const end = to === text.length && wantedEnd === nearby.length ? nearby.length : endBefore(nearby, wantedEnd, local)
  const [before, after] = [text.slice(0, from + start), text.slice(from + end)]
  const shown = nearby.slice(start, end).replaceAll(/\s+/g, ' ').trim()
  return `${/\S/.test(before) ? '…' : ''}${shown}${/\S/.test(after) ? '…' : ''}`
}

/** Returns the first hit of the passage with the most different terms. */
function bestOf(hits: readonly Hit[]): Hit | undefined {
  let best: Hit | undefined
  let most = 0
  for (const [index, hit] of hits.entries()) {
    const terms = new Set<number>()
    for (let next = index; next < hits.length; next += 1) {
      const other = hits[next]
      if (other === undefined || other.end > hit.start + snippetLength - lengthBefore) break
      terms.add(other.term)
    }
    // A hit that is longer than a passage.
    terms.add(hit.term)
    if (terms.size > most) {
      best = hit
      most = terms.size
    }
  }
  return best
}

const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff

const wholeCharacter = (text: string, at: number) => (isLowSurrogate(text.charCodeAt(at)) ? at - 1 : at)

/** Returns the first start of a word from `wanted` on, which is at most `latest`. */
function startAfter(text: string, wanted: number, latest: number): number {
  // The first word may be the rest of one that begins before.
  const word = words.segment(text).containing(Math.max(wanted, 0))
  const isStart = word !== undefined && word.index > 0 && word.index >= wanted
  const start = word === undefined || isStart ? word?.index : word.index + word.segment.length
  if (start !== undefined && start <= latest) return start
  return graphemes.segment(text).containing(Math.max(wanted, 0))?.index ?? latest
}

/** Returns the last end of a word up to `wanted`, which is after the hit where the snippet has room for that. */
function endBefore(text: string, wanted: number, hit: { readonly start: number; readonly end: number }): number {
  const start = words.segment(text).containing(Math.min(wanted, text.length - 1))?.index
  if (start !== undefined && start >= hit.end) return start
  return graphemes.segment(text).containing(wanted)?.index ?? wanted
}
