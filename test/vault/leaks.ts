/** A secret and its kind. `shownOnce`: the response that creates it contains it. */
export interface Canary {
  readonly kind: string
  readonly text: string
  readonly shownOnce?: boolean
}

/** A place that must not contain a secret. */
export interface Place {
  readonly name: string
  readonly text: string
}

/** Returns which secrets are in which places, as sentences without the secrets. */
export function leaksOf(canaries: readonly Canary[], places: readonly Place[]): readonly string[] {
  return canaries.flatMap(({ kind, text }) =>
    places
      .filter((place) => spellings(text).some((spelling) => place.text.includes(spelling)))
      .map((place) => `${kind} in ${place.name}`),
  )
}

/** Returns a string as it is, and in every encoding of a log, a response or a table. */
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
