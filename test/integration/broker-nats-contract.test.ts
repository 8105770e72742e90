import { busContract } from '../contracts/bus-contract.ts'
import { openNats } from './nats-harness.ts'

busContract('a real nats-server', openNats)
