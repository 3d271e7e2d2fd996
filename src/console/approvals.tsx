import { useState } from 'preact/hooks'
import { useAction, useLive } from './data.ts'
import { payloadOf } from './failure.ts'
import { type ApprovalFragment, Approve, PendingApprovals, Reject } from './operations.ts'
import { href } from './route.ts'
import { useSession } from './session.ts'
import {
  Badge,
  Confirm,
  Dialog,
  Empty,
  FailureNotice,
  Field,
  FormButtons,
  Heading,
  Json,
  Live,
  onSubmit,
  Time,
} from './ui.tsx'

/** The tool calls that wait for a person. */
export function ApprovalsPage() {
  const [waiting, setWaiting] = useState<readonly ApprovalFragment[] | null>(null)
  const live = useLive(PendingApprovals, {}, { onData: ({ pendingApprovals }) => setWaiting(pendingApprovals) })
  return (
    <>
      <Heading aside={<Live state={live} />}>Approvals</Heading>
      {waiting === null && typeof live !== 'object' && <p class="quiet loading">Loading…</p>}
      {waiting === null && typeof live === 'object' && <FailureNotice failure={live} />}
      {waiting?.length === 0 && (
        <Empty title="No call waits for an approval">
          <p>
            Calls appear here, as they are made, when a tool policy requires an approval: set{' '}
            <code>requireApprovalFor</code> with <code>setToolPolicy</code>, or on an API key.
          </p>
        </Empty>
      )}
      {waiting?.map((approval) => (
        <Approval key={approval.id} approval={approval} />
      ))}
    </>
  )
}

function Approval({ approval }: { approval: ApprovalFragment }) {
  const { run: request, announce } = useSession()
  const { busy, failure, run } = useAction()
  const [open, setOpen] = useState<'approve' | 'reject' | null>(null)
  const [reason, setReason] = useState('')
  const close = () => setOpen(null)
  const { id, tool, summary, input, connectedAccount, requestedBy } = approval
  const { connectionName, identifier, workspace } = connectedAccount
  return (
    <section class="card" aria-label={tool.title}>
      <h2>
        {tool.title} {tool.destructive && <Badge value="CAN_DELETE" tone="bad" />}
      </h2>
      <p>{summary}</p>
      {input !== null && <Json value={input} />}
      <dl>
        <dt>Account</dt>
        <dd>
          <a href={href(['accounts', connectionName, identifier])}>{identifier}</a>
          {workspace?.name && <span class="quiet"> in {workspace.name}</span>}
        </dd>
        <dt>Requested</dt>
        <dd>
          <Time at={approval.createdAt} /> <span class="quiet">by the API key</span>{' '}
          <code class="id">{requestedBy}</code>
        </dd>
        <dt>Expires</dt>
        <dd>
          <Time at={approval.expiresAt} />
        </dd>
      </dl>
      <div class="buttons">
        <button type="button" class="primary" onClick={() => setOpen('approve')}>
          Approve
        </button>
        <button type="button" class="danger" onClick={() => setOpen('reject')}>
          Reject
        </button>
      </div>
      {open === 'approve' && (
        <Confirm
          title={`Approve: ${tool.title}?`}
          action="Approve and run"
          danger={tool.destructive}
          close={close}
          act={async () => {
            payloadOf((await request(Approve, { input: { approvalId: id } }, { once: true })).approveToolExecution)
            announce('Approved. The call has run.')
          }}
        >
          <p>
            The call runs once, now, in the account <strong>{identifier}</strong>, with exactly this input:
          </p>
          <p>{summary}</p>
        </Confirm>
      )}
      {open === 'reject' && (
        <Dialog title={`Reject: ${tool.title}?`} close={close}>
          <form
            onSubmit={onSubmit(async () => {
              const rejected = await run(async () => {
                const given = reason.trim() === '' ? {} : { reason: reason.trim() }
                payloadOf((await request(Reject, { input: { approvalId: id, ...given } })).rejectToolExecution)
              })
              if (!rejected) return
              announce('Rejected. Nothing was sent.')
              close()
            })}
          >
            <p>Nothing is sent, and the input is erased.</p>
            <Field
              label="Reason"
              hint="Optional. The caller of the tool gets it, so that an agent can do something else."
            >
              {(attributes) => (
                <input
                  {...attributes}
                  maxLength={500}
                  value={reason}
                  onInput={({ currentTarget }) => setReason(currentTarget.value)}
                />
              )}
            </Field>
            {failure && <FailureNotice failure={failure} />}
            <FormButtons submit="Reject" busy={busy} close={close} danger />
          </form>
        </Dialog>
      )}
    </section>
  )
}
