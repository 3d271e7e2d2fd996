import { expect } from 'vitest'
import type { TestApp } from '../support/app.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by the expectations
type Loose = any

/** Calls tools over GraphQL, for one account. */
export interface Agent {
  /** Returns the member of the result union, with the fields of its type. */
  call(toolName: string, toolInput: object, more?: object): Promise<Loose>
  /** Returns the body of a call that must succeed. */
  body(toolName: string, toolInput: object): Promise<Loose>
  /** Returns the issues of a call whose input must be refused. */
  issues(toolName: string, toolInput: object): Promise<{ readonly path: string; readonly message: string }[]>
}

/** Makes it. The account must be connected. */
export function agentOf(app: TestApp, identifier: string): Agent {
  const call: Agent['call'] = async (toolName, toolInput, more = {}) => {
    const { data, errors } = await app.graphql(
      `mutation ($input: ExecuteToolInput!) {
        executeTool(input: $input) {
          __typename
          ... on ExecuteToolPayload { data }
          ... on ToolError { message hint retryable }
          ... on InvalidToolInputError { issues { path message } }
          ... on MissingCapabilityError { capability }
          ... on WrongResourceTypeError { expected actual }
          ... on ProviderError { status code }
          ... on OutcomeUnknownError { committedIds }
        }
      }`,
      { input: { identifier, toolName, toolInput, ...more } },
    )
    expect(errors).toBeUndefined()
    return data['executeTool']
  }
  return {
    call,
    async body(toolName, toolInput) {
      const result = await call(toolName, toolInput)
      expect(result).toMatchObject({ __typename: 'ExecuteToolPayload' })
      return result.data
    },
    async issues(toolName, toolInput) {
      const result = await call(toolName, toolInput)
      expect(result).toMatchObject({ __typename: 'InvalidToolInputError' })
      return result.issues
    },
  }
}
