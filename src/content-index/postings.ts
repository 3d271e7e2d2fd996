/*
 * The content of a bucket of a segment: entries one after the other, each with its postings, which are the documents that have it.
 *
 *   bucket:   (length of the entry, entry in UTF-8, length of the postings, postings)*
 *   postings: (distance × 2 | distance × 2 + 1, occurrences in the text, occurrences in the title)*
 *
 * A document is a place in the list of the segment. Places ascend; the distance is that to the one before, the first from -1. The
 * even form is that of an entry that occurs once, in the text. Numbers have 7 bits in each byte, the lowest first, and the highest
 * bit is set where another byte follows (LEB128).
 */

/** Called for each document that has an entry, in ascending order of places. */
type OnPosting = (place: number, text: number, title: number) => void

function writeNumber(bytes: number[], value: number): void {
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80)
  bytes.push(rest)
}

/** Where the next number is read. */
interface Position {
  at: number
}

function readNumber(bytes: Uint8Array, position: Position): number {
  let value = 0
  for (let factor = 1; ; factor *= 0x80) {
    const byte = bytes[position.at++]
    if (byte === undefined) throw new RangeError('The bucket ends within a number.')
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
}

/** Collects the postings of one entry, in ascending order of places. */
export interface PostingsWriter {
  add(place: number, text: number, title: number): void
  readonly bytes: readonly number[]
}

/** Returns empty postings. */
export function createPostings(): PostingsWriter {
  const bytes: number[] = []
  let before = -1
  return {
    bytes,
    add(place, text, title) {
      const distance = place - before
      before = place
      if (text === 1 && title === 0) return writeNumber(bytes, 2 * distance)
      writeNumber(bytes, 2 * distance + 1)
      writeNumber(bytes, text)
      writeNumber(bytes, title)
    },
  }
}

/** Returns the bytes of a bucket. Sorted, entries that begin alike take less space when they are compressed. */
export function writeBucket(entries: ReadonlyMap<string, PostingsWriter>): Buffer {
  const parts: Buffer[] = []
  for (const entry of [...entries.keys()].sort()) {
    const name = Buffer.from(entry)
    const postings = entries.get(entry)?.bytes ?? []
    const [nameLength, postingsLength]: [number[], number[]] = [[], []]
    writeNumber(nameLength, name.length)
    writeNumber(postingsLength, postings.length)
    parts.push(Buffer.from(nameLength), name, Buffer.from([...postingsLength, ...postings]))
  }
  return Buffer.concat(parts)
}

/** Goes through the entries of a bucket. `from` and `to` are where its postings are in the bytes. */
function forEachEntry(
  bytes: Buffer,
  visit: (nameFrom: number, nameTo: number, from: number, to: number) => void,
): void {
  const position: Position = { at: 0 }
  while (position.at < bytes.length) {
    const nameLength = readNumber(bytes, position)
    const nameFrom = position.at
    position.at += nameLength
    const length = readNumber(bytes, position)
    const from = position.at
    position.at += length
    visit(nameFrom, nameFrom + nameLength, from, position.at)
  }
}

function forEachPosting(bytes: Buffer, from: number, to: number, onPosting: OnPosting): void {
  const position: Position = { at: from }
  let before = -1
  while (position.at < to) {
    const first = readNumber(bytes, position)
    before += Math.floor(first / 2)
    if (first % 2 === 0) onPosting(before, 1, 0)
    else onPosting(before, readNumber(bytes, position), readNumber(bytes, position))
  }
}

/**
 * Goes through the entries of a bucket that begin with `beginning`. `visit` returns what to call for the documents of an entry;
 * null: it is left out.
 */
export function readBucket(bytes: Buffer, beginning: string, visit: (entry: string) => OnPosting | null): void {
  const wanted = Buffer.from(beginning)
  forEachEntry(bytes, (nameFrom, nameTo, from, to) => {
    if (nameTo - nameFrom < wanted.length) return
    // By hand, because most differ early, and a call of `compare` takes longer.
    for (let at = 0; at < wanted.length; at += 1) if (bytes[nameFrom + at] !== wanted[at]) return
    const onPosting = visit(bytes.toString('utf8', nameFrom, nameTo))
    if (onPosting !== null) forEachPosting(bytes, from, to, onPosting)
  })
}
