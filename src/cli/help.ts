/** The output of `npm run valetkey` without a command. */
export const help = `Usage: npm run valetkey -- <command> [options]

Checks
  doctor                      Check the configuration, the database and its migrations, keys, poolers, Redis, the public URL, OAuth
                              apps and webhooks. Prints ok, warning or error for each, with what to do. Changes nothing; a server
                              can run meanwhile. Exit code 1 with an error.
      --json                  Print the findings as JSON.
      --online                Ask the provider also while the sandbox is on.

Database
  database finish-upgrade     After an upgrade, once no node of the release before runs any more: drop the constraints that only
                              those nodes need. Until then, tables cannot be distributed by environment.

Vault keys
  master-key generate         Print a new key for VALETKEY_MASTER_KEY. To replace the current key: put the new key first
                              (VALETKEY_MASTER_KEY=new,old), restart every node, and only then run "keys rotate" with the same value: a
                              node without the new key fails once it is in use. When it has printed Done, remove the old key and
                              restart every node.
  keys rotate                 Create a new data key, re-encrypt everything with it and retire the old keys. Servers can run
                              meanwhile. After an interruption, run it again: it continues where it stopped.
      --settle <seconds>      Time for nodes to notice a change. Default: 15; with the embedded database 0.
  keys status                 List every data key with its state and the number of ciphertexts that use it.

API keys
  api-keys create             Create an API key and print it once. Also: keys create, keys narrow, keys list, keys revoke.
      --environment <name>    The environment; created if it does not exist. Default: default.
      --name <name>           The name of the key.
      --scopes <A,B>          ADMIN, ACCOUNTS_READ, ACCOUNTS_WRITE, ACCOUNTS_AUTHORIZE, ACCOUNTS_CONFIRM, TOOLS_READ,
                              TOOLS_WRITE, TOOLS_APPROVE, USER_SESSIONS_CREATE.
      --expires <date>        The expiry date, such as 2030-01-31. Default: never.
                              To narrow the key, also once or several times each:
      --connection <name>     A connection that it may use.
      --identifier <id>       A user that it may act for.
      --identifier-prefix <p> The start of the identifiers of users that it may act for.
      --tool <name>           A tool that it may call.
      --network <network>     An address or a network that it must be used from, such as 10.0.0.0/8.
      --read-only, --deny-destructive, --approve-for, --approve-tool: as for "environments policy".
  api-keys narrow <id>        Narrow an API key, with the same options. What it permits can only become less.
      --environment <name>
  api-keys list               List the API keys of an environment, newest first.
      --environment <name>
  api-keys revoke <id>        Revoke an API key immediately.
      --environment <name>

Accounts
  accounts disconnect-all     Disconnect every account of an environment. The servers revoke their tokens at the provider. After
                              an interruption, run it again: it continues where it stopped.
      --environment <name>    Default: default.
      --connection <name>     Only accounts of this connection. Can be repeated.
      --older-than <time>     Only accounts that were authorized longer ago than this, such as 30d, 12h or 45m.
      --yes                   Required. Without it, the command only counts the accounts.
  accounts export             Print accounts as JSON lines, newest first, without tokens.
      --environment <name>    Default: default.
      --connection <name>     Only accounts of this connection.
      --after <id>            Continue an interrupted export after the account with this ID.

OAuth apps
  oauth-apps register [name]  Register your OAuth app at the provider under a connection name, or replace the one of that name. The
                              client secret is read from the standard input, or typed at a prompt; never from an option.
                              Its redirect URI is <PUBLIC_URL>/oauth/callback/<name>: see oauth-apps redirect-uri.
      --client-id <id>        Without it, the first line of the standard input, or a prompt.
      --client-secret-file <file>
                              Read the client secret from a file instead. -: the standard input.
      --connector <slug>      Default: notion.
      --confirmation-url <url>
                              Where the user's browser goes after the consent, for your application to confirm the user.
      --return-url <url>      A prefix of return URLs. Can be repeated.
      --capability <A,B>      Capabilities that are enabled in the provider's settings. Default: all.
      --scope <scope>         An OAuth scope to request, for providers that have them. Can be repeated.
      --raw-requests on|off   Whether agents may read from the provider's API by path. Default: off.
      --content-search on|off Whether the content of what users share is indexed for searches. Default: off.
      --verify                Ask the provider first if it accepts the client ID and secret.
      --environment <name>    Created if it does not exist. Default: default.
  oauth-apps update [name]    Change what the options name, with the options of register. The rest stays, also the secret.
  oauth-apps redirect-uri [name]
                              Print the redirect URI to enter in the provider's settings, also before the registration and
                              before there is a database.
  oauth-apps list             List connection name, client ID, redirect URI, webhook URL and status.
  oauth-apps webhook [name]   Print the URL for the provider's webhooks, their state, and the token to enter in its settings.
      --reset                 Erase the tokens first: for a webhook that was created again at the provider.
  oauth-apps verify [name]    Ask the provider whether it accepts the client ID and secret.
                              These commands take --environment as well, and redirect-uri takes --connector.
                              The name is notion by default. With VALETKEY_URL and VALETKEY_API_KEY (scope ADMIN), these commands
                              run on that server, in the environment of the key, without --environment; update only runs on the
                              database.

Audit log
  audit export                Print administrative acts as JSON lines, oldest first: all from before the start of the command.
      --environment <name>    Only this environment, by its name or ID. Default: all, and acts on the server itself.
      --since <time>          Only acts at this time or later, such as 2030-01-31 or 2030-01-31T12:00Z.
      --until <time>          Only acts before this time.

Environments
  environments delete <name>  Delete an environment with everything in it. Disconnect its accounts first, so that their tokens
                              are revoked at the provider.
      --force                 Delete it although accounts are active.
  environments policy <name>  Print which tools may be called in an environment, or set it. Options that are left out do not
                              restrict: each command sets the whole policy.
      --connection <name>     The policy of this connection instead. It applies in addition to that of the environment.
      --tool <name>           A tool that may be called. Can be repeated. Default: all.
      --read-only             Only tools that read.
      --deny-destructive      No tools that can replace or remove existing content.
      --approve-for <calls>   Calls that need the approval of a person: destructive, or writes.
      --approve-tool <name>   A tool whose calls need an approval as well. Can be repeated.
      --clear                 Remove all restrictions.

MCP
  mcp                         Serve a user's tools over stdin and stdout, for MCP hosts. They run on the server at VALETKEY_URL
                              with the API key VALETKEY_API_KEY; no other variables are read.
      --identifier <id>       The user of your application whose account the tools work on.
      --connection <name>     The connection name of the OAuth app. Default: that of the tool's connector.
      --tools default|all     Default: the tools that an agent needs first.
      --format <format>       markdown (default), compact or raw.

Commands read the same environment variables as the server: NODE_ENV, DATABASE_URL, VALETKEY_DATA_DIR,
VALETKEY_MASTER_KEY. With the embedded database, stop the server first. A command refuses arguments that it does not take.
Only "api-keys create" and "oauth-apps register" create or migrate a database. All other commands refuse one that does not have
the migrations of this release; the server runs them when it starts.
`
