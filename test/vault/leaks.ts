/** A secret and what it is. `toldOnce`: the one answer that creates it shows it. */
export interface Canary {
  readonly kind: string
  readonly text: string
  readonly toldOnce?: boolean
}

/** A place where a secret must not be. */
export interface Place {
  readonly name: string
  readonly text: string
}

/** Which secrets are in which places, as sentences that hold no secret. */
export function leaksOf(canaries: readonly Canary[], places: readonly Place[]): readonly string[] {
  return canaries.flatMap(({ kind, text }) =>
    places
      .filter((place) => spellings(text).some((spelling) => place.text.includes(spelling)))
      .map((place) => `${kind} in ${place.name}`),
  )
}

/** How a text looks as it is, and in every encoding that a log, an answer or a table may put it in. */
function spellings(text: string): readonly string[] {
  const bytes = Buffer.from(text)
  return [
    ...new Set([
      text,
      encodeURIComponent(text),
      JSON.stringify(text).slice(1, -1),
      bytes.toString('hex'),
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('base64url'),
    ]),
  ]
}
