/** Safe markup. Only `html` creates it, so that text from a request or a record cannot become markup. */
export interface Html {
  readonly markup: string
}

type Insert = string | number | Html | undefined | readonly Html[]

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function render(insert: Insert): string {
  if (insert === undefined) return ''
  if (typeof insert === 'string' || typeof insert === 'number') {
    return String(insert).replaceAll(/[&<>"']/g, (character) => escapes[character] ?? '')
  }
  return 'markup' in insert ? insert.markup : insert.map((part) => part.markup).join('')
}

/** Returns markup from a template. Escapes strings and numbers, joins lists of markup and omits undefined. */
export function html(literals: TemplateStringsArray, ...inserts: readonly Insert[]): Html {
  return { markup: literals.map((literal, index) => literal + render(inserts[index])).join('') }
}
