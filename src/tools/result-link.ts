/**
 * A field of a typed result that leads to another object of the provider, which a reading tool fetches for the same
 * account. A named type of a result lists its links in its metadata:
 * `.meta({ id: 'NotionParent', links: [{ field: 'page', … }] satisfies ResultLink[] })`.
 */
export interface ResultLink {
  /** The GraphQL field. */
  readonly field: string
  readonly description: string
  /** The tool that fetches it. */
  readonly tool: string
  /** The tool's input: for each of its keys, the key of this object that holds the value. If a value is null, the field is. */
  readonly input: Readonly<Record<string, string>>
  /** The key of the tool's typed result that holds the object. */
  readonly result: string
  /** The key of the input whose value is a list here. The field is then a list with one object each, null for a failure. */
  readonly each?: string
  /** The values that this object must have; otherwise the field is null. */
  readonly when?: Readonly<Record<string, string>>
}
