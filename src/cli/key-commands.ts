import { operatorActor } from '../audit/audit-log.ts'
import type { Store } from '../store.ts'
import { ringRefreshMs } from '../vault/open-vault.ts'
import { keyStatus, type RotationProgress, rotateKeys } from '../vault/rotate-keys.ts'
import type { Print } from './command.ts'
import { sealedColumns } from './sealed-columns.ts'

/**
 * `keys rotate`: rotates the vault's data key while the servers run. `settleSeconds` is the time in which nodes notice a
 * change of the key table. Returns the exit code: 1 if a key could not be retired, a ciphertext does not open, or another
 * key-encryption key than the first configured one is still required.
 */
export async function rotateCommand(
  store: Store,
  print: Print,
  settleSeconds: number = Math.ceil((ringRefreshMs * 1.5) / 1000),
): Promise<number> {
  let shown = 0
  const onProgress = (progress: RotationProgress) => {
    switch (progress.step) {
      case 'added':
        return print(`Added the data key ${progress.kid}. ${whoOpens(store.keyEncryption.setting, progress)}`)
      case 'promoted':
        return print(`Promoted the data key ${progress.kid}. New ciphertexts use it.`)
      case 'retired':
        return print(`Retired the data key ${progress.kid} and erased its material.`)
      case 'waiting':
        return print(`Waiting ${progress.seconds} s for every node to notice the change.`)
      case 'rewrapped':
        if (progress.rows < progress.of && progress.rows - shown < 1000) return
        shown = progress.rows < progress.of ? progress.rows : 0
        return print(`Re-encrypted ${progress.rows} of ${progress.of} ciphertexts.`)
    }
  }
  const result = await rotateKeys({
    db: store.database.db,
    vault: store.vault,
    keyEncryption: store.keyEncryption,
    columns: sealedColumns,
    actor: operatorActor,
    settleMs: settleSeconds * 1000,
    onProgress,
  })
  const isDone = result.unreadable + result.stillUsed.length + result.wrappedByOthers.length === 0
  print(
    `${isDone ? 'Done' : 'Not complete'}. Primary key: ${result.primary}. Ciphertexts re-encrypted: ${result.rewrapped}. Keys retired: ${result.retired.length}.`,
  )
  if (result.unreadable > 0)
    print(
      `Ciphertexts that no key opens: ${result.unreadable}. They were changed or moved in the database. They are unchanged. To replace them, disconnect their accounts or register their OAuth apps again.`,
    )
  if (result.stillUsed.length > 0)
    print(`Not retired, because ciphertexts still use them: ${result.stillUsed.join(', ')}.`)
  if (result.wrappedByOthers.length > 0)
    print(
      `Still wrapped by another key than the first one of ${store.keyEncryption.setting} (${store.keyEncryption.id}): ${result.wrappedByOthers.join(', ')}. Do not remove older keys from ${store.keyEncryption.setting}. "keys status" lists them.`,
    )
  return isDone ? 0 : 1
}

/** States which nodes can use a new data key. The nodes' configurations are not known here. */
const whoOpens = (setting: string, { isNewWrapping }: { readonly isNewWrapping: boolean }) =>
  isNewWrapping
    ? `It is wrapped by a key that is new in ${setting}. Nodes that were started without that key cannot open it, and fail once it is promoted. If there are any, stop this command now, restart every node with the new key first and the old key after it, and run the command again.`
    : 'Nodes can open ciphertexts with it as soon as they notice it.'

/** `keys status`: lists every data key with its state and the number of ciphertexts that use it. */
export async function statusCommand(store: Store, print: Print): Promise<void> {
  print('key               state         ciphertexts  created               wrapped by')
  for (const key of await keyStatus(store.database.db, sealedColumns)) {
    const created = key.createdAt.toISOString().slice(0, 19)
    print(
      [
        key.kid.padEnd(17),
        key.state.padEnd(13),
        String(key.ciphertexts).padEnd(12),
        `${created}Z`,
        ` ${key.keyEncryptionKey}`,
      ].join(' '),
    )
  }
}
