import { didYouMean } from '../did-you-mean.ts'
import type { JsonObject } from './json.ts'
import { addIssue, checkColor, type InputContext, under, unknown } from './rich-text.ts'

/** What a type of block may contain. */
export interface BlockRules {
  /** The names of its lists of rich text. */
  readonly texts: readonly ('rich_text' | 'caption')[]
  /** The other keys of its content. */
  readonly keys: readonly string[]
  readonly children: boolean
}

const text = (...keys: string[]): BlockRules => ({ texts: ['rich_text'], keys, children: true })
const media = (...keys: string[]): BlockRules => ({ texts: ['caption'], keys, children: false })
const bare = (children: boolean, ...keys: string[]): BlockRules => ({ texts: [], keys, children })

/** The types that can be written (https://developers.notion.com/reference/block). */
export const blockRules: Readonly<Record<string, BlockRules>> = {
  paragraph: text('color'),
  heading_1: text('color', 'is_toggleable'),
  heading_2: text('color', 'is_toggleable'),
  heading_3: text('color', 'is_toggleable'),
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
  table: bare(true, 'table_width', 'has_column_header', 'has_row_header'),
  table_row: bare(false, 'cells'),
  equation: bare(false, 'expression'),
  divider: bare(false),
  breadcrumb: bare(false),
  table_of_contents: bare(false, 'color'),
  link_to_page: bare(false, 'type', 'page_id', 'database_id', 'comment_id'),
  embed: media('url'),
  bookmark: media('url'),
  image: media('type', 'url', 'external', 'file_upload'),
  video: media('type', 'url', 'external', 'file_upload'),
  pdf: media('type', 'url', 'external', 'file_upload'),
  file: media('type', 'url', 'external', 'file_upload', 'name'),
  audio: media('type', 'url', 'external', 'file_upload'),
}

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
const languageNames: Readonly<Record<string, string>> = {
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
}

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
 * that may follow requests that wrote. A key whose value is null is ignored.
 */
export function checkBlockKeys(type: string, rules: BlockRules, content: JsonObject, context: InputContext): void {
  const known = [...rules.texts, ...rules.keys]
  for (const [key, value] of Object.entries(content)) {
    if (value === null || value === undefined || known.includes(key)) continue
    if (key === 'text' && rules.texts.includes('rich_text')) continue
    addIssue(under(context, key), unknown('key', key, known, `in a ${type}`))
  }
  if (rules.keys.includes('color')) checkColor(content.color, under(context, 'color'))
}
