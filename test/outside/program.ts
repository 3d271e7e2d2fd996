import type { RunningSandbox } from '../sandbox/support.ts'

/** Where a program runs: its own folder, with its packages, and a sandbox with an access token. */
export interface Place {
  readonly folder: string
  readonly sandbox: RunningSandbox
  readonly token: string
  /** The environment of a program, in which the address of Notion leads to the sandbox. */
  readonly env: Readonly<Record<string, string>>
}

/** An outside program, and what it must do with the sandbox. */
export interface Program {
  readonly name: string
  /** The npm packages, with their versions. */
  readonly packages: readonly string[]
  /** Where its source is, if npm does not have it. It is checked out into the folder `repository`. */
  readonly repository?: { readonly url: string; readonly commit: string }
  /** The modules of Python that it needs. Absent: it is not written in Python. */
  readonly python?: readonly string[]
  /** Returns what was done. Throws when the program does not work. */
  work(place: Place): Promise<string>
}

/** A JSON object. */
export type Json = Record<string, unknown>

/** Calls the API of the sandbox as a program of ours, to prepare content. */
async function call({ sandbox, token }: Place, method: string, path: string, body?: object): Promise<Json> {
  const answer = await sandbox.call(token, method, path, body)
  if (answer.status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** A rich text of one part. */
export const text = (content: string) => [{ text: { content } }]

/** Creates a page below another. Throws when the sandbox refuses it. */
export const createPage = (place: Place, page_id: string, title: string, children: readonly object[] = []) =>
  call(place, 'POST', '/v1/pages', { parent: { page_id }, properties: { title: { title: text(title) } }, children })
