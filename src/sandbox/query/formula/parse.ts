/**
 * Parser of the supported subset of Notion's formulas: literals, `prop("Name")`, function and method calls, arithmetic,
 * comparison, logic and `? :`.
 *
 * @see https://www.notion.com/help/formula-syntax
 */

/** A parsed formula. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }

/** A formula with an invalid or unsupported syntax. */
export class FormulaSyntaxError extends Error {
  override readonly name = 'FormulaSyntaxError'
}

interface Token {
  readonly kind: 'number' | 'string' | 'name' | 'symbol' | 'end'
  readonly text: string
}

const tokenPattern =
  /\s*(?:(?<number>\d+(?:\.\d+)?)|"(?<double>(?:[^"\\]|\\.)*)"|'(?<single>(?:[^'\\]|\\.)*)'|(?<name>[A-Za-z_]\w*)|(?<symbol>==|!=|>=|<=|&&|\|\||[-+*/%^<>!?:(),.]))/uy

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', "'": "'", '\\': '\\' }

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  const text = source.trimEnd()
  let position = 0
  while (position < text.length) {
    tokenPattern.lastIndex = position
    const groups = tokenPattern.exec(text)?.groups
    if (groups === undefined) throw new FormulaSyntaxError(`unexpected "${text.slice(position, position + 10)}"`)
    position = tokenPattern.lastIndex
    const quotedText = groups.double ?? groups.single
    if (quotedText !== undefined) {
      tokens.push({ kind: 'string', text: quotedText.replace(/\\(.)/gsu, (_, char: string) => escapes[char] ?? char) })
    } else if (groups.number !== undefined) tokens.push({ kind: 'number', text: groups.number })
    else if (groups.name !== undefined) tokens.push({ kind: 'name', text: groups.name })
    else tokens.push({ kind: 'symbol', text: groups.symbol ?? '' })
  }
  tokens.push({ kind: 'end', text: '' })
  return tokens
}

/** Precedence and function of binary operators. */
const binaryOperators: ReadonlyMap<string, readonly [number, string]> = new Map(
  Object.entries({
    '||': [1, 'or'],
    or: [1, 'or'],
    '&&': [2, 'and'],
    and: [2, 'and'],
    '==': [3, 'equal'],
    '!=': [3, 'unequal'],
    '>': [4, 'larger'],
    '>=': [4, 'largerEq'],
    '<': [4, 'smaller'],
    '<=': [4, 'smallerEq'],
    '+': [5, 'add'],
    '-': [5, 'subtract'],
    '*': [6, 'multiply'],
    '/': [6, 'divide'],
    '%': [6, 'mod'],
    '^': [7, 'pow'],
  }),
)

/** Maximum nesting of a formula, so that a malicious one cannot exhaust the stack. */
const maxNesting = 100

/**
 * Parses a formula.
 *
 * Throws FormulaSyntaxError when the syntax is invalid or not supported, or when the formula nests too deeply.
 */
export function parseFormula(source: string): Expression {
  const tokens = tokenize(source)
  let index = 0
  let nesting = 0

  const peek = () => tokens[index] ?? { kind: 'end', text: '' }
  const next = () => {
    const token = peek()
    index += 1
    return token
  }
  const accept = (text: string) => {
    if (peek().kind !== 'symbol' || peek().text !== text) return false
    index += 1
    return true
  }
  const expect = (text: string) => {
    if (!accept(text)) throw new FormulaSyntaxError(`expected "${text}", found "${peek().text}"`)
  }

  function args(): Expression[] {
    const list: Expression[] = []
    if (accept(')')) return list
    do list.push(ternary())
    while (accept(','))
    expect(')')
    return list
  }

  function primary(): Expression {
    const token = next()
    switch (token.kind) {
      case 'number':
        return { kind: 'literal', value: Number(token.text) }
      case 'string':
        return { kind: 'literal', value: token.text }
      case 'name':
        if (token.text === 'true' || token.text === 'false') return { kind: 'literal', value: token.text === 'true' }
        if (token.text === 'not') return { kind: 'call', name: 'not', args: [unary()] }
        if (accept('(')) return { kind: 'call', name: token.text, args: args() }
        return { kind: 'call', name: token.text, args: [] }
      default: {
        if (token.text !== '(') throw new FormulaSyntaxError(`unexpected "${token.text}"`)
        const inner = ternary()
        expect(')')
        return inner
      }
    }
  }

  function postfix(): Expression {
    let expression = primary()
    while (accept('.')) {
      const method = next()
      if (method.kind !== 'name') throw new FormulaSyntaxError('expected the name of a function')
      const rest = accept('(') ? args() : []
      expression = { kind: 'call', name: method.text, args: [expression, ...rest] }
    }
    return expression
  }

  function unary(): Expression {
    nesting += 1
    if (nesting > maxNesting) throw new FormulaSyntaxError('nested too deeply')
    try {
      if (accept('-')) return { kind: 'call', name: 'unaryMinus', args: [unary()] }
      if (accept('+')) return { kind: 'call', name: 'toNumber', args: [unary()] }
      if (accept('!')) return { kind: 'call', name: 'not', args: [unary()] }
      return postfix()
    } finally {
      nesting -= 1
    }
  }

  function binary(minimum: number): Expression {
    let left = unary()
    for (;;) {
      const operator = peek().kind === 'symbol' || peek().kind === 'name' ? binaryOperators.get(peek().text) : undefined
      if (operator === undefined || operator[0] < minimum) return left
      index += 1
      const [precedence, name] = operator
      // Only powers are right-associative.
      const right = binary(name === 'pow' ? precedence : precedence + 1)
      left = { kind: 'call', name, args: [left, right] }
    }
  }

  function ternary(): Expression {
    const condition = binary(1)
    if (!accept('?')) return condition
    const yes = ternary()
    expect(':')
    return { kind: 'call', name: 'if', args: [condition, yes, ternary()] }
  }

  const expression = ternary()
  if (peek().kind !== 'end') throw new FormulaSyntaxError(`unexpected "${peek().text}"`)
  return expression
}
