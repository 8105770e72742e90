import { afterEach, expect, it } from 'vitest'
import type { Controller } from '#controller/controller.ts'
import { Stage, token } from '#controller/stage.ts'
import { decodeOrder } from '#protocol/orders/envelope-decoder.ts'
