import { z } from 'zod'
import { baseUrl, isOrigin } from './config-values.ts'

/** A service that holds the key-encryption key in the place of configured master keys. */
export type KeyService =
  | {
      /** The transit engine of OpenBao or HashiCorp Vault at `address`, a base URL without a final slash. */
      readonly kind: 'transit'
      readonly key: string
      readonly address: string
      readonly token: string
      readonly namespace: string | null
    }
  | {
      /** AWS KMS; the AWS SDK finds region, credentials and endpoint by itself. */
      readonly kind: 'aws-kms'
      readonly key: string
    }
  | {
      /** Google Cloud KMS; its library finds the credentials by itself. */
      readonly kind: 'google-kms'
      readonly key: string
      /** An origin; null: Google's own. */
      readonly endpoint: string | null
    }

/** A key's ARN, an alias or its ARN, or a key's id: a UUID, or `mrk-` and 32 digits for one of several regions. */
const awsKey =
  /^(?:arn:[\w-]+:kms:[\w-]+:\d{12}:(?:key|alias)\/[\w/-]+|alias\/[\w/-]+|mrk-[\da-f]{32}|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/

const googleKey = /^projects\/[\w.:-]+\/locations\/[\w-]+\/keyRings\/[\w-]+\/cryptoKeys\/[\w-]+$/

/** The variables of all key services, for the schema of the environment. */
export const keyServiceVariables = {
  VALETKEY_TRANSIT_KEY: z.string().optional(),
  VAULT_ADDR: baseUrl.optional(),
  VAULT_TOKEN: z.string().optional(),
  VAULT_NAMESPACE: z.string().optional(),
  VALETKEY_AWS_KMS_KEY: z
    .string()
    .regex(awsKey, 'has to be the ARN, the id or the alias (alias/…) of a key of AWS KMS')
    .optional(),
  VALETKEY_GOOGLE_KMS_KEY: z
    .string()
    .regex(googleKey, 'has to be projects/…/locations/…/keyRings/…/cryptoKeys/…, without a version')
    .optional(),
  VALETKEY_GOOGLE_KMS_ENDPOINT: z
    .string()
    .refine(isOrigin, 'has to be an origin such as https://cloudkms.googleapis.com')
    .optional(),
}

/** The variables of which exactly one says where the key-encryption key is. */
const sources = [
  'VALETKEY_MASTER_KEY',
  'VALETKEY_TRANSIT_KEY',
  'VALETKEY_AWS_KMS_KEY',
  'VALETKEY_GOOGLE_KMS_KEY',
] as const

/** What is wrong with the choice of a key source. Production needs one; development generates a master key. */
export function keySourceProblems(
  given: Readonly<Record<string, string | undefined>>,
  production: boolean,
): readonly string[] {
  const chosen = sources.filter((name) => given[name] !== undefined)
  const problems: string[] = []
  if (chosen.length > 1) problems.push(`${chosen.join(' and ')} exclude each other`)
  if (chosen.length === 0 && production) {
    const [masterKey, ...services] = sources
    problems.push(
      `${masterKey} (or ${services.join(' or ')}) is required in production; make one with: npm run valetkey -- master-key generate`,
    )
  }
  if (given['VALETKEY_TRANSIT_KEY'] !== undefined) {
    for (const name of ['VAULT_ADDR', 'VAULT_TOKEN']) {
      if (given[name] === undefined) problems.push(`${name} is required with VALETKEY_TRANSIT_KEY`)
    }
  }
  return problems
}

/** The key service that checked variables name, or null. */
export function keyServiceOf(values: z.output<z.ZodObject<typeof keyServiceVariables>>): KeyService | null {
  if (values.VALETKEY_AWS_KMS_KEY !== undefined) return { kind: 'aws-kms', key: values.VALETKEY_AWS_KMS_KEY }
  if (values.VALETKEY_GOOGLE_KMS_KEY !== undefined) {
    const endpoint = values.VALETKEY_GOOGLE_KMS_ENDPOINT ?? null
    return { kind: 'google-kms', key: values.VALETKEY_GOOGLE_KMS_KEY, endpoint }
  }
  const { VALETKEY_TRANSIT_KEY: key, VAULT_ADDR: address, VAULT_TOKEN: token, VAULT_NAMESPACE: namespace } = values
  if (key === undefined || address === undefined || token === undefined) return null
  return { kind: 'transit', key, address, token, namespace: namespace ?? null }
}
