import { isDeepStrictEqual } from 'node:util'
import { InvalidToolInputError } from '../../errors.ts'
import type { NotionCall } from '../call.ts'
import { notionId } from '../ids.ts'
import { checked } from '../input.ts'
import { isObject, type JsonObject, objectAt, textAt } from '../json.ts'
import { addIssue, under } from '../rich-text.ts'
import { compactComment } from '../shape/compact.ts'
import {
  changedFacts,
  echoedKeys,
  isWholeObject,
  otherId,
  refuseMarkdown,
  refuseStale,
  separateFacts,
} from './facts.ts'

/** The keys of a returned comment that its tools have no input for. */
export const commentKeys = [
  ...echoedKeys,
  ...['discussion_id', 'display_name', 'author', 'author_id', 'text', 'attachments'],
] as const

/** The content of a comment in the input of a tool. */
interface Content {
  readonly rich_text?: unknown
  readonly markdown?: string | undefined
}

/**
 * Returns the content of an update of a comment. Where it has a whole comment as a tool returned it, in COMPACT or RAW, what
 * equals the comment stays as it is, and `current` is its body. A changed COMPACT text is the new Markdown.
 *
 * Throws InvalidToolInputError where the comment is another one, where what no tool can write differs, or for a change of
 * a comment that was edited since it was read.
 */
export async function changesOfComment(
  call: NotionCall,
  id: string,
  passed: JsonObject & Content,
): Promise<{ readonly content: Content; readonly current: JsonObject | null }> {
  const { facts, input } = separateFacts(passed, commentKeys)
  if (!isWholeObject(facts, 'comment_id')) return { content: input, current: null }
  const comment = await readComment(call, id)
  return checked((at) => {
    const content = contentOf(facts, input, comment, at(''))
    const isChange = Object.values(content).some((value) => value !== undefined)
    // Without the time of an edit there was none.
    if (isChange) refuseStale({ last_edited_time: facts.created_time, ...facts }, comment, 'comment', at(''))
    return { content, current: comment }
  })
}

/**
 * Returns the content of a new comment. Where it has a whole comment as a tool returned it, it is that of a copy, with the
 * formatting of the original where its text is the same.
 *
 * Throws InvalidToolInputError where the original cannot be read, or has attachments, which no tool can write.
 */
export async function copyOfComment(call: NotionCall, passed: JsonObject & Content): Promise<Content> {
  const { facts, input } = separateFacts(passed, commentKeys)
  if (facts.id === undefined) {
    checked((at) => isWholeObject(prefixed(facts, at('comment').path), 'the text'))
    return input
  }
  const id = notionId(textAt(facts, 'id') ?? '', 'comment')
  const found = id === null ? null : await call.lookUp({ kind: 'comment', id })
  if (id === null || found === null || ('refusal' in found && found.refusal.status === 404)) {
    const message = 'must be the id of a comment that can be read, or be left out with all but the text'
    throw new InvalidToolInputError([{ path: 'comment.id', message }])
  }
  const original = await call.bodyOf(found, { target: { kind: 'comment', id } })
  return checked((at) => {
    const content = contentOf(facts, input, original, at('comment'))
    if (Array.isArray(facts.attachments) && facts.attachments.length > 0)
      addIssue(under(at('comment'), 'attachments'), 'must be left out: no tool attaches files to a comment')
    const isSame = Object.values(content).every((value) => value === undefined)
    return isSame ? { rich_text: original.rich_text } : content
  })
}

const prefixed = (facts: JsonObject, path: string): JsonObject =>
  Object.fromEntries(Object.entries(facts).map(([key, value]) => [`${path}.${key}`, value]))

async function readComment(call: NotionCall, id: string): Promise<JsonObject> {
  const target = { kind: 'comment', id } as const
  return call.bodyOf(await call.lookUp(target), { target })
}

/** Returns what differs of the content of a returned comment. Adds issues for other facts that differ. */
function contentOf(
  facts: JsonObject,
  input: Content,
  comment: JsonObject,
  at: Parameters<typeof refuseStale>[3],
): Content {
  const shown: JsonObject = compactComment(comment)
  const actual = facts.object === undefined ? shown : comment
  const id = textAt(comment, 'id') ?? ''
  const { text } = changedFacts(
    { ...facts, attachments: withoutAddresses(facts.attachments) },
    { ...actual, attachments: withoutAddresses(actual.attachments) },
    {
      ...{ kind: 'comment', id, noun: 'comment', at, otherwise: { id: otherId('comment_id') } },
      writable: (key, value) => key === 'text' && typeof value === 'string' && facts.object === undefined,
    },
  )
  if (text !== undefined && !isMarkdownText(comment.rich_text))
    refuseMarkdown(under(at, 'text'), 'the rest of the comment')
  const { rich_text, markdown } = input
  const isSame = rich_text === undefined || isDeepStrictEqual(rich_text, comment.rich_text)
  if (text !== undefined && (markdown !== undefined || !isSame))
    addIssue(under(at, 'text'), 'must be left out: the text is also passed as rich_text or markdown')
  return { rich_text: isSame ? undefined : rich_text, markdown: markdown ?? (text as string | undefined) }
}

/** Whether Notion reads the Markdown of COMPACT as the same text: not as its mentions, equations, colors and underlines. */
const isMarkdownText = (value: unknown): boolean =>
  !Array.isArray(value) ||
  value.every((item) => {
    if (!isObject(item) || item.type !== 'text') return false
    const { color = 'default', underline = false } = objectAt(item, 'annotations')
    return color === 'default' && underline === false
  })

/** Returns attachments without the addresses of their files, which expire. */
const withoutAddresses = (attachments: unknown): unknown =>
  Array.isArray(attachments)
    ? attachments.map((one) => (isObject(one) ? { category: one.category, name: one.name ?? null } : one))
    : attachments
