import type { Secret } from './secret.ts'

/** Shorter values occur by chance; no provider issues tokens that short. */
const minLength = 8

/** The forms of each secret in use. A secret is used for many requests. */
const formsOf = new WeakMap<Secret, readonly string[]>()

/**
 * Returns an answer without the secrets of its request, in every form in which programs repeat what they got: as it is,
 * URL-encoded, in hexadecimal, and in base64 alone or as a part of a longer value such as Basic credentials. Finds them in
 * JSON also after escapes; the JSON is then returned without these. Costs a search of the text for each form.
 */
export function withoutSecrets(text: string, secrets: readonly Secret[]): string {
  const redacted = redact(text, secrets)
  if (redacted !== text || !(text.includes('\\u00') || text.includes('\\/'))) return redacted
  try {
    const plain = JSON.stringify(JSON.parse(text))
    const found = redact(plain, secrets)
    return found === plain ? text : found
  } catch {
    return text
  }
}

function redact(text: string, secrets: readonly Secret[]): string {
  let redacted = text
  for (const secret of secrets) {
    let forms = formsOf.get(secret)
    if (forms === undefined) {
      forms = derive(secret.reveal())
      formsOf.set(secret, forms)
    }
    // One search for each form takes a quarter of the time of one regular expression for all.
    for (const form of forms) if (redacted.includes(form)) redacted = redacted.replaceAll(form, '[redacted]')
  }
  return redacted
}

/** Returns the forms of a value, the longest first. */
function derive(value: string): readonly string[] {
  if (value.length < minLength) return []
  const bytes = Buffer.from(value)
  const base64 = [0, 1, 2].flatMap((offset) => {
    const part = base64PartOf(bytes, offset)
    return [part, part.replaceAll('+', '-').replaceAll('/', '_')]
  })
  const plain = [value, ...base64]
  const forms = [
    ...plain,
    ...plain.map(encodeURIComponent),
    new URLSearchParams({ '': value }).toString().slice(1),
    JSON.stringify(value).slice(1, -1),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
  ]
  return [...new Set([...forms, ...forms.map(lowerEscapes)])].sort((a, b) => b.length - a.length)
}

/** The characters of a base64 value that depend on these bytes alone, when `offset` bytes (modulo 3) precede them. */
function base64PartOf(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
  return encoded.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3))
}

const lowerEscapes = (form: string) => form.replace(/%[\dA-F]{2}/g, (code) => code.toLowerCase())
