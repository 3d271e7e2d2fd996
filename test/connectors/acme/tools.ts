import * as z from 'zod'
import { ResourceNotFoundError } from '../../../src/errors.ts'
import type { ConnectorRuntime } from '../../../src/tools/connector.ts'
import { type AnyTool, defineTool } from '../../../src/tools/tool.ts'
import { acmeRequest } from './request.ts'

const issue = z
  .object({
    id: z.string().describe('The id of the issue.'),
    title: z.string().describe('Its title.'),
    open: z.boolean().describe('Whether it is open.'),
  })
  .meta({ id: 'AcmeIssue', description: 'An issue of Acme.' })

const issueBody = z.looseObject({ ...issue.shape })
const issueResult = z.object({ issue: issue.describe('The issue as it is now.') })
const issueList = z.looseObject({ issues: z.array(issueBody) })
const issueListResult = z.object({ issues: z.array(issue).describe('The issues found.') })

const line = ({ id, title, open }: z.output<typeof issue>) => `- ${open ? '[ ]' : '[x]'} ${title} (${id})`

/** What all tools of Acme have in common. */
const shared = { connector: 'acme', destructive: false, requiredCapabilities: [], inDefaultSet: true }

/** The forms of a result that is one issue. */
const oneIssue = {
  output: issueBody,
  result: issueResult,
  toResult: (body: unknown) => ({ issue: issue.parse(body) }),
  toCompact: (body: unknown) => issue.parse(body),
  toMarkdown: (body: unknown) => line(issue.parse(body)),
}

/** The tools of Acme, in the order in which models see them. */
export function acmeTools(runtime: ConnectorRuntime): readonly AnyTool[] {
  const request = acmeRequest(runtime)
  return [
    defineTool({
      ...shared,
      name: 'acme_issue_find',
      title: 'Find issues',
      description: 'Find issues by words of their title. Without a query it lists all issues.',
      readOnly: true,
      requiredScopes: ['issues:read'],
      errors: [],
      input: z.strictObject({ query: z.string().max(100).optional().describe('words of the title') }),
      output: issueList,
      result: issueListResult,
      run: (call, { query = '' }) =>
        request(call, { method: 'GET', path: `/issues?${new URLSearchParams({ query })}` }),
      toResult: (body) => issueListResult.parse(body),
      toCompact: (body) => issueListResult.parse(body).issues,
      toMarkdown: (body) => issueListResult.parse(body).issues.map(line).join('\n'),
    }),
    defineTool({
      ...shared,
      ...oneIssue,
      name: 'acme_issue_create',
      title: 'Create an issue',
      description: 'Create an issue.',
      readOnly: false,
      requiredScopes: ['issues:write'],
      errors: [],
      input: z.strictObject({ title: z.string().min(1).max(200).describe('title of the issue') }),
      run: (call, { title }) => request(call, { method: 'POST', path: '/issues', body: { title } }),
    }),
    defineTool({
      ...shared,
      ...oneIssue,
      name: 'acme_issue_close',
      title: 'Close an issue',
      description: 'Close an issue. Call acme_issue_find first for its id.',
      readOnly: false,
      requiredScopes: ['issues:write'],
      errors: [ResourceNotFoundError],
      input: z.strictObject({
        issue_id: z
          .string()
          .regex(/^[\w-]{1,50}$/)
          .describe('id of the issue'),
      }),
      run: (call, { issue_id }) => request(call, { method: 'POST', path: `/issues/${issue_id}/close` }),
    }),
  ]
}
