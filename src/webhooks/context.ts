import type { Actor } from '../audit/audit-log.ts'
import type { MeasureWork } from '../background.ts'
import type { Db } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Vault } from '../vault/vault.ts'
import type { AddressGuard } from './address-guard.ts'

/** What the functions of this folder work with. */
export interface WebhooksContext {
  readonly db: Db
  readonly vault: Vault
  readonly guard: AddressGuard
  /** The types of the connectors' events, such as `notion.page.created`, with what each reports. */
  readonly providerEventTypes: Readonly<Record<string, string>>
  readonly log: Log
  /** Returns a number from 0 up to and without 1. */
  readonly random: () => number
  /** Who acts, for the audit log. */
  readonly actor: Actor
  /** Measures background work. */
  readonly measure?: MeasureWork
}
