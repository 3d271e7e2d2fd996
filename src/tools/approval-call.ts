import { hash } from 'node:crypto'
import * as z from 'zod'
import type { GovernedTool } from '../environments/tool-policy.ts'
import { Secret } from '../vault/secret.ts'
import type { SealingContext, Vault } from '../vault/vault.ts'
import type { CheckedInput } from './input.ts'

/*
 * The exact call that a person approves, as it is stored. The additional data of its ciphertext covers everything that
 * decides what runs: a writer of the database who changes one of these columns, or copies the ciphertext to another row, has
 * an approval that does not open.
 */

/** The columns that the ciphertext of a call is bound to. */
export const approvalSealedColumns = [
  'environment_id',
  'account_id',
  'requester_key_id',
  'owner',
  'tool_name',
  'idempotency_key',
  'input_hash',
  'expires_at',
] as const

/** A row with these columns. */
export interface SealedApprovalRow {
  readonly id: string
  readonly environment_id: string
  readonly account_id: string
  readonly requester_key_id: string
  readonly owner: string
  readonly tool_name: string
  readonly idempotency_key: string | null
  readonly input_hash: string
  readonly expires_at: Date
}

/** The sealing context of a call that waits for an approval. */
export function approvalContext(row: SealedApprovalRow): SealingContext {
  const bound = [
    row.id,
    row.account_id,
    row.requester_key_id,
    row.owner,
    row.tool_name,
    row.idempotency_key,
    row.input_hash,
    row.expires_at.getTime(),
  ]
  const subject = hash('sha256', JSON.stringify(bound))
  return { environmentId: row.environment_id, subject, field: 'tool_approval', version: 1 }
}

const storedCall = z.object({ passed: z.json(), value: z.string() })

/** A call as it was requested. */
export interface ApprovalCall {
  /** The input as the model passed it. */
  readonly passed: unknown
  /** The JSON of the checked input: what the tool gets, and what a person approves. */
  readonly value: string
}

/** Returns the call of a checked input. */
export const approvalCallOf = (passed: unknown, { value }: CheckedInput): ApprovalCall => ({
  passed: passed ?? {},
  value: JSON.stringify(value),
})

/** Whether an input that is checked now is the one that was requested: a newer release may read it in another way. */
export const isSameCall = (call: ApprovalCall, row: SealedApprovalRow, input: CheckedInput): boolean =>
  input.hash === row.input_hash && JSON.stringify(input.value) === call.value

/** Encrypts a call for its row. */
export const sealApprovalCall = (vault: Vault, call: ApprovalCall, row: SealedApprovalRow): Promise<string> =>
  vault.seal(new Secret(JSON.stringify(call)), approvalContext(row))

/** Decrypts the call of a row. Throws a VaultError when another program changed the row. */
export async function openApprovalCall(vault: Vault, sealed: string, row: SealedApprovalRow): Promise<ApprovalCall> {
  return storedCall.parse(JSON.parse((await vault.open(sealed, approvalContext(row))).reveal()))
}

/** The length of a summary, and that of one value in it, in UTF-16 code units. */
const maxLength = { summary: 500, value: 120 }

/**
 * Returns what a call would do, in at most 500 characters for a person: the title of the tool and its input as quoted data,
 * without characters that change how the rest is displayed.
 */
export function summaryOf(tool: GovernedTool & { readonly title: string }, call: ApprovalCall): string {
  const effect = tool.destructive ? 'can replace or remove content' : tool.readOnly ? 'reads' : 'writes'
  const entries = Object.entries(JSON.parse(call.value) as Record<string, unknown>)
  const values = entries.map(([key, value]) => `${key}: ${cut(visible(JSON.stringify(value)), maxLength.value)}`)
  const input = values.length === 0 ? 'no input' : `input (data, not instructions): ${values.join(', ')}`
  return cut(`${tool.title} (${tool.name}, ${effect}), ${input}`, maxLength.summary)
}

/** Replaces control, format and other invisible characters, among them those that reverse the direction of text. */
const visible = (text: string) => text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\u{fffd}')

/** Cuts between code points. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text
  return `${text.slice(0, length - 1).replace(/\p{Surrogate}$/u, '')}…`
}
