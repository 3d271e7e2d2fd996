import { parseArgs } from 'node:util'

/** What `--only` may select. */
const selections = ['read', 'write', 'account', 'subscriptions', 'mcp', 'tracing', 'renewals'] as const

/** What one run of the bench measures, and for how long. */
export interface Options {
  /** Print one JSON object instead of the table. */
  readonly json: boolean
  /** Measure single operations on large databases instead of calls under load. */
  readonly scale: boolean
  /** Measure searches in indexes of content. */
  readonly search: boolean
  /** Accounts that the load is spread over, each with its own grant. */
  readonly accounts: number
  /** How often each way is measured. Every ratio is a median over the rounds. */
  readonly rounds: number
  /** How long one way is measured in one round, in seconds. */
  readonly seconds: number
  /** How long each way is called before it is measured, in seconds. */
  readonly warmUpSeconds: number
  /** Which calls are measured; null: all. */
  readonly only: (typeof selections)[number] | null
  /** Open subscriptions of accounts, where only subscriptions are measured. */
  readonly streams: number
  /** Grants that are due at once, where only renewals are measured. */
  readonly renewals: number
  /** Whether starts with the embedded database are measured as well as those with a Postgres server. */
  readonly embeddedStarts: boolean
  /** A Postgres server to create a database in; null: a server of the run's own. */
  readonly postgres: string | null
  /** The numbers of accounts that `--scale` measures, smaller ones first. Ratios compare the last one with the first. */
  readonly scaleSizes: readonly number[]
  /** Environments in addition to the one with the accounts, each with one OAuth app and one account. */
  readonly scaleEnvironments: number
  /** Measured calls of each operation at each size. */
  readonly scaleCalls: number
  /** Pages of the large grant that `--search` measures. */
  readonly searchPages: number
  /** Other grants that `--search` measures, and the pages of each. */
  readonly searchGrants: number
  readonly searchGrantPages: number
}

/** The arguments are wrong; the message is for the terminal. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const usage = `Usage: npm run bench -- [options]

Compares Valetkey with the Notion SDK and with bare servers on the same upstream, in one run on this machine.

  --quick                 short rounds; under 3 minutes on an idle machine
  --scale                 p99 of single operations at 1,000, 100,000 and 1,000,000 accounts; takes 15 minutes
  --search                searches in the encrypted index of 10,000 pages and in 200 of 500 pages, against full-text search
                          of Postgres over plaintext: results, sizes and times; takes 20 minutes
  --json                  print one JSON object instead of tables
  --accounts <n>          accounts that the load is spread over (default 600)
  --rounds <n>            rounds; every figure is a median over them (default 5, with --quick 3)
  --seconds <n>           length of one measurement (default 4, with --quick 1)
  --warm-up <n>           seconds of calls before the first measurement of each way (default 25, with --quick 4)
  --only <which>          read, write, account, subscriptions, mcp, tracing or renewals: measure only these, and no
                          starts. mcp installs Notion's own MCP server from the npm registry; tracing compares a server
                          that sends traces and metrics to a collector with one that does not; renewals are those of
                          two nodes, next to calls of other accounts
  --streams <n>           open subscriptions with --only subscriptions (default 5000, with --quick 500)
  --renewals <n>          grants that are due at once with --only renewals (default 10000, with --quick 500)
  --starts <which>        all, or postgres: leave out starts with the embedded database (default all)
  --postgres <url>        create a database on this server instead of starting a Postgres
  --scale-sizes <n,n,…>   numbers of accounts that --scale measures (default 1000,100000,1000000)
  --scale-environments <n>  other environments in the same database (default 10000)
  --scale-calls <n>       calls of each operation at each size (default 1000)
  --search-pages <n>      pages of the large grant of --search (default 10000, with --quick 1000)
  --search-grants <n>     other grants of --search (default 200, with --quick 20)
  --search-grant-pages <n>  pages of each of these (default 500, with --quick 100)
  --help                  print this text

Progress is written to stderr. CPU time and memory are read from /proc and are null on systems without it.
BENCH_NODE_OPTIONS are options of Node for the Valetkey server, such as --cpu-prof.
BENCH_WORKERS is its VALETKEY_WORKERS, with a Postgres server.
`

/**
 * Reads the command line; null asks for {@link usage}.
 *
 * Throws UsageError when an option is unknown or its value is not valid.
 */
export function readOptions(args: readonly string[]): Options | null {
  const values = parse(args)
  if (values.help) return null
  const quick = values.quick === true
  const scaleSizes = (values['scale-sizes'] ?? '1000,100000,1000000')
    .split(',')
    .map((size) => positive('--scale-sizes', size, true))
  if (scaleSizes.length < 2 || scaleSizes.some((size, at) => size < 100 || size <= (scaleSizes[at - 1] ?? 0)))
    throw new UsageError(
      '--scale-sizes must be two or more numbers from 100 on, smaller ones first, such as 1000,1000000.',
    )
  const { only = null } = values
  if (only !== null && !isSelection(only))
    throw new UsageError('--only must be read, write, account, subscriptions, mcp, tracing or renewals.')
  if (values.starts !== undefined && values.starts !== 'all' && values.starts !== 'postgres')
    throw new UsageError('--starts must be all or postgres.')
  return {
    json: values.json === true,
    scale: values.scale === true,
    search: values.search === true,
    accounts: positive('--accounts', values.accounts ?? '600', true),
    rounds: positive('--rounds', values.rounds ?? (quick ? '3' : '5'), true),
    seconds: positive('--seconds', values.seconds ?? (quick ? '1' : '4'), false),
    warmUpSeconds: positive('--warm-up', values['warm-up'] ?? (quick ? '4' : '25'), false),
    only,
    streams: positive('--streams', values.streams ?? (quick ? '500' : '5000'), true),
    renewals: positive('--renewals', values.renewals ?? (quick ? '500' : '10000'), true),
    embeddedStarts: values.starts !== 'postgres',
    postgres: values.postgres ?? null,
    scaleSizes,
    scaleEnvironments: positive('--scale-environments', values['scale-environments'] ?? '10000', true),
    searchPages: positive('--search-pages', values['search-pages'] ?? (quick ? '1000' : '10000'), true),
    searchGrants: positive('--search-grants', values['search-grants'] ?? (quick ? '20' : '200'), true),
    searchGrantPages: positive('--search-grant-pages', values['search-grant-pages'] ?? (quick ? '100' : '500'), true),
    scaleCalls: positive('--scale-calls', values['scale-calls'] ?? '1000', true),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' },
        scale: { type: 'boolean' },
        search: { type: 'boolean' },
        json: { type: 'boolean' },
        accounts: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        'warm-up': { type: 'string' },
        only: { type: 'string' },
        streams: { type: 'string' },
        renewals: { type: 'string' },
        starts: { type: 'string' },
        postgres: { type: 'string' },
        'scale-sizes': { type: 'string' },
        'scale-environments': { type: 'string' },
        'scale-calls': { type: 'string' },
        'search-pages': { type: 'string' },
        'search-grants': { type: 'string' },
        'search-grant-pages': { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

const isSelection = (value: string): value is (typeof selections)[number] =>
  (selections as readonly string[]).includes(value)

function positive(option: string, value: string, whole: boolean): number {
  const number = Number(value)
  if (!(number > 0) || (whole && !Number.isSafeInteger(number)))
    throw new UsageError(`${option} must be a positive ${whole ? 'whole ' : ''}number, not "${value}".`)
  return number
}
