import {
  coerceInputValue,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  isInputType,
  isNonNullType,
  Kind,
  typeFromAST,
} from 'graphql'

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

/** Suggestions show names of the schema to callers who may not read it. */
const suggestion = / Did you mean [^?]*\?$/

/**
 * Returns the message of an error about a request without the values of its inputs, which graphql-js quotes: they include
 * client secrets and tokens, and clients log messages of errors. What remains are places, types and names of the schema;
 * without `suggestions` only the names that the request has.
 */
export function withoutQuotedValues(error: GraphQLError, suggestions: boolean): string {
  const message = messageOf(error)
  return suggestions ? message : message.replace(suggestion, '')
}

function messageOf(error: GraphQLError): string {
  const { message } = error
  const [, variable] = /^Variable "\$(\w+)" got invalid value /.exec(message) ?? []
  if (variable !== undefined) return `Variable "$${variable}" has an invalid value.`
  const [, argument] = /^Argument "(\w+)" has invalid value /.exec(message) ?? []
  if (argument !== undefined) return `The argument "${argument}" has an invalid value.`
  const [, syntax] = quotedToken.exec(message) ?? []
  if (syntax !== undefined) return `${syntax}.`
  return isAboutValue(error) ? aboutValue(message) : message
}

/** Invalid places of variables that one response reports. */
const maxIssues = 20

/**
 * Returns what is wrong with the values of a document's variables, up to {@link maxIssues} places. The executor would find
 * the same, but prints the whole value into each of its messages, which takes seconds for 1 MB of unknown keys.
 */
export function variableErrors(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  values: Readonly<Record<string, unknown>>,
  suggestions: boolean,
): readonly GraphQLError[] {
  const operation = document.definitions.find(
    (each) => each.kind === Kind.OPERATION_DEFINITION && (!operationName || each.name?.value === operationName),
  )
  const errors: GraphQLError[] = []
  if (operation?.kind !== Kind.OPERATION_DEFINITION) return errors
  for (const node of operation.variableDefinitions ?? []) {
    const name = node.variable.name.value
    const type = typeFromAST(schema, node.type as never)
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value == null || type === undefined || !isInputType(type)) continue
    const nullable = isNonNullType(type) ? type.ofType : type
    try {
      coerceInputValue(
        value,
        nullable,
        (path, _value, error) => {
          const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
          // Only messages of this program have the code: those of its scalars, which quote nothing.
          const reason = error.extensions['code'] === 'BAD_USER_INPUT' ? error.message : aboutValue(error.message)
          const message = `Variable "$${name}" has an invalid value at "${name}${place}": ${reason}`
          errors.push(new GraphQLError(message, { nodes: node, extensions: invalidVariable }))
          if (errors.length >= maxIssues) throw enough
        },
        !suggestions,
      )
    } catch (error) {
      if (error !== enough) throw error
      break
    }
  }
  return errors
}

const enough = new Error('enough issues')

/** Nothing was executed (GraphQL over HTTP, section 6.4.2). */
const invalidVariable = { code: 'BAD_USER_INPUT', http: { spec: true, status: 400 } }

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
