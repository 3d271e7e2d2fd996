import { useState } from 'preact/hooks'
import { useAction, useQuery } from './data.ts'
import { payloadOf } from './failure.ts'
import {
  ApiKeys,
  type ApprovalRule,
  type CreateApiKeyInput,
  CreateKey,
  type KeyFragment,
  NarrowKey,
  RevokeKey,
  type Scope,
} from './operations.ts'
import { useSession } from './session.ts'
import {
  Badge,
  Choices,
  Confirm,
  Dialog,
  Empty,
  FailureNotice,
  Field,
  FormButtons,
  Heading,
  itemsOf,
  NewSecret,
  onSubmit,
  Result,
  Table,
  Time,
} from './ui.tsx'

const scopeMeanings: Readonly<Record<Scope, string>> = {
  ACCOUNTS_READ: 'Read accounts, their history and tool calls',
  ACCOUNTS_WRITE: 'Create, authorize, confirm, check, disconnect and delete accounts',
  ACCOUNTS_AUTHORIZE: 'Only create accounts and authorization links',
  ACCOUNTS_CONFIRM: 'Only confirm authorizations',
  TOOLS_READ: 'Call tools that only read',
  TOOLS_WRITE: 'Call tools that write',
  TOOLS_APPROVE: 'Approve and reject tool calls',
  USER_SESSIONS_CREATE: "Create sessions for users' browsers",
  ADMIN: 'Everything, including OAuth apps and API keys',
}

const scopes = Object.keys(scopeMeanings) as Scope[]

type Open =
  | { readonly kind: 'create' }
  | { readonly kind: 'narrow' | 'rotate' | 'revoke'; readonly apiKey: KeyFragment }
  | { readonly kind: 'secret'; readonly secret: string; readonly rotated: KeyFragment | null }

/** The API keys of the environment. */
export function ApiKeysPage() {
  const { isKey, run: request, announce, signOut } = useSession()
  const keys = useQuery(ApiKeys, {})
  const [open, setOpen] = useState<Open | null>(null)
  const close = () => setOpen(null)
  const revoke = async (apiKey: KeyFragment) => {
    payloadOf((await request(RevokeKey, { input: { id: apiKey.id } })).revokeApiKey)
    if (isKey(apiKey.prefix)) return signOut('You revoked the API key that you were signed in with.')
    announce(`The API key ${apiKey.name} is revoked.`)
    keys.reload()
  }
  return (
    <>
      <Heading
        aside={
          <button type="button" class="primary" onClick={() => setOpen({ kind: 'create' })}>
            Create an API key
          </button>
        }
      >
        API keys
      </Heading>
      <Result of={keys}>
        {({ apiKeys }) =>
          apiKeys.length === 0 ? (
            <Empty title="This key may see no API keys">
              <p>A narrowed key lists only keys that permit no more than it does.</p>
            </Empty>
          ) : (
            <Table
              caption="API keys, newest first"
              items={apiKeys}
              keyOf={({ id }) => id}
              columns={[
                {
                  name: 'Name',
                  cell: (apiKey) => (
                    <>
                      {apiKey.name} <StateBadge apiKey={apiKey} />
                      <br />
                      <code class="id">{prefixOf(apiKey)}</code>
                      {isKey(apiKey.prefix) && <span class="quiet"> in use here</span>}
                    </>
                  ),
                },
                { name: 'Scopes', cell: (apiKey) => apiKey.scopes.map((scope) => <code key={scope}>{scope} </code>) },
                { name: 'Restrictions', cell: (apiKey) => <Restrictions apiKey={apiKey} /> },
                { name: 'Last used', cell: ({ lastUsedAt }) => <Time at={lastUsedAt} /> },
                { name: 'Expires', cell: ({ expiresAt }) => <Time at={expiresAt} /> },
                {
                  name: '',
                  cell: (apiKey) =>
                    apiKey.revokedAt === null && (
                      <div class="buttons">
                        <button type="button" onClick={() => setOpen({ kind: 'narrow', apiKey })}>
                          Narrow<span class="hidden"> {apiKey.name}</span>
                        </button>
                        <button type="button" onClick={() => setOpen({ kind: 'rotate', apiKey })}>
                          Rotate<span class="hidden"> {apiKey.name}</span>
                        </button>
                        <button type="button" class="danger" onClick={() => setOpen({ kind: 'revoke', apiKey })}>
                          Revoke<span class="hidden"> {apiKey.name}</span>
                        </button>
                      </div>
                    ),
                },
              ]}
            />
          )
        }
      </Result>
      {open?.kind === 'create' && (
        <CreateDialog
          close={close}
          created={(secret) => {
            keys.reload()
            setOpen({ kind: 'secret', secret, rotated: null })
          }}
        />
      )}
      {open?.kind === 'narrow' && (
        <NarrowDialog
          apiKey={open.apiKey}
          close={close}
          narrowed={() => {
            announce(`The API key ${open.apiKey.name} is narrowed.`)
            keys.reload()
            close()
          }}
        />
      )}
      {open?.kind === 'rotate' && (
        <RotateDialog
          apiKey={open.apiKey}
          close={close}
          created={(secret) => {
            keys.reload()
            setOpen({ kind: 'secret', secret, rotated: open.apiKey })
          }}
        />
      )}
      {open?.kind === 'secret' && (
        <NewSecret
          title="New API key"
          label="API key"
          secret={open.secret}
          done={() => setOpen(open.rotated === null ? null : { kind: 'revoke', apiKey: open.rotated })}
        >
          {open.rotated !== null && (
            <p>Put the new key into your application. Then revoke the old one, now or later in the list.</p>
          )}
        </NewSecret>
      )}
      {open?.kind === 'revoke' && (
        <Confirm
          key={open.apiKey.id}
          title={`Revoke ${open.apiKey.name}?`}
          action="Revoke"
          close={close}
          act={() => revoke(open.apiKey)}
        >
          <p>
            <code>{prefixOf(open.apiKey)}</code> stops working at once, with the user sessions that it created.{' '}
            <strong>This cannot be undone.</strong>
          </p>
          {isKey(open.apiKey.prefix) && <p>You are signed in with this key and will be signed out.</p>}
        </Confirm>
      )}
    </>
  )
}

/** The first characters of a key. Those of a key that the operator has chosen end with an ellipsis already. */
const prefixOf = ({ prefix }: KeyFragment) => (prefix.endsWith('…') ? prefix : `${prefix}…`)

function StateBadge({ apiKey }: { apiKey: KeyFragment }) {
  return apiKey.revokedAt === null ? <Badge value="VALID" tone="good" /> : <Badge value="REVOKED" tone="neutral" />
}

function Restrictions({ apiKey }: { apiKey: KeyFragment }) {
  const { toolPolicy } = apiKey
  const lists = [
    ['Connections', apiKey.connectionNames],
    ['Identifiers', apiKey.identifiers],
    ['Identifiers that start with', apiKey.identifierPrefixes],
    ['Networks', apiKey.networks],
    ['Tools', apiKey.toolNames],
    ['Approval for', toolPolicy.requireApprovalToolNames],
  ] as const
  const rules = [
    toolPolicy.readOnly && 'Tools that only read',
    toolPolicy.denyDestructive && 'No tools that delete',
    toolPolicy.requireApprovalFor === 'WRITES' && 'Approval for all writes',
    toolPolicy.requireApprovalFor === 'DESTRUCTIVE' && 'Approval for tools that delete',
    ...lists.map(([name, values]) => values && `${name}: ${values.join(', ')}`),
  ].filter((rule): rule is string => Boolean(rule))
  if (rules.length === 0) return <span class="quiet">None</span>
  return (
    <ul class="plain">
      {rules.map((rule) => (
        <li key={rule}>{rule}</li>
      ))}
    </ul>
  )
}

/** What a key is narrowed to, as fields of a form. */
interface Narrowed {
  readonly identifiers: string
  readonly identifierPrefixes: string
  readonly connectionNames: string
  readonly toolNames: string
  readonly networks: string
  readonly readOnly: boolean
  readonly denyDestructive: boolean
  readonly requireApprovalFor: ApprovalRule | ''
}

const notNarrowed: Narrowed = {
  identifiers: '',
  identifierPrefixes: '',
  connectionNames: '',
  toolNames: '',
  networks: '',
  readOnly: false,
  denyDestructive: false,
  requireApprovalFor: '',
}

const listNames = ['identifiers', 'identifierPrefixes', 'connectionNames', 'toolNames', 'networks'] as const

const narrowedOf = (apiKey: KeyFragment): Narrowed => ({
  ...notNarrowed,
  ...Object.fromEntries(listNames.map((name) => [name, (apiKey[name] ?? []).join('\n')])),
  readOnly: apiKey.toolPolicy.readOnly,
  denyDestructive: apiKey.toolPolicy.denyDestructive,
  requireApprovalFor: apiKey.toolPolicy.requireApprovalFor ?? '',
})

/** The fields that differ from `before`, as the API takes them. */
function changesOf(values: Narrowed, before: Narrowed) {
  const lists = listNames
    .filter((name) => values[name].trim() !== before[name].trim() && values[name].trim() !== '')
    .map((name) => [name, itemsOf(values[name])])
  return {
    ...(Object.fromEntries(lists) as Partial<Record<(typeof listNames)[number], string[]>>),
    ...(values.readOnly && !before.readOnly && { readOnly: true }),
    ...(values.denyDestructive && !before.denyDestructive && { denyDestructive: true }),
    ...(values.requireApprovalFor !== '' &&
      values.requireApprovalFor !== before.requireApprovalFor && { requireApprovalFor: values.requireApprovalFor }),
  }
}

function NarrowingFields({ values, change }: { values: Narrowed; change: (values: Narrowed) => void }) {
  const area = (name: (typeof listNames)[number], label: string, hint: string) => (
    <Field label={label} hint={hint}>
      {(attributes) => (
        <textarea
          {...attributes}
          rows={2}
          spellcheck={false}
          value={values[name]}
          onInput={({ currentTarget }) => change({ ...values, [name]: currentTarget.value })}
        />
      )}
    </Field>
  )
  const box = (name: 'readOnly' | 'denyDestructive', text: string) => (
    <label class="choice">
      <input
        type="checkbox"
        checked={values[name]}
        onChange={({ currentTarget }) => change({ ...values, [name]: currentTarget.checked })}
      />
      <span>{text}</span>
    </label>
  )
  return (
    <>
      {area('identifiers', 'Identifiers', 'One a line. The key may act only for these users.')}
      {area('identifierPrefixes', 'Starts of identifiers', 'One a line, such as acme_.')}
      {area('connectionNames', 'Connections', 'One a line, such as notion.')}
      {area('toolNames', 'Tools', 'One a line, such as notion_data_fetch.')}
      {area('networks', 'Networks', 'One a line, such as 10.0.0.0/8. The key must be used from one of them.')}
      {box('readOnly', 'Only tools that read')}
      {box('denyDestructive', 'No tools that can replace or remove content')}
      <Field label="Calls that a person must approve">
        {(attributes) => (
          <select
            {...attributes}
            value={values.requireApprovalFor}
            onChange={({ currentTarget }) =>
              change({ ...values, requireApprovalFor: currentTarget.value as ApprovalRule | '' })
            }
          >
            <option value="">None</option>
            <option value="DESTRUCTIVE">Tools that can replace or remove content</option>
            <option value="WRITES">All tools that write</option>
          </select>
        )}
      </Field>
    </>
  )
}

function CreateDialog({ close, created }: { close: () => void; created: (secret: string) => void }) {
  const { run: request } = useSession()
  const { busy, failure, run } = useAction()
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<Scope[]>(['ACCOUNTS_READ', 'TOOLS_READ'])
  const [expires, setExpires] = useState('')
  const [narrowed, setNarrowed] = useState(notNarrowed)
  return (
    <Dialog title="Create an API key" close={close}>
      <form
        onSubmit={onSubmit(async () => {
          await run(async () => {
            if (chosen.length === 0) throw new Error('Select at least one scope.')
            const input: CreateApiKeyInput = {
              name: name.trim(),
              scopes: chosen,
              ...(expires !== '' && { expiresAt: new Date(expires).toISOString() }),
              ...changesOf(narrowed, notNarrowed),
            }
            created(payloadOf((await request(CreateKey, { input }, { once: true })).createApiKey).secret)
          })
        })}
      >
        <Field label="Name" hint="Where the key is used, such as production backend.">
          {(attributes) => (
            <input
              {...attributes}
              required
              maxLength={100}
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          )}
        </Field>
        <Choices
          legend="Scopes"
          hint="Select no more than the application needs. Scopes cannot be changed later."
          all={scopes.map((value) => ({
            value,
            text: (
              <>
                <code>{value}</code> {scopeMeanings[value]}
              </>
            ),
          }))}
          chosen={chosen}
          choose={setChosen}
        />
        <ExpiryField hint="Optional. The key is refused from then on." value={expires} change={setExpires} />
        <details>
          <summary>Restrict it to users, connections, tools or networks</summary>
          <NarrowingFields values={narrowed} change={setNarrowed} />
        </details>
        {failure && <FailureNotice failure={failure} />}
        <FormButtons submit="Create" busy={busy} close={close} />
      </form>
    </Dialog>
  )
}

function NarrowDialog(options: { apiKey: KeyFragment; close: () => void; narrowed: () => void }) {
  const { apiKey, close, narrowed: done } = options
  const { run: request } = useSession()
  const { busy, failure, run } = useAction()
  const before = narrowedOf(apiKey)
  const [values, setValues] = useState(before)
  return (
    <Dialog title={`Narrow ${apiKey.name}`} close={close}>
      <form
        onSubmit={onSubmit(async () => {
          const saved = await run(async () => {
            const changes = changesOf(values, before)
            if (Object.keys(changes).length === 0)
              throw new Error('Nothing is changed. Enter what the key may do less.')
            payloadOf((await request(NarrowKey, { input: { id: apiKey.id, ...changes } })).narrowApiKey)
          })
          if (saved) done()
        })}
      >
        <p>
          The key then permits less, at once. <strong>It cannot be widened again</strong>: create another key for that.
          An empty field stays as it is.
        </p>
        <NarrowingFields values={values} change={setValues} />
        {failure && <FailureNotice failure={failure} />}
        <FormButtons submit="Narrow" busy={busy} close={close} danger />
      </form>
    </Dialog>
  )
}

/** A rotation is a new key with the same settings, then a revocation of the old one: both work in between. */
function RotateDialog(options: { apiKey: KeyFragment; close: () => void; created: (secret: string) => void }) {
  const { apiKey, close, created } = options
  const { run: request } = useSession()
  const { busy, failure, run } = useAction()
  const [expires, setExpires] = useState('')
  const { requireApprovalToolNames } = apiKey.toolPolicy
  return (
    <Dialog title={`Rotate ${apiKey.name}`} close={close}>
      <form
        onSubmit={onSubmit(async () => {
          await run(async () => {
            const input: CreateApiKeyInput = {
              name: apiKey.name,
              scopes: apiKey.scopes,
              ...changesOf(narrowedOf(apiKey), notNarrowed),
              ...(requireApprovalToolNames && { requireApprovalToolNames }),
              ...(expires !== '' && { expiresAt: new Date(expires).toISOString() }),
            }
            created(payloadOf((await request(CreateKey, { input }, { once: true })).createApiKey).secret)
          })
        })}
      >
        <p>Creates a key with the same name, scopes and restrictions. The old one works until you revoke it.</p>
        <ExpiryField
          hint={
            apiKey.expiresAt === null
              ? 'Optional.'
              : 'Optional. The old key expires; the new one does so only at this time.'
          }
          value={expires}
          change={setExpires}
        />
        {failure && <FailureNotice failure={failure} />}
        <FormButtons submit="Create the new key" busy={busy} close={close} />
      </form>
    </Dialog>
  )
}

/** When a new key ends, in the time zone of the browser. */
function ExpiryField({ hint, value, change }: { hint: string; value: string; change: (value: string) => void }) {
  return (
    <Field label="Expires" hint={hint}>
      {(attributes) => (
        <input
          {...attributes}
          type="datetime-local"
          value={value}
          onInput={({ currentTarget }) => change(currentTarget.value)}
        />
      )}
    </Field>
  )
}
