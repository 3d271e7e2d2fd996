import type { GraphQLError } from 'graphql'

/** Messages about an input that name only fields and types of the schema. */
const harmless = [
  /^Field "[\w.]+" of required type "[\w[\]!]+" was not provided\.$/,
  /^Field "\w+" is not defined by type "\w+"\.(?: Did you mean [\w", ]+\?)?$/,
  /^Expected non-nullable type "[\w[\]!]+" not to be null\.$/,
  /^Exactly one key must be specified for OneOf type "\w+"\.$/,
  /^OneOf Input Object "\w+" must specify exactly one key\.$/,
  /^Field "[\w.]+" (?:for OneOf type "\w+" )?must be non-null\.$/,
]

/** The messages that quote a value after the name of its type. */
const typeFirst =
  /^(?:Expected value of type "([\w[\]!]+)"|Expected type "([\w[\]!]+)"|Enum "(\w+)"|(\w+) cannot represent )/

/** Greedy, because the value comes first and may contain anything. */
const unknownEnumValue = /^Value .* does not exist in "(\w+)" enum\.( Did you mean [\w", ]+\?)?$/s

/** No comma comes before the value: commas are white space in GraphQL, and never expected. */
const quotedToken = /^(Syntax Error: (?:[^,]*, found|Unexpected) (?:String|BlockString|Int|Float|Comment)) "/

/**
 * Returns the message of an error about a request without the values of its inputs, which graphql-js quotes: they include
 * client secrets and tokens, and clients log messages of errors. What remains are places, types and names of the schema.
 */
export function withoutQuotedValues(error: GraphQLError): string {
  const { message } = error
  const [, variable] = /^Variable "\$(\w+)" got invalid value /.exec(message) ?? []
  if (variable !== undefined) return aboutVariable(variable, error)
  const [, argument] = /^Argument "(\w+)" has invalid value /.exec(message) ?? []
  if (argument !== undefined) return `The argument "${argument}" has an invalid value.`
  const [, syntax] = quotedToken.exec(message) ?? []
  if (syntax !== undefined) return `${syntax}.`
  return isAboutValue(error) ? aboutValue(message) : message
}

/** The error of a variable is `Variable "$name" got invalid value <value>[ at "<path>"]; <error of the value>`. */
function aboutVariable(name: string, { message, originalError }: GraphQLError): string {
  const reason = originalError?.message ?? ''
  const before = message.endsWith(`; ${reason}`) ? message.slice(0, -reason.length - 2) : ''
  const [, path = name] = / at "(\w+(?:\.\w+|\[\d+\])+)"$/.exec(before) ?? []
  return `Variable "$${name}" has an invalid value at "${path}": ${aboutValue(reason)}`
}

function aboutValue(message: string): string {
  if (harmless.some((form) => form.test(message))) return message
  const [, enumType, suggestions = ''] = unknownEnumValue.exec(message) ?? []
  if (enumType !== undefined) return `Expected a value of the enum "${enumType}".${suggestions}`
  const type = typeFirst
    .exec(message)
    ?.slice(1)
    .find((name) => name !== undefined)
  return type === undefined ? 'The value is invalid.' : `Expected a value of type "${type}".`
}

const isAboutValue = ({ nodes }: GraphQLError) => {
  const kind = nodes?.[0]?.kind ?? ''
  return kind.endsWith('Value') || kind === 'ObjectField'
}
