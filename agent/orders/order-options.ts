import * as z from 'zod/mini'

/** Whose orders this host takes, and which. The file it stands in belongs to the host's owner: no controller can change it. */
export interface OrdersConfig {
  /** Public nkey (`U…`) of the controller's order key. */
  readonly key: string
  /**
   * Verbs that are carried out: `ping`, or the beginning of verbs, `instance-*`; `*` = all. What is not named is refused. Default
   * none.
   */
  readonly allow: readonly string[]
}

export const ordersConfigSchema: z.ZodMiniType<OrdersConfig> = z.strictObject({
  key: z.string().check(z.regex(/^U[A-Z2-7]{55}$/, 'expected a public nkey, U…')),
  allow: z
    .array(
      z
        .string()
        .check(
          z.regex(/^(\*|[A-Za-z0-9-][A-Za-z0-9_-]{0,63}\*?)$/, 'expected a verb, or the beginning of verbs and *'),
        ),
    )
    .check(z.maxLength(256)),
})
