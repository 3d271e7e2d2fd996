import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ database: 'postgres' })
})
afterAll(() => app.stop())

const secret = 'canary_5e1f'
type Values = Record<string, unknown>

/** The inputs that contain secrets, and their fields with a secret. */
const inputs: Record<string, { readonly type: string; readonly valid: Values; readonly secrets: readonly string[] }> = {
  registerOAuthApp: {
    type: 'RegisterOAuthAppInput',
    valid: { clientId: 'client', connectionName: 'notion', clientSecret: secret },
    secrets: ['clientSecret'],
  },
  importConnectedAccount: {
    type: 'ImportConnectedAccountInput',
    valid: { identifier: 'ann', connectionName: 'notion', accessToken: secret, refreshToken: secret },
    secrets: ['accessToken', 'refreshToken'],
  },
}

const literal = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${key}: ${literal(each)}`)
    .join(', ')} }`
}

async function refusal(document: string, variables: Values = {}): Promise<string> {
  const { status, errors = [] } = await app.graphql(document, variables)
  expect(status).toBe(400)
  expect(JSON.stringify(errors)).not.toContain('canary')
  return errors.map(({ message }) => message).join('\n')
}

describe.each(Object.entries(inputs))('an error about the input of %s', (mutation, { type, valid, secrets }) => {
  const missing = Object.keys(valid).find((key) => !secrets.includes(key)) ?? ''
  const { [missing]: _, ...incomplete } = valid
  const wrong: [string, unknown][] = [
    ['an unknown key', { ...valid, nope: secret }],
    ['a missing key', incomplete],
    ['a string', secret],
    ['a list', [secret, secret]],
    ...secrets.flatMap((key): [string, unknown][] => [
      [`an object as ${key}`, { ...valid, [key]: { value: secret } }],
      [`a list as ${key}`, { ...valid, [key]: [secret] }],
      [`a misleading object as ${key}`, { ...valid, [key]: { a: `" at "input.${secret}"; ${secret}` } }],
    ]),
  ]

  it.each(wrong)('does not repeat values of a variable with %s', async (_what, input) => {
    const document = `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`
    expect(await refusal(document, { input })).toContain('Variable "$input" has an invalid value at "input')
  })

  it.each(wrong)('does not repeat values of a literal with %s', async (_what, input) => {
    await refusal(`mutation { ${mutation}(input: ${literal(input)}) { __typename } }`)
  })

  it.each(wrong)('does not repeat values of a default value with %s', async (_what, input) => {
    await refusal(`mutation ($i: ${type} = ${literal(input)}) { ${mutation}(input: $i) { __typename } }`)
  })

  it('does not repeat a literal next to a variable that is null', async () => {
    const { [missing]: __, ...others } = valid
    const input = literal(others).replace('{', `{ ${missing}: $missing,`)
    const document = `mutation ($missing: String = "x") { ${mutation}(input: ${input}) { __typename } }`
    expect(await refusal(document, { missing: null })).toBe('The argument "input" has an invalid value.')
  })

  it.each(secrets)('does not repeat %s without its quotes, or with a string too many', async (key) => {
    for (const text of [secret, `"a" "${secret}"`, `"a" """${secret}"""`, `"a" "over a limit of ${secret}"`]) {
      await refusal(`mutation { ${mutation}(input: { ${key}: ${text} }) { __typename } }`)
    }
  })
})

describe('an error about an input', () => {
  const register = 'mutation ($input: RegisterOAuthAppInput!) { registerOAuthApp(input: $input) { __typename } }'
  const app = { connectionName: 'notion', clientId: 'client', clientSecret: secret }

  it.each([
    [
      { ...app, nope: 1 },
      'Variable "$input" has an invalid value at "input": Field "nope" is not defined by type "RegisterOAuthAppInput".',
    ],
    [
      { connectionName: 'notion', clientSecret: secret },
      'Variable "$input" has an invalid value at "input": Field "clientId" of required type "String!" was not provided.',
    ],
    [
      { ...app, clientSecret: 12_345_678 },
      'Variable "$input" has an invalid value at "input.clientSecret": Expected a value of type "String".',
    ],
    [
      { ...app, capabilities: [secret] },
      'Variable "$input" has an invalid value at "input.capabilities[0]": Expected a value of the enum "Capability".',
    ],
    [
      { ...app, confirmationUrl: secret },
      'Variable "$input" has an invalid value at "input.confirmationUrl": A URL must be absolute, such as https://app.example.com/done.',
    ],
  ])('names the place and the type', async (input, message) => {
    expect(await refusal(register, { input })).toBe(message)
  })
})

it('a syntax error next to a secret has its place', async () => {
  const document = `mutation { importConnectedAccount(input: { identifier: "x", accessToken "${secret}" }) { __typename } }`
  const { errors = [] } = await app.graphql(document)
  expect(JSON.stringify(errors)).not.toContain('canary')
  expect(errors[0]).toMatchObject({ locations: [{ line: 1, column: 73 }] })
})
