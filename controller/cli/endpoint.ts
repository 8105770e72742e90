import type { LanistaError } from '#protocol/errors.ts'
import { usageError } from './exit-code.ts'
import type { Tokens } from './tokens.ts'

/** Where `lanista up` listens unless told otherwise. */
export const defaultControllerUrl = 'http://127.0.0.1:4400'
/** Controllers named to somebody who has to choose one, those with the newest tokens. */
const urlsShownMax = 5

/** A controller to ask, and the token to ask it with (absent: the answer will be 401). */
export interface Endpoint {
  readonly url: string
  readonly token: string | undefined
}

/**
 * Which controller is meant: the flag, else LANISTA_CONTROLLER, else the default when there is a token for it, else the only
 * controller with a token, else the default. Throws USAGE for what is no http(s) URL, and where several others have a token.
 */
export function chooseEndpoint(flag: string | undefined, environment: string | undefined, tokens: Tokens): Endpoint {
  const wanted = flag ?? (environment || undefined)
  if (wanted !== undefined) {
    const url = parseOrigin(wanted, flag === undefined ? 'LANISTA_CONTROLLER' : '--controller')
    return { url, token: tokenFor(url, tokens) }
  }
  const [only = defaultControllerUrl, ...others] = tokens.keys()
  if (others.length > 0 && !tokens.has(defaultControllerUrl)) throw whichOne([only, ...others])
  const url = others.length > 0 ? defaultControllerUrl : only
  return { url, token: tokens.get(url) }
}

function whichOne(urls: readonly string[]): LanistaError {
  const shown = [...urls.slice(-urlsShownMax).reverse(), ...(urls.length > urlsShownMax ? ['…'] : [])].join(', ')
  return usageError(`name one controller with --controller URL or LANISTA_CONTROLLER: found tokens for ${shown}`)
}

/** `localhost` and `127.0.0.1` are one controller to a person. */
function tokenFor(url: string, tokens: Tokens): string | undefined {
  return tokens.get(url) ?? tokens.get(url.replace('//localhost', '//127.0.0.1'))
}

function parseOrigin(text: string, from: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw usageError(`give ${from} a URL: found ${JSON.stringify(text)}, expected one like ${defaultControllerUrl}`)
  }
  return url.origin
}
