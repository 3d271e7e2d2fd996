/**
 * Pages as markdown.
 *
 * @see https://developers.notion.com/guides/data-apis/working-with-markdown-content
 */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import { findSelection, lineEnd, replaceAllIn } from '../markdown/edit.ts'
import type { Names } from '../markdown/inline-write.ts'
import { parseMarkdown, referenceTypes, withoutReferences } from '../markdown/parse.ts'
import { type MarkdownBlock, type Written, writeMarkdown } from '../markdown/write.ts'
import type { Block, Id, Page } from '../model.ts'
import { asObject } from '../query/columns.ts'
import { type AnyBlock, findBlock, isDatabase, isPlainBlock, liveChildren } from '../render/blocks.ts'
import { renderFile } from '../render/files.ts'
import { pageUrl } from '../render/links.ts'
import { titleOf } from '../render/rich-text.ts'
import type { NewBlock } from '../validation/blocks.ts'
import { anyObject, array, boolean, branchOf, object, oneOf, optional, string } from '../validation/check.ts'
import { allowsAsync, asTask } from './async-tasks.ts'
import { bodyOf, pathId } from './endpoint.ts'
import { createBlocks, editStamps, parentFor, requireNotInTrash, save, setTrash, touchPageOf } from './tree.ts'

/** Maximum number of blocks in markdown, as at Notion. */
const maxBlocks = 20_000

const mediaTypes = new Set(['image', 'video', 'audio', 'pdf', 'file'])

function namesOf(context: CallContext): Names {
  const { store } = context
  return {
    title: (id) => titleOf(store, id),
    url: (id) => pageUrl(id, titleOf(store, id)),
    user: (id) => store.users.get(id)?.name ?? '',
  }
}

interface Collected {
  blocks: number
  /** Ids of blocks without their children. */
  readonly cut: Id[]
}

function markdownBlock(context: CallContext, record: AnyBlock, collected: Collected): MarkdownBlock {
  collected.blocks += 1
  if (isDatabase(record)) return { id: record.id, type: 'child_database', content: {}, children: [] }
  if (!isPlainBlock(record)) return { id: record.id, type: 'child_page', content: {}, children: [] }
  const isFull = collected.blocks >= maxBlocks
  if (isFull && record.children.length > 0) collected.cut.push(record.id)
  const children = isFull ? [] : liveChildren(context, record.children)
  const fileUrl = mediaTypes.has(record.type) ? fileUrlOf(context, record) : undefined
  return {
    id: record.id,
    type: record.type,
    content: record.content,
    children: children.map((child) => markdownBlock(context, child, collected)),
    ...(fileUrl !== undefined && { fileUrl }),
  }
}

function fileUrlOf(context: CallContext, block: Block): string {
  const file = renderFile(context, block.content)
  return String(asObject(file[String(file.type)]).url ?? '')
}

interface Document extends Written {
  readonly truncated: boolean
  readonly roots: readonly AnyBlock[]
}

function rootsOf(context: CallContext, record: Page | Block): AnyBlock[] {
  return liveChildren(context, record.children)
}

function write(context: CallContext, record: Page | Block): Document {
  const collected: Collected = { blocks: 0, cut: [] }
  // Markdown of a block includes the block itself, markdown of a page only its content.
  const roots = isPlainBlock(record) ? [record] : rootsOf(context, record)
  const within = roots.slice(0, maxBlocks)
  const blocks = within.map((root) => markdownBlock(context, root, collected))
  const url = pageUrl(record.id, titleOf(context.store, record.id))
  const written = writeMarkdown(blocks, namesOf(context), url)
  const leftOut = roots.slice(maxBlocks).map(({ id }) => id)
  const unknownIds = [...written.unknownIds, ...collected.cut, ...leftOut].slice(0, 100)
  const truncated = collected.cut.length > 0 || leftOut.length > 0
  return { markdown: written.markdown, unknownIds, truncated, roots }
}

function render(context: CallContext, record: Page | Block): unknown {
  const { markdown, truncated, unknownIds } = write(context, record)
  return { object: 'page_markdown', id: record.id, markdown, truncated, unknown_block_ids: unknownIds }
}

/** Returns the page or block in the path. Throws 404 when it is not visible, and 400 for a database. */
function requireDocument(context: CallContext): Page | Block {
  const id = pathId(context, 'page_id')
  const record = context.access.requireVisible(context.store.blocks.get(id) ? 'block' : 'page', id)
  if (isDatabase(record)) throw validationError('Databases cannot be retrieved as markdown.')
  return record
}

/** `GET /v1/pages/{page_id}/markdown`. */
export function retrieveMarkdown(context: CallContext): unknown {
  const flag = context.query.get('include_transcript')
  if (flag !== null) oneOf('true', 'false').read(flag, 'query.include_transcript', ['`undefined`'])
  return render(context, requireDocument(context))
}

/** Returns the markdown of a block, which identifies it after an edit. */
function signature(context: CallContext, record: AnyBlock): string {
  const block = markdownBlock(context, record, { blocks: 0, cut: [] })
  return writeMarkdown([block], namesOf(context), '').markdown
}

function newSignature(context: CallContext, block: NewBlock): string {
  const asMarkdown = (one: NewBlock): MarkdownBlock => {
    const url = asObject(one.content.external).url
    return {
      id: String(one.content.id ?? ''),
      type: one.type,
      content: one.content,
      children: one.children.map(asMarkdown),
      ...(typeof url === 'string' && { fileUrl: url }),
    }
  }
  return writeMarkdown([asMarkdown(block)], namesOf(context), '').markdown
}

/** Removes and returns the existing block in `left` that equals a parsed block, undefined if there is none. */
function takeExisting(context: CallContext, block: NewBlock, left: AnyBlock[], signatures: Map<Id, string>) {
  const id = referenceTypes.has(block.type) ? block.content.id : undefined
  const wanted = id === undefined ? newSignature(context, block) : undefined
  const index = left.findIndex((one) => (wanted === undefined ? one.id === id : signatures.get(one.id) === wanted))
  return index < 0 ? undefined : left.splice(index, 1)[0]
}

/** Returns the pages and databases in a tree of blocks. */
function pagesWithin(context: CallContext, record: AnyBlock): AnyBlock[] {
  if (!isPlainBlock(record)) return [record]
  return liveChildren(context, record.children).flatMap((child) => pagesWithin(context, child))
}

/**
 * Replaces the content of a page with markdown. Blocks with unchanged markdown are preserved with their ids and
 * comments, other blocks are moved to the trash. Throws 400 `validation_error` when this removes child pages or databases
 * and `allowDeleting` is false.
 */
function replaceContent(context: CallContext, page: Page | Block, markdown: string, allowDeleting: boolean): void {
  const parsed = parseMarkdown(markdown)
  const left = rootsOf(context, page)
  const signatures = new Map(left.map((root) => [root.id, signature(context, root)]))
  const plan = parsed.map((block) => ({ block, existing: takeExisting(context, block, left, signatures) }))
  const lost = left.flatMap((root) => pagesWithin(context, root))
  if (lost.length > 0 && !allowDeleting) {
    const names = lost.map(({ id }) => `"${titleOf(context.store, id) || 'Untitled'}"`).join(', ')
    throw validationError(
      `This would delete ${lost.length} child page(s) or database(s): ${names}. Set allow_deleting_content to true to delete them.`,
    )
  }
  const trashed = page.children.filter((id) => findBlock(context, id)?.inTrash === true)
  const children = plan.flatMap(({ block, existing }) =>
    existing === undefined ? createBlocks(context, parentFor(page), withoutReferences([block])) : [existing.id],
  )
  for (const root of left) setTrash(context, root, true)
  save(context, { ...page, children: [...children, ...trashed, ...left.map(({ id }) => id)], ...editStamps(context) })
  touchPageOf(context, page)
}

const text = string()
const update = object({
  content_updates: array(object({ old_str: text, new_str: text, replace_all_matches: optional(boolean) })),
  allow_deleting_content: optional(boolean),
})
const replacement = object({ new_str: text, allow_deleting_content: optional(boolean) })
const insertion = object({
  content: text,
  after: optional(text),
  position: optional(object({ type: oneOf('start', 'end') })),
})
const rangeReplacement = object({ content: text, content_range: text, allow_deleting_content: optional(boolean) })

const joined = (...parts: readonly string[]) => parts.filter((part) => part !== '').join('\n')

interface Edit {
  readonly markdown: string
  readonly allowDeleting: boolean
}

function insert(before: string, value: unknown): string {
  const { content, after, position } = insertion.read(value, 'body.insert_content')
  if (after !== undefined) {
    const end = lineEnd(before, findSelection(before, after).to)
    return joined(before.slice(0, end), content, before.slice(end + 1))
  }
  return position?.type === 'start' ? joined(content, before) : joined(before, content)
}

const editTypes = ['insert_content', 'replace_content_range', 'update_content', 'replace_content'] as const

function readEdit(before: string, body: Record<string, unknown>): Edit {
  oneOf(...editTypes).read(body.type, 'body.type')
  const { kind, value } = branchOf(body, 'body', editTypes, { otherKeys: ['allow_async'], closed: false })
  const [sent, at] = [value[kind], `body.${kind}`]
  switch (kind) {
    case 'insert_content':
      return { markdown: insert(before, sent), allowDeleting: false }
    case 'replace_content_range': {
      const { content, content_range, allow_deleting_content } = rangeReplacement.read(sent, at)
      const { from, to } = findSelection(before, content_range)
      return {
        markdown: before.slice(0, from) + content + before.slice(to),
        allowDeleting: allow_deleting_content ?? false,
      }
    }
    case 'update_content': {
      const { content_updates, allow_deleting_content } = update.read(sent, at)
      const replacements = content_updates.map(({ old_str, new_str, replace_all_matches }) => ({
        old: old_str,
        new: new_str,
        all: replace_all_matches ?? false,
      }))
      return { markdown: replaceAllIn(before, replacements), allowDeleting: allow_deleting_content ?? false }
    }
    case 'replace_content': {
      const { new_str, allow_deleting_content } = replacement.read(sent, at)
      return { markdown: new_str, allowDeleting: allow_deleting_content ?? false }
    }
  }
}

/** `PATCH /v1/pages/{page_id}/markdown`. */
export function updateMarkdown(context: CallContext): unknown {
  return allowsAsync(context) ? asTask(context, 'update_page_markdown', () => edit(context)) : edit(context)
}

function edit(context: CallContext): unknown {
  const page = context.access.requireEditable('page', pathId(context, 'page_id'))
  const body = bodyOf(context)
  anyObject.read(body, 'body')
  requireNotInTrash(context, page, 'page')
  const before = write(context, page)
  if (before.truncated) throw validationError('The page is too large to be edited as markdown.')
  const { markdown, allowDeleting } = readEdit(before.markdown, body)
  replaceContent(context, page, markdown, allowDeleting)
  return render(context, context.store.pages.get(page.id) ?? page)
}
