import * as z from 'zod'
import { type Language, languages } from '../search/inflection.ts'
import type { IndexKey } from './index-key.ts'
import { openBytes, sealBytes } from './sealed-bytes.ts'

/** What an index holds of an object. */
export interface DocumentContent {
  readonly title: string
  /** What is searched, apart from the title. */
  readonly text: string
  /** What others wrote about the object, which is searched as well. */
  readonly comments: string
  /** That of the text; null where it was not recognized. */
  readonly language: Language | null
  /** The provider's object, as results have it. */
  readonly object: Readonly<Record<string, unknown>>
  /** Whether the text is a part of that of the object. */
  readonly isPart: boolean
}

const contentSchema = z.object({
  title: z.string(),
  text: z.string(),
  comments: z.string(),
  language: z.enum(languages).nullable(),
  object: z.record(z.string(), z.unknown()),
  isPart: z.boolean(),
})

/** Where a document belongs. It opens nowhere else. */
export interface DocumentPlace {
  readonly environmentId: string
  readonly grantId: string
  readonly indexId: string
  readonly objectId: string
}

const placeOf = ({ environmentId, grantId, indexId, objectId }: DocumentPlace) => [
  'content document v3',
  environmentId,
  grantId,
  indexId,
  objectId,
]

/** Keys with the sample of the source of the content: an object as JSON, which its others are compressed with. */
export interface DocumentKey extends Pick<IndexKey, 'sealing'> {
  readonly sample: Buffer
}

/** Compresses and encrypts a document. */
export const sealDocument = (key: DocumentKey, place: DocumentPlace, content: DocumentContent): Promise<Buffer> =>
  sealBytes(key, placeOf(place), Buffer.from(JSON.stringify(content)), { dictionary: key.sample })

/** Opens a document. Throws a `does_not_open` VaultError for another key or place, or a changed bit. */
export async function openDocument(
  key: DocumentKey,
  place: DocumentPlace,
  sealed: Uint8Array,
): Promise<DocumentContent> {
  const bytes = await openBytes(key, placeOf(place), sealed, { dictionary: key.sample })
  return contentSchema.parse(JSON.parse(bytes.toString('utf8')))
}
