import { CallTable } from './call-table.tsx'
import { Chart } from './chart.tsx'
import { useList, useQuery } from './data.ts'
import {
  OAuthApps,
  ToolCalls,
  type ToolCallsQuery,
  type ToolCallsQueryVariables,
  type ToolExecutionStatus,
  ToolStatistics,
} from './operations.ts'
import { go, href } from './route.ts'
import { Empty, Filter, Heading, ItemList, inWords, Result, Table, wordsOf } from './ui.tsx'

/** The periods, with parts that are easy to read. */
const periods = {
  '1': { name: 'Last hour', intervals: 12 },
  '24': { name: 'Last 24 hours', intervals: 24 },
  '168': { name: 'Last 7 days', intervals: 28 },
  '720': { name: 'Last 30 days', intervals: 30 },
} as const

type Period = keyof typeof periods

const statuses: readonly ToolExecutionStatus[] = ['SUCCEEDED', 'FAILED', 'OUTCOME_UNKNOWN', 'RUNNING']

/** What to do about the errors that an operator meets most. */
const advice: Readonly<Record<string, string>> = {
  AccountNotActiveError: 'Send the user to an authorization link.',
  Cancelled: 'The caller disconnected before the end. Check its time limit.',
  InternalError: 'A failure of the server: search its log.',
  InvalidToolInputError: 'The model passed a wrong input. Check how the tool is described to it.',
  MissingCapabilityError: "Enable the capability in the provider's settings, then register the OAuth app again.",
  OutcomeUnknownError: 'Look in the workspace whether the write was made before you repeat it.',
  ProviderError: 'The provider failed. Try again later; its request IDs are below.',
  RateLimitedError: 'The provider limits requests. Make fewer calls at the same time.',
  ResourceNotFoundError: 'The page or database was deleted, or never shared.',
  ResourceUnavailableError: 'The page or database was deleted, or is not shared. Ask the user to share it.',
  ResourceNotSharedError: 'Ask the user to share the page or database with the connection.',
  ToolNotAllowedError: 'A tool policy refuses the tool, or a person rejected the call.',
}

/** Tool calls: how many, which fail and why, and each of them. */
export function ToolCallsPage({ search }: { search: URLSearchParams }) {
  const apps = useQuery(OAuthApps, {})
  const given = search.get('hours')
  const hours: Period = given !== null && Object.hasOwn(periods, given) ? (given as Period) : '24'
  const status = statuses.find((each) => each === search.get('status'))
  const toolName = search.get('tool') || undefined
  const errorType = search.get('error') || undefined
  const connectionName = search.get('connection') || undefined
  const filter = { ...(toolName && { toolName }), ...(connectionName && { connectionName }) }
  const { name: period, intervals } = periods[hours]
  const statistics = useQuery(ToolStatistics, { hours: Number(hours), intervals, filter })
  const calls = useList<ToolCallsQuery, ToolCallsQueryVariables, ToolCallsQuery['toolExecutions']['nodes'][number]>(
    ToolCalls,
    { filter: { ...filter, ...(status && { status: [status] }), ...(errorType && { errorType }) } },
    ({ toolExecutions }) => toolExecutions,
  )
  const link = (change: Readonly<Record<string, string | undefined>>) =>
    href(['tool-calls'], { hours, status, tool: toolName, error: errorType, connection: connectionName, ...change })
  const isFiltered = [toolName, status, errorType, connectionName].some((each) => each !== undefined)
  /** Those of the period, and the selected one also when the period has none. */
  const errorTypes = new Set([
    ...(statistics.data?.toolExecutionStatistics.counts ?? []).flatMap((each) => each.errorType ?? []),
    ...(errorType === undefined ? [] : [errorType]),
  ])
  return (
    <>
      <Heading
        aside={
          <button
            type="button"
            onClick={() => {
              statistics.reload()
              calls.reload()
            }}
          >
            Refresh
          </button>
        }
      >
        Tool calls
      </Heading>
      <div class="filters">
        <Filter
          label="Period"
          all=""
          value={hours}
          options={Object.entries(periods).map(([value, { name }]) => [value, name])}
          choose={(value) => go(link({ hours: value }))}
        />
        <Filter
          label="Connection"
          value={connectionName}
          options={(apps.data?.oauthApps ?? []).map(({ connectionName: name }) => [name, name])}
          choose={(connection) => go(link({ connection }))}
        />
        {toolName !== undefined && (
          <a class="button" href={link({ tool: undefined })}>
            Only {toolName}: show all tools
          </a>
        )}
      </div>
      <Result of={statistics}>
        {({ toolExecutionStatistics: counted }) => {
          const failures = counted.counts.filter(
            (each) => each.status === 'FAILED' || each.status === 'OUTCOME_UNKNOWN',
          )
          const totals = new Map<string, number>()
          for (const { toolName: tool, count } of counted.counts) totals.set(tool, (totals.get(tool) ?? 0) + count)
          return (
            <div class="card">
              <Chart statistics={counted} label={`Tool calls, ${period.toLowerCase()}`} />
              {!counted.complete && (
                <p class="quiet">Only the newest 100000 calls are counted. Select a shorter period to see all of it.</p>
              )}
              <h2>Errors</h2>
              {failures.length === 0 ? (
                <p class="quiet">{counted.counts.length === 0 ? 'No calls in this period.' : 'No call failed.'}</p>
              ) : (
                <Table
                  caption="Errors, the most frequent first"
                  items={failures}
                  keyOf={(each) => `${each.toolName} ${each.status} ${each.errorType}`}
                  columns={[
                    {
                      name: 'Error',
                      cell: (each) => <code>{each.errorType ?? wordsOf(each.status)}</code>,
                    },
                    {
                      name: 'Tool',
                      cell: (each) => (
                        <a
                          href={link({ tool: each.toolName, status: each.status, error: each.errorType ?? undefined })}
                        >
                          <code>{each.toolName}</code>
                        </a>
                      ),
                    },
                    {
                      name: 'Calls',
                      cell: ({ count, toolName: tool }) =>
                        `${count} of ${totals.get(tool) ?? count} (${Math.round((100 * count) / (totals.get(tool) ?? count))}\u{a0}%)`,
                    },
                    {
                      name: 'What to do',
                      cell: ({ errorType }) =>
                        advice[errorType ?? ''] ?? <span class="quiet">Read the message that the caller got.</span>,
                    },
                  ]}
                />
              )}
            </div>
          )
        }}
      </Result>
      <section>
        <h2>Calls</h2>
        <div class="filters">
          <Filter
            label="Result"
            value={status}
            options={inWords(statuses)}
            choose={(value) => go(link({ status: value || undefined }))}
          />
          <Filter
            label="Error"
            value={errorType}
            options={[...errorTypes].sort().map((each) => [each, each])}
            choose={(value) => go(link({ error: value || undefined }))}
          />
        </div>
        <ItemList
          list={calls}
          empty={
            isFiltered ? (
              <Empty title="No call matches">
                <p>
                  <a href={href(['tool-calls'])}>Show all calls.</a>
                </p>
              </Empty>
            ) : (
              <Empty title="No tool was called yet">
                <p>
                  Calls appear here when an agent runs a tool: with <code>executeTool</code>, a client, or over MCP.
                </p>
              </Empty>
            )
          }
        >
          {(items) => <CallTable calls={items} withAccount />}
        </ItemList>
      </section>
    </>
  )
}
