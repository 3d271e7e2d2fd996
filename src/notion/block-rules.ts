import { didYouMean } from '../did-you-mean.ts'
import { checkKeys } from './input-values.ts'
import type { JsonObject } from './json.ts'
import { dictionary } from './names.ts'
import { addIssue, type InputContext, under } from './rich-text.ts'
import { checkColor } from './rich-text-input.ts'

/** What a type of block may contain. */
export interface BlockRules {
  /** The names of its lists of rich text. */
  readonly texts: readonly ('rich_text' | 'caption')[]
  /** The other keys of its content. */
  readonly keys: readonly string[]
  readonly children: boolean
}

/** The types whose content is a file. */
export const mediaTypes = ['image', 'video', 'pdf', 'file', 'audio']

/** The keys that the text of a block may be under. */
export const textKeys = ['rich_text', 'text', 'content']

const text = (...keys: string[]): BlockRules => ({ texts: ['rich_text'], keys, children: true })
const media = (...keys: string[]): BlockRules => ({ texts: ['caption'], keys, children: false })
const bare = (children: boolean, ...keys: string[]): BlockRules => ({ texts: [], keys, children })

/** The types that can be written (https://developers.notion.com/reference/block). */
export const blockRules = dictionary<BlockRules>({
  paragraph: text('color', 'icon'),
  heading_1: text('color', 'is_toggleable'),
  heading_2: text('color', 'is_toggleable'),
  heading_3: text('color', 'is_toggleable'),
  heading_4: text('color', 'is_toggleable'),
  bulleted_list_item: text('color'),
  numbered_list_item: text('color'),
  quote: text('color'),
  to_do: text('color', 'checked'),
  toggle: text('color'),
  template: text(),
  callout: text('color', 'icon'),
  code: { texts: ['rich_text', 'caption'], keys: ['language'], children: false },
  synced_block: bare(true, 'synced_from'),
  column_list: bare(true),
  column: bare(true, 'width_ratio'),
  tab: bare(true),
  table: bare(true, 'table_width', 'has_column_header', 'has_row_header'),
  table_row: bare(false, 'cells'),
  equation: bare(false, 'expression'),
  divider: bare(false),
  breadcrumb: bare(false),
  table_of_contents: bare(false, 'color'),
  link_to_page: bare(false, 'type', 'page_id', 'database_id', 'comment_id', 'url'),
  embed: media('url'),
  bookmark: media('url'),
  image: media('type', 'url', 'external', 'file_upload'),
  video: media('type', 'url', 'external', 'file_upload'),
  pdf: media('type', 'url', 'external', 'file_upload'),
  file: media('type', 'url', 'external', 'file_upload', 'name'),
  audio: media('type', 'url', 'external', 'file_upload'),
})

/** The types whose text every update contains, as Notion's API describes them. */
export const textRequired: ReadonlySet<string> = new Set([
  ...['heading_1', 'heading_2', 'heading_3', 'heading_4', 'bulleted_list_item', 'numbered_list_item'],
  ...['quote', 'toggle', 'template'],
])

/** The languages of code blocks (https://developers.notion.com/reference/block#code). */
const languages: ReadonlySet<string> = new Set([
  'abap',
  'abc',
  'agda',
  'arduino',
  'ascii art',
  'assembly',
  'bash',
  'basic',
  'bnf',
  'c',
  'c#',
  'c++',
  'clojure',
  'coffeescript',
  'coq',
  'css',
  'dart',
  'dhall',
  'diff',
  'docker',
  'ebnf',
  'elixir',
  'elm',
  'erlang',
  'f#',
  'flow',
  'fortran',
  'gherkin',
  'glsl',
  'go',
  'graphql',
  'groovy',
  'haskell',
  'hcl',
  'html',
  'idris',
  'java',
  'javascript',
  'json',
  'julia',
  'kotlin',
  'latex',
  'less',
  'lisp',
  'livescript',
  'llvm ir',
  'lua',
  'makefile',
  'markdown',
  'markup',
  'matlab',
  'mathematica',
  'mermaid',
  'nix',
  'notion formula',
  'objective-c',
  'ocaml',
  'pascal',
  'perl',
  'php',
  'plain text',
  'powershell',
  'prolog',
  'protobuf',
  'purescript',
  'python',
  'r',
  'racket',
  'reason',
  'ruby',
  'rust',
  'sass',
  'scala',
  'scheme',
  'scss',
  'shell',
  'smalltalk',
  'solidity',
  'sql',
  'swift',
  'toml',
  'typescript',
  'vb.net',
  'verilog',
  'vhdl',
  'visual basic',
  'webassembly',
  'xml',
  'yaml',
  'java/c/c++/c#',
])

/** Short names that models write after the backticks of a code block. */
const languageNames = dictionary<string>({
  js: 'javascript',
  jsx: 'javascript',
  ts: 'typescript',
  tsx: 'typescript',
  py: 'python',
  rb: 'ruby',
  sh: 'shell',
  zsh: 'shell',
  console: 'shell',
  yml: 'yaml',
  md: 'markdown',
  text: 'plain text',
  txt: 'plain text',
  plaintext: 'plain text',
  cpp: 'c++',
  cs: 'c#',
  csharp: 'c#',
  golang: 'go',
  dockerfile: 'docker',
})

/** Returns the language of a code block as Notion names it. Adds an issue for a language that Notion does not know. */
export function language(name: string, context: InputContext): string {
  const known = name.trim().toLowerCase()
  const found = languageNames[known] ?? known
  if (!languages.has(found)) {
    addIssue(context, `unknown language "${known}".${didYouMean(known, [...languages])} Use "plain text" for others.`)
  }
  return found
}

/**
 * Adds issues for keys that a type of block does not have and for unknown colors. Notion would refuse them in a request
 * that may follow requests that wrote.
 */
export function checkBlockKeys(type: string, rules: BlockRules, content: JsonObject, context: InputContext): void {
  const texts = rules.texts.flatMap((key) => (key === 'rich_text' ? textKeys : [key]))
  checkKeys(content, [...texts, ...rules.keys], context, `in ${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`)
  if (rules.keys.includes('color')) checkColor(content.color, under(context, 'color'))
}
