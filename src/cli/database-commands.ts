import { finishUpgrade } from '../db/finish-upgrade.ts'
import type { Store } from '../store.ts'
import type { Print } from './command.ts'

/** `database finish-upgrade`: drops what only nodes of an earlier release need. */
export async function finishUpgradeCommand({ database: { db } }: Store, print: Print): Promise<void> {
  const dropped = await finishUpgrade(db)
  print(
    dropped.length === 0
      ? 'Nothing is left for nodes of an earlier release.'
      : `Dropped ${dropped.join(', ')}. Nodes of earlier releases must not run any more.`,
  )
}
