import { useState } from 'preact/hooks'
import { useQuery } from './data.ts'
import { payloadOf } from './failure.ts'
import { AppWebhook, ResetWebhook } from './operations.ts'
import { useSession } from './session.ts'
import { Badge, Confirm, Copyable, Dialog, Result, Time } from './ui.tsx'

/**
 * The provider's webhook of an OAuth app: what to enter in the provider's settings. Opening it reads the tokens, which then
 * count.
 */
export function AppWebhookDialog({ connectionName, close }: { connectionName: string; close: () => void }) {
  const { run: request, announce } = useSession()
  const webhook = useQuery(AppWebhook, { connectionName })
  const [resetting, setResetting] = useState(false)
  if (resetting)
    return (
      <Confirm
        title="Reset the webhook"
        action="Reset"
        act={async () => {
          payloadOf((await request(ResetWebhook, { input: { connectionName } })).resetOAuthAppWebhook)
          announce('The webhook waits for a token.')
          webhook.reload()
        }}
        close={() => setResetting(false)}
      >
        <p>
          Events are refused until the provider has sent another token and you have entered it in its settings. Use this
          after you created the webhook again at the provider.
        </p>
      </Confirm>
    )
  return (
    <Dialog title={`Webhook of ${connectionName}`} close={close}>
      <Result of={webhook}>
        {({ oauthApp }) =>
          oauthApp === null || oauthApp.webhookUrl === null ? (
            <p>This connector has no events.</p>
          ) : (
            <>
              <p>
                State:{' '}
                <Badge value={oauthApp.webhookState} tone={oauthApp.webhookState === 'ACTIVE' ? 'good' : 'neutral'} />
              </p>
              <p>Enter this URL in the provider's settings of webhooks:</p>
              <Copyable value={oauthApp.webhookUrl} label="Webhook URL" />
              {oauthApp.webhookState === 'WAITING' && (
                <>
                  {oauthApp.webhookTokens?.map(({ token, receivedAt }) => (
                    <div key={token}>
                      <p>
                        Token received <Time at={receivedAt} />. Enter it in the provider's settings:
                      </p>
                      <Copyable value={token} label="Verification token" />
                    </div>
                  ))}
                  {oauthApp.webhookTokens?.length === 0 && (
                    <p class="quiet">The provider has sent no token yet. It does after you enter the URL.</p>
                  )}
                  {(oauthApp.webhookTokens?.length ?? 0) > 1 && (
                    <p>Anyone can send a token. Have the provider send its own again, and use the newest.</p>
                  )}
                </>
              )}
            </>
          )
        }
      </Result>
      <div class="buttons">
        <button type="button" onClick={webhook.reload}>
          Refresh
        </button>
        <button type="button" onClick={() => setResetting(true)}>
          Reset
        </button>
        <button type="button" class="primary" onClick={close}>
          Done
        </button>
      </div>
    </Dialog>
  )
}
