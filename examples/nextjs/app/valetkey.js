import { Valetkey } from 'valetkey/client'

export const url = process.env.VALETKEY_URL ?? 'http://localhost:4000'

/** For the server only: it has the API key, which is read for each request because `next build` has none. */
export const valetkey = new Valetkey({ url, apiKey: () => process.env.VALETKEY_API_KEY ?? '' })

/** Replace it with the login of your application. */
export const signedInUser = () => 'user_1'
