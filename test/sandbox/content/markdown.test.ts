import { describe, expect, it } from 'vitest'
import { findSelection, replaceAllIn } from '../../../src/sandbox/markdown/edit.ts'
import { parseInline } from '../../../src/sandbox/markdown/inline-parse.ts'
import { type Names, writeInline } from '../../../src/sandbox/markdown/inline-write.ts'
import { parseMarkdown } from '../../../src/sandbox/markdown/parse.ts'
import { type MarkdownBlock, writeMarkdown } from '../../../src/sandbox/markdown/write.ts'
import type { JsonObject, RichTextItem } from '../../../src/sandbox/model.ts'
import type { NewBlock } from '../../../src/sandbox/validation/blocks.ts'
import { compactRichText } from '../../../src/sandbox/validation/rich-text.ts'
import fc from '../../support/fast-check.ts'

const runs = Number(process.env.SANDBOX_MARKDOWN_RUNS ?? 400)

const names: Names = {
  title: () => 'A *page*',
  url: (id) => `https://app.notion.com/p/A-page-${id.replaceAll('-', '')}`,
  user: () => 'Ada',
}

const id = 'a1b2c3d4-e5f6-4890-abcd-ef1234567890'

function withIds(block: NewBlock): MarkdownBlock {
  const url = (block.content.external as JsonObject | undefined)?.url
  return {
    id,
    ...block,
    children: block.children.map(withIds),
    ...(typeof url === 'string' && { fileUrl: url }),
  }
}

const write = (blocks: readonly NewBlock[]) =>
  writeMarkdown(blocks.map(withIds), names, 'https://app.notion.com/p/x').markdown

/** Characters with a meaning in markdown, and some without. */
const word = fc
  .array(fc.constantFrom(...'aBé語😀*_~`[]()<>\\${|#-1.!&"'), { minLength: 1, maxLength: 8 })
  .map((chars) => chars.join(''))

const words = fc.array(word, { minLength: 1, maxLength: 3 }).map((list) => list.join(' '))

const annotations = fc
  .record({
    bold: fc.boolean(),
    italic: fc.boolean(),
    strikethrough: fc.boolean(),
    underline: fc.boolean(),
    color: fc.constantFrom('default', 'red', 'blue_background'),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== false && value !== 'default')))

const textItem: fc.Arbitrary<RichTextItem> = fc
  .tuple(words, annotations, fc.option(fc.constantFrom('https://example.com/a(b)', 'https://example.com/?q=1&r=2')))
  .map(([content, style, url]) => ({
    type: 'text',
    text: { content, ...(url !== null && { link: { url } }) },
    ...(Object.keys(style).length > 0 && { annotations: style }),
  }))

const otherItem: fc.Arbitrary<RichTextItem> = fc.constantFrom<RichTextItem[]>(
  { type: 'equation', equation: { expression: 'x^2 + \\frac{1}{2}' } },
  { type: 'mention', mention: { type: 'page', page: { id } } },
  { type: 'mention', mention: { type: 'user', user: { id } } },
  { type: 'mention', mention: { type: 'date', date: { start: '2026-07-15', end: null, time_zone: null } } },
)

/** Separates text items by other items: markdown merges neighbours of the same style into one element. */
const richText = fc
  .array(fc.tuple(textItem, otherItem), { minLength: 1, maxLength: 3 })
  .map((pairs) => compactRichText(pairs.flatMap(([text, other], index) => (index === 0 ? [text] : [other, text]))))

const textBlock: fc.Arbitrary<NewBlock> = fc
  .tuple(
    fc.constantFrom('paragraph', 'bulleted_list_item', 'numbered_list_item', 'quote', 'toggle'),
    richText,
    fc.constantFrom('default', 'gray', 'pink_background'),
  )
  .map(([type, rich, color]) => ({ type, content: { rich_text: rich as string, color }, children: [] }))

const leaf: fc.Arbitrary<NewBlock> = fc.oneof(
  textBlock,
  richText.map((rich) => ({
    type: 'heading_2',
    content: { rich_text: rich as string, color: 'default', is_toggleable: false },
    children: [],
  })),
  fc.tuple(richText, fc.boolean()).map(([rich, checked]) => ({
    type: 'to_do',
    content: { rich_text: rich as string, color: 'default', checked },
    children: [],
  })),
  fc.constant<NewBlock>({ type: 'divider', content: {}, children: [] }),
  fc.constantFrom('a = 1\n\tb\n\n```\nend', '  indented', '').map((code) => ({
    type: 'code',
    content: { rich_text: code, language: 'python', caption: '' },
    children: [],
  })),
  fc.constant<NewBlock>({ type: 'equation', content: { expression: 'a\nb' }, children: [] }),
  fc.array(fc.tuple(richText, richText), { minLength: 1, maxLength: 3 }).map((rows) => ({
    type: 'table',
    content: { table_width: 2, has_column_header: true, has_row_header: false },
    children: rows.map((cells) => ({
      type: 'table_row',
      content: { cells: cells as unknown as string[] },
      children: [],
    })),
  })),
  richText.map((rich) => ({
    type: 'image',
    content: { caption: rich as string, type: 'external', external: { url: 'https://example.com/x.png' } },
    children: [],
  })),
  fc.constant<NewBlock>({ type: 'table_of_contents', content: { color: 'gray' }, children: [] }),
)

const tree: fc.Arbitrary<NewBlock[]> = fc.array(
  fc.oneof(
    leaf,
    fc.tuple(textBlock, fc.array(fc.oneof(leaf, textBlock), { maxLength: 3 })).map(([block, children]) => ({
      ...block,
      children,
    })),
    fc.array(leaf, { maxLength: 2 }).map((children) => ({
      type: 'callout',
      content: { rich_text: 'Note', color: 'gray_background', icon: { type: 'emoji', emoji: '💡' } },
      children,
    })),
    fc.tuple(leaf, leaf).map((inner) => ({
      type: 'column_list',
      content: {},
      children: inner.map((child) => ({ type: 'column', content: {}, children: [child] })),
    })),
  ),
  { maxLength: 4 },
)

describe('markdown of rich text', () => {
  it.each([
    ['**bold** and *italic*', ['bold', ' and ', 'italic']],
    ['***both***', ['both']],
    ['~~gone~~ `code` [a](https://example.com)', ['gone', ' ', 'code', ' ', 'a']],
    ['2 * 3 * 4 and a_b_c', ['2 * 3 * 4 and a_b_c']],
    ['\\*not italic\\*', ['*not italic*']],
    ['**unclosed', ['**unclosed']],
    ['a<br>b', ['a\nb']],
    ['<span underline="true" color="red_bg">u</span>', ['u']],
  ])('reads %s', (markdown, parts) => {
    const rich = parseInline(markdown)
    const contents = typeof rich === 'string' ? [rich] : rich.map((item) => item.text?.content)
    expect(contents).toEqual(parts)
  })

  it('reads back any rich text that it has written', () => {
    fc.assert(
      fc.property(richText, (rich) => {
        expect(parseInline(writeInline(rich, names))).toEqual(rich)
      }),
      { numRuns: runs },
    )
  })

  it('reads any text without throwing, and writes a stable form of it', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('a', ' ', '*', '_', '`', '[', ']', '(', ')', '<', '>', '\\', '~', '$', 'span'),
        }),
        (source) => {
          const once = writeInline(parseInline(source), names)
          expect(writeInline(parseInline(once), names)).toBe(once)
        },
      ),
      { numRuns: runs },
    )
  })

  it.each(['**a ', '[', '*a **b ', '<span>', '`', '<mention-date start="x">', '~~a'])(
    'reads half a megabyte of unclosed %s in reasonable time',
    (part) => {
      const source = part.repeat(Math.ceil(500_000 / part.length))
      const rich = parseInline(source)
      expect(rich.length).toBeGreaterThan(0)
    },
  )

  it('splits text of more than 2000 characters into several elements', () => {
    const rich = parseInline('x'.repeat(4500))
    expect(typeof rich === 'string' ? [] : rich.map((item) => item.text?.content.length)).toEqual([2000, 2000, 500])
  })
})

describe('markdown of blocks', () => {
  it('reads back any blocks that it has written', () => {
    fc.assert(
      fc.property(tree, (blocks) => {
        expect(parseMarkdown(write(blocks))).toEqual(blocks)
      }),
      { numRuns: runs },
    )
  })

  it('reads plain markdown as models write it', () => {
    const blocks = parseMarkdown(
      [
        '# Title',
        '',
        'Some text.',
        '',
        '* one',
        '  * nested with two spaces',
        '    1. and four',
        '- [x] done',
        '#### Fourth level',
        '| a | b |',
        '|---|:-:|',
        '| 1 | 2 |',
        '```js',
        'let a = 1',
        '```',
        '***',
        '> said',
      ].join('\n'),
    )
    expect(blocks.map(({ type }) => type)).toEqual([
      'heading_1',
      'paragraph',
      'bulleted_list_item',
      'to_do',
      'heading_4',
      'table',
      'code',
      'divider',
      'quote',
    ])
    expect(blocks[2]?.children[0]?.children[0]?.type).toBe('numbered_list_item')
    expect(blocks[5]?.content).toMatchObject({ table_width: 2, has_column_header: true })
    expect(blocks[6]?.content).toMatchObject({ language: 'javascript', rich_text: 'let a = 1' })
  })

  it('writes blocks without a markdown form as unknown, and returns their ids', () => {
    const block: MarkdownBlock = {
      id,
      type: 'bookmark',
      content: { url: 'https://example.com', caption: '' },
      children: [],
    }
    expect(writeMarkdown([block], names, 'https://app.notion.com/p/x')).toEqual({
      markdown: `<unknown url="https://app.notion.com/p/x#${id.replaceAll('-', '')}" alt="bookmark"/>`,
      unknownIds: [id],
    })
  })

  it('reads any text without throwing', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '<callout>',
        '</callout>',
        '<table>',
        '```',
        '$$',
        '<details>',
        '<summary>x',
        '<columns>',
        '\t- a',
        '|-|',
        '| a',
        '> ',
        '# ',
      ),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        expect(Array.isArray(parseMarkdown(lines.join('\n')))).toBe(true)
      }),
      { numRuns: runs },
    )
  })
})

describe('edits of markdown', () => {
  it('replace a text that occurs once, or all occurrences when requested', () => {
    expect(replaceAllIn('a b a', [{ old: 'b', new: 'c', all: false }])).toBe('a c a')
    expect(replaceAllIn('a b a', [{ old: 'a', new: 'c', all: true }])).toBe('c b c')
    expect(() => replaceAllIn('a b a', [{ old: 'a', new: 'c', all: false }])).toThrow('Found 2 matches')
    expect(() => replaceAllIn('a b a', [{ old: 'x', new: 'c', all: true }])).toThrow('Could not find')
    expect(() => replaceAllIn('a', [{ old: '', new: 'c', all: true }])).toThrow('Could not find')
  })

  it('find a selection by its start and its end', () => {
    expect(findSelection('one two three', 'two...three')).toEqual({ from: 4, to: 13 })
    expect(findSelection('one two three', 'two')).toEqual({ from: 4, to: 7 })
    expect(() => findSelection('one', 'two')).toThrow('Could not find the selection')
    expect(() => findSelection('one one', 'one')).toThrow('several matches')
  })
})
