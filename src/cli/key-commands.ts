import type { Store } from '../store.ts'
import { ringRefreshMs } from '../vault/open-vault.ts'
import { keyStatus, type RotationProgress, rotateKeys } from '../vault/rotate-keys.ts'
import { sealedColumns } from './sealed-columns.ts'

/** Writes one line for the person at the terminal. */
export type Print = (line: string) => void

/**
 * `keys rotate`: rotates the vault's data key under full traffic. `settleSeconds` is how long nodes are given to notice a
 * change of the key table. Gives the exit code: 1 when texts are left that no key opens.
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
        return print(`The data key ${progress.kid} was added; every node can open with it.`)
      case 'promoted':
        return print(`The data key ${progress.kid} was promoted; new texts are sealed under it.`)
      case 'retired':
        return print(`The data key ${progress.kid} was retired and its material erased.`)
      case 'waiting':
        return print(`Waiting ${progress.seconds} s for every node to notice.`)
      case 'rewrapped':
        if (progress.rows < progress.of && progress.rows - shown < 1000) return
        shown = progress.rows < progress.of ? progress.rows : 0
        return print(`Sealed anew: ${progress.rows} of ${progress.of} texts.`)
    }
  }
  const result = await rotateKeys({
    db: store.database.db,
    vault: store.vault,
    keyEncryption: store.keyEncryption,
    columns: sealedColumns,
    settleMs: settleSeconds * 1000,
    onProgress,
  })
  print(
    `Done: ${result.primary} seals, ${result.rewrapped} texts were sealed anew, ${result.retired.length} keys retired.`,
  )
  if (result.unreadable > 0)
    print(
      `${result.unreadable} texts open under no key: they were changed or moved in the database. They were left as they are; disconnecting their accounts, or registering their OAuth apps anew, replaces them.`,
    )
  if (result.kept.length > 0) print(`Not retired, because texts are left under them: ${result.kept.join(', ')}.`)
  return result.unreadable + result.kept.length > 0 ? 1 : 0
}

/** `keys status`: every data key with its state and the number of texts under it. */
export async function statusCommand(store: Store, print: Print): Promise<void> {
  print('key               state         texts     created               wrapped by')
  for (const key of await keyStatus(store.database.db, sealedColumns)) {
    const created = key.createdAt.toISOString().slice(0, 19)
    print(
      [
        key.kid.padEnd(17),
        key.state.padEnd(13),
        String(key.texts).padEnd(9),
        `${created}Z`,
        ` ${key.keyEncryptionKey}`,
      ].join(' '),
    )
  }
}
