import type { GraphQLResolveInfo } from 'graphql'
import * as z from 'zod'
import { InvalidInputError, InvalidToolInputError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import { badUserInput } from './protocol-errors.ts'

/**
 * The options of an argument or input field whose value must match a rule of `input-rules.ts`: the check, and a
 * description that ends with the rule's limits.
 */
export function ruled<Value>(rule: z.ZodType<Value>, meaning: string) {
  return { description: rule.description ? `${meaning} ${rule.description}` : meaning, validate: { schema: rule } }
}

/** A rule for strings as a rule for values of the URL scalar. */
export const urlOf = (rule: z.ZodType<string>): z.ZodType<URL> =>
  z
    .instanceof(URL)
    .superRefine(({ href }, context) => {
      for (const { message } of rule.safeParse(href).error?.issues ?? []) context.addIssue({ code: 'custom', message })
    })
    .describe(rule.description ?? '')

/** {@link urlOf} for a list. Paths of issues contain the index of the URL. */
export const urlsOf = (rule: z.ZodType<readonly string[]>): z.ZodType<URL[]> =>
  z
    .array(z.instanceof(URL))
    .superRefine((urls, context) => {
      for (const { path, message } of rule.safeParse(urls.map(({ href }) => href)).error?.issues ?? []) {
        context.addIssue({ code: 'custom', path: [...path], message })
      }
    })
    .describe(rule.description ?? '')

/** Names an OAuth app. */
export const connectionNameField = {
  required: true,
  defaultValue: 'notion',
  ...ruled(inputRules.connectionName, 'Connection name of the OAuth app.'),
} as const

/** Names a user of the application. */
export const identifierField = {
  required: true,
  ...ruled(inputRules.identifier, 'Your own ID of the user. Any string.'),
} as const

/**
 * The error for arguments that fail their rules: the typed error where the field's result union has one, otherwise a
 * top-level error with the code BAD_USER_INPUT and the same `issues` in its extensions. Paths do not contain the
 * argument `input` itself.
 */
export function invalidInput(error: z.ZodError, info: Pick<GraphQLResolveInfo, 'returnType' | 'schema'>): Error {
  const issues = error.issues.map(({ path, message }) => ({
    path: (path[0] === 'input' ? path.slice(1) : path).join('.'),
    message,
  }))
  const result = info.schema.getType(String(info.returnType).replaceAll(/[[\]!]/g, ''))
  const members = result && 'getTypes' in result ? result.getTypes().map(({ name }) => name) : []
  if (members.includes('InvalidInputError')) return new InvalidInputError(issues)
  if (members.includes('InvalidToolInputError')) return new InvalidToolInputError(issues)
  return badUserInput(new InvalidInputError(issues).message, { issues })
}
