import type { ToolCallsQuery } from './operations.ts'
import { href } from './route.ts'
import { Badge, type Column, Table, Time } from './ui.tsx'

type Call = ToolCallsQuery['toolExecutions']['nodes'][number]

/** Tool calls. */
export function CallTable({ calls, withAccount }: { calls: readonly Call[]; withAccount: boolean }) {
  const account: Column<Call> = {
    name: 'Account',
    cell: ({ connectedAccount: { connectionName, identifier } }) => (
      <a href={href(['accounts', connectionName, identifier])}>{identifier}</a>
    ),
  }
  return (
    <Table
      caption="Tool calls, newest first"
      items={calls}
      keyOf={({ id }) => id}
      columns={[
        { name: 'Started', cell: ({ startedAt }) => <Time at={startedAt} /> },
        { name: 'Tool', cell: ({ tool }) => <code>{tool.name}</code> },
        ...(withAccount ? [account] : []),
        {
          name: 'Result',
          cell: ({ status, errorType }) => (
            <>
              <Badge value={status} /> {errorType && <code>{errorType}</code>}
            </>
          ),
        },
        {
          name: 'Duration',
          cell: ({ durationMs }) => (durationMs === null ? <span class="quiet">Runs</span> : `${durationMs} ms`),
        },
        {
          name: 'Provider request',
          cell: ({ providerRequestIds }) =>
            providerRequestIds.length === 0 ? (
              <span class="quiet">None</span>
            ) : (
              <details>
                <summary>{providerRequestIds.length === 1 ? '1 ID' : `${providerRequestIds.length} IDs`}</summary>
                {providerRequestIds.map((id) => (
                  <code key={id} class="id">
                    {id}
                  </code>
                ))}
              </details>
            ),
        },
      ]}
    />
  )
}
