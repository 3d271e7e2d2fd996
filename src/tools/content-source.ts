import type { Language } from '../search/inflection.ts'
import type { ToolCall } from './tool.ts'

/** An object of a list of the provider, whose content can be read. */
export interface ListedObject {
  readonly id: string
  /** The time of its last edit, by the provider. */
  readonly editedAt: Date
  /** The provider's object, as results have it. */
  readonly object: Readonly<Record<string, unknown>>
}

/** An object with what is searched of it. */
export interface ReadObject extends ListedObject {
  readonly title: string
  readonly text: string
  /** What others wrote about it, which is searched as a part of its own; empty for nothing. */
  readonly comments: string
  /** That of the text; null where it was not recognized. */
  readonly language: Language | null
  /** Whether the text is a part of that of the object. */
  readonly isPart: boolean
}

/** How the content that a grant can read is found, for an index of it. Throws the errors of {@link ToolCall.send}. */
export interface ContentSource {
  /**
   * The provider's precision of the time of edits, in milliseconds: an object that was read that long after its last edit, or
   * longer, has no later edit of the same time.
   */
  readonly editPrecisionMs: number
  /** How late lists may have an edit, in milliseconds. */
  readonly listDelayMs: number
  /**
   * An object as JSON, with which its others are compressed. It never changes: what an index has of them opens only with the one
   * that it was compressed with.
   */
  readonly sample: Buffer
  /** Lists all objects, the last edited first; `cursor` is null for the beginning, `next` is null at the end. */
  list(
    call: ToolCall,
    cursor: string | null,
  ): Promise<{ readonly objects: readonly ListedObject[]; readonly next: string | null }>
  /** Finds an object by its ID. Null when the provider does not return it for the grant, or it was deleted. */
  find(call: ToolCall, id: string): Promise<ListedObject | null>
  /** Reads the content. Null where the provider refuses to return it. */
  read(call: ToolCall, listed: ListedObject): Promise<ReadObject | null>
}
