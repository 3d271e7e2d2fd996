'use client'

import { useMemo } from 'react'
import { Valetkey } from 'valetkey/client'
import { ConnectButton } from 'valetkey/react'

/** A button that connects the user's Notion, and shows that it is connected. */
export function Connect({ url, token, identifier }) {
  const valetkey = useMemo(() => new Valetkey({ url, apiKey: token }), [url, token])
  return (
    <ConnectButton valetkey={valetkey} identifier={identifier}>
      {({ account, isConnected }) => (isConnected ? `Connected to ${account.workspace.name}` : 'Connect Notion')}
    </ConnectButton>
  )
}
