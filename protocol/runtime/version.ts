declare const __LANISTA_VERSION__: string | undefined

/** The version of this build, or `dev` when run from source. */
export const version: string = typeof __LANISTA_VERSION__ === 'string' ? __LANISTA_VERSION__ : 'dev'
