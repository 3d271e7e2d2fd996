/**
 * A field of a typed result that leads to another object of the provider: a tool that reads gets it, within the same
 * account. A named type of a result lists its links in its metadata:
 * `.meta({ id: 'NotionParent', links: [{ field: 'page', … }] satisfies ResultLink[] })`.
 */
export interface ResultLink {
  /** The GraphQL field. */
  readonly field: string
  readonly description: string
  /** The tool that gets it. */
  readonly tool: string
  /** The tool's input: for each of its keys the key of this object that holds the value. Where one is null, so is the field. */
  readonly input: Readonly<Record<string, string>>
  /** The key of the tool's typed result that holds the object. */
  readonly result: string
  /** The key of the input whose value is a list here: the field is a list then, of one object for each, null where it fails. */
  readonly each?: string
  /** Only where this object has these values; elsewhere the field is null. */
  readonly when?: Readonly<Record<string, string>>
}
